"""What training and evaluation expect of a network that names whole pictures."""

import numpy as np

from minicnn.engine.tensor import Tensor
from minicnn.images.normalise import normalise_rgb
from minicnn.images.resizing import resize
from minicnn.models.model import Model

AROUND = 8 / 7  # the shorter side of a picture, in crops: what is cut away of 256 for 224


class ClassificationModel(Model):
    """Base class: scores (N, classes) of crops (N, 3, size, size). A subclass has an option `size`
    and defines `forward`. Training takes `frame`, `part` and `normalise` one by one, the last for
    all of a batch; they are plain numpy, for they run in the threads that load pictures."""

    task = "pictures"

    def frame(self, image):
        """A picture, uint8 (H, W, 3), with a shorter side of 8/7 of the crop."""
        size = self.options["size"]
        scale = AROUND * size / min(image.shape[:2])
        return resize(image, tuple(max(size, round(scale * side)) for side in image.shape[:2]))

    def part(self, frame, rng=None, flip=False):
        """uint8 (size, size, 3) of what `frame` gives: the middle, or, with `rng`, from anywhere,
        and if `flip` mirrored one time in two; a view."""
        size = self.options["size"]
        room = np.array(frame.shape[:2]) - size
        top, left = room // 2 if rng is None else rng.integers(0, room + 1)
        part = frame[top : top + size, left : left + size]
        if flip and rng is not None and rng.random() < 0.5:
            part = part[:, ::-1]
        return part

    def normalise(self, parts):
        """The parts of pictures, uint8 (N, size, size, 3), as `forward` wants them."""
        return normalise_rgb(parts)

    def crop(self, image):
        """float32 (3, size, size) of a picture, uint8 (H, W, 3): its middle, as `forward` wants
        it."""
        return self.normalise(self.part(self.frame(image))[None])[0]

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
