"""What a network says of a picture: the mean of ten crops.

About 25 minutes; chapter 16.

A network sees squares of size x size pixels, and the picture is larger. So it is asked ten times:
about the four corners, the middle, and the same five in a mirror (left and right exchanged). The
scores s of each crop become probabilities, and the result is the mean of these:

    p_k  =  1/10  sum over the crops c of   exp(s_k(c)) / sum_j exp(s_j(c))

    network   a function: array (N, C, size, size) -> scores (N, K)
    x         array (C, H, W), one picture
    size      whole number, at most H and W

The middle begins in row (H - size) // 2 and column (W - size) // 2.

Returns p, an array (K,) of the dtype of the scores.

By hand: let the network see one pixel and say (0, this pixel). In the picture  0  ln 3  of 1x2 the
left corners and the middle are 0, where p = (1/2, 1/2); the right corners are ln 3, where p = (1/4,
3/4). Six of the ten crops say the one, four the other: (0.4, 0.6).
"""

import numpy as np

from minicnn.course.exercises import todo


def mean_of_ten(network, x, size):
    todo("p")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn import functional as functions
from minicnn import manual_seed, nn, optim
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import bars
from minicnn.engine.cases import normal
from minicnn.engine.tensor import Tensor
from minicnn.models.classification import ClassificationModel

RETURNS = ("p",)
HINTS = (
    "Begin with one crop: x[:, top : top + size, left : left + size]. Where do the four corners "
    "begin?",
    "The network takes pictures in a row: np.stack makes one array of ten crops, and crop[None] an "
    "array of one.",
    "exp(1000) is infinite. What may you subtract from all scores of a crop without changing p?",
)


class Asked(ClassificationModel):
    """A network whose pictures are as they should be already."""

    DEFAULTS = {"size": 1, "crops": 10}

    def __init__(self, network, size):
        super().__init__(0, size=size)
        self.network, self.here = network, nn.Linear(1, 1)  # it is on this device

    def frame(self, image):
        return image

    def normalise(self, parts):
        return np.moveaxis(parts, -1, -3)

    def forward(self, x):
        return self.network(x)


OWN = ClassificationModel.predict


def truth(network, x, size):
    model = Asked(lambda crops: Tensor(network(crops.numpy())), size)
    return np.exp(OWN(model, np.moveaxis(x, 0, 2)))


def one_pixel(x):
    return np.stack([0 * x[:, 0, 0, 0], x[:, 0, 0, 0]], axis=1)


def sums(shape, classes, scale=1.0):
    """A network of weighted sums over crops of this shape."""
    weights = scale * normal(int(np.prod(shape)), classes)

    def network(x):
        return x.reshape(len(x), -1) @ weights.astype(x.dtype)

    return network


def by_hand():
    x = np.array([[[0.0, np.log(3)]]])
    return (one_pixel, x, 1), np.array([0.4, 0.6])


def cases():
    yield "2 channels", (sums((2, 3, 3), 3), normal(2, 5, 7), 3)
    yield "room that is odd", (sums((1, 3, 3), 4), normal(1, 8, 6), 3)
    yield "no room across", (sums((2, 4, 4), 3), normal(2, 7, 4), 4)
    yield "as large as the crop", (sums((1, 3, 3), 3), normal(1, 3, 3), 3)
    yield "large scores", (sums((1, 2, 2), 3, 1e3), normal(1, 4, 5), 2)


def plug(answer):
    def predict(model, image):
        def network(crops):
            return model(Tensor(np.ascontiguousarray(crops))).numpy()

        with model.predicting():
            p = answer(network, model.normalise(model.frame(image)), model.options["size"])
        return np.log(np.maximum(p, np.finfo(np.float32).tiny))

    return replaced(ClassificationModel, predict=predict)


def train():
    """A network learns from crops; the loss is that of what it says of whole pictures."""
    pictures, labels = bars()
    manual_seed(1)
    layers = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 3))
    model = Asked(lambda crops: layers(crops).mean((2, 3)), 5)
    crops = np.concatenate([pictures[:, :, :5, :5], pictures[:, :, 1:, 1:]])
    optimiser, losses = optim.SGD(layers.parameters(), 0.5), []
    for _ in range(13):
        said = [model.predict(np.moveaxis(x, 0, 2)) for x in pictures]
        losses.append(float(-np.mean([s[label] for s, label in zip(said, labels, strict=True)])))
        loss = functions.cross_entropy(model(Tensor(crops)), np.tile(labels, 2))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return losses


def key(network, x, size):
    down, across = x.shape[1] - size, x.shape[2] - size
    crops = []
    for top, left in [(0, 0), (0, across), (down, 0), (down, across), (down // 2, across // 2)]:
        crop = x[:, top : top + size, left : left + size]
        crops += [crop, crop[:, :, ::-1]]
    said = []
    for scores in network(np.stack(crops)):
        e = np.exp(scores - scores.max())
        said.append(e / e.sum())
    return np.mean(said, axis=0)


MUTANTS = {
    "only the middle": (
        "(0, 0), (0, across), (down, 0), (down, across), ",
        "",
        "That is the middle alone. What lies in the corners?",
    ),
    "no mirror": (
        "crop[:, :, ::-1]",
        "crop",
        "Five crops, each of them twice. Which five are missing?",
    ),
    "upside down": (
        "crop[:, :, ::-1]",
        "crop[:, ::-1]",
        "You turn the crops upside down, as nobody sees the world. A mirror exchanges left and "
        "right: which axis is that?",
    ),
    "channels exchanged": (
        "crop[:, :, ::-1]",
        "crop[::-1]",
        "You turn the order of the channels: red becomes blue. The axes are channels, rows, "
        "columns.",
    ),
    "the mean of the scores": (
        "said.append(e / e.sum())\n    return np.mean(said, axis=0)",
        "said.append(scores)\n    e = np.exp(np.mean(said, axis=0) - np.mean(said, axis=0).max())\n"
        "    return e / e.sum()",
        "You take the mean of the scores, and then softmax. One crop with huge scores decides "
        "alone; the mean of probabilities gives each crop one vote.",
    ),
    "the sum": (
        "np.mean(said, axis=0)",
        "np.sum(said, axis=0)",
        "Probabilities that add up to 10?",
    ),
    "the surest crop": (
        "np.mean(said, axis=0)",
        "np.max(said, axis=0)",
        "For each class the crop that is surest of it: these do not add up to 1.",
    ),
    "overflow": (
        "scores - scores.max()",
        "scores",
        "e to the power of a large score is infinite, and infinite by infinite is no number.",
    ),
    "one softmax for all": (
        "said.append(e / e.sum())\n    return np.mean(said, axis=0)",
        "said.append(scores)\n    e = np.exp(np.array(said) - np.max(said))\n"
        "    return e.sum(0) / e.sum()",
        "You divide by the sum over all crops: then crops with large scores count more than "
        "others. Each crop is divided by its own sum.",
    ),
    "the middle rounded up": (
        "(down // 2, across // 2)",
        "(-(-down // 2), -(-across // 2))",
        "If the room is odd the middle is not quite in the middle. The task says to which side.",
    ),
    "the middle of the picture": (
        "(down // 2, across // 2)",
        "(x.shape[1] // 2 - size // 2, x.shape[2] // 2 - size // 2)",
        "Half of the picture less half of the crop is not half of the difference: both halves are "
        "rounded.",
    ),
}
