"""Segmenting a photograph of any size with a trained network.

    result = minicnn.segment("photo.jpg")
    result.labels, result.overlay(), result.save("segmented")

A network knows objects in the size in which it saw them in training. So the picture is brought to
that size, the network gives its scores there, and the scores (not the labels: their borders would
be jagged) are enlarged to the photograph again.
"""

import itertools
import os
from pathlib import Path

import numpy as np

from minicnn import functional as F
from minicnn.basics import displays
from minicnn.basics.writing import save_png
from minicnn.datasets import VOID
from minicnn.datasets.colours import palette
from minicnn.engine.tensor import Tensor
from minicnn.images.painting import overlay
from minicnn.images.reading import read_with_mask
from minicnn.images.resizing import fit_long_side, resize
from minicnn.images.strip import checkers, names_strip
from minicnn.inference.published import best_labelling
from minicnn.labelling.methods import as_labelling, labelled, name_of
from minicnn.learning.covers import with_classifier
from minicnn.learning.hand_made import with_price
from minicnn.learning.trained import for_pixels, needs_pixels, trained

LONG_SIDE = 320  # pixels, for a network that does not say how large its pictures were
# The largest long side that one may ask for. A network needs about 650 bytes for each pixel that it
# sees, so this is 2 to 3 GB; and it is six times the size in which it learnt what things look like.
LARGEST = 2048
STRIP = 8_000_000  # scores that are enlarged at once: 32 MB, whatever the size of the photograph
SHOWN = 900  # pixels, of the long side of an overlay in a notebook
PIECE = 1_000_000  # pixels that are painted at once


def segment(image, model="multi-scale", size=None, device="cpu", labelling=None):
    """Names every pixel of a picture; returns a Segmentation.

    image  the path of a picture file, or uint8 (H, W, 3)
    model  a run folder, a .safetensors file, the name of a shipped network, a Run or a network
    size   the long side, in pixels, that the network gets to see, at most 2048; by default that of
           the pictures it was trained on; of a network that names whole pictures, four crops
    labelling  as `evaluate` takes it; superpixels are those of the picture that the network sees.
           None: the one that was measured to be best for a shipped network, for others argmax

    What is transparent in a file is void, 255. Raises ImageError, CheckpointError or ValueError
    with one sentence.
    """
    model = for_pixels(trained(model, device))
    labelling = labelling_for(model, labelling)
    network, config, _ = model
    name, opaque = "picture", None
    if isinstance(image, str | os.PathLike):
        path = Path(image)
        name, (image, opaque) = path.stem, read_with_mask(path)
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"segment: expected uint8 (H, W, 3), got {image.dtype} {image.shape}")
    if size is not None and not (1 <= size <= LARGEST and int(size) == size):
        raise ValueError(
            f"segment: size={size!r}: expected a whole number of pixels from 1 to {LARGEST}, the "
            "long side of the picture that the network sees"
        )
    size = size or getattr(network, "long_side", config and config.long_side) or LONG_SIDE
    seen = resize(image, fit_long_side(*image.shape[:2], size))
    named, scores, features = labelled(network, seen, labelling)
    seen = (seen, scores, features, labelling)
    count = len(scores)
    if getattr(labelling, "name", None) != "argmax":  # regions have no scores: enlarge their masks
        scores = (named == np.arange(count)[:, None, None]).astype(np.float32)
    classes = tuple((config and config.classes) or (f"class {k}" for k in range(count)))
    colours = np.array((config and config.colours) or palette(count), np.uint8)
    labels = enlarged_argmax(scores, image.shape[:2])
    if opaque is not None:
        labels[~opaque] = VOID
    channels = getattr(network, "named_channels", None)
    return Segmentation(image, labels, classes, colours, name, seen, channels)


def labelling_for(model, labelling=None):
    """The labelling of a Trained, ready to be used; None means the best that was measured. Raises
    ValueError for a network that names whole pictures."""
    needs_pixels(model)
    if labelling is None:
        labelling = getattr(model.network, "labelling", None) or best_labelling(model.weights)
    labelling = with_price(as_labelling(labelling), model.network)
    if hasattr(labelling, "pooling") and hasattr(model.network, "pooling"):
        labelling.pooling = model.network.pooling(model.config.classes if model.config else ())
    return with_classifier(labelling, model.network, model.weights)


def enlarged_argmax(scores, size):
    """uint8 (H, W): the best class of float32 scores (K, h, w) interpolated bilinearly to `size`.

    Strip by strip of rows: all scores of a large photograph at once would be gigabytes.
    """
    count, height, _ = scores.shape
    rows, columns = size
    # The source row of every row, as `interpolate` has it: pixels are little squares.
    t = ((np.arange(rows) + 0.5) * (height / rows) - 0.5).clip(0, height - 1)
    above = t.astype(np.int64)
    below = np.minimum(above + 1, height - 1)
    weight = (t - above).astype(scores.dtype)[:, None]
    labels = np.empty(size, np.uint8)
    step = max(1, STRIP // (count * columns))
    for first in range(0, rows, step):
        part = slice(first, first + step)
        mixed = scores[:, above[part]] * (1 - weight[part]) + scores[:, below[part]] * weight[part]
        wide = F.interpolate(Tensor(mixed[None]), size=(mixed.shape[1], columns), mode="bilinear")
        labels[part] = wide.data[0].argmax(axis=0)
    return labels


class Segmentation:
    """A picture and what the network says of it.

    image    uint8 (H, W, 3)
    labels   uint8 (H, W), the number of a class for every pixel; 255 for what is transparent
    classes  their names; `colours` uint8 (K, 3)
    name     for the files that `save` writes
    seen     what the labels come from: the picture in the size that the network saw, its scores,
             its features or None, the labelling
    channels  function of that picture: (planes, names) that it is described by, of shallow; or None
    """

    def __init__(self, image, labels, classes, colours, name="picture", seen=None, channels=None):
        self.image, self.labels, self.classes, self.colours = image, labels, classes, colours
        self.name, self.seen, self.channels = name, seen, channels

    def __repr__(self):
        shares = sorted(zip(self.shares, self.classes, strict=True), key=lambda pair: -pair[0])
        named = ", ".join(f"{name} {share:.0%}" for share, name in shares[:3] if share)
        height, width = self.labels.shape
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

    def save(self, folder, stages=False, force=False, keep=()):
        """Writes NAME-overlay.png and NAME-labels.png (indexed: the palette holds the colours, the
        indices are the classes, 255 is void), with `stages` NAME-STAGE.png of each of `stages()`
        (figures/methods.py),
        and returns the paths. A file that exists is never overwritten: the next picture of the same
        name becomes NAME-2. With `force` it is, unless it is one of the paths `keep`."""
        from PIL import Image

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        figures = self.stages() if stages else {}
        kept = {Path(path).resolve() for path in keep}
        for number in itertools.count(1):
            name = self.name if number == 1 else f"{self.name}-{number}"
            paths = [folder / f"{name}-{part}.png" for part in ("overlay", "labels", *figures)]
            if not any(p.resolve() in kept if force else os.path.lexists(p) for p in paths):
                break
        overlaid = Image.fromarray(self.overlay())
        save_png(overlaid, paths[0], compress_level=1)  # noise: 6 gains little
        indexed = Image.fromarray(self.labels).convert("P")
        colours = np.zeros((256, 3), np.uint8)  # void, 255, stays black
        colours[: len(self.colours)] = self.colours
        indexed.putpalette(colours.ravel().tolist())
        save_png(indexed, paths[1])
        for path, figure in zip(paths[2:], figures.values(), strict=True):
            save_png(figure, path)
        return tuple(paths)
