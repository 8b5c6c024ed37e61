"""What training, evaluation and segmentation expect of a network, whatever its architecture."""

import numpy as np

from minicnn import functional as F
from minicnn.datasets import VOID
from minicnn.models.model import Model


class SegmentationModel(Model):
    """Base class of the networks that give a score for every pixel. A subclass defines `preprocess`
    and `forward`."""

    sets = ()  # of classes of which one is true: label `classes` + k stands for sets[k]

    def preprocess(self, image):
        """uint8 (H, W, 3) to a list of float32 arrays (C, h, w), one for each input of `forward`.
        Plain numpy and scipy: it runs in the thread that loads pictures ahead."""
        raise NotImplementedError

    def input_scale(self, k):
        """How many pixels of the picture a pixel of input k stands for."""
        return 1

    def forward(self, *inputs):
        """Tensors (N, C, h, w) to scores (N, classes, h', w') at the network's own resolution."""
        raise NotImplementedError

    def scores(self, inputs, size):
        """Class scores (N, classes, H, W), interpolated to the pictures' size (H, W)."""
        return self.enlarged(self(*inputs), size)

    def enlarged(self, coarse, size):
        """The output of `forward`, interpolated to the pictures' size (H, W)."""
        # The coarse map may reach past the right and lower border by part of a cell.
        stride = self.stride
        full = F.interpolate(coarse, scale_factor=stride, mode="bilinear", align_corners=False)
        return full[:, :, : size[0], : size[1]]

    def loss(self, inputs, labels, weight=None):
        """(mean loss over the labelled pixels, class scores at the size of the pictures).

        inputs  list of Tensors (N, C, h, w) from `preprocess`
        labels  int array (N, H, W): classes, or `sets` of them; 255 for void
        weight  float array (classes,): how much the pixels of each class count (all alike)
        """
        scores = self.scores(inputs, labels.shape[1:])
        return self.loss_of(scores, labels, weight), scores

    def loss_of(self, scores, labels, weight=None):
        """The mean loss of scores (N, classes, H, W) or (N, classes), for labels without C."""
        return F.cross_entropy_of_sets(scores, labels, self.sets, weight, ignore_index=VOID)

    def predict(self, image):
        """Class scores, float32 (classes, H, W), of one picture, uint8 (H, W, 3)."""
        with self.predicting():
            return self.scores(self._inputs(image), image.shape[:2]).numpy()[0]

    def predict_with_features(self, image):
        """(class scores as `predict` gives them, the maps float32 (F, h, w) that they were read
        from), for networks whose `forward` is `classify(features(...))`. Of others the maps are
        None."""
        if not hasattr(self, "features"):
            return self.predict(image), None
        with self.predicting():
            features = self.features(*self._inputs(image))
            scores = self.enlarged(self.classify(features), image.shape[:2])
            return scores.numpy()[0], features.numpy()[0]

    def _inputs(self, image):
        return self.tensors(level[None] for level in self.preprocess(image))


def pad_to(planes, before, multiple):
    """Zeros around (C, H, W): `before` on every side, and on the right and below as many more as
    make H and W a multiple of `multiple`."""
    height, width = planes.shape[1:]
    return np.pad(
        planes,
        (
            (0, 0),
            (before, before + -height % multiple),
            (before, before + -width % multiple),
        ),
    )
