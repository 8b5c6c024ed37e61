"""VOC 2012, its pictures of animals at 240 pixels: 1,044 to learn from, 319 of VOC's val.

Pictures with a cat, cow, dog, horse or sheep, scaled so that the longer side has 240 pixels, in the
layout of a year of a VOCdevkit (voc.py). The class labels are VOC's and SBD's. The object masks are
derived: connected regions of a class, given to the box that holds them, and pictures are there only
if every box got its mask; so they show few, clear objects. Two fifths of `train` and `val` have one
object. Classes with enough objects for a number of their own: cat, dog, horse, sheep, cow, person.

For networks that learn from labels of pictures, `classes` are told apart and all others are
background, and `more` names a data set whose pictures have one class each; see some_classes.py.
"""

from minicnn.datasets.dataset import DataError
from minicnn.datasets.some_classes import SomeClasses
from minicnn.datasets.voc import VOC


class VOCAnimals(VOC):
    """The data set in the folder `root`; `more` is a function that gives another data set (`load`
    takes its name or path)."""

    name = "voc2012-animals"
    frequent = ("cat", "cow", "dog", "horse", "person", "sheep")
    # What `minicnn data` needs to know:
    description = "1,363 photographs of animals and people, 21 classes, objects (VOC 2012)"
    source = (
        "http://host.robots.ox.ac.uk/pascal/VOC/voc2012, labels of "
        "http://home.bharathh.info/pubs/codes/SBD (a subset of both, scaled down)"
    )
    terms = (
        "the photographs come from flickr, whose terms hold: non-commercial research and "
        "education. Cite M. Everingham et al., The PASCAL Visual Object Classes Challenge, IJCV "
        "2010; B. Hariharan et al., Semantic Contours from Inverse Detectors, ICCV 2011; J. Cao et "
        "al., Cross-Domain Adaptation for Animal Pose Estimation, ICCV 2019"
    )
    digests = ("079d5cf6363f2d84ddc250a72af9879ca435835c6d80da29f58dad9ed4694b93",)

    def __init__(self, root, classes=None, more=None):
        super().__init__(root)
        self._some = None
        if classes is not None:
            whole = VOC(root)
            whole.name = self.name
            self._some = SomeClasses(whole, classes, more)
            self.classes, self.colours = self._some.classes, self._some.colours
        elif more is not None:
            raise DataError(f"{self.name}: data.more goes with data.classes, such as cat,dog")

    def names(self, split):
        return self._some.names(split) if self._some else super().names(split)

    def read(self, name):
        return self._some.read(name) if self._some else super().read(name)
