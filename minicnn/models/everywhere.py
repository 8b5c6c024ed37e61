"""Labels of pixels from a network that names whole pictures: at every place of a larger picture it
is asked what it sees there.

The network answers for crops that lie `stride` pixels apart. What it says of one stands for the
square of `stride` pixels in the middle of it; between the middles the scores are interpolated.
Source: Sermanet et al. 2013, section 3.5.
"""

import numpy as np

from minicnn import functional as F
from minicnn.engine.tensor import Tensor
from minicnn.images.labels import VOID

LARGER = 4  # crops, along the long side of a picture, unless another size is asked for


class Everywhere:
    """A network for pixels made of one for pictures that has a `class_map`; it cannot be trained.
    Raises ValueError for one that has none, or knows more
    classes than a byte."""

    task = "pixels"

    def __init__(self, network, name):
        if not hasattr(network, "class_map"):
            raise ValueError(
                f"{name} says what a whole picture shows, not what its pixels are; take a network "
                "for pixels, for instance multi-scale, or alexnet, which can be asked everywhere"
            )
        if network.classes > VOID:
            raise ValueError(
                f"{name} knows {network.classes} classes, and the label of a pixel is a byte, so "
                f"that there can be {VOID} at most"
            )
        self.network, self.options = network, network.options
        self.long_side = LARGER * network.options["size"]

    def predict(self, image):
        """Class scores, float32 (classes, H, W), of a picture, uint8 (H, W, 3)."""
        network, size = self.network, self.options["size"]
        stride, around = network.stride, (size - network.stride) // 2
        mean = network.mean.numpy().mean(axis=(1, 2))[:, None, None]
        centred = network.normalise(image) - mean
        more = [-side % stride + size - stride - around for side in image.shape[:2]]
        padded = np.pad(centred, ((0, 0), (around, more[0]), (around, more[1]))) + mean
        with network.predicting():
            x = Tensor(padded[None].astype(np.float32)).to(network.parameters()[0].device)
            scores = F.interpolate(
                network.class_map(x), scale_factor=stride, mode="bilinear", align_corners=False
            )
            return scores.numpy()[0, :, : image.shape[0], : image.shape[1]]

    def predict_with_features(self, image):
        """The same, and None in the place of the maps."""
        return self.predict(image), None
