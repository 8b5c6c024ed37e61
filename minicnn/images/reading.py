"""Picture files into plain arrays, safely: photographs by `read_image`, labels by `read_labels`.

The size is taken from the file's header and judged before a single pixel is decoded, because a
file of a few kilobytes can unfold into gigabytes. A damaged file raises; it is never half read.
What is decoded is turned into the array strip by strip, so that a picture takes as many bytes as
its decoder needs, and three for each pixel.
"""

import contextlib
import functools
import threading
from pathlib import Path

import numpy as np

from minicnn.images.quiet import listening, no_warnings

MAX_PIXELS = 100_000_000
# What a photograph may come as. Others that Pillow knows are left out on purpose: EPS, for one,
# would start a PostScript interpreter on whatever the file says.
FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM", "JPEG2000", "AVIF", "HEIF")
STRIP = 1 << 20  # pixels that are converted at once
# Formats that Pillow may lack: what is in the file at byte 4, and what to do then.
EXTRA = {
    "HEIC": ((b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1"), "pillow-heif"),
    "AVIF": ((b"ftypavif", b"ftypavis"), "a Pillow of 11.3 or later"),
    "JPEG 2000": ((b"jP  \r\n\x87\n",), "a Pillow that was built with OpenJPEG"),
}
# EXIF orientation -> what makes the stored array upright
UPRIGHT = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a[::-1].swapaxes(0, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a[:, ::-1].swapaxes(0, 1),
}
ORIENTATION = 0x0112  # the number of the tag

_opening = threading.Lock()


class ImageError(ValueError):
    """A picture file that cannot be used; the message names the file and says why."""


def read_image(path, max_pixels=MAX_PIXELS):
    """The picture in a file as uint8 (H, W, 3), RGB, upright.

    Turned as its EXIF orientation says; grey, palette, 1-bit and CMYK converted; 16-bit grey
    scaled to 8 bit (65535 becomes 255); what is transparent is laid on white. Of an animation, the
    first picture. HEIC needs pillow-heif (the extra [heif]). Raises ImageError: no such file, not a
    picture, truncated, over `max_pixels`.
    """
    return read_with_mask(path, max_pixels)[0]


def read_with_mask(path, max_pixels=MAX_PIXELS):
    """(the picture as `read_image` gives it, bool (H, W): which of its pixels are more opaque than
    not; None where nothing can be transparent)."""
    with _open(path, FORMATS, max_pixels) as picture, _decoding(path, picture.format):
        picture.load()
        turn = UPRIGHT.get(orientation(picture), lambda a: a)
        image, opaque = _arrays(picture, path)
    opaque = None if opaque is None else np.ascontiguousarray(turn(opaque))
    return np.ascontiguousarray(turn(image)), opaque


def read_labels(path, max_pixels=MAX_PIXELS, colours=None):
    """The label map in a PNG file as uint8 (H, W): the numbers stored for the pixels, which of an
    indexed PNG are the palette's indices, not its colours. Raises ImageError as `read_image` does,
    and for a file that is not an indexed PNG or an 8-bit grey one.

    colours  {(red, green, blue): number}: a picture in colours is taken, too, if each of its
             colours is one of these
    """
    with _open(path, ("PNG",), max_pixels) as picture:
        depth, grey = _png_depth(path), picture.mode in ("1", "L", "I", "I;16", "I;16B")
        if picture.mode in ("RGB", "RGBA") and colours:
            with _decoding(path, "PNG"):
                picture.load()
                image, opaque = _arrays(picture, path)
                turn = UPRIGHT.get(orientation(picture), lambda a: a)
            labels = _numbers_of(image, colours, path)
            if opaque is not None:
                labels[~opaque] = 255
            return np.ascontiguousarray(turn(labels))
        if picture.mode != "P" and not grey:
            raise ImageError(
                f"{path}: is a colour picture ({picture.mode}), but labels are numbers: save it as "
                "an indexed or an 8-bit grey PNG, or give every class its colour in classes.txt"
            )
        if grey and depth != 8:  # Pillow would stretch 4-bit values to 0 .. 255
            raise ImageError(f"{path}: is a {depth}-bit grey PNG; save labels with 8 bits")
        with _decoding(path, "PNG"):
            labels = np.array(picture)
            return np.ascontiguousarray(UPRIGHT.get(orientation(picture), lambda a: a)(labels))


def orientation(picture):
    """The EXIF orientation of an opened picture, 1 to 8; 1 where it says none, or nonsense."""
    with no_warnings():
        try:
            number = picture.getexif().get(ORIENTATION, 1)
        except Exception:  # what a damaged header raises is not to be foreseen
            return 1
    return number if number in UPRIGHT else 1


def exif_orientation(path, max_pixels=MAX_PIXELS):
    """The EXIF orientation of a picture file, 1 (upright) to 8. Raises ImageError."""
    with _open(path, FORMATS, max_pixels) as picture:
        return orientation(picture)


def _open(path, formats, max_pixels):
    """The opened Pillow image, its header read and its size judged, nothing decoded yet."""
    from PIL import Image

    if Path(path).is_dir():
        raise ImageError(f"{path}: is a folder; name the pictures in it, {path}/*.jpg")
    if not Path(path).exists():
        raise ImageError(f"{path}: there is no such file")
    if not Path(path).is_file():  # a pipe would be waited for, for ever
        raise ImageError(f"{path}: is no plain file")
    if "HEIF" in formats:
        _know_heif()
    try:
        # Pillow has a limit of its own, below ours, that warns or raises; ours is judged below.
        with _opening, no_warnings():
            theirs, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                picture = Image.open(path, formats=[f for f in formats if f in _known()])
            finally:
                Image.MAX_IMAGE_PIXELS = theirs
    except PermissionError:
        raise ImageError(f"{path}: may not be read (permission denied)") from None
    except Exception as error:  # a decoder fed with arbitrary bytes raises nearly anything
        raise ImageError(_unreadable(path, formats)) from error
    width, height = picture.size
    if width * height > max_pixels:
        picture.close()
        raise ImageError(
            f"{path}: has {width} x {height} = {width * height / 1e6:.1f} megapixels; at most "
            f"{max_pixels / 1e6:g} are read, so make it smaller first"
        )
    return picture


def _known():
    """The formats that this Pillow reads."""
    from PIL import Image

    Image.init()
    return Image.OPEN


@functools.cache  # to look for what is not installed takes a quarter of reading a small picture
def _know_heif():
    """Teaches Pillow HEIC, where pillow-heif is installed."""
    with contextlib.suppress(ImportError):
        from pillow_heif import register_heif_opener

        register_heif_opener()


def _unreadable(path, formats):
    """Why a file could not be opened: what it is, if that is known and can be helped."""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        begin = file.read(12)[4:]
        for kind, (marks, needs) in EXTRA.items():
            if any(begin.startswith(mark[:8]) for mark in marks) and kind[:4] not in _known():
                return (
                    f"{path}: is {kind}, which needs {needs}; install that, or save it as JPEG or "
                    "PNG"
                )
    return f"{path}: is damaged, or not a picture in one of {', '.join(formats)}"


@contextlib.contextmanager
def _decoding(path, kind):
    """Turns whatever a decoder raises in this block into an ImageError that names the file, and
    what it says besides, too. libtiff may go on after an error, with half a picture."""
    heard = []
    try:
        with no_warnings(), listening() if kind == "TIFF" else contextlib.nullcontext([]) as heard:
            yield
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(f"{path}: does not fit into memory; make it smaller") from error
    except Exception as error:
        said = "; ".join(heard) or str(error)
        raise ImageError(f"{path}: is damaged or truncated ({said})") from error
    if heard:
        raise ImageError(f"{path}: is damaged ({'; '.join(heard)})")


def _arrays(picture, path):
    """(uint8 (H, W, 3), bool (H, W) or None) of a decoded Pillow picture in any of its modes."""
    width, height = picture.size
    image = np.empty((height, width, 3), np.uint8)
    clear = "A" in picture.mode or "a" in picture.mode or "transparency" in picture.info
    opaque = np.empty((height, width), bool) if clear else None
    rows = max(1, STRIP // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        strip = picture.crop((0, top, width, bottom))
        strip.format = picture.format
        if clear:
            strip = strip.convert("RGBA")
            opaque[top:bottom] = np.asarray(strip)[..., 3] > 127
        image[top:bottom] = _rgb(strip, path)
    return image, opaque


def _rgb(picture, path):
    """uint8 (H, W, 3) of a part of a decoded Pillow image in any of its modes."""
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
    if mode == "RGBA":
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture)
    return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _numbers_of(image, colours, path):
    """uint8 (H, W): the number of each pixel's colour."""
    codes = image.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    labels = np.zeros(codes.shape, np.uint8)
    known = np.zeros(codes.shape, bool)
    for (red, green, blue), number in colours.items():
        here = codes == (red << 16 | green << 8 | blue)
        labels[here] = number
        known |= here
    if not known.all():
        row, column = np.argwhere(~known)[0]
        raise ImageError(
            f"{path}: the colour #{codes[row, column]:06x} at row {row}, column {column} belongs "
            "to no class in classes.txt; give one that colour, or save the labels as numbers"
        )
    return labels


def _png_depth(path):
    """Bits per number, from the PNG's first chunk: byte 24 of every PNG file."""
    with open(path, "rb") as file:
        return file.read(25)[24]
