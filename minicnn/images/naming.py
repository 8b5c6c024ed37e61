"""Objects laid over the picture that they are in, each in a colour of its own, with a text."""

import numpy as np

from minicnn.images.strip import font_of, letter_height

LINE = 200  # of the root of the picture's area: the width of an outline, in pixels
STRENGTH = 0.45


def named_objects(image, masks, colours, texts):
    """uint8 (H, W, 3): the picture with a colour and an outline for each mask, and a text
    above each, as far as there is room. Where masks overlap, the first one lies on top.

    image    uint8 (H, W, 3)
    masks    bool (R, H, W); colours  uint8 (R, 3); texts  R of them
    """
    painted = image.copy()
    width = max(1, round(np.sqrt(image.shape[0] * image.shape[1]) / LINE))
    places = []
    for mask, colour in reversed(list(zip(masks, colours, strict=True))):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        places.append((rows[0], columns[0]) if rows.size else None)
        if rows.size:
            part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            _paint(painted[part], image[part], mask[part], np.asarray(colour), width)
    return _written(painted, places[::-1], colours, texts)


def _paint(painted, image, mask, colour, width):
    """Paints one object into the part of the picture in which it lies."""
    from scipy.ndimage import binary_erosion

    inside = binary_erosion(mask, iterations=width)
    mixed = (1 - STRENGTH) * image[inside] + STRENGTH * colour
    painted[inside] = np.rint(mixed).astype(np.uint8)
    painted[mask & ~inside] = colour


def _written(painted, places, colours, texts):
    from PIL import Image, ImageDraw

    height = letter_height(painted.shape[:2])
    font = font_of(height)
    picture = Image.fromarray(painted)
    draw, pad = ImageDraw.Draw(picture), max(1, height // 6)
    named = zip(places, colours, texts, strict=True)
    for place, colour, text in reversed([one for one in named if one[0] is not None]):
        wide = int(font.getlength(text)) + 2 * pad
        left = max(0, min(int(place[1]), painted.shape[1] - wide))
        top = max(0, int(place[0]) - height - 2 * pad)
        box = left, top, left + wide, top + height + 2 * pad
        dark = np.dot(colour, (0.299, 0.587, 0.114)) < 140
        draw.rectangle(box, tuple(int(c) for c in colour))
        fill, middle = "white" if dark else "black", top + pad + height // 2
        draw.text((left + pad, middle), text, fill=fill, font=font, anchor="lm")
    return np.array(picture)
