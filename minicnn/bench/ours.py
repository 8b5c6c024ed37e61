"""Our side of the bench: an operation of a row, ready to be called (networks: our_networks.py).

A side, here as in twins.py, has `phases`, a dict of functions to be timed, and `results()`, a dict
of arrays (what comes out, and all gradients) by which the sides are compared.
"""

import math

import numpy as np

from minicnn import functional
from minicnn.bench.rows import BOTH, FORWARD
from minicnn.engine.op import no_grad
from minicnn.engine.tensor import Tensor


class Operation:
    """An operation with its arrays."""

    def __init__(self, row, device="cpu"):
        self.function, self.options = getattr(functional, row.op), row.keywords()
        if "target" in self.options:
            self.options["target"] = Tensor(self.options["target"]).to(device)
        self.inputs = [
            Tensor(Tensor(a).to(device).data, requires_grad=wanted)
            for a, wanted in zip(row.arrays(), row.wanted(), strict=True)
        ]
        self.gy = Tensor(row.gradient(self.forward().shape)).to(device).data
        self.phases = {FORWARD: self.forward, BOTH: self.both}

    def forward(self):
        with no_grad():
            return self.function(*self.inputs, **self.options)

    def both(self):
        for tensor in self.inputs:
            tensor.grad = None
        y = self.function(*self.inputs, **self.options)
        y.backward(self.gy)
        return y

    def results(self):
        y = self.both()
        return named_results(y.numpy(), [as_numpy(t.grad) for t in self.inputs])

    def work(self):
        """{phase: (operations of arithmetic, bytes that have to be read and written)}"""
        y = self.function(*self.inputs, **self.options)
        forward, backward = arithmetic(y)
        size = 4 * (y.size + sum(t.size for t in self.inputs))
        return {FORWARD: (forward, size), BOTH: (forward + backward, 2 * size)}


def named_results(y, gradients):
    """What `results()` of an operation returns."""
    named = {f"the gradient of input {k}": g for k, g in enumerate(gradients) if g is not None}
    return {"the output": y} | named


def drawn_results(results, x):
    """In the place of the results of dropout, whose sides drop different values: how many, what
    the others are multiplied by, and whether the gradient knows which."""
    y, gx = results["the output"], results["the gradient of input 0"]
    kept = y != 0
    factor = np.median(y[kept] / x[kept])
    return {"share kept": kept.mean(), "factor": factor, "agreement": ((gx != 0) == kept).mean()}


def arithmetic(result):
    """(forward, backward): additions and multiplications of the convolutions and matrix products
    in the graph of `result`, counted as the formula has them, whatever the algorithm does."""
    forward = backward = 0
    seen, stack = set(), [result]
    while stack:
        tensor = stack.pop()
        if tensor.op is None or id(tensor) in seen:
            continue
        seen.add(id(tensor))
        stack.extend(tensor.op.inputs)
        op, kind, places = tensor.op, type(tensor.op).__name__, (0, 1)
        if kind == "Conv2dOfLevels":
            kind, places = "Conv2d", (tensor.place, op.count)  # its level, the weights
        inputs = [op.inputs[k] for k in places if k < len(op.inputs)]
        needs = [op.needs[k] for k in places if k < len(op.needs)]
        count = 2 * _products(kind, tensor, *inputs)
        forward += count
        backward += count * sum(needs)  # by the input, by the weights: as much each
    return forward, backward


def _products(op, y, x=None, w=None):
    """Multiplications of one operation, 0 for what is neither convolution nor matrix product."""
    if op == "Conv2d":
        return y.size * math.prod(w.shape[1:])
    if op == "Conv2dTable":  # each edge once in every pixel of its output map
        return w.size * y.size // y.shape[1]
    if op in ("Linear", "MatMul"):
        return y.size * x.shape[-1]
    return 0


def as_numpy(array):
    """The numbers of a Tensor or of an array on any device, None of None."""
    return None if array is None else Tensor(array).numpy()
