"""Stanford Background: 715 outdoor photographs, every pixel labelled with one of 8 classes.

Layout, as its authors published it (the archive's own name for it is iccv09Data):

    images/ID.jpg               the photograph, mostly 320 x 240
    labels/ID.regions.txt       one number a pixel, a line of text a row; negative where unknown

There is no official split. Papers report the mean over five random folds of 143 whose lists were
not published. Ours come from the sorted ids by a written rule (splits.py): fold k is for testing,
a fixed tenth of the other 572 for validation, and the rest for training.
"""

import re
from pathlib import Path

import numpy as np

from minicnn.basics.plain import read_text
from minicnn.datasets.dataset import DataError, Dataset
from minicnn.datasets.finding import find, pairless
from minicnn.datasets.pairing import labelled
from minicnn.datasets.splits import deal, hold_out
from minicnn.images.labels import VOID

FOLDS = 5
MOST_TEXT = 10_000_000  # bytes of a label file: of three megapixels; theirs are of 0.08


class StanfordBackground(Dataset):
    """The data set in the folder `root`, with fold `fold` (1 to 5) for testing."""

    name = "stanford-background"
    classes = ("sky", "tree", "road", "grass", "water", "building", "mountain", "foreground object")
    colours = np.array(
        [
            (128, 190, 255),
            (0, 105, 60),
            (130, 130, 130),
            (150, 215, 70),
            (0, 90, 190),
            (190, 75, 40),
            (110, 70, 120),
            (255, 205, 0),
        ],
        np.uint8,
    )
    # What `minicnn data` needs to know:
    description = "715 outdoor photographs, 8 classes (Gould, Fulton, Koller 2009)"
    source = "http://dags.stanford.edu/projects/scenedataset.html (the archive iccv09Data)"
    terms = (
        "no licence is stated: for research and teaching. Cite S. Gould, R. Fulton, D. Koller, "
        "Decomposing a Scene into Geometric and Semantically Consistent Regions, ICCV 2009"
    )
    layout = "it has images/ID.jpg and labels/ID.regions.txt"
    digests = ("3b5e379d4772dfc8c4eb469f7b511ab1f76570d8199ed6134876b874a5451349",)

    def __init__(self, root, fold=None):
        fold = 1 if fold is None else fold
        if fold not in range(1, FOLDS + 1):
            raise DataError(f"{self.name} has the folds 1 to {FOLDS}; there is no fold {fold!r}")
        self.root, self.fold = Path(root), int(fold)
        ids = picture_ids(self.root)
        if not ids:
            raise DataError(f"{self.root}: holds no images/ID.jpg; is this iccv09Data?")
        folds = deal(ids, FOLDS, "stanford-background fold")
        test = folds[self.fold - 1]
        train, val = hold_out(sorted(set(ids) - set(test)), "stanford-background val")
        self._names = {"train": train, "val": val, "test": test}

    def read(self, name):
        image, labels = self.root / f"images/{name}.jpg", self.root / f"labels/{name}.regions.txt"
        return labelled(name, image, labels, self._read_regions, self.classes)

    def photograph(self, name):
        return self.root / f"images/{name}.jpg"

    def _read_regions(self, path):
        """uint8 (H, W) from the text of a label file, in 2 ms for 320 x 240."""
        lines = read_text(path, DataError, MOST_TEXT).splitlines()
        try:
            if not any(line.strip() for line in lines):  # loadtxt only warns
                raise ValueError("it is empty")
            regions = np.loadtxt(lines, dtype=np.int16, comments=None, ndmin=2)
        except ValueError as error:
            raise DataError(
                f"{path}: is not a matrix of whole numbers, all lines of one length ({error})"
            ) from error
        if regions.max() >= len(self.classes):
            row, column = np.unravel_index(regions.argmax(), regions.shape)
            raise DataError(
                f"{path}: label {regions.max()} in line {row + 1}, column {column + 1}; the "
                f"classes are 0 to {len(self.classes) - 1}, and below 0 is void"
            )
        return np.where(regions < 0, VOID, regions).astype(np.uint8)

    def passed_over(self):
        images, labels = self.root / "images", self.root / "labels"
        files, others = find(images, (".jpg",))
        found, more = find(labels, (".regions.txt",))
        theirs = (".surfaces.txt", ".layers.txt")  # labels of other kinds, from the same archive
        more = [text for text in more if not text.split(": ")[0].endswith(theirs)]
        return others + more + pairless(found, files, images), []

    @staticmethod
    def locate(folder):
        """The folder that holds images/ and labels/ in what an archive unpacked to, or None."""
        for labels in sorted(Path(folder).rglob("labels")):
            root = labels.parent
            if picture_ids(root) and any(labels.glob("*.regions.txt")):
                return root
        return None


def picture_ids(root):
    """The sorted ids of the photographs; files that begin with a dot are not photographs."""
    found = (re.fullmatch(r"([^.].*)\.jpg", path.name) for path in root.glob("images/*.jpg"))
    return sorted(match[1] for match in found if match)
