"""Picture files of all formats, opened safely: the header is read and judged, no pixel yet.

The size is judged before anything is decoded, because a file of a few kilobytes can unfold into
gigabytes; and only formats that hold photographs are tried. Others that Pillow knows are left out
on purpose: EPS, for one, would start a PostScript interpreter on whatever the file says.
"""

import contextlib
import functools
import os
import re
import threading

from minicnn.basics.plain import why_not_plain
from minicnn.basics.printing import printable
from minicnn.images.quiet import listening, no_warnings

FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM", "JPEG2000", "AVIF", "HEIF")
# How names of photographs end; of an animation the first picture is read.
ENDINGS = ".jpg .jpeg .jpe .png .bmp .tif .tiff .webp .gif .ppm .pgm .pbm .jp2 .j2k .jpx .avif"
ENDINGS = (*ENDINGS.split(), ".heic", ".heif")

# What a file is that cannot be opened: its first bytes, its name, and what to do.
SAVE = "save it as JPEG or PNG first"
HEIF = "pip install pillow-heif, or " + SAVE
KNOWN = (
    (rb"....ftyp(avif|avis)", "AVIF", f"which needs pillow 11.3 or newer: update it, or {SAVE}"),
    (rb"....ftyp(hei|hev|mif1|msf1)", "HEIC", f"which needs pillow-heif: {HEIF}"),
    (rb"....jP  |\xff\x4f\xff\x51", "JPEG 2000", f"which this pillow cannot read: {SAVE}"),
    (rb"....JXL |\xff\x0a", "JPEG XL", f"which is not read: {SAVE}"),
    (rb"....ftypcrx|II\*\0....CR|FUJIFILMCCD", "camera raw", f"which must be developed: {SAVE}"),
    (rb"8BPS", "Photoshop", f"which is not read: {SAVE}"),
    (rb"%PDF", "PDF", f"which is no photograph: {SAVE}"),
    (rb"\s*<(\?xml|svg)", "SVG or XML", f"which has no pixels: {SAVE}"),
)

_opening = threading.Lock()


class ImageError(ValueError):
    """A picture file that cannot be used; the message names the file and says why, in one line."""

    def __init__(self, message):
        super().__init__(printable(str(message)))


def opened(path, formats, max_pixels):
    """The opened Pillow image, its header read and its size judged, nothing decoded yet."""
    from PIL import Image

    if os.path.isdir(path):
        raise ImageError(f"{path}: is a folder; name the pictures in it, {path}/*.jpg")
    if why := why_not_plain(path):
        raise ImageError(f"{path}: {why}")
    known = _known(formats)
    try:
        # Pillow has a limit of its own, below ours, that warns or raises; ours is judged below.
        with _opening, no_warnings():
            theirs, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                picture = Image.open(path, formats=known)
            finally:
                Image.MAX_IMAGE_PIXELS = theirs
    except PermissionError:
        raise ImageError(f"{path}: may not be read (permission denied)") from None
    except Exception as error:  # a decoder fed with arbitrary bytes raises nearly anything
        raise ImageError(f"{path}: {_guess(path, known)}") from error
    width, height = picture.size
    if width * height > max_pixels:
        picture.close()
        raise ImageError(
            f"{path}: has {width} x {height} = {width * height / 1e6:.1f} megapixels; at most "
            f"{max_pixels / 1e6:g} are read, so make it smaller first"
        )
    return picture


@functools.cache  # a search for a module that is missing takes as long as a small picture
def _known(formats):
    """Those of the formats that this Pillow can open; HEIF through pillow-heif, if it is there."""
    from PIL import Image

    Image.init()
    if "HEIF" in formats and "HEIF" not in Image.OPEN:
        with contextlib.suppress(Exception):  # not installed, or broken: the file's sentence tells
            import pillow_heif

            pillow_heif.register_heif_opener()
    return tuple(name for name in formats if name in Image.OPEN)


def _guess(path, known):
    """What is wrong with a file that no decoder takes."""
    with open(path, "rb") as file:
        start = file.read(32)
    for pattern, name, advice in KNOWN:
        if re.match(pattern, start, re.DOTALL) and name.replace(" ", "") not in known:
            return f"is a file in the format {name}, {advice}"
    return f"is damaged, or not a picture in one of {', '.join(known)}"


@contextlib.contextmanager
def decoding(path, picture):
    """Turns whatever a decoder raises in this block into an ImageError that names the file. libtiff
    tells the terminal of an error, and may go on with half a picture: that is an error, too."""
    heard = []
    try:
        tiff = picture.format == "TIFF"
        with no_warnings(), listening() if tiff else contextlib.nullcontext([]) as heard:
            yield
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(f"{path}: does not fit into memory; make it smaller") from error
    except Exception as error:
        said = "; ".join(heard) or error
        raise ImageError(f"{path}: is damaged or truncated ({said})") from error
    if heard:
        raise ImageError(f"{path}: is damaged ({'; '.join(heard)})")
