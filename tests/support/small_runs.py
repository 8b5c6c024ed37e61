"""A run of two steps on scenes of 32x48, and networks that are not trained at all, for the tests of
what one does with a trained network."""

import numpy as np

import minicnn
from minicnn.models.segmentation import SegmentationModel

SCENES = {"size": (32, 48), "train": 2, "val": 1, "test": 3}
SETTINGS = {"width": 0.1, "hidden": 40}


def small_run(folder=None):
    return minicnn.train(
        "multi-scale",
        "scenes",
        out=folder,
        steps=2,
        settings=SETTINGS,
        data_options=SCENES,
        quiet=True,
    )


class Red(SegmentationModel):
    """A «network» that reads the class of a pixel from its red channel, in steps of ten. It notes
    the sizes of the pictures that it sees."""

    def __init__(self, classes):
        super().__init__(classes)
        self.seen = []

    def predict(self, image):
        self.seen.append(image.shape[:2])
        named = np.rint(image[..., 0] / 10).astype(int).clip(0, self.classes - 1)
        return np.eye(self.classes, dtype=np.float32)[named].transpose(2, 0, 1)
