"""Finding the same photograph in several data sets: a perceptual hash.

Collections share photographs, scaled and compressed anew, so that their bytes tell nothing. What
survives is what can be seen from afar. The picture is made grey and 32 x 32; of its cosine
transform the 16 x 16 slowest waves are kept but for the mean, and of each one bit: is it positive?
Scaling and JPEG leave a wave its sign unless it is hardly there. Of the 255 bits of two different
photographs about half differ, of the same one few.

Source: perceptual hashes by the discrete cosine transform: Zauner, Implementation and Benchmarking
of Perceptual Image Hash Functions, 2010.
"""

import contextlib
import json
import os

import numpy as np

from minicnn.basics.plain import read_text
from minicnn.basics.writing import write_atomically
from minicnn.images.formats import FORMATS, ImageError, opened
from minicnn.images.reading import MAX_PIXELS, turn_of, turned

SIDE, WAVES = 32, 16
BITS = WAVES * WAVES - 1
# Of BITS, that may differ. Between stanford-background, sift-flow, msrc and labelmefacade the same
# photographs differ in at most 24, others of two sets in at least 80.
SAME = 56
VERSION = 2  # of what is kept in files: one more whenever a fingerprint is another than before


def fingerprint(picture):
    """bool (255,) of a Pillow image."""
    from PIL import Image
    from scipy.fft import dctn

    picture.draft("L", (2 * SIDE, 2 * SIDE))  # a JPEG is decoded at an eighth of the work
    if picture.mode.startswith("I"):  # 16 bits, of which "L" would cut all above 255
        picture = picture.convert("F")  # so large a factor changes no sign
    grey = picture if picture.mode == "F" else picture.convert("L")
    small = np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
    waves = dctn(turned(small, turn_of(picture) or 1))[:WAVES, :WAVES]
    return waves.ravel()[1:] > 0


def fingerprints(paths, kept_in=None):
    """bool (N, 255) of picture files; of one that cannot be read all False. `kept_in`, a file, is
    where those of earlier calls are looked up (by name, size and time of the picture) and kept."""
    kept = _read(kept_in)
    found, new = [], {}
    for path in paths:
        try:
            about = os.stat(path)
            key = f"{VERSION} {os.path.abspath(path)} {about.st_size} {about.st_mtime_ns}"
            if key not in kept:
                with opened(path, FORMATS, MAX_PIXELS) as picture:
                    kept[key] = new[key] = np.packbits(fingerprint(picture)).tobytes().hex()
            bits = np.unpackbits(np.frombuffer(bytes.fromhex(kept[key]), np.uint8), count=BITS)
        except (OSError, ImageError, ValueError):  # whoever reads the picture will speak of it
            bits = np.zeros(BITS, np.uint8)
        found.append(bits)
    if new and kept_in is not None:
        with contextlib.suppress(OSError):  # a folder that may not be written to
            write_atomically(kept_in, json.dumps(kept))
    return np.array(found, np.uint8).reshape(-1, BITS).astype(bool)


def _read(path):
    try:
        found = json.loads(read_text(path)) if path is not None else {}
    except (ValueError, RecursionError):
        return {}
    good = isinstance(found, dict) and all(isinstance(value, str) for value in found.values())
    return found if good else {}


def same(ours, theirs, most=SAME):
    """[(i, j), ...]: ours[i] and theirs[j], rows of `fingerprints`, are the same photograph."""
    a, b = (np.where(bits, 1, -1).astype(np.float32) for bits in (ours, theirs))
    differ = (BITS - a @ b.T) / 2  # the product counts equal bits less unequal ones
    near = differ <= most
    near &= ours.any(1)[:, None] & theirs.any(1)  # neither of them unreadable
    return [tuple(map(int, pair)) for pair in np.argwhere(near)]
