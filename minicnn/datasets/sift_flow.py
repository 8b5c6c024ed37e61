"""SIFT Flow (LMO): 2,688 outdoor photographs of 256x256, every pixel one of 33 classes, or void.

Layout, as J. Tighe packed it; each of the two long folders is called as the pictures are,
spatial_envelope_256x256_static_8outdoorcategories:

    Images/FOLDER/NAME.jpg
    SemanticLabels/FOLDER/NAME.png      8 bits: 0 void, 1 to 33 the classes; or NAME.mat, matrix S
    TestSet1.txt  or  test.txt          the 200 pictures for testing, with folder and ending or not
    trainval.txt                        the other 2,486; if it is missing, all that have a label

Two pictures, highway_bost181 and street_urb506, have no label at all and are in no list. A fixed
tenth of the 2,486 is for validation (splits.py). Cow, desert and moon do not occur in the test
pictures; papers leave them out of averages over classes, and so does `not_averaged`.
"""

from pathlib import Path

import numpy as np

from minicnn.datasets.colours import class_colours
from minicnn.datasets.dataset import DataError, Dataset
from minicnn.datasets.finding import find, pairless, read_list, unlisted
from minicnn.datasets.pairing import labelled
from minicnn.datasets.splits import hold_out
from minicnn.images.labels import VOID, read_labels

FOLDER = "spatial_envelope_256x256_static_8outdoorcategories"
UNLABELLED = ("highway_bost181", "street_urb506")
CLASSES = (
    "awning balcony bird boat bridge building bus car cow crosswalk desert door fence field grass "
    "moon mountain person plant pole river road rock sand sea sidewalk sign sky staircase "
    "streetlight sun tree window"
)


class SiftFlow(Dataset):
    """The data set in the folder `root`. Raises DataError if a list or a picture is missing."""

    name = "sift-flow"
    classes = tuple(CLASSES.split())
    colours = class_colours(classes)
    not_averaged = ("cow", "desert", "moon")
    # What `minicnn data` needs to know:
    description = "2,686 outdoor photographs, 33 classes (Liu, Yuen, Torralba 2009)"
    source = "J. Tighe's page of SuperParsing (the archive SiftFlowDataset.zip)"
    terms = (
        "no licence is stated: for research and teaching. Cite C. Liu, J. Yuen, A. Torralba, "
        "Nonparametric Scene Parsing: Label Transfer via Dense Scene Alignment, CVPR 2009; the "
        "photographs: A. Oliva, A. Torralba, Modeling the Shape of the Scene, IJCV 2001"
    )
    layout = f"it has Images/{FOLDER}/NAME.jpg, SemanticLabels/{FOLDER}/NAME.png and test.txt"
    digests = ("11ac1cbaab7d10771aaf2193af010bfd650a0716c7621583fae769c0e8429f6c",)

    def __init__(self, root):
        self.root = Path(root)
        self._images = self.root / "Images" / FOLDER
        self._labels = self.root / "SemanticLabels" / FOLDER
        for needed in (self._images, self._labels):
            if not needed.is_dir():
                raise DataError(f"{needed}: there is no such folder; is {root} SiftFlowDataset?")
        self._files, self._others = find(self._images, (".jpg",))
        self._label_files, more = find(self._labels, (".png", ".mat"))
        self._others += more
        owner, test = {}, []
        for path in filter(Path.is_file, (self.root / "test.txt", self.root / "TestSet1.txt")):
            test = test or read_list(path, self._files, owner)
        if not test:
            raise DataError(
                f"{self.root}: has neither test.txt nor TestSet1.txt, or they are empty"
            )
        path, train = self.root / "trainval.txt", []
        if path.is_file():
            train = read_list(path, self._files, owner)
        train = train or sorted(set(self._files) - set(test) - set(UNLABELLED))
        train, val = hold_out(sorted(train), "sift-flow val")
        self._names = {"train": train, "val": val, "test": sorted(test)}

    def read(self, name):
        label = self._label_files.get(name, self._labels / f"{name}.png")
        return labelled(name, self._files[name], label, self._read, self.classes)

    def passed_over(self):
        stray = pairless(self._label_files, self._files, self._images)
        return self._others + stray, unlisted(self._files, self._names)

    def _read(self, path):
        """uint8 (H, W), the classes from 0 on; 0 in the file is void."""
        labels = read_labels(path) if path.suffix == ".png" else _matrix(path)
        if labels.max(initial=0) > len(self.classes):
            raise DataError(
                f"{path}: holds the label {labels.max()}; the classes are 1 to "
                f"{len(self.classes)}, and 0 is void"
            )
        return np.where(labels == 0, VOID, labels - 1).astype(np.uint8)

    @staticmethod
    def locate(folder):
        """The folder that holds Images/ and SemanticLabels/ in what an archive unpacked to."""
        for labels in sorted(Path(folder).rglob(f"SemanticLabels/{FOLDER}")):
            root = labels.parents[1]
            if (root / "Images" / FOLDER).is_dir():
                return root
        return None


def _matrix(path):
    """The matrix S of a label file of MATLAB."""
    from scipy.io import loadmat

    try:
        labels = np.asarray(loadmat(path, variable_names=["S"])["S"])
        if labels.ndim != 2 or labels.dtype.kind not in "iub":
            raise ValueError(f"S is {labels.dtype} {labels.shape}")
    except Exception as error:  # whatever a damaged file makes of the reader
        raise DataError(f"{path}: holds no matrix S of whole numbers ({error})") from error
    return labels
