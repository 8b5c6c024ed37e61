"""Objects as COCO writes them: JSON that other programs read, and a map of their numbers.

    results(found, 17)                     a list, as COCO's own program takes it
    annotated({"photo": found}, classes)   a whole file: images, annotations, categories
    object_map(found)                      int32 (H, W), 0 where no object is

A mask is run lengths, as text (datasets/run_lengths.py); a box is x, y, width, height; a category
is the number of a label, so no numbers but ours. What `annotated` gives of objects that were found
has a score, that of a truth none; our own `coco` reads it (`--data FOLDER`), and difficult objects
are crowds there.

Source: T.-Y. Lin et al., Microsoft COCO, ECCV 2014, and the page on its formats.
"""

import numpy as np

from minicnn.basics.writing import save_png
from minicnn.datasets.colours import palette
from minicnn.datasets.run_lengths import to_text
from minicnn.images.painting import indexed


def results(found, image_id):
    """[{image_id, category_id, segmentation, bbox, score}] of the Regions of a picture."""
    return [_about(found, k, image_id) | {"score": _rounded(found, k)} for k in range(len(found))]


def annotated(pictures, classes, scores=True):
    """{images, annotations, categories} of {file name: Regions}. classes  the names of all labels;
    scores  whether they are given: not of a truth."""
    images, annotations, used = [], [], set()
    for number, (name, found) in enumerate(pictures.items(), start=1):
        height, width = found.size
        images.append({"id": number, "file_name": name, "height": height, "width": width})
        for k in range(len(found)):
            one = {"id": len(annotations) + 1} | _about(found, k, number)
            one["area"] = int(found.masks[k].sum())
            one["iscrowd"] = int(found.difficult is not None and found.difficult[k])
            annotations.append(one | ({"score": _rounded(found, k)} if scores else {}))
            used.add(one["category_id"])
    categories = [
        {"id": k, "name": name}
        for k, name in enumerate(classes)
        if k in used or name != "background"
    ]
    return {"images": images, "annotations": annotations, "categories": categories}


def _about(found, k, image_id):
    top, left, bottom, right = found.boxes[k].tolist()
    height, width = found.size
    return {
        "image_id": image_id,
        "category_id": int(found.classes[k]),
        "segmentation": {"size": [height, width], "counts": to_text(found.masks[k])},
        "bbox": [left, top, right - left, bottom - top],
    }


def _rounded(found, k):
    return round(float(found.scores[k]), 6)


def object_map(found):
    """int32 (H, W): k + 1 where region k lies, 0 where none does; where regions overlap, the one
    with the highest score."""
    numbers = np.zeros(found.size, np.int32)
    for k in np.argsort(-found.scores, kind="stable")[::-1]:  # of equal ones the first on top
        numbers[found.masks[k]] = k + 1
    return numbers


def save_object_map(found, path):
    """Writes the map as a PNG file: of up to 255 regions indexed, with a colour for each (0, none,
    is black), of more as 16-bit grey."""
    from PIL import Image  # costs time to import

    numbers = object_map(found)
    if len(found) > 255:
        save_png(Image.fromarray(numbers.astype(np.uint16)), path)
        return
    colours = np.concatenate([np.zeros((1, 3), np.uint8), palette(len(found))])
    save_png(indexed(numbers.astype(np.uint8), colours), path)
