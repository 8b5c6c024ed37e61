"""COCO: photographs of everyday scenes, every object with a mask.

    coco                annotations/instances_SPLITYEAR.json: polygons and run lengths; 80 classes
                        of things, and 0, background
    coco-panoptic       annotations/panoptic_SPLITYEAR.json and .../panoptic_SPLITYEAR/ID.png, whose
                        colour is the number of a segment: 133 classes of things and stuff, and void
    both                SPLITYEAR/ID.jpg, or images/SPLITYEAR/ID.jpg;  SPLIT is train or val

Each kind reads what the other one has no need of, and passes it over. A crowd, which nobody took
apart, is void, and an instance that is ignored. Where objects overlap, the smaller lies on top in
the label map; their masks stay whole. There is no split test: its labels are not published.
"""

import json
import re
from pathlib import Path

from minicnn.basics.plain import read_text
from minicnn.datasets.coco_masks import instance_masks, panoptic_masks
from minicnn.datasets.colours import class_colours
from minicnn.datasets.dataset import DataError, Dataset, Picture
from minicnn.datasets.instances import numbered
from minicnn.datasets.pairing import occurring
from minicnn.images.labels import VOID
from minicnn.images.reading import ImageError, read_image

MOST_TEXT = 2_000_000_000  # bytes of an annotation file; those of 2017 have 450 million


class COCO(Dataset):
    """The data set in the folder `root`; `year`, if it holds several. Raises DataError for a folder
    without annotations, and for annotations that name what is not there."""

    name, files = "coco", "instances"
    # What `minicnn data` needs to know:
    description = "photographs of everyday scenes, 80 classes of things, objects (Lin et al. 2014)"
    source = "https://cocodataset.org (val2017.zip and annotations_trainval2017.zip, unpacked)"
    terms = (
        "annotations CC BY 4.0; each photograph has the licence that its owner gave it on flickr, "
        "many of them non-commercial. Cite T.-Y. Lin et al., Microsoft COCO, ECCV 2014"
    )
    layout = "it has annotations/instances_val2017.json and val2017/ID.jpg or images/val2017/ID.jpg"
    digests = ()

    def __init__(self, root, year=None):
        self.root = Path(root)
        self._about, self._names, categories = {}, {"train": [], "val": [], "test": []}, {}
        for split, path in self._annotations(year).items():
            found = _Annotations(path, self.files)
            categories |= found.categories
            for about in found.pictures:
                name = Path(about["file_name"]).stem
                if name in self._about:
                    raise DataError(f"{path}: names the picture {name!r} twice")
                self._about[name] = path, about
                self._names[split].append(name)
            self._names[split].sort()
        self._categories = {number: categories[number] for number in sorted(categories)}
        first = ["background"] * (self.files == "instances")
        names = first + [str(c["name"]) for c in self._categories.values()]
        if len(names) > VOID or len(set(names)) < len(names):
            raise DataError(f"{self.root}: has {len(names)} classes, or one name for two of them")
        self.classes, self.colours = tuple(names), class_colours(names)
        places = range(len(first), len(names))
        self._labels = dict(zip(self._categories, places, strict=True))

    def read(self, name):
        path, about = self._about[name]
        image_path = self._image(path, about)
        try:
            image = read_image(image_path)
            if image.shape[:2] != (about["height"], about["width"]):
                (h, w), stored = image.shape[:2], f"{about['width']} x {about['height']}"
                raise DataError(f"{image_path}: is {w} x {h}, but {path.name} says {stored}")
            labels, objects = self._masks(path, about, image.shape[:2])
        except ImageError as error:
            raise DataError(str(error)) from error
        numbers, tags = numbered(objects, labels.shape), occurring(labels, self.classes)
        return Picture(name, image, labels, numbers, tags, objects=objects)

    def photograph(self, name):
        return self._image(*self._about[name])

    def _masks(self, path, about, size):
        return instance_masks(path, about, size, self._labels)

    def _image(self, path, about):
        folder = path.stem.split("_", 1)[1]
        places = [self.root / folder, self.root / "images" / folder, self.root / "images"]
        file = Path(about["file_name"]).name
        return next((p / file for p in places if (p / file).is_file()), places[1] / file)

    def _annotations(self, year):
        """{split: path} of the annotation files of one year."""
        found = {}
        for path in sorted(self.root.glob(f"annotations/{self.files}_*.json")):
            if match := re.fullmatch(rf"{self.files}_(train|val)(\d*)", path.stem):
                found.setdefault(match[2], {})[match[1]] = path
        if not found:
            raise DataError(
                f"{self.root}: holds no annotations/{self.files}_train2017.json or _val2017.json"
            )
        if year is None and len(found) == 1:
            return next(iter(found.values()))
        if str(year) not in found:
            have = f"{self.root}: holds annotations of {', '.join(found)}"
            which = f"not {year}" if year else f"say which: --set data.year={max(found)}"
            raise DataError(f"{have}; {which}")
        return found[str(year)]

    @classmethod
    def locate(cls, folder):
        """The folder that holds annotations/ in what an archive unpacked to, or None."""
        found = sorted(Path(folder).rglob(f"annotations/{cls.files}_*.json"))
        return found[0].parents[1] if found else None


class COCOPanoptic(COCO):
    """The data set in the folder `root`, things and stuff; see COCO."""

    name, files = "coco-panoptic", "panoptic"
    description = "photographs of everyday scenes, 133 classes of things and stuff (COCO)"
    source = (
        "https://cocodataset.org (val2017.zip, panoptic_annotations_trainval2017.zip, unpacked)"
    )
    terms = COCO.terms + "; A. Kirillov et al., Panoptic Segmentation, CVPR 2019"
    layout = (
        "it has annotations/panoptic_val2017.json, annotations/panoptic_val2017/ID.png and "
        "val2017/ID.jpg or images/val2017/ID.jpg"
    )
    digests = ("dc6fddf93848e29a2c1bb08abb53566093eb83565a575562b1feae7cc2acbac2",)

    def _masks(self, path, about, size):
        things = {number for number, c in self._categories.items() if c.get("isthing", 1)}
        return panoptic_masks(path, about, size, self._labels, things)


class _Annotations:
    """A file of annotations, looked at: `categories` {id: dict}, and `pictures`, dicts with
    file_name, width, height and the list `annotations` of each."""

    def __init__(self, path, kind):
        try:
            data = json.loads(read_text(path, DataError, MOST_TEXT))
            self.categories = {int(c["id"]): c for c in data["categories"]}
            if nameless := [k for k, c in self.categories.items() if "name" not in c]:
                raise DataError(f"{path}: category {nameless[0]} has no name")
            images = {int(i["id"]): i | {"annotations": []} for i in data["images"]}
            for about in images.values():
                about |= {side: int(about[side]) for side in ("width", "height")}
                about["file_name"] = str(about["file_name"])
            for one in data["annotations"]:
                number = int(one["image_id"])
                if number not in images:
                    raise DataError(f"{path}: an annotation belongs to image {number}, not listed")
                images[number]["annotations"].append(one)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{path}: is no file of COCO's {kind} ({error!r})") from error
        labelled = [i for i in images.values() if i["annotations"] or kind == "instances"]
        self.pictures = sorted(labelled, key=lambda about: about["file_name"])
