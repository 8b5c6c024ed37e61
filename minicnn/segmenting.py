"""Segmenting a photograph of any size with a trained network.

    result = minicnn.segment("photo.jpg")
    result.labels, result.overlay(), result.save("segmented")

A network knows objects in the size in which it saw them in training. So the picture is brought to
that size, the network gives its scores there, and the scores (not the labels: their borders would
be stairs) are enlarged to the photograph again.
"""

import os
from pathlib import Path

import numpy as np

from minicnn import functional as F
from minicnn.covers import with_classifier
from minicnn.datasets.colours import palette
from minicnn.evaluation import trained
from minicnn.figures import overlay
from minicnn.grouping.labelling import as_labelling, labelled
from minicnn.images.reading import read_image
from minicnn.images.resizing import fit_long_side, resize
from minicnn.tensor import Tensor
from minicnn.writing import save_png

LONG_SIDE = 320  # pixels, for a network that does not say how large its pictures were
# The largest long side that one may ask for. A network needs about 650 bytes for each pixel that it
# sees, so this is 2 to 3 GB; and it is six times the size in which it learnt what things look like.
LARGEST = 2048
STRIP = 8_000_000  # scores that are enlarged at once: 32 MB, whatever the size of the photograph


def segment(image, model="multi-scale", size=None, device="cpu", labelling="argmax"):
    """Names every pixel of a picture; returns a Segmentation.

    image  the path of a picture file, or uint8 (H, W, 3)
    model  a run folder, a .safetensors file, the name of a shipped network, a Run or a network
    size   the long side, in pixels, that the network gets to see, at most 2048; by default that of
           the pictures it was trained on
    labelling  as `evaluate` takes it; superpixels are those of the picture that the network sees

    Raises ImageError, CheckpointError or ValueError with one sentence.
    """
    labelling = as_labelling(labelling)
    network, config, weights = trained(model, device)
    labelling = with_classifier(labelling, network, weights)
    name = "picture"
    if isinstance(image, str | os.PathLike):
        name, image = Path(image).stem, read_image(image)
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"segment: expected uint8 (H, W, 3), got {image.dtype} {image.shape}")
    if size is not None and not (1 <= size <= LARGEST and int(size) == size):
        raise ValueError(
            f"segment: size={size!r}: expected a whole number of pixels from 1 to {LARGEST}, the "
            "long side of the picture that the network sees"
        )
    size = size or config.get("long_side") or LONG_SIDE
    seen = resize(image, fit_long_side(*image.shape[:2], size))
    named, scores, features = labelled(network, seen, labelling)
    seen = (seen, scores, features, labelling)
    count = len(scores)
    if getattr(labelling, "name", None) != "argmax":  # regions have no scores: enlarge their masks
        scores = (named == np.arange(count)[:, None, None]).astype(np.float32)
    classes = tuple(config.get("classes") or (f"class {k}" for k in range(count)))
    colours = np.array(config.get("colours") or palette(count), np.uint8)
    labels = enlarged_argmax(scores, image.shape[:2])
    return Segmentation(image, labels, classes, colours, name, seen)


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
    labels   uint8 (H, W), the number of a class for every pixel
    classes  their names; `colours` uint8 (K, 3)
    name     for the files that `save` writes
    seen     what the labels come from: the picture in the size that the network saw, its scores,
             its features or None, the labelling
    """

    def __init__(self, image, labels, classes, colours, name="picture", seen=None):
        self.image, self.labels, self.classes, self.colours = image, labels, classes, colours
        self.name, self.seen = name, seen

    @property
    def shares(self):
        """float64 (K,): the share of the picture that each class takes."""
        return np.bincount(self.labels.ravel(), minlength=len(self.classes)) / self.labels.size

    def stages(self):
        """{name: matplotlib Figure} of what the labelling did, step by step; {} for argmax, and for
        functions that are no Labelling."""
        from minicnn.figures.stages import stage_figures

        if self.seen is None or not hasattr(self.seen[3], "regions"):
            return {}
        return stage_figures(*self.seen, self.classes, self.colours)

    def overlay(self, alpha=0.5, legend=True):
        """uint8 (H', W', 3): the picture under the colours of its classes, and below it, with
        `legend`, their names. A picture narrower than the names gets white to its right."""
        height, width = self.labels.shape
        strip = self._legend(width) if legend else np.empty((0, width, 3), np.uint8)
        canvas = np.full((height + len(strip), max(width, strip.shape[1]), 3), 255, np.uint8)
        canvas[height:, : strip.shape[1]] = strip
        for first in range(0, height, 256):  # in strips, for the floats of `overlay` are large
            part = slice(first, min(first + 256, height))
            painted = overlay(self.image[part], self.labels[part], self.colours, alpha)
            canvas[part, :width] = painted
        return canvas

    def _legend(self, width):
        """uint8 (h, w, 3): a patch, the name and the share of every class present, the largest
        first, in as many lines as `width` asks for."""
        from PIL import Image, ImageDraw

        height = max(12, max(self.labels.shape) // 45)  # of the letters
        font, gap = _font(height), height // 2
        shares = self.shares
        present = [k for k in np.argsort(-shares, kind="stable") if shares[k] > 0]
        texts = [f"{self.classes[k]} {100 * shares[k]:.1f} %" for k in present]
        widths = [int(font.getlength(text)) + height + 3 * gap for text in texts]
        places, x, line = [], 0, 0
        for w in widths:
            if x and x + w > width:
                x, line = 0, line + 1
            places.append((x, line))
            x += w
        right = max(x + w for (x, _), w in zip(places, widths, strict=True))
        strip = Image.new("RGB", (max(width, right), (line + 1) * 2 * height), "white")
        draw = ImageDraw.Draw(strip)
        for k, text, (x, line) in zip(present, texts, places, strict=True):
            top, left = line * 2 * height + gap, x + gap
            colour = tuple(int(c) for c in self.colours[k])
            draw.rectangle((left, top, left + height, top + height), colour, "black")
            middle = (left + height + gap, top + height // 2)
            draw.text(middle, text, "black", font, anchor="lm")
        return np.array(strip)

    def save(self, folder):
        """Writes NAME-overlay.png and NAME-labels.png (indexed: the palette holds the colours, the
        indices are the classes) and returns both paths. A file that exists is never overwritten:
        the next picture of the same name becomes NAME-2."""
        from PIL import Image

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        name, number = self.name, 1
        while any((folder / f"{name}-{part}.png").exists() for part in ("overlay", "labels")):
            number += 1
            name = f"{self.name}-{number}"
        paths = folder / f"{name}-overlay.png", folder / f"{name}-labels.png"
        save_png(
            Image.fromarray(self.overlay()), paths[0], compress_level=1
        )  # noise: 6 gains little
        indexed = Image.fromarray(self.labels).convert("P")
        colours = np.zeros((256, 3), np.uint8)  # void, 255, stays black
        colours[: len(self.colours)] = self.colours
        indexed.putpalette(colours.ravel().tolist())
        save_png(indexed, paths[1])
        return paths


def _font(height):
    """matplotlib's own: Pillow's small one knows Latin letters only, class names may be Greek."""
    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", height)
