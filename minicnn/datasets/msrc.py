"""MSRC-21: 591 photographs of objects, every pixel one of 21 classes, or void.

The set of the lecture's first slide. Layout, in the folder MSRC_ObjCategImageDatabase_v2:

    Images/NAME.jpg                 the photograph, mostly 320 x 213
    SegmentationClass/NAME.png      8 bits: 0 void, 1 to 23 as STORED lists them
    msrcTrainList.txt, msrcValList.txt, msrcTestList.txt    276, 59 and 256 names: Shotton's split

The labels are those that Malisiewicz and Efros cleaned up, with borders much closer to the objects'
than the first ones; so numbers that were measured with the first labels are near to ours, but not
of the same task. Horse and mountain are void, as in the literature: they are in too few pictures.
"""

from pathlib import Path

import numpy as np

from minicnn.datasets.dataset import DataError, Dataset
from minicnn.datasets.finding import find, pairless, read_list, unlisted
from minicnn.datasets.pairing import labelled
from minicnn.images.labels import VOID, read_labels

STORED = (
    "void building grass tree cow horse sheep sky mountain aeroplane water face car bicycle flower "
    "sign bird book chair road cat dog body boat"
).split()
RARE = ("horse", "mountain")
LISTS = {"train": "msrcTrainList.txt", "val": "msrcValList.txt", "test": "msrcTestList.txt"}
# As they stand on the lecture's first slide; the names in STORED's order, the rare ones left out.
COLOURS = (
    "800000 008000 808000 000080 008080 808080 c00000 408000 c08000 400080 c00080 408080 c08080 "
    "004000 804000 00c000 804080 00c080 80c080 404000 c04000"
).split()
LICENCE = "MSR Cambridge EULA for Digital Images_download.rtf"


class Msrc(Dataset):
    """The data set in the folder `root`. Raises DataError if a list or a picture is missing."""

    name = "msrc"
    classes = tuple(name for name in STORED[1:] if name not in RARE)
    colours = np.array([list(bytes.fromhex(colour)) for colour in COLOURS], np.uint8)
    # What `minicnn data` needs to know:
    description = "591 photographs of objects, 21 classes (Shotton, Winn, Rother, Criminisi 2006)"
    source = "Microsoft Research Cambridge (MSRC-v2), labels: T. Malisiewicz (msrc-v2.zip)"
    terms = (
        "Microsoft Research Digital Image License Agreement: for non-commercial purposes only; "
        "whoever passes the photographs on passes the licence and NOTICE.txt on with them. Cite "
        "J. Shotton, J. Winn, C. Rother, A. Criminisi, TextonBoost, ECCV 2006, and of the labels "
        "T. Malisiewicz, A. Efros, Improving Spatial Support for Objects via Multiple "
        "Segmentations, BMVC 2007"
    )
    licence = ("NOTICE.txt", LICENCE)  # files of the archive that `data install` shows
    layout = "it has Images/NAME.jpg, SegmentationClass/NAME.png and msrcTrainList.txt"
    digests = ("f63607b9a63b66c6ca00b9c16579f63cb691dddc72f51b4682a160ba0b98a663",)

    def __init__(self, root):
        self.root = Path(root)
        self._images, self._labels = self.root / "Images", self.root / "SegmentationClass"
        for needed in (self._images, self._labels):
            if not needed.is_dir():
                raise DataError(
                    f"{needed}: there is no such folder; is {root} MSRC_ObjCategImageDatabase_v2?"
                )
        self._files, self._others = find(self._images, (".jpg",))
        self._label_files, more = find(self._labels, (".png",))
        self._others += more
        self._names, owner = {}, {}
        for split, file_name in LISTS.items():
            self._names[split] = sorted(read_list(self.root / file_name, self._files, owner))
        # a stored number to a class: 0, horse and mountain are void
        kept = {name: k for k, name in enumerate(self.classes)}
        self._index = np.array([kept.get(name, VOID) for name in STORED], np.uint8)

    def read(self, name):
        label = self._label_files.get(name, self._labels / f"{name}.png")
        return labelled(name, self._files[name], label, self._read, self.classes)

    def _read(self, path):
        """uint8 (H, W), the classes from 0 on."""
        labels = read_labels(path)
        if labels.max(initial=0) >= len(STORED):
            raise DataError(
                f"{path}: holds the label {labels.max()}; the classes are 1 to "
                f"{len(STORED) - 1}, and 0 is void"
            )
        return self._index[labels]

    def passed_over(self):
        stray = pairless(self._label_files, self._files, self._images)
        return self._others + stray, unlisted(self._files, self._names)

    @staticmethod
    def locate(folder):
        """The folder that holds Images/ and the lists in what an archive unpacked to, or None."""
        for path in sorted(Path(folder).rglob(LISTS["train"])):
            if (path.parent / "Images").is_dir() and (path.parent / "SegmentationClass").is_dir():
                return path.parent
        return None
