"""Colours for classes that come without any."""

import colorsys
import re

import numpy as np

# Okabe and Ito's eight colours, which people with any common colour blindness tell apart.
OKABE_ITO = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#000000")


def palette(count):
    """uint8 (count, 3): Okabe and Ito's colours, and for more than eight classes further hues, a
    golden angle apart, in three degrees of lightness in turn, so that no two are the same."""
    colours = [rgb(text) for text in OKABE_ITO[:count]]
    for i in range(len(colours), count):
        lightness = (0.35, 0.55, 0.75)[i % 3]
        colour = colorsys.hls_to_rgb(i * 0.61803398875 % 1.0, lightness, 0.6)
        colours.append([round(255 * part) for part in colour])
    return np.array(colours, np.uint8).reshape(count, 3)


def rgb(text):
    """'#rrggbb' as [r, g, b], each 0 .. 255. Raises ValueError for anything else."""
    if not re.fullmatch("#[0-9a-fA-F]{6}", text):
        raise ValueError(f"a colour is written #rrggbb, not {text!r}")
    return [int(text[i : i + 2], 16) for i in (1, 3, 5)]
