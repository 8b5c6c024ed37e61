"""Cross-entropy with void: loss and gradient.

About 45 minutes; chapter 08.

Each pixel has C scores x and a true class t. With p = softmax(x) over the classes it loses
-log p[t]; the loss of the batch is the mean over the pixels. Pixels with the label `ignore` are
void: nobody has labelled them. They lose nothing, get no gradient, and do not count in the mean.

    p[c] = e^x[c] / sum over k of e^x[k]        loss = mean over the labelled pixels of  -log p[t]

Derive d(-log p[t]) / d x[c] with pencil and paper; it is short. Scores may be large: e^1000 is no
number. p does not change if the same number is taken away from all scores of a pixel.

    x        array (N, C, H, W)
    target   whole numbers (N, H, W); ignore may be any number, even one that is a class
    ignore   whole number

Returns (loss, gx): a number, and an array of the shape and dtype of x. At least one pixel has a
label.

By hand, two classes, scores all 0 (so p = 1/2), three pixels with the labels 0, 1, ignore:
loss = log 2 = 0.693147, gx of class 0 is (-1/4, 1/4, 0), of class 1 (1/4, -1/4, 0).
"""

import numpy as np

from minicnn.course.exercises import todo


def cross_entropy(x, target, ignore):
    todo("loss and gx")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn import functional as functions
from minicnn import nn
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import fit
from minicnn.engine.cases import normal
from minicnn.ops.cross_entropy import CrossEntropy

RETURNS = ("the loss", "gx")
HINTS = (
    "log p[t] = x[t] - log of the sum of e^x[k]. Derive that by x[c], for c = t and for the "
    "others.",
    "The result has a name in words: what was predicted, minus what is true.",
    "Take the largest score of a pixel away from all its scores before anything else. And: by how "
    "many pixels do you divide?",
)
OWN, OWN_BACKWARD = CrossEntropy.forward, CrossEntropy.backward


def truth(x, target, ignore):
    op = CrossEntropy(ignore, "mean", 0.0)
    op.inputs = (x, target)
    loss = OWN(op, x, target)
    return loss, OWN_BACKWARD(op, np.ones((), x.dtype))[0]


def by_hand():
    gx = np.array([[-0.25, 0.25, 0], [0.25, -0.25, 0]]).reshape(1, 2, 1, 3)
    return (np.zeros((1, 2, 1, 3)), np.array([[[0, 1, 255]]]), 255), (np.log(2), gx)


def cases():
    x, target = 2 * normal(2, 4, 3, 5), np.arange(30).reshape(2, 3, 5) * 7 % 4
    void = target.copy()
    void[0, 1, 2] = void[1, 0, 0] = void[1, 2, 3] = 255
    yield "three void pixels", (x, void, 255)
    yield "none void", (x, target, 255)
    yield "void is class 2", (x, target, 2)
    yield "all but one void", (x[:1], np.where(np.arange(15) == 7, 1, -1).reshape(1, 3, 5), -1)
    yield "large scores", (1000 * x, void, 255)


def plug(answer):
    def forward(op, x, target, w=None):
        columns = x.reshape(*x.shape[:2], -1, 1)
        loss, gx = answer(columns, target.reshape(len(x), -1, 1), op.ignore)
        op.gx = np.asarray(gx).reshape(x.shape)
        return np.asarray(loss, x.dtype)

    def backward(op, gy):
        return (gy * op.gx, None, None)[: len(op.inputs)]

    return replaced(CrossEntropy, forward=forward, backward=backward)


def gradient():
    target = np.array([[[0, 2], [255, 1]], [[255, 3], [2, 0]]])

    def f(x):
        return functions.cross_entropy(x, target, ignore_index=255)

    return f, (normal(2, 4, 2, 2),)


def train():
    return fit(lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Conv2d(2, 3, 3)))


def key(x, target, ignore):
    loss, counted = 0.0, 0
    gx = np.zeros(x.shape, x.dtype)
    for n, i, j in np.ndindex(target.shape):
        t = target[n, i, j]
        if t == ignore:
            continue
        counted += 1
        s = x[n, :, i, j] - x[n, :, i, j].max()
        total = np.exp(s).sum()
        loss += np.log(total) - s[t]
        for c in range(len(s)):
            gx[n, c, i, j] = np.exp(s[c]) / total - (1 if c == t else 0)
    return loss / counted, gx / counted


def whole(x, target, ignore, shift, void):
    """The answer with whole arrays. `shift` is taken away from the scores, `void` says what becomes
    of the gradient of void pixels: (predictions, truths, which are labelled) -> gradient."""
    known = (target != ignore)[:, None]
    labels = np.where(known, target[:, None], 0)
    true = np.arange(x.shape[1]).reshape(-1, 1, 1) == labels
    s = x - shift(x)
    e = np.exp(s)
    p = e / e.sum(1, keepdims=True)
    logs = s - np.log(e.sum(1, keepdims=True))
    loss = -(np.where(true, logs, 0) * known).sum() / known.sum()
    return loss, (void(p, true, known) / known.sum()).astype(x.dtype)


def largest(x):
    return x.max(1, keepdims=True)


def masked(p, true, known):
    return (p - true) * known


def overflow_of_arrays(x, target, ignore):
    return whole(x, target, ignore, lambda x: 0, masked)


def one_largest(x, target, ignore):
    return whole(x, target, ignore, np.max, masked)


def void_pushed_down(x, target, ignore):
    return whole(x, target, ignore, largest, lambda p, true, known: p - true * known)


def void_as_class_0(x, target, ignore):
    return whole(x, target, ignore, largest, lambda p, true, known: p - true)


MUTANTS = {
    "overflow of whole arrays": (
        overflow_of_arrays,
        "Large scores give no number any more, not even where there is no label (0 times what is "
        "no number is none): what may one take away from all scores of a pixel?",
    ),
    "one largest score for all": (
        one_largest,
        "You take the largest of all scores away. A pixel whose own are far below it is left with "
        "e^-1000, that is 0: each pixel has a largest score of its own.",
    ),
    "void pushed down": (
        void_pushed_down,
        "The loss leaves void pixels out, the gradient does not: there the prediction is left over "
        "in it.",
    ),
    "void learnt as class 0": (
        void_as_class_0,
        "The loss leaves void pixels out, the gradient does not: it takes them for class 0.",
    ),
    "void counted in the mean": (
        "counted += 1",
        "counted = target.size",
        "Without void pixels it is right. Over which pixels is the mean?",
    ),
    "void learnt as a class": (
        "if t == ignore:\n            continue",
        "t = t if 0 <= t < x.shape[1] else 0",
        "Pixels without a label teach the network something. They should be left alone.",
    ),
    "gradient not divided": (
        "return loss / counted, gx / counted",
        "return loss / counted, gx",
        "The loss is a mean, and your gradient is that of a sum.",
    ),
    "gradient of a mean over all": (
        "return loss / counted, gx / counted",
        "return loss / counted, gx / target.size",
        "The loss is a mean over the labelled pixels, your gradient one over all.",
    ),
    "prediction alone": (
        "- (1 if c == t else 0)",
        "- 0",
        "The gradient pushes all scores down, that of the true class as well.",
    ),
    "truth alone": (
        "np.exp(s[c]) / total - (1 if c == t else 0)",
        "-(1.0 if c == t else 0)",
        "The score of the true class goes up for ever, however right the prediction is already.",
    ),
    "sign": (
        "np.exp(s[c]) / total - (1 if c == t else 0)",
        "(1 if c == t else 0) - np.exp(s[c]) / total",
        "This gradient leads uphill: a step against it makes the true class less likely.",
    ),
    "overflow": (
        "- x[n, :, i, j].max()",
        "- 0",
        "Large scores give no number any more: e^1000 does not exist, and what may one take away "
        "from all scores?",
    ),
    "mean over the classes, too": (
        "return loss / counted, gx / counted",
        "return loss / counted / x.shape[1], gx / counted / x.shape[1]",
        "The mean goes over the pixels; the classes of a pixel together make one loss.",
    ),
}
