"""What training and evaluation expect of a network that names whole pictures."""

import math

import numpy as np

from minicnn import functional as F
from minicnn.images.normalise import RGB_SPREAD, normalise_rgb
from minicnn.images.resizing import resize
from minicnn.models.model import Model

AROUND = 8 / 7  # the shorter side of a picture, in crops: what is cut away of 256 for 224


class ClassificationModel(Model):
    """Base class: scores (N, classes) of crops (N, 3, size, size). A subclass has an option `size`
    and defines `forward`; one with an option `crops` may be asked for the mean of ten. Training
    takes `frame`, `part` and `normalise` one by one, the last for all of a batch; they are plain
    numpy, for they run in the threads that load pictures."""

    task = "pictures"
    grey_levels = RGB_SPREAD  # that are 1 in a crop
    channels = (0, 1, 2)  # of a crop: which of red, green and blue each is

    def frame_side(self):
        """The shorter side to which pictures are brought before they are cut, pixels."""
        return round(AROUND * self.options["size"])

    def frame(self, image):
        """A picture, uint8 (H, W, 3), in the size from which crops are cut."""
        side, size = self.frame_side(), self.options["size"]
        scale = side / min(image.shape[:2])
        return resize(image, tuple(max(size, round(scale * side)) for side in image.shape[:2]))

    def part(self, frame, rng=None, flip=False, rescale=0.0):
        """uint8 (size, size, 3) of what `frame` gives: the middle, or, with `rng`, from anywhere,
        there if `flip` mirrored one time in two, and of a part by up to 1 + `rescale` larger or
        smaller."""
        side = size = self.options["size"]
        if rng is not None and rescale:
            side = round(size * math.exp(rng.uniform(-1, 1) * math.log1p(rescale)))
            side = min(side, *frame.shape[:2])
        room = np.array(frame.shape[:2]) - side
        top, left = room // 2 if rng is None else rng.integers(0, room + 1)
        part = frame[top : top + side, left : left + side]
        if flip and rng is not None and rng.random() < 0.5:
            part = part[:, ::-1]
        return part if side == size else resize(part, (size, size))

    def normalise(self, parts):
        """The parts of pictures, uint8 (N, size, size, 3), as `forward` wants them."""
        return normalise_rgb(parts)

    def crop(self, image):
        """float32 (3, size, size) of a picture, uint8 (H, W, 3): its middle, as `forward` wants
        it."""
        return self.normalise(self.part(self.frame(image))[None])[0]

    def ten_crops(self, image):
        """float32 (10, 3, size, size) of a picture: corners and middle, and those in a mirror.
        Source: Krizhevsky et al. 2012, section 4.1."""
        size, image = self.options["size"], self.frame(image)
        down, across = (side - size for side in image.shape[:2])
        corners = [(top, left) for top in (0, down) for left in (0, across)]
        parts = [
            image[top : top + size, left : left + size]
            for top, left in [*corners, (down // 2, across // 2)]
        ]
        return self.normalise(np.stack([p for part in parts for p in (part, part[:, ::-1])]))

    def preprocess(self, image):
        """The inputs of `forward` for one picture: the middle of it, float32 (3, size, size)."""
        return [self.crop(image)]

    def input_scale(self, k):
        """How many pixels of its crop a pixel of input k stands for."""
        return 1

    def predict(self, image):
        """Class scores, float32 (classes,), of a picture, uint8 (H, W, 3): of its middle, or the
        logarithm of the mean probabilities of ten crops."""
        ten = self.options.get("crops") == 10
        crops = self.ten_crops(image) if ten else self.crop(image)[None]
        with self.predicting():
            scores = self(*self.tensors([crops]))
            if not ten:
                return scores.numpy()[0]
            shares = F.softmax(scores, dim=1).numpy().mean(axis=0)
            return np.log(np.maximum(shares, np.finfo(np.float32).tiny))
