"""Photographs into plain arrays, safely: `read_image` and `read_with_mask`.

A damaged file raises; it is never half read. Pillow's picture is copied block by block, already
upright, into the array that is returned: so a photograph takes as many bytes as its decoder needs,
and three for each pixel.
"""

import numpy as np

from minicnn.images.formats import FORMATS, ImageError, decoding, opened

MAX_PIXELS = 100_000_000
BLOCK = 1024  # side of the squares in which a picture is converted
ORIENTATION = 0x0112  # the EXIF tag: how a viewer has to turn what is stored
SEE_THROUGH = 128  # an alpha below it counts as transparent


def read_image(path, max_pixels=MAX_PIXELS):
    """The picture in a file as uint8 (H, W, 3), RGB, upright.

    Turned as its EXIF orientation says; grey, palette, 1-bit and CMYK converted; 16-bit grey
    scaled to 8 bit (65535 becomes 255); what is transparent is laid on white. Of an animation, the
    first picture. Raises ImageError: no such file, not a picture, truncated, over `max_pixels`.
    """
    return _photograph(path, max_pixels, masked=False)[0]


def read_with_mask(path, max_pixels=MAX_PIXELS):
    """(image, opaque): the picture as `read_image` gives it, and bool (H, W), False where it is
    transparent (for more than half); None instead of the mask if it is transparent nowhere."""
    image, opaque = _photograph(path, max_pixels, masked=True)
    return image, None if opaque is None or opaque.all() else opaque


def orientation(path, max_pixels=MAX_PIXELS):
    """The EXIF orientation of a picture file, 1 to 8, or None if it tells none."""
    with opened(path, FORMATS, max_pixels) as picture, decoding(path, picture):
        return turn_of(picture)


def turned(stored, orientation):
    """The array (H, W, ...) as EXIF orientation 1 to 8 wants it seen; a view, nothing is copied."""
    if orientation >= 5:  # 5 to 8: rows and columns change places first
        stored = stored.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        stored = stored[::-1]
    if orientation in (2, 3, 6, 7):
        stored = stored[:, ::-1]
    return stored


def _photograph(path, max_pixels, masked):
    with opened(path, FORMATS, max_pixels) as picture, decoding(path, picture):
        picture.load()
        image, stored = upright(picture, 3)
        opaque, stored_opaque = None, None
        if masked and _has_alpha(picture):
            opaque, stored_opaque = upright(picture, dtype=bool)
        for place, block in blocks(picture):
            stored[place], alpha = _rgb(block, picture.format, path)
            if opaque is not None:
                stored_opaque[place] = alpha is None or alpha >= SEE_THROUGH
        return image, opaque


def upright(picture, *channels, dtype=np.uint8):
    """(array, view): an empty array for the upright picture, and the same array as it has to be
    seen while pixels are written into it in the order in which the file stores them."""
    turn, (width, height) = turn_of(picture) or 1, picture.size
    upright = np.empty(((height, width) if turn < 5 else (width, height)) + channels, dtype)
    back = {6: 8, 8: 6}.get(turn, turn)  # all others are undone by themselves
    return upright, turned(upright, back)


def blocks(picture):
    """(place, block) of a loaded picture: a part of it, and where in the array it belongs."""
    width, height = picture.size
    for top in range(0, height, BLOCK):
        for left in range(0, width, BLOCK):
            right, bottom = min(left + BLOCK, width), min(top + BLOCK, height)
            place = slice(top, bottom), slice(left, right)
            yield place, picture.crop((left, top, right, bottom))


def turn_of(picture):
    """The EXIF orientation of a Pillow image, 1 to 8, or None. EXIF that cannot be read is no
    reason to refuse the pixels."""
    try:
        found = picture.getexif().get(ORIENTATION)
    except Exception:
        return None
    return found if found in range(1, 9) else None


def _has_alpha(picture):
    return picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info


def _rgb(picture, kind, path):
    """(uint8 (H, W, 3), alpha uint8 (H, W) or None) of a decoded Pillow image in any of its modes;
    `kind` is the format that it came in."""
    from PIL import Image

    mode = picture.mode
    if mode.startswith("I;16") or (mode == "I" and kind in ("PNG", "PPM")):
        wide = np.asarray(picture).astype(np.uint32)
        grey = ((wide * 255 + 32767) // 65535).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2), None
    if mode in ("I", "F"):
        raise ImageError(
            f"{path}: holds numbers of 32 bits, of which nobody says what is black and what is "
            "white; save it with 8 bits a colour"
        )
    if not _has_alpha(picture):
        return np.asarray(picture if mode == "RGB" else picture.convert("RGB")), None
    picture = picture.convert("RGBA")
    paper = Image.new("RGBA", picture.size, "white")
    on_paper = Image.alpha_composite(paper, picture).convert("RGB")
    return np.asarray(on_paper), np.asarray(picture.getchannel("A"))
