"""Picture files into plain arrays, safely: photographs by `read_image`, labels by `read_labels`.

The size is taken from the file's header and judged before a single pixel is decoded, because a
file of a few kilobytes can unfold into gigabytes. A damaged file raises; it is never half read.
"""

import threading
from pathlib import Path

import numpy as np

MAX_PIXELS = 100_000_000
# What a photograph may come as. Others that Pillow knows are left out on purpose: EPS, for one,
# would start a PostScript interpreter on whatever the file says.
FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM")

_opening = threading.Lock()


class ImageError(ValueError):
    """A picture file that cannot be used; the message names the file and says why."""


def read_image(path, max_pixels=MAX_PIXELS):
    """The picture in a file as uint8 (H, W, 3), RGB, upright.

    Turned as its EXIF orientation says; grey, palette, 1-bit and CMYK converted; 16-bit grey
    scaled to 8 bit (65535 becomes 255); what is transparent is laid on white. Of an animation, the
    first picture. Raises ImageError: no such file, not a picture, truncated, over `max_pixels`.
    """
    return _read(path, max_pixels, _rgb)


def read_with_mask(path, max_pixels=MAX_PIXELS):
    """(the picture as `read_image` gives it, bool (H, W)): where it is opaque, at least by half;
    None instead of the mask if it is opaque everywhere."""
    return _read(path, max_pixels, lambda picture, path: (_rgb(picture, path), _opaque(picture)))


def _read(path, max_pixels, convert):
    from PIL import ImageOps

    with _open(path, FORMATS, max_pixels) as picture:
        with _decoding(path):
            picture.load()
            ImageOps.exif_transpose(picture, in_place=True)
            return convert(picture, path)


def read_labels(path, max_pixels=MAX_PIXELS):
    """The label map in a PNG file as uint8 (H, W): the numbers stored for the pixels, which of an
    indexed PNG are the palette's indices, not its colours. Raises ImageError as `read_image` does,
    and for a file that is not an indexed PNG or an 8-bit grey one."""
    with _open(path, ("PNG",), max_pixels) as picture:
        depth, grey = _png_depth(path), picture.mode in ("1", "L", "I", "I;16", "I;16B")
        if picture.mode != "P" and not grey:
            raise ImageError(
                f"{path}: is a colour picture ({picture.mode}), but labels are numbers: save it as "
                "an indexed or an 8-bit grey PNG"
            )
        if grey and depth != 8:  # Pillow would stretch 4-bit values to 0 .. 255
            raise ImageError(f"{path}: is a {depth}-bit grey PNG; save labels with 8 bits")
        with _decoding(path):
            return np.array(picture)


def _open(path, formats, max_pixels):
    """The opened Pillow image, its header read and its size judged, nothing decoded yet."""
    from PIL import Image

    if Path(path).is_dir():
        raise ImageError(f"{path}: is a folder; name the pictures in it, {path}/*.jpg")
    if not Path(path).is_file():  # a pipe would be waited for, for ever
        raise ImageError(f"{path}: there is no such file")
    try:
        # Pillow has a limit of its own, below ours, that warns or raises; ours is judged below.
        with _opening:
            theirs, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                picture = Image.open(path, formats=formats)
            finally:
                Image.MAX_IMAGE_PIXELS = theirs
    except PermissionError:
        raise ImageError(f"{path}: may not be read (permission denied)") from None
    except Exception as error:  # a decoder fed with arbitrary bytes raises nearly anything
        kinds = ", ".join(formats)
        raise ImageError(f"{path}: is damaged, or not a picture in one of {kinds}") from error
    width, height = picture.size
    if width * height > max_pixels:
        picture.close()
        raise ImageError(
            f"{path}: has {width} x {height} = {width * height / 1e6:.1f} megapixels; at most "
            f"{max_pixels / 1e6:g} are read, so make it smaller first"
        )
    return picture


class _decoding:
    """Turns whatever a decoder raises in this block into an ImageError that names the file."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is None or isinstance(error, ImageError) or not isinstance(error, Exception):
            return
        if isinstance(error, MemoryError):
            raise ImageError(f"{self.path}: does not fit into memory; make it smaller") from error
        raise ImageError(f"{self.path}: is damaged or truncated ({error})") from error


def _rgb(picture, path):
    """uint8 (H, W, 3) of a decoded Pillow image in any of its modes."""
    from PIL import Image

    mode = picture.mode
    if mode.startswith("I;16") or (mode == "I" and picture.format in ("PNG", "PPM", None)):
        wide = np.asarray(picture).astype(np.uint32)
        grey = ((wide * 255 + 32767) // 65535).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if mode in ("I", "F"):
        raise ImageError(
            f"{path}: holds numbers of 32 bits, of which nobody says what is black and what is "
            "white; save it with 8 bits a colour"
        )
    if _has_alpha(picture):
        picture = picture.convert("RGBA")
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture)
    return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _has_alpha(picture):
    return picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info


def _opaque(picture):
    """bool (H, W) of a decoded Pillow image; None if all of it is opaque."""
    if not _has_alpha(picture):
        return None
    opaque = np.asarray(picture.convert("RGBA").getchannel("A")) >= 128
    return None if opaque.all() else opaque


def _png_depth(path):
    """Bits per number, from the PNG's first chunk: byte 24 of every PNG file."""
    with open(path, "rb") as file:
        return file.read(25)[24]
