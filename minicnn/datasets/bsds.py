"""Berkeley Segmentation Data Set 500: photographs of 481x321, each segmented by 4 to 8 people.

Layout, as Berkeley packed it (in BSR/BSDS500/data), or with the .mat files taken apart:

    images/SPLIT/ID.jpg
    groundTruth/SPLIT/ID.mat            a cell for each person: Segmentation, Boundaries
    groundTruth/SPLIT/ID_K_seg.png      region ids of person K = 0, 1, ...
    groundTruth/SPLIT/ID_K_bdry.png     the boundaries of person K, not 0 where one is

SPLIT is train (200 pictures), val (100) and test (200). Where the folder train is missing, four
fifths of val are for training, and the other fifth for every choice (splits.py); test is as it is.
"""

import re
from pathlib import Path

import numpy as np

from minicnn.datasets.dataset import Contours, DataError, Dataset
from minicnn.datasets.finding import find, pairless
from minicnn.datasets.splits import SPLITS, deal
from minicnn.images.labels import read_ids
from minicnn.images.reading import ImageError, read_image

FIFTHS = 5
DRAWN = re.compile(r"(.+)_(\d+)_(seg|bdry)")  # the name of a PNG file, its ending apart


class BSDS(Dataset):
    """The data set in the folder `root`. Raises DataError if a folder or an annotation is
    missing."""

    name = "bsds"
    kind = "boundaries"
    classes = ("boundary",)
    colours = np.array([(230, 60, 30)], np.uint8)
    # What `minicnn data` needs to know:
    description = "300 to 500 photographs, borders drawn by several people (Arbelaez et al. 2011)"
    source = (
        "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/resources.html "
        "(the archive BSR_bsds500.tgz)"
    )
    terms = (
        "non-commercial research and education. Cite P. Arbelaez, M. Maire, C. Fowlkes, J. Malik, "
        "Contour Detection and Hierarchical Image Segmentation, PAMI 2011"
    )
    layout = (
        "it has images/SPLIT/ID.jpg and groundTruth/SPLIT/ID.mat or ID_K_seg.png, ID_K_bdry.png"
    )
    digests = ("3381e3e3cc58e609f2e0b0208b7e7d423261ddebdd578c6518ba1e3345ecdeac",)

    def __init__(self, root):
        self.root = Path(root)
        self._files, self._drawings, self._others = {}, {}, []
        found = {split: self._find(split) for split in SPLITS if self._has(split)}
        if not found:
            raise DataError(f"{root}: holds no images/val and groundTruth/val; is this BSDS500?")
        if "train" not in found and len(found.get("val", ())) > 1:
            hands = deal(found["val"], FIFTHS, "bsds val")
            found |= {"train": sorted(sum(hands[1:], [])), "val": hands[0]}
        self._names = {split: found.get(split, []) for split in SPLITS}

    def read(self, name):
        path = self._files[name]
        try:
            image, people = read_image(path), []
            for files in self._drawings[name]:
                if files[0].suffix == ".mat":
                    people += [(*pair, files * 2) for pair in _matrices(files[0])]
                else:
                    people.append((*map(read_ids, files), files))
        except ImageError as error:
            raise DataError(str(error)) from error
        for *arrays, files in people:
            for array, file in zip(arrays, files, strict=True):
                if array.shape != image.shape[:2]:
                    (h, w), (rows, columns) = image.shape[:2], array.shape
                    raise DataError(f"{file}: is {columns} x {rows}, but {path} is {w} x {h}")
        regions, boundaries, _ = zip(*people, strict=True)
        return Contours(name, image, np.stack(boundaries) > 0, np.stack(regions).astype(np.int32))

    def passed_over(self):
        return self._others, []

    def _has(self, split):
        return all((self.root / kind / split).is_dir() for kind in ("images", "groundTruth"))

    def _find(self, split):
        """The sorted names of a split. Notes their files."""
        images, drawn = self.root / "images" / split, self.root / "groundTruth" / split
        files, others = find(images, (".jpg",))
        found, more = find(drawn, (".png", ".mat"))
        drawings = {}
        for name, file in found.items():
            match = DRAWN.fullmatch(name) if file.suffix == ".png" else None
            if file.suffix == ".png" and not match:
                more.append(f"{file}: is passed over; its name is not ID_K_seg or ID_K_bdry")
                continue
            picture, person, kind = match.groups() if match else (name, "0", "seg")
            drawings.setdefault(picture, {}).setdefault(int(person), {})[kind] = file
        self._others += others + more
        stray = {k: next(iter(v[min(v)].values())) for k, v in drawings.items() if k not in files}
        self._others += pairless(stray, files, images)
        for name, file in files.items():
            if name not in drawings:
                raise DataError(f"{file}: nobody has drawn in it; there is no {drawn / name}_0_seg")
            for person, kinds in drawings[name].items():
                only = next(iter(kinds.values()))
                if only.suffix == ".png" and len(kinds) < 2:
                    lacks = "bdry" if "seg" in kinds else "seg"
                    raise DataError(f"{only}: has no {name}_{person}_{lacks}.png beside it")
            if name in self._files:
                raise DataError(f"{file}: {self._files[name]} has the same name")
        self._files |= files
        self._drawings |= {
            name: [
                tuple(kinds[k] for k in ("seg", "bdry") if k in kinds)
                for _, kinds in sorted(drawings[name].items())
            ]
            for name in files
        }
        return sorted(files)

    @staticmethod
    def locate(folder):
        """The folder that holds images/ and groundTruth/ in what an archive unpacked to."""
        for drawn in sorted(Path(folder).rglob("groundTruth")):
            if (drawn.parent / "images").is_dir():
                return drawn.parent
        return None


def _matrices(path):
    """[(Segmentation, Boundaries), ...] of a file of MATLAB."""
    from scipy.io import loadmat

    try:
        cells = loadmat(path, variable_names=["groundTruth"])["groundTruth"].ravel()
        people = [(c["Segmentation"][0, 0], c["Boundaries"][0, 0]) for c in cells]
        if not people or any(a.ndim != 2 for pair in people for a in pair):
            raise ValueError("it is empty or no matrices are in it")
    except Exception as error:  # whatever a damaged file makes of the reader
        raise DataError(
            f"{path}: holds no cells groundTruth with Segmentation and Boundaries ({error})"
        ) from error
    return people
