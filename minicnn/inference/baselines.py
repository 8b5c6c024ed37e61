"""What can be had without a network: three rules that look at no surroundings.

    majority   the commonest class of all
    row        the commonest class at this height of a picture
    colour     the commonest class of this colour

They count in the training pictures which class is where. A network that is not well above the best
of them has learnt nothing of what things look like.

    python -m minicnn.inference.baselines stanford-background --fold 1
"""

import argparse

import numpy as np

from minicnn import datasets
from minicnn.basics.printing import one_line
from minicnn.learning.metrics import Confusion

BANDS = 240  # heights that are told apart
LEVELS = 16  # of red, of green and of blue


def baselines(train, test, classes, apart=(), sets=()):
    """{rule: Confusion} of the rules, counted in the pictures `train`, on the pictures `test`.
    `classes` are the names of the classes; `apart` and `sets` as Confusion takes them."""
    counts = {rule: np.zeros((cells, len(classes)), np.int64) for rule, cells in CELLS.items()}
    for picture in train:
        known = picture.labels < len(classes)
        for rule, count in counts.items():
            codes = cells(rule, picture.image)[known].astype(np.int64) * len(classes)
            codes += picture.labels[known]
            count += np.bincount(codes, minlength=count.size).reshape(count.shape)
    # a height or a colour that never came gets the commonest class
    shares = {rule: c.sum(axis=0) / max(1, 2 * c.sum()) for rule, c in counts.items()}
    best = {rule: (c + shares[rule]).argmax(axis=1) for rule, c in counts.items()}
    found = {rule: Confusion(classes, apart, sets) for rule in counts}
    for picture in test:
        for rule, confusion in found.items():
            confusion.add(picture.labels, best[rule][cells(rule, picture.image)])
    return found


CELLS = {"majority": 1, "row": BANDS, "colour": LEVELS**3}


def cells(rule, image):
    """int (H, W): what the rule knows of each pixel, as a number."""
    height, width = image.shape[:2]
    if rule == "majority":
        return np.zeros((height, width), np.int32)
    if rule == "row":
        return np.repeat(np.arange(height)[:, None] * BANDS // height, width, axis=1)
    return (image // (256 // LEVELS)).astype(np.int32) @ [LEVELS**2, LEVELS, 1]


def main():
    parser = argparse.ArgumentParser(prog="python -m minicnn.inference.baselines")
    parser.add_argument("data")
    parser.add_argument("--fold", type=int)
    options = parser.parse_args()
    try:
        data = datasets.load(options.data, fold=options.fold)
        if data.kind in ("pictures", "boundaries"):
            raise datasets.DataError(f"{data.name}: has no labels of pixels to count")
        splits = data.split("train"), data.split("test")
        found = baselines(*splits, data.classes, data.not_averaged, data.sets)
        if not found["majority"].matrix.sum():
            raise datasets.DataError(f"{data.name}: has no pixel with a label in its split 'test'")
    except (ValueError, OSError) as error:
        parser.exit(2, f"minicnn: {one_line(error)}\n")
    for rule, confusion in found.items():
        accuracies = confusion.pixel_accuracy, confusion.class_accuracy
        print("{:9} pixel accuracy {:.1%}, class accuracy {:.1%}".format(rule, *accuracies))


if __name__ == "__main__":
    main()
