"""Some classes of a data set with label maps, all others as background; and pictures of another
data set, of which only the class is known, to learn from beside them.

For networks that learn from labels of pictures. Of the training pictures HELD_OUT are taken away,
by a digest of their names: the split `val`, whose masks may choose a threshold and nothing else.
What was `val` is `test`: a network is scored there once.
"""

import numpy as np

from minicnn.basics.nearest import did_you_mean
from minicnn.datasets.colours import class_colours
from minicnn.datasets.dataset import DataError, Picture
from minicnn.datasets.image_folder import ImageFolder, names_of
from minicnn.datasets.pairing import occurring
from minicnn.datasets.splits import by_digest
from minicnn.images.labels import VOID

BACKGROUND = "background"
HELD_OUT = 50


class SomeClasses:
    """The view of a data set.

    whole    the Dataset; its class 0 is background
    classes  those that count: a list, or a text with commas
    more     None, or a function that gives an ImageFolder of these classes

    `classes`, `colours`, `names(split)` and `read(name)` are as those of a Dataset.
    """

    def __init__(self, whole, classes, more=None):
        wanted = names_of(classes)
        for c in wanted:
            if c not in whole.classes[1:]:
                raise DataError(
                    f"{whole.name}: classes={','.join(wanted)}: there is no class {c!r}; there are "
                    f"{', '.join(whole.classes[1:])}{did_you_mean(c, whole.classes)}"
                )
        self.whole, self._find_more, self._more = whole, more, None
        self.classes = (BACKGROUND, *dict.fromkeys(wanted))
        self.colours = class_colours(self.classes)
        self._number = np.zeros(VOID + 1, np.uint8)
        self._number[VOID] = VOID
        for k, c in enumerate(self.classes):
            self._number[whole.classes.index(c)] = k

    def names(self, split):
        if split == "test":
            return self.whole.names("val")
        train = self.whole.names("train")
        held = sorted(by_digest(train, f"{self.whole.name} masks")[:HELD_OUT])
        if split == "val":
            return held
        train = sorted(set(train) - set(held))
        if self._find_more is not None:
            found = self._other()
            train += [f"{found.name}/{n}" for s in ("train", "val") for n in found.names(s)]
        return train

    def _other(self):
        """The data set that more pictures come from."""
        if self._more is None:
            found = self._find_more()
            if not isinstance(found, ImageFolder):
                raise DataError(f"{found.name} has no pictures of a class each, to be learnt from")
            if unknown := sorted(set(found.classes) - set(self.classes)):
                raise DataError(
                    f"{found.name} has the class {unknown[0]!r}, which is none of "
                    f"{', '.join(self.classes)}"
                )
            self._more = found
        return self._more

    def read(self, name):
        """The Picture of that name. One of which only the class is known is void all over, and has
        that as its tag."""
        start = f"{self._other().name}/" if self._find_more is not None and "/" in name else None
        if start and name.startswith(start):
            photograph = self._other().read(name.removeprefix(start))
            void = np.full(photograph.image.shape[:2], VOID, np.uint8)
            tag = self._other().classes[photograph.label]
            return Picture(name, photograph.image, void, tags=(tag,))
        picture = self.whole.read(name)
        labels = self._number[picture.labels]
        tags = occurring(labels, self.classes)
        return Picture(name, picture.image, labels, tags=tags, notes=picture.notes)
