"""PASCAL VOC: photographs in which every pixel has one of 20 classes, and every object a mask.

Layout of a year of the VOCdevkit, 2007 to 2012:

    JPEGImages/ID.jpg
    SegmentationClass/ID.png          indexed: 0 background, 1 to 20, 255 void
    SegmentationObject/ID.png         indexed: the number of the object, 0 none, 255 void
    ImageSets/Segmentation/{train,val,test}.txt
    Annotations/ID.xml                boxes; which objects are difficult. May be missing

and that of SBD (Hariharan et al. 2011), which has masks for most other pictures of VOC 2011, too:

    img/ID.jpg   cls/ID.mat (GTcls.Segmentation)   inst/ID.mat (GTinst)   {train,val}.txt

VOC never published the labels of most of its test pictures, so `test` holds those that are there.
A difficult object has void pixels in the maps; its box is an instance that is ignored.
"""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from minicnn.basics.plain import read_text
from minicnn.datasets.colours import class_colours
from minicnn.datasets.dataset import DataError, Dataset
from minicnn.datasets.instances import Instance, instance, numbered, of_map
from minicnn.datasets.pairing import labelled
from minicnn.datasets.splits import SPLITS
from minicnn.images.labels import VOID, read_labels
from minicnn.images.reading import ImageError

CLASSES = (
    "background aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse "
    "motorbike person pottedplant sheep sofa train tvmonitor"
)
LISTS = "ImageSets/Segmentation"
SAME = 0.5  # of their union: then a box of the annotation and a mask are one object


class VOC(Dataset):
    """The data set in the folder `root`: a year of a VOCdevkit, the devkit itself (with `year`, if
    it holds several), or SBD's `dataset`. Raises DataError for another layout, and for a list that
    names a picture that is not there."""

    name = "voc"
    classes = tuple(CLASSES.split())
    colours = class_colours(classes)
    # What `minicnn data` needs to know:
    description = "PASCAL VOC, any year, 20 classes, objects (Everingham et al.); or SBD"
    source = (
        "http://host.robots.ox.ac.uk/pascal/VOC/voc2012 (the archive VOCtrainval_11-May-2012.tar)"
    )
    terms = (
        "the photographs come from flickr, whose terms hold: non-commercial research and "
        "education. Cite M. Everingham et al., The PASCAL Visual Object Classes Challenge, IJCV "
        "2010; for SBD: B. Hariharan et al., Semantic Contours from Inverse Detectors, ICCV 2011"
    )
    layout = f"it has JPEGImages/, SegmentationClass/ and {LISTS}/; or img/, cls/ and inst/"
    digests = ()

    def __init__(self, root, year=None):
        self.root = _year(Path(root), year)
        self._sbd = (self.root / "cls").is_dir()
        lists = self.root if self._sbd else self.root / LISTS
        self._names = {split: self._read_list(lists / f"{split}.txt") for split in SPLITS}
        unlabelled = [n for n in self._names["test"] if not self._file("class", n).is_file()]
        self._unlabelled = len(unlabelled)
        self._names["test"] = sorted(set(self._names["test"]) - set(unlabelled))
        if not any(self._names.values()):
            raise DataError(f"{lists}: holds no train.txt and no val.txt that name a picture")

    def read(self, name):
        labels, objects = self._file("class", name), self._file("object", name)
        picture = labelled(name, self._file("image", name), labels, self._labels, self.classes)
        if not objects.is_file():
            return picture
        try:
            found = self._objects(objects, picture.labels)
        except ImageError as error:
            raise DataError(str(error)) from error
        found += self._difficult(name, found)
        numbers = numbered(found, picture.labels.shape)
        return picture.with_objects(found, numbers)

    def photograph(self, name):
        return self._file("image", name)

    def passed_over(self):
        count = self._unlabelled
        return [], [f"{count} pictures of test.txt have no labels"] * bool(count)

    def _file(self, kind, name):
        folders = SBD if self._sbd else DEVKIT
        return self.root / folders[kind].format(name)

    def _labels(self, path):
        labels = _matrix(path, "GTcls") if self._sbd else read_labels(path)
        strange = (labels >= len(self.classes)) & (labels != VOID)
        if strange.any():
            raise DataError(
                f"{path}: holds the label {labels[strange][0]}; the classes are 0 to "
                f"{len(self.classes) - 1}, and 255 is void"
            )
        return labels.astype(np.uint8)

    def _objects(self, path, labels):
        if not self._sbd:
            return of_map(read_labels(path), labels, path)
        numbers, classes = _matrix(path, "GTinst"), _matrix(path, "GTinst", "Categories").ravel()
        of_map(numbers, labels, path)  # its sentences
        count = int(numbers.max(initial=0))
        if count > len(classes) or (classes[:count] >= len(self.classes)).any():
            raise DataError(f"{path}: has {count} objects, and the classes {classes.tolist()}")
        masks = [numbers == k + 1 for k in range(count)]
        if empty := [k + 1 for k, mask in enumerate(masks) if not mask.any()]:
            raise DataError(f"{path}: object {empty[0]} has no pixel")
        return tuple(instance(c, mask) for c, mask in zip(classes, masks, strict=False))

    def _difficult(self, name, found):
        """An ignored Instance for each box that is called difficult and is not one of the masks."""
        path = self.root / "Annotations" / f"{name}.xml"
        if self._sbd or not path.is_file():
            return ()
        boxes = []
        for label, box, difficult in read_boxes(path, self.classes):
            own = any(one.label == label and overlap(one.box, box) > SAME for one in found)
            if difficult and not own:
                boxes.append(Instance(label, None, box, ignored=True))
        return tuple(boxes)

    def _read_list(self, path):
        """The sorted names in a list of pictures, [] if there is none."""
        if not path.is_file():
            return []
        names = [
            line.split()[0] for line in read_text(path, DataError).splitlines() if line.strip()
        ]
        for number, name in enumerate(names, 1):
            if not self._file("image", name).is_file():
                raise DataError(f"{path}, line {number}: there is no {self._file('image', name)}")
        if len(set(names)) < len(names):
            raise DataError(f"{path}: names a picture twice")
        return sorted(names)

    @staticmethod
    def locate(folder):
        """The folder of a year, or of SBD, in what an archive unpacked to; the last year."""
        found = [p.parent for p in Path(folder).rglob("JPEGImages") if is_voc(p.parent)]
        found += [p.parent for p in Path(folder).rglob("cls") if is_voc(p.parent)]
        return max(found, default=None)


DEVKIT = {
    "image": "JPEGImages/{}.jpg",
    "class": "SegmentationClass/{}.png",
    "object": "SegmentationObject/{}.png",
}
SBD = {"image": "img/{}.jpg", "class": "cls/{}.mat", "object": "inst/{}.mat"}


def is_voc(folder):
    """Whether a folder has the layout of a year of a VOCdevkit, or of SBD."""
    folder = Path(folder)
    devkit = (folder / "JPEGImages").is_dir() and (folder / LISTS).is_dir()
    return devkit or ((folder / "img").is_dir() and (folder / "cls").is_dir())


def _year(root, year):
    """The folder of the year in a devkit, or `root` itself."""
    inside = root / "VOCdevkit" if (root / "VOCdevkit").is_dir() else root
    years = {p.name.removeprefix("VOC"): p for p in sorted(inside.glob("VOC*")) if is_voc(p)}
    if is_voc(root) or is_voc(root / "dataset"):
        if year is not None:
            raise DataError(f"{root}: is of one year already, so not data.year={year}")
        return root if is_voc(root) else root / "dataset"
    if not years:
        raise DataError(
            f"{root}: has no JPEGImages/ and {LISTS}/; is this a VOCdevkit? (SBD: img/, cls/)"
        )
    if year is None and len(years) == 1:
        return next(iter(years.values()))
    if str(year) not in years:
        have = f"{root}: holds the years {', '.join(years)}"
        raise DataError(
            f"{have}, not {year}" if year else f"{have}; say which: --set data.year={min(years)}"
        )
    return years[str(year)]


def read_boxes(path, classes):
    """[(label, (top, left, bottom, right), difficult), ...] of an annotation in XML. Classes that
    are not among `classes` are left out. Raises DataError that names the file."""
    text = read_text(path, DataError)
    try:
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise ValueError("it declares entities")
        found = []
        for thing in ElementTree.fromstring(text).iter("object"):
            name, corners = thing.findtext("name", "").strip(), thing.find("bndbox")
            left, top, right, bottom = (
                round(float(corners.findtext(side))) for side in ("xmin", "ymin", "xmax", "ymax")
            )
            if name in classes:
                hard = thing.findtext("difficult", "0").strip() == "1"
                found.append((classes.index(name), (top - 1, left - 1, bottom, right), hard))
    except (ValueError, TypeError, AttributeError, OverflowError, ElementTree.ParseError) as error:
        raise DataError(f"{path}: is no annotation of VOC ({error})") from error
    return found


def overlap(one, other):
    """Intersection over union of two boxes (top, left, bottom, right)."""
    height = min(one[2], other[2]) - max(one[0], other[0])
    width = min(one[3], other[3]) - max(one[1], other[1])
    common = max(height, 0) * max(width, 0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return common / max(areas - common, 1)


def _matrix(path, variable, field="Segmentation"):
    """A field of the struct that a file of MATLAB holds under this name."""
    from scipy.io import loadmat

    try:
        array = np.asarray(loadmat(path, variable_names=[variable])[variable][field][0, 0])
        if array.ndim != 2 or array.dtype.kind not in "iubf":
            raise ValueError(f"{field} is {array.dtype} {array.shape}")
    except Exception as error:  # whatever a damaged file makes of the reader
        raise DataError(f"{path}: holds no {variable}.{field} ({error})") from error
    return array.astype(np.int64)
