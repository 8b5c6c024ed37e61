"""Label pictures: PNG files that hold the number of a class for every pixel.

Where one `is_painted` in colours, it is read as a photograph is (reading.py), and what its colours
mean is for classes.txt to tell.
"""

import numpy as np

from minicnn.images.formats import ImageError, decoding, opened
from minicnn.images.reading import MAX_PIXELS, SEE_THROUGH, blocks, upright

# The label of pixels that count neither in the loss nor in a score: void has no weight. The models
# pass it on as `ignore_index`, which ops/cross_entropy.py leaves out.
VOID = 255


def read_labels(path, max_pixels=MAX_PIXELS):
    """The label map in a PNG file as uint8 (H, W), turned as its own EXIF orientation says: the
    numbers stored for the pixels, which of an indexed PNG are the palette's indices, not its
    colours; 255, which is void, where it is transparent. Raises ImageError as `read_image` does,
    and for a file that is not an indexed PNG or an 8-bit grey one."""
    with opened(path, ("PNG",), max_pixels) as picture:
        depth, grey = _png_depth(path), picture.mode in ("1", "L", "LA", "I", "I;16", "I;16B")
        if picture.mode != "P" and not grey:
            raise ImageError(
                f"{path}: is a colour picture ({picture.mode}), but labels are numbers: save it as "
                "an indexed or an 8-bit grey PNG"
            )
        if grey and depth != 8:  # Pillow would stretch 4-bit values to 0 .. 255
            raise ImageError(f"{path}: is a {depth}-bit grey PNG; save labels with 8 bits")
        with decoding(path, picture):
            picture.load()
            labels, stored = upright(picture)
            label_of = _labels_of(picture.info.get("transparency"))
            for place, block in blocks(picture):
                numbers = np.asarray(block)
                if picture.mode == "LA":
                    numbers = np.where(numbers[..., 1] < SEE_THROUGH, VOID, numbers[..., 0])
                stored[place] = numbers if label_of is None else label_of[numbers]
            return labels


def _labels_of(transparency):
    """uint8 (256,): the label that each number of a PNG means, void for those that its chunk tRNS
    makes transparent: one number, or, as bytes, the alpha of each from 0 on. None without it."""
    if transparency is None:
        return None
    labels = np.arange(256, dtype=np.uint8)
    several = isinstance(transparency, bytes)
    clear = np.frombuffer(transparency, np.uint8) < SEE_THROUGH if several else transparency
    labels[np.flatnonzero(clear) if several else clear] = VOID
    return labels


def read_ids(path, max_pixels=MAX_PIXELS):
    """The numbers in a PNG file as int32 (H, W), for maps that know more than 255 things: those of
    a grey picture of 1, 8 or 16 bits, the indices of an indexed one, and R + 256 G + 65536 B of a
    colour picture, as COCO's panoptic maps have it. Raises ImageError as `read_image` does."""
    with opened(path, ("PNG",), max_pixels) as picture:
        if picture.mode not in ("1", "L", "P", "I", "I;16", "I;16B", "RGB"):
            raise ImageError(
                f"{path}: holds {picture.mode}, but numbers of regions are grey, indexed or RGB: "
                "save it without transparency"
            )
        depth = _png_depth(path)
        if picture.mode == "L" and depth != 8:  # Pillow would stretch them to 0 .. 255
            raise ImageError(f"{path}: is a {depth}-bit grey PNG; save it with 1, 8 or 16 bits")
        with decoding(path, picture):
            picture.load()
            ids, stored = upright(picture, dtype=np.int32)
            for place, block in blocks(picture):
                numbers = np.asarray(block).astype(np.int32)
                if numbers.ndim == 3:
                    numbers = numbers @ np.array([1, 256, 65536], np.int32)
                stored[place] = numbers
            return ids


def is_painted(path, max_pixels=MAX_PIXELS):
    """Whether a PNG file holds colours, not the numbers of an indexed or a grey one."""
    with opened(path, ("PNG",), max_pixels) as picture:
        return picture.mode in ("RGB", "RGBA")


def _png_depth(path):
    """Bits per number, from the PNG's first chunk: byte 24 of every PNG file."""
    with open(path, "rb") as file:
        return file.read(25)[24]
