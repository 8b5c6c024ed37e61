"""Cats, dogs and background: 800 photographs, a class each, no word on where in the picture.

    train/{cat,dog,background}/*.jpg      250, 250, 160
    test/{cat,dog,background}/*.jpg        50,  50,  40

Without a fold, `test` is the folder of that name, and a tenth of each class of `train` is held out
as `val`. With one, all pictures of a class are dealt to five hands by a digest of their names: hand
k is for testing, a tenth of the others is held out, and the rest is to learn from. Cats against
dogs, without background, is classes=cat,dog: 600 pictures, 120 of them in a fold.
"""

from pathlib import Path

from minicnn.datasets.dataset import DataError
from minicnn.datasets.image_folder import ImageFolder
from minicnn.datasets.splits import deal

FOLDS = 5


class WeakCatsDogs(ImageFolder):
    """The data set in the folder `root`: its own test pictures, or fold `fold` (1 to 5) of all;
    `classes`: those to tell apart, all if None."""

    name = "weak-cats-dogs"
    # What `minicnn data` needs to know:
    description = "800 photographs of cats, dogs and neither, a class each (Asirra; ImageNet)"
    source = (
        "https://github.com/chanakya2734/Image-classification-using-CNN and "
        "https://github.com/EliSchwartz/imagenet-sample-images (a subset of both, scaled down)"
    )
    terms = (
        "none are stated: Kaggle's rules and ImageNet's terms apply, for non-commercial research "
        "and education; the photographs are their owners'. Cite J. Elson, J. Douceur, J. Howell, "
        "J. Saul, Asirra, CCS 2007, and O. Russakovsky et al., ImageNet Large Scale Visual "
        "Recognition Challenge, IJCV 2015"
    )
    layout = (
        "it has train/ and test/, in each cat/, dog/ and background/ with *.jpg, and labels.csv"
    )
    digests = ("69f0e9604de306be088e35e90bad0f7edc02b63eedf91d04e11dc27c3d422f1a",)

    def __init__(self, root, fold=None, classes=None):
        if fold is not None and fold not in range(1, FOLDS + 1):
            raise DataError(f"{self.name} has the folds 1 to {FOLDS}; there is no fold {fold!r}")
        self.fold = fold
        super().__init__(root, classes)
        self.name = WeakCatsDogs.name  # whatever the folder is called

    def _deal(self, halves):
        if self.fold is None:
            return super()._deal(halves)
        rest, test = {}, []
        for c in self.ids:
            names = [name for half in halves.values() for name in half[c]]
            hands = deal(names, FOLDS, f"{WeakCatsDogs.name} fold")
            test += hands.pop(self.fold - 1)
            rest[c] = sorted(name for hand in hands for name in hand)
        train, val = self._hold_out(rest, "val")
        return {
            "train": sorted(n for c in train for n in train[c]),
            "val": val,
            "test": sorted(test),
        }

    @staticmethod
    def locate(folder):
        """The folder that holds train/ and test/ in what an archive unpacked to, or None."""
        for cats in sorted(Path(folder).rglob("train/cat")):
            root = cats.parents[1]
            if any(cats.glob("*.jpg")) and (root / "test/dog").is_dir():
                return root
        return None
