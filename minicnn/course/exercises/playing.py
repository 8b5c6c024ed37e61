"""A network for pictures in which one operation after another can be a student's own.

`playing(answers)` is a context in which the framework computes with the answers to exercises. For
most of them the exercise itself says how (`plug`); five share one operation, the convolution, and
that of the graph (ex01) takes over the whole of backward, with arrays where the exercise has
numbers.
"""

import contextlib

import numpy as np

from minicnn import functional as F
from minicnn import nn, no_grad
from minicnn.course.exercises.parts import replaced
from minicnn.engine.op import contiguous
from minicnn.engine.tensor import Tensor
from minicnn.models import dense
from minicnn.nn.module import Module
from minicnn.ops.conv2d import Conv2d

STRIDE = 4  # pixels between two answers of Scenes.coarse
# zeros above and left, below and right of a picture, so that answer i of the coarse ones stands in
# the middle of its four pixels; and so that, shifted, it stands on one of them
FOR_ALL, FOR_SHIFTS = (4, 4), (5, 6)
CONVOLUTIONS = "ex02", "ex03", "ex04", "ex05", "ex06"
GRAPH = "ex01"
# their operations are not in this network
ELSEWHERE = "ex22", "ex23", "ex24", "ex25", "ex26", "ex28"
OWN = {"forward": Conv2d.forward, "backward": Conv2d.backward}


class Scenes(Module):
    """Scores for every fourth pixel of a picture. It has every operation of the exercises once."""

    def __init__(self, classes):
        table = nn.tables.random_fan_in(8, 8, 4)
        self.first = nn.Conv2d(3, 6, 3)
        self.damp = nn.LocalResponseNorm(3, alpha=0.5)
        self.smaller = nn.Subsample2d(6, 2)
        self.second = nn.Conv2d(12, 8, 3, stride=2, padding=1)
        self.third = nn.ConvTable2d(table, 3)
        self.contrast = nn.LocalContrastNorm(3, floor=0.1)
        self.around = nn.AvgPool2d(3, 1)
        self.last = nn.Conv2d(12, classes, 1)

    def coarse(self, x):
        """Tensor (N, 3, H, W) -> (N, classes, h, w)."""
        x = F.relu(self.damp(self.first(x)))
        x = F.concat([F.max_pool2d(x, 2), self.smaller(x)], 1)
        x = F.tanh(self.second(x))
        groups = self.contrast(F.max_pool_maps(self.third(x), 2, 1))
        return self.last(F.concat([groups, self.around(x)], 1))

    def forward(self, x):
        """Scores for every pixel of pictures whose sides are multiples of STRIDE."""
        coarse = self.coarse(framed(x, FOR_ALL))
        return F.interpolate(coarse, x.shape[2:], mode="bilinear")

    def stitched(self, x):
        """The same from an array, without interpolation: array (N, classes, H, W)."""

        def answers(x):
            with no_grad():
                return self.coarse(Tensor(np.ascontiguousarray(x))).data

        return dense.shift_and_stitch(answers, framed(x, FOR_SHIFTS), STRIDE)


def framed(x, width):
    return np.pad(x, ((0, 0), (0, 0), width, width))


@contextlib.contextmanager
def playing(answers):
    """Inside, the framework computes with these answers: {Exercise: function}."""
    with contextlib.ExitStack() as stack:
        by_number = {e.number: function for e, function in answers.items()}
        for e, function in answers.items():
            if e.number not in (*CONVOLUTIONS, GRAPH):
                stack.enter_context(e.plugged(function))
        stack.enter_context(convolutions(by_number))
        if GRAPH in by_number:
            stack.enter_context(replaced(Tensor, backward=backward_by(by_number[GRAPH])))
        yield


# -------------------------------------------------------------------------------- the convolution
def convolutions(mine):
    """The context for ex02 to ex06. Those that know neither stride nor padding are asked where
    there is none."""

    def is_plain(op):
        return op.geometry == (1, 1, 0, 0, 1, 1) and op.groups == 1

    def forward(op, x, w, b=None):
        op.x, op.w = contiguous(x, w)
        op.has_bias, op.keep = b is not None, {}
        if "ex02" not in mine or not is_plain(op):
            return OWN["forward"](op, x, w, b)
        return mine["ex02"](op.x, op.w, np.zeros(len(w), x.dtype) if b is None else b)

    def backward(op, gy):
        gy, needs = contiguous(gy), op.needs
        by_input = mine.get("ex03") if is_plain(op) else None
        if not by_input and "ex06" in mine and op.groups == 1:
            by_input = with_geometry(mine["ex06"], op.geometry)
        by_weight = mine.get("ex04") if is_plain(op) else None
        by_bias = mine.get("ex05")
        op.needs = [
            need and not own
            for need, own in zip(needs, (by_input, by_weight, by_bias), strict=False)
        ]
        gx, gw, *gb = OWN["backward"](op, gy)
        op.needs = needs
        if needs[0] and by_input:
            gx = by_input(gy, op.w, op.x.shape)
        if needs[1] and by_weight:
            gw = by_weight(gy, op.x, *op.w.shape[2:])
        if op.has_bias and needs[2] and by_bias:
            gb = [by_bias(gy)]
        return gx, gw, *gb

    return replaced(Conv2d, forward=forward, backward=backward)


def with_geometry(function, geometry):
    return lambda gy, w, shape: function(gy, w, shape, geometry[0], geometry[2])


# -------------------------------------------------------------------------------------- the graph
class Slope:
    """In the place of the number d node / d input: what it does to a gradient, by `op.backward`."""

    __array_ufunc__ = None  # array * slope becomes slope.__rmul__

    def __init__(self, step, number):
        self.step, self.number = step, number

    def __mul__(self, gradient):
        gradient = self.step(gradient)[self.number]
        return 0.0 if gradient is None else gradient

    __rmul__ = __mul__


def steps_back(tensor):
    """A function from the gradient of a tensor to those of the inputs of its op. It is asked once
    for each input, and computes once."""
    known = []

    def step(gradient):
        if not known or known[0] is not gradient:
            gy = np.broadcast_to(np.asarray(gradient, tensor.dtype), tensor.shape)
            found = tensor.op.backward(np.ascontiguousarray(gy))
            known[:] = gradient, found if isinstance(found, tuple) else (found,)
        return known[1]

    return step


def backward_by(answer):
    """`Tensor.backward` by an answer to ex01. The root is a single number."""

    def backward(self, gradient=None):
        tensors, number, inputs, slopes = [self], {id(self): 0}, [], []
        for tensor in tensors:  # grows meanwhile
            children = tensor.op.inputs if tensor.op else ()
            wanted = [(k, child) for k, child in enumerate(children) if child.requires_grad]
            for _, child in wanted:
                if id(child) not in number:
                    number[id(child)] = len(tensors)
                    tensors.append(child)
            step = steps_back(tensor) if wanted else None
            inputs.append([number[id(child)] for _, child in wanted])
            slopes.append([Slope(step, k) for k, _ in wanted])
        for tensor, g in zip(tensors, answer(inputs, slopes, 0), strict=True):
            if tensor.op is None and tensor.requires_grad:
                g = np.broadcast_to(np.asarray(g, tensor.dtype), tensor.shape)
                tensor.grad = g.copy() if tensor.grad is None else tensor.grad + g
        for tensor in tensors:
            if tensor.op is not None:
                tensor.op.release()

    return backward
