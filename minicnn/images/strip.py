"""The names of the classes below a segmented photograph, drawn as pixels.

A strip of letters must stay in proportion: to the area of the picture, not to its longest side, for
a picture of 10 x 100,000 pixels has 26 kilobytes and would get letters of 2,222 pixels.
"""

import numpy as np

SMALLEST, LARGEST = 12, 240  # pixels, of the letters
PART = 39  # of the side of a square of the picture's area: the height of the letters
# Pixels that a picture and its names may fill together if the picture alone does not: names are
# wider than a picture of 10 columns, which gets as much white beside it, all the way down.
ROOM = 32_000_000


def names_strip(size, entries):
    """uint8 (h, w, 3): a patch and a text for each of `entries`, in as many lines as the width of
    the picture asks for; w is more than that where a single name is wider. None where the names
    would blow the picture up beyond all measure: it is extremely narrow.

    size     (H, W) of the picture
    entries  [(text, colour), ...]; the colour of what is transparent is None
    """
    wanted = letter_height(size)
    entries = [(" ".join(text.split()), colour) for text, colour in entries]
    for letters in (wanted, SMALLEST):
        places, (height, width) = _layout([text for text, _ in entries], letters, size[1])
        if (size[0] + height) * width <= max(ROOM, 4 * size[0] * size[1]):
            return _drawn(entries, places, letters, (height, width))
    return None


def checkers(rows, columns, square=8):
    """uint8 (H, W, 3) for the numbers of rows and of columns: the pattern that stands for
    transparency everywhere, white and light grey."""
    odd = (rows[:, None] // square + columns[None, :] // square) % 2
    return np.where(odd == 1, np.uint8(255), np.uint8(205))[..., None].repeat(3, axis=2)


def letter_height(size):
    """Of the letters that belong to a picture of `size` (H, W), in pixels."""
    return int(np.clip(np.sqrt(size[0] * size[1]) / PART, SMALLEST, LARGEST))


def _layout(texts, letters, width):
    """([(x, y) of each text], (height, width) of the strip)."""
    font, gap, places, x, y, right = font_of(letters), letters // 2, [], 0, 0, width
    for text in texts:
        wide = int(font.getlength(text)) + letters + 3 * gap
        if x and x + wide > width:
            x, y = 0, y + 2 * letters
        places.append((x, y))
        x += wide
        right = max(right, x)
    return places, (y + 2 * letters if texts else 0, right)


def _drawn(entries, places, letters, size):
    from PIL import Image, ImageDraw

    strip, font, gap = Image.new("RGB", size[::-1], "white"), font_of(letters), letters // 2
    draw, side = ImageDraw.Draw(strip), np.arange(letters + 1)
    for (text, colour), (x, y) in zip(entries, places, strict=True):
        left, top = x + gap, y + gap
        box = (left, top, left + letters, top + letters)
        if colour is None:
            pattern = checkers(side, side, max(1, letters // 3))
            strip.paste(Image.fromarray(pattern), box[:2])
        fill = colour if colour is None else tuple(int(c) for c in colour)
        draw.rectangle(box, fill, "black")
        draw.text(
            (left + letters + gap, top + letters // 2), text, fill="black", font=font, anchor="lm"
        )
    return np.array(strip)


def font_of(height):
    """matplotlib's own: Pillow's small one knows Latin letters only, class names may be Greek."""
    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", height)
