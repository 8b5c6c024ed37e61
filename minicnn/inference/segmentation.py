"""What `segment` gives: a picture and a class for each of its pixels; how it is shown and saved."""

import functools
import itertools
import numbers
import os
from pathlib import Path

import numpy as np

from minicnn.basics import displays
from minicnn.basics.writing import save_png
from minicnn.datasets import VOID
from minicnn.images.painting import indexed, overlay
from minicnn.images.reading import read_with_mask
from minicnn.images.resizing import fit_long_side, resize
from minicnn.images.strip import checkers, names_strip
from minicnn.labelling.methods import name_of
from minicnn.learning.sureness import sureness

SHOWN = 900  # pixels, of the long side of an overlay in a notebook
PIECE = 1_000_000  # pixels that are painted at once
# The largest long side that one may ask for. A network needs about 650 bytes for each pixel that it
# sees, so this is 2 to 3 GB; and it is six times the size in which it learnt what things look like.
LARGEST = 2048


def looked_at(image, size=None):
    """(name, uint8 (H, W, 3), bool (H, W) of what is opaque, or None) of a picture: a path, or the
    array. Raises ImageError, or ValueError for what is no picture, and a `size` that cannot be."""
    name, opaque = "picture", None
    if isinstance(image, str | os.PathLike):
        path = Path(image)
        name, (image, opaque) = path.stem, read_with_mask(path)
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"segment: expected uint8 (H, W, 3), got {image.dtype} {image.shape}")
    whole = isinstance(size, numbers.Real) and size % 1 == 0
    if size is not None and not (whole and 1 <= size <= LARGEST):
        raise ValueError(
            f"segment: size={size!r}: expected a whole number of pixels from 1 to {LARGEST}, the "
            "long side of the picture that the network sees"
        )
    return name, image, opaque


class Segmentation:
    """A picture and what the network says of it.

    image    uint8 (H, W, 3)
    labels   uint8 (H, W), the number of a class for every pixel; 255 for what is transparent
    classes  their names; `colours` uint8 (K, 3)
    name     for the files that `save` writes
    seen     what the labels come from: the picture in the size that the network saw, its scores,
             its features or None, the labelling
    channels  function of that picture: (planes, names) that it is described by, of shallow; or None
    usual    how sure the network is at least of all but a fiftieth of its validation pictures (see
             minicnn/learning/sureness.py); None where that is not known
    """

    def __init__(
        self, image, labels, classes, colours, name="picture", seen=None, channels=None, usual=None
    ):
        self.image, self.labels, self.classes, self.colours = image, labels, classes, colours
        self.name, self.seen, self.channels, self.usual = name, seen, channels, usual

    def __repr__(self):
        named, (height, width) = self.named(), self.labels.shape
        about = f"{self.name}, {width} x {height} pixels, labels by {self.labelling}"
        return f"<Segmentation of {about}: {named or 'all transparent'}>"

    def _repr_html_(self):
        image = self.overlay()  # its letters grow with it, so they can be read when it shrinks
        if max(image.shape) > SHOWN:
            image = resize(image, fit_long_side(*image.shape[:2], SHOWN))
        return f"<div>{displays.paragraphs(repr(self))}{displays.picture(image)}</div>"

    @property
    def shares(self):
        """float64 (K,): the share of the picture that each class takes."""
        return self._all_shares()[: len(self.classes)]

    def _all_shares(self):
        """float64 (256,): the share of every label. By pieces: `bincount` needs 8 bytes a pixel."""
        flat = self.labels.ravel()
        pieces = (flat[k : k + PIECE] for k in range(0, flat.size, PIECE))
        return sum(np.bincount(piece, minlength=256) for piece in pieces) / flat.size

    @property
    def labelling(self):
        """How scores became labels: argmax, crf(gamma=3.0), the name of a function."""
        return name_of(self.seen[3]) if self.seen else "unknown"

    @functools.cached_property
    def sure(self):
        """The mean over the pixels of the largest probability; None where scores are not known."""
        return sureness(self.seen[1]) if self.seen else None

    @property
    def unlike(self):
        """Whether the network is less sure of it than of nearly all pictures it was chosen on."""
        return self.usual is not None and self.seen is not None and self.sure < self.usual

    def overlay(self, alpha=0.5, legend=True):
        """uint8 (H', W', 3): the picture under the colours of its classes, and below it, with
        `legend`, their names. A picture narrower than the names gets white to its right; one that
        is far too narrow for its length, no names (`legend` is None). What is transparent shows
        the usual checkers."""
        height, width = self.labels.shape
        strip = self.legend() if legend else None
        strip = np.empty((0, width, 3), np.uint8) if strip is None else strip
        canvas = np.full((height + len(strip), max(width, strip.shape[1]), 3), 255, np.uint8)
        canvas[height:, : strip.shape[1]] = strip
        # In pieces, for the floats of `overlay` are large.
        columns = np.arange(width)
        step = max(1, PIECE // width)
        for first in range(0, height, step):
            part = slice(first, min(first + step, height))
            painted = overlay(self.image[part], self.labels[part], self.colours, alpha)
            void = self.labels[part] == VOID
            if void.any():
                painted[void] = checkers(np.arange(height)[part], columns)[void]
            canvas[part, :width] = painted
        return canvas

    def legend(self):
        """uint8 (h, w, 3): a patch, the name and the share of every class present, the largest
        first; None for a picture that is too narrow for it."""
        shares = self.shares
        present = [k for k in np.argsort(-shares, kind="stable") if shares[k] > 0]
        texts = [(f"{self.classes[k]} {100 * shares[k]:.1f} %", self.colours[k]) for k in present]
        if void := self._all_shares()[VOID]:
            texts.append((f"transparent {100 * void:.1f} %", None))
        return names_strip(self.labels.shape, texts)

    def named(self):
        """The classes that take most of the picture, as a line of text."""
        most = sorted(zip(self.shares, self.classes, strict=True), key=lambda pair: -pair[0])[:3]
        return ", ".join(f"{name} {share:.0%}" for share, name in most if share)

    def more(self):
        """{the end of a file's name: function that writes it to a path} of what else is saved."""
        return {}

    def save(self, folder, stages=False, force=False, keep=()):
        """Writes NAME-overlay.png and NAME-labels.png (indexed: the palette holds the colours, the
        indices are the classes, 255 is void), with `stages` NAME-STAGE.png of each of `stages()`
        (figures/methods.py),
        and returns the paths. A file that exists is never overwritten: the next picture of the same
        name becomes NAME-2. With `force` it is, unless it is one of the paths `keep`."""
        from PIL import Image

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        figures, more = self.stages() if stages else {}, self.more()
        parts = [f"{part}.png" for part in ("overlay", "labels", *figures)] + [*more]
        kept = {Path(path).resolve() for path in keep}
        for number in itertools.count(1):
            name = self.name if number == 1 else f"{self.name}-{number}"
            paths = [folder / f"{name}-{part}" for part in parts]
            if not any(p.resolve() in kept if force else os.path.lexists(p) for p in paths):
                break
        overlaid = Image.fromarray(self.overlay())
        save_png(overlaid, paths[0], compress_level=1)  # noise: 6 gains little
        save_png(indexed(self.labels, self.colours), paths[1])
        for path, figure in zip(paths[2:], figures.values(), strict=False):
            save_png(figure, path)
        for path, write in zip(paths[len(paths) - len(more) :], more.values(), strict=True):
            write(path)
        return tuple(paths)
