"""LabelMeFacade: 945 photographs of streets, every pixel one of 8 classes, or void.

The lecture's simplest network saw streets of Spanish cities from LabelMe, in 20 classes (Grangier
2009); this is the nearest to them that we have. Layout, in the folder LabelMeFacade:

    images/NAME.jpg             the photograph, here mostly 341 x 256
    labels/NAME.png             8 bits: 0 various, which is void, 1 to 8 as CLASSES lists them
    train.txt, test.txt         100 and 845 names: the authors' split, which is lists=official

A hundred photographs are few for a network, so the lists are others unless asked for: 300 of the
authors' 845 test pictures, by a digest of their names, are for testing, and the other 545 and the
authors' hundred to learn from. In both, a fixed tenth of what is learnt from is `val` (splits.py).
So numbers with our lists are not those of papers; what learnt by the official lists may be tested
by either.

184 of the pictures, spatial_envelope_256x256_..., are in `sift-flow` too, with other labels: do not
learn from the one set and test on the other.
"""

from pathlib import Path

import numpy as np

from minicnn.datasets.dataset import DataError, Dataset
from minicnn.datasets.finding import find, pairless, read_list, unlisted
from minicnn.datasets.pairing import labelled
from minicnn.datasets.splits import by_digest, hold_out
from minicnn.images.labels import VOID, read_labels

CLASSES = "building car door pavement road sky vegetation window"
COLOURS = "800000 800080 808000 808080 804000 008080 008000 000080"  # the authors', in that order
LISTS = ("ours", "official")
TEST = 300  # pictures that our lists leave for testing, of the authors' 845


class LabelMeFacade(Dataset):
    """The data set in the folder `root`; `lists`: ours, or official, which are the authors'. Raises
    DataError if a list or a picture is missing."""

    name = "labelmefacade"
    classes = tuple(CLASSES.split())
    colours = np.array([list(bytes.fromhex(c)) for c in COLOURS.split()], np.uint8)
    # What `minicnn data` needs to know:
    description = "945 photographs of streets, 8 classes (Froehlich, Rodner, Denzler 2010)"
    source = "https://github.com/cvjena/labelmefacade (at half the size: labelmefacade.zip)"
    terms = (
        "non-commercial research and experiments only; the photographs are of LabelMe and belong "
        "to their owners. Cite B. Froehlich, E. Rodner, J. Denzler, A Fast Approach for Pixelwise "
        "Labeling of Facade Images, ICPR 2010"
    )
    layout = "it has images/NAME.jpg, labels/NAME.png, train.txt and test.txt"
    digests = ("c4dce71258eed92eec9fde633b387d066bb18967f050a586a6dd53889e5312d7",)

    def __init__(self, root, lists="ours"):
        if lists not in LISTS:
            raise DataError(f"{self.name} has the lists {' and '.join(LISTS)}, not {lists!r}")
        self.root, self.lists = Path(root), lists
        self._images, self._labels = self.root / "images", self.root / "labels"
        self._files, self._others = find(self._images, (".jpg",))
        self._label_files, more = find(self._labels, (".png",))
        self._others += more
        owner = {}
        learn, test = (
            read_list(self.root / f"{s}.txt", self._files, owner) for s in ("train", "test")
        )
        if lists == "ours":
            order = by_digest(test, f"{self.name} test")
            learn, test = learn + order[TEST:], order[:TEST]
        train, val = hold_out(learn, f"{self.name} val")
        self._names = {"train": train, "val": val, "test": sorted(test)}

    def read(self, name):
        label = self._label_files.get(name, self._labels / f"{name}.png")
        return labelled(name, self._files[name], label, self._read, self.classes)

    def _read(self, path):
        """uint8 (H, W), the classes from 0 on; 0 in the file is void."""
        labels = read_labels(path)
        if labels.max(initial=0) > len(self.classes):
            raise DataError(
                f"{path}: holds the label {labels.max()}; the classes are 1 to "
                f"{len(self.classes)}, and 0 is void"
            )
        return np.where(labels == 0, VOID, labels - 1).astype(np.uint8)

    def passed_over(self):
        stray = pairless(self._label_files, self._files, self._images)
        return self._others + stray, unlisted(self._files, self._names)

    @staticmethod
    def locate(folder):
        """The folder that holds images/, labels/ and the lists in what an archive unpacked to."""
        for path in sorted(Path(folder).rglob("test.txt")):
            root = path.parent
            if (root / "train.txt").is_file() and (root / "labels").is_dir():
                return root if any((root / "images").glob("*.jpg")) else None
        return None
