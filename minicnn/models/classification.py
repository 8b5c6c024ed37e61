"""What training and evaluation expect of a network that names whole pictures."""

import numpy as np

from minicnn.engine.tensor import Tensor
from minicnn.images.normalise import normalise_rgb
from minicnn.images.resizing import resize
from minicnn.models.model import Model

AROUND = 8 / 7  # the shorter side of a picture, in crops: what is cut away of 256 for 224


class ClassificationModel(Model):
    """Base class: scores (N, classes) of crops (N, 3, size, size). A subclass has an option `size`
    and defines `forward`."""

    task = "pictures"

    def crop(self, image, rng=None, flip=False):
        """float32 (3, size, size) of a picture, uint8 (H, W, 3), whose shorter side is brought to
        8/7 of the crop: from its middle, or, with `rng`, from anywhere, and if `flip` mirrored one
        time in two. Plain numpy: it runs in the threads that load pictures."""
        size = self.options["size"]
        scale = AROUND * size / min(image.shape[:2])
        image = resize(image, tuple(max(size, round(scale * side)) for side in image.shape[:2]))
        room = np.array(image.shape[:2]) - size
        top, left = room // 2 if rng is None else rng.integers(0, room + 1)
        part = image[top : top + size, left : left + size]
        if flip and rng is not None and rng.random() < 0.5:
            part = part[:, ::-1]
        return normalise_rgb(part)

    def preprocess(self, image):
        """The inputs of `forward` for one picture: the middle of it, float32 (3, size, size)."""
        return [self.crop(image)]

    def input_scale(self, k):
        """How many pixels of its crop a pixel of input k stands for."""
        return 1

    def predict(self, image):
        """Class scores, float32 (classes,), of the middle of a picture, uint8 (H, W, 3)."""
        with self._predicting():
            crop = Tensor(self.crop(image)[None]).to(self.parameters()[0].device)
            return self(crop).numpy()[0]
