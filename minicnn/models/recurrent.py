"""Recurrent convolutional networks (Pinheiro, Collobert 2014): a network that reads its own answer.

One small network, an *instance*, names the pixels of a coarse lattice. Then the same network, with
the same weights, looks at the picture brought to that lattice and at what it has just said, and
names the points of a coarser lattice. What was a patch of 25 pixels becomes one of 121, and no
weight was added: the second instance can mend what the first, which saw too little, got wrong.

    F^1 = [0, I]    F^p = [softmax(f(F^{p-1})), I^p]    f: one instance, N + 3 maps to N scores

    net    one instance                                               sees, one, two, three of them
    CNN1   conv 6 -> 25, pool 8, tanh; conv 3 -> 50, pool 2, tanh; conv 7  133
    rCNN2  conv 8 -> 25, pool 2, tanh; conv 8 -> 50, pool 2, tanh; conv 1  25, 121
    rCNN3  conv 8 -> 25, pool 2, tanh; conv 8 -> 50, tanh; conv 1          23, 67, 155

Geometry. The picture is padded once, convolutions are valid: what the network says of a pixel is
what it would say of the patch around it. This needs I^p on the very lattice of the scores: of each
patch the part that the scores cover is cut out, and every point of the lattice gets the mean of its
cell. (Resizing the whole patch, as one might read the paper, would give other distances.)

Resolution. All pools together have the stride s^p. `output=4` answers for every fourth pixel: the
first pools stride until 4 is reached, those after it keep every position, and the convolutions
behind them are dilated, which computes each number once. `fine=stitch` gets the same numbers
by running the strided network on shifted pictures (dense.py).

Learning. The loss is the sum over the instances, each asked at its own lattice, or that of one
instance drawn at random for each step, as the authors did it. In training the picture comes at a
random shift, so that every pixel has its turn.
"""

import numpy as np

from minicnn import functional as F
from minicnn.engine import randomness
from minicnn.engine.op import no_grad
from minicnn.engine.tensor import Tensor
from minicnn.images.normalise import PLANES, normalised
from minicnn.models.answers import Answer
from minicnn.models.dense import shift_and_stitch
from minicnn.models.instance import Layer, of_other_classes
from minicnn.models.segmentation import SegmentationModel
from minicnn.nn import init

# (filter, maps, pool) of each layer of an instance; None: one map for each class
NETS = {
    "CNN1": ((6, 25, 8), (3, 50, 2), (7, None, 1)),
    "rCNN2": ((8, 25, 2), (8, 50, 2), (1, None, 1)),
    "rCNN3": ((8, 25, 2), (8, 50, 1), (1, None, 1)),
}
OWN = {"CNN1": (1, 8), "rCNN2": (2, 4), "rCNN3": (3, 4)}  # instances, output


class Recurrent(SegmentationModel):
    """Scores of the last instance; `compose` gives those of all."""

    CHANGEABLE = ("instances", "output", "fine")
    PREPARATION = ("normalise",)
    DEFAULTS = {
        "net": "rCNN2",  # or rCNN3, or CNN1, the plain network that they are compared with
        "instances": 0,  # 1 to 3; 0: CNN1 1, rCNN2 2, rCNN3 3
        "output": 0,  # pixels from answer to answer; 0: CNN1 8, others 4; 16: as the pools leave it
        "fine": "dilated",  # or stitch: how a finer output than the pools leave is computed
        "feedback": "probabilities",  # or scores
        "objective": "sum",  # of the losses of all instances; or random: the loss of one of them
        "pairs_until": 0.0,  # the third instance joins after this share of the training
        "normalise": "picture",  # zero mean, unit variance; local: 15x15 windows of YUV; or both:
        # the latter, and beside it the colours as they are
        "nonlinearity": "tanh",  # or relu
        "width": 1.0,  # factor on the number of maps
    }
    RANGES = {"instances": (0, 3), "output": (0, 16), "pairs_until": (0, 1), "width": (0.01, 16)}
    CHOICES = {
        "net": tuple(NETS),
        "fine": ("dilated", "stitch"),
        "feedback": ("probabilities", "scores"),
        "objective": ("sum", "random"),
        "normalise": ("picture", "local", "both"),
        "nonlinearity": ("tanh", "relu"),
    }

    def __init__(self, classes, **options):
        super().__init__(classes, **options)
        o = self.options
        self.plan, self.reads_itself = NETS[o["net"]], o["net"] != "CNN1"
        initial = init.kaiming_normal if o["nonlinearity"] == "relu" else init.uniform
        inputs, self.layers = classes * self.reads_itself + PLANES[o["normalise"]], []
        self.field, self.step = 1, 1  # of one instance: what it sees, and its stride
        for size, maps, pool in self.plan:
            last = maps is None
            maps = classes if last else max(1, round(maps * o["width"]))
            draw = init.uniform if last else initial
            self.layers.append(Layer(inputs, maps, size, initial=draw))
            self.field += (size - 1 + pool - 1) * self.step
            self.step *= pool
            inputs = maps
        self.check_options()

    def check_options(self):
        net, own = self.options["net"], OWN[self.options["net"]]
        self.instances = self.options["instances"] or own[0]
        if self.instances > 1 and not self.reads_itself:
            raise ValueError(f"{net} does not read its own answer: instances=1, or net=rCNN2")
        pools = [pool for _, _, pool in self.plan if pool > 1] * self.instances
        possible = [int(np.prod(pools[:k])) for k in range(len(pools) + 1)]
        self.stride = min(self.options["output"] or own[1], possible[-1])
        if self.stride not in possible:
            several = f"{net} with {self.instances} instance{'s'[: self.instances > 1]}"
            raise ValueError(f"output={self.stride}: {several} can be {possible}")

    def adapted(self, arrays):
        return of_other_classes(arrays, self.classes) if self.reads_itself else arrays

    def sees(self, instances):
        """Side of the patch that so many instances look at, in pixels."""
        return 1 + (self.field - 1) * sum(self.step**p for p in range(instances))

    # ------------------------------------------------------------------------------- the picture
    def preprocess(self, image):
        """The whole picture, padded so that `forward` answers for every `output`-th pixel."""
        planes = normalised(image, self.options["normalise"])
        sees, every = self.sees(self.instances), self.stride
        before = sees // 2 - (every - 1) // 2  # of each cell the pixel in its middle is asked
        sizes = [every * (-(-side // every) - 1) + sees for side in image.shape[:2]]
        rows, columns = (s - n - before for s, n in zip(sizes, image.shape[:2], strict=True))
        return [np.pad(planes, ((0, 0), (before, rows), (before, columns)))]

    # ------------------------------------------------------------------------------ the networks
    def forward(self, x):
        if self.options["fine"] == "stitch":
            return self._stitched(x)
        return self.compose(x, self.stride)[-1].scores

    def compose(self, x, output, instances=None):
        """The Answers of all instances, one after another, to padded pictures x (N, 3, h, w). The
        pools stride until there is an answer for every `output`-th pixel, and then no more."""
        every = dilation = 1  # neighbours on the lattice are every * dilation pixels apart
        labels, answers = None, []
        for p in range(1, (instances or self.instances) + 1):
            scores, stride, dilated = self.instance(x, labels, output // every, dilation)
            answers.append(Answer(x, scores, self.sees(p) // 2, every * stride))
            x = self._means(x, stride, dilation)[:, :, : scores.shape[2], : scores.shape[3]]
            probabilities = self.options["feedback"] == "probabilities"
            labels = F.softmax(scores, dim=1) if probabilities else scores
            every, dilation = every * stride, dilated
        return answers

    def instance(self, x, labels, most, dilation=1):
        """One instance on a picture (N, 3, h, w) and what was said of it (N, classes, h, w), or
        None. Returns (scores, its stride, at most `most`, the dilation of its lattice)."""
        if labels is not None:
            x = F.concat([labels, x], dim=1)
        stride = 1
        for layer, (_, maps, pool) in zip(self.layers, self.plan, strict=True):
            x = layer(x, dilation)
            if pool > 1 and stride * pool <= most:
                x = F.max_pool2d(x, pool)
                stride *= pool
            elif pool > 1:
                x = F.max_pool2d(x, pool, stride=1, dilation=dilation)
                dilation *= pool
            if maps is not None:
                x = F.relu(x) if self.options["nonlinearity"] == "relu" else F.tanh(x)
        return x, stride, dilation

    def _means(self, x, stride, dilation):
        """The picture on the lattice of the scores. The field of a score is odd and its cell is
        even, so one of them lies half a step beside the other."""
        first = (self.field - self.step) // 2 * dilation
        planes = x.shape[1]
        mean = np.full((planes, 1, self.step, self.step), 1 / self.step**2, x.dtype)
        mean = Tensor(mean).to(x.device)
        return F.conv2d(x[:, :, first:, first:], mean, None, stride, 0, dilation, groups=planes)

    def _stitched(self, x):
        """What the dilated network says, from the strided one on shifted pictures."""
        every, stride, sees = self.stride, self.step**self.instances, self.sees(self.instances)
        rows, columns = ((side - sees) // every + 1 for side in x.shape[2:])
        more = [-(every * count) % stride for count in (columns, rows)]
        x = F.pad(x, (0, more[0], 0, more[1])).data
        y = shift_and_stitch(
            lambda part: self.compose(Tensor(part), stride)[-1].scores.numpy(), x, stride, every
        )
        return Tensor(y[:, :, :rows, :columns]).to(self.parameters()[0].device)

    def predict_each(self, image):
        """Class scores, float32 (classes, H, W), of every instance, in a list."""
        with self.predicting():
            answers = self.compose(self._inputs(image)[0], self.stride)
            return [a.spread(self.margin(), image.shape[:2]).numpy()[0] for a in answers]

    def margin(self, instances=None):
        """How many pixels of the padded picture lie before the first of the picture."""
        return self.sees(instances or self.instances) // 2 - (self.stride - 1) // 2

    # ---------------------------------------------------------------------------------- learning
    def loss(self, inputs, labels, weight=None):
        """(loss, class scores of the last instance): each instance is asked at the pixels of its
        own lattice, which lies anew in every training step. None if none of them is labelled."""
        x, size, count = inputs[0], labels.shape[1:], self.instances
        if self.training and self.share_done < self.options["pairs_until"]:
            count = min(count, 2)
        draw = self.training and randomness.generator()
        a, b = draw.integers(0, self.stride, 2).tolist() if draw else (0, 0)
        random = self.options["objective"] == "random" and draw
        if random:
            count = int(draw.integers(1, count + 1))
        less = self.margin() - self.margin(count)  # fewer instances see less
        sees = self.sees(count)  # a picture of a few rows has no room for every shift
        a, b = (min(s, n - 2 * less - sees) for s, n in zip((a, b), x.shape[2:], strict=True))
        x = x[:, :, less + a : x.shape[2] - less, less + b : x.shape[3] - less]
        answers, margin = self.compose(x, self.stride, count), self.margin(count)
        asked = answers[-1:] if random else answers
        losses = [answer.loss(margin, labels[:, a:, b:], weight, self.sets) for answer in asked]
        *others, last = [loss for loss in losses if loss is not None] or [None]
        total = sum(others, last)
        with no_grad():
            full = answers[-1].spread(margin, size, (a, b))
        return total, full


# Of a recipe, what names an option of the network goes to the network, the rest to the training.
RECIPES = {
    "ours": {
        "nonlinearity": "relu",
        "normalise": "local",
        "lr": 0.01,
        "weight_decay": 0.0,
        "clip": 5.0,
    },
    # The paper's rate is for one patch; a picture, whose loss is a mean, counts as a hundred.
    "faithful": {
        "feedback": "scores",
        "objective": "random",
        "pairs_until": 0.5,
        "output": 16,
        "lr": 0.01,
        "momentum": 0.0,
        "weight_decay": 0.0,
        "schedule": "constant",
        "warm_up": 0,
        "flip": False,
    },
}
