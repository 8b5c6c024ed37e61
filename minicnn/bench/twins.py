"""PyTorch's side of the bench. Nothing in the package imports PyTorch but this file and those that
it brings (twin_sides.py, twin_networks.py), and it only where something is compared with it.

Eager mode, its defaults, `inference_mode` for what needs no gradient. Where PyTorch has the
operation under the same name, that one is taken; where it has not, the obvious composition of what
it has, the faster one if there are two.
"""

import functools
import sys

import torch
import torch.nn.functional as TF

from minicnn.bench import our_networks, ours
from minicnn.bench.rows import BOTH, FORWARD
from minicnn.bench.twin_sides import NETWORKS, as_numpy, as_tensor
from minicnn.engine.kernel import chosen_algorithm
from minicnn.ops.local_contrast_norm import window_weights


class Operation:
    """The twin of ours.Operation."""

    def __init__(self, row, device="cpu"):
        self.function = getattr(sys.modules[__name__], row.op, None) or getattr(TF, row.op, None)
        self.options = {k: as_tensor(v, device) for k, v in row.keywords().items()}
        self.inputs = [as_tensor(a, device) for a in row.arrays()]
        self.prepare()
        for tensor, wanted in zip(self.inputs, row.wanted(), strict=True):
            tensor.requires_grad_(wanted)
        self.gy = as_tensor(row.gradient(tuple(self.forward().shape)), device)
        self.phases = {FORWARD: self.forward, BOTH: self.both}

    def prepare(self):
        """For twins whose parameters have another form."""

    def forward(self):
        with torch.inference_mode():
            return self.function(*self.inputs, **self.options)

    def both(self):
        for tensor in self.inputs:
            tensor.grad = None
        y = self.function(*self.inputs, **self.options)
        y.backward(self.gy)
        return y

    def results(self):
        y = self.both()
        return ours.named_results(as_numpy(y), [as_numpy(t.grad) for t in self.inputs])


class TableOperation(Operation):
    """PyTorch has no connection tables: the twin is a full convolution whose weights are kept at
    zero where there is no edge, by a mask."""

    def prepare(self):
        x, edges, bias = self.inputs
        table = self.options.pop("table").T
        self.where = table[1], table[0]
        dense = torch.zeros(len(bias), x.shape[1], *edges.shape[1:], device=x.device)
        self.mask = dense.clone()
        dense[self.where], self.mask[self.where] = edges, 1
        self.inputs[1] = dense
        self.function = self.masked

    def masked(self, x, w, b, **options):
        return TF.conv2d(x, w * self.mask, b, **options)

    def results(self):
        y = self.both()
        gx, gw, gb = (as_numpy(t.grad) for t in self.inputs)
        edges = gw[tuple(as_numpy(index) for index in self.where)]
        return ours.named_results(as_numpy(y), [gx, edges, gb])


def max_pool_maps(x, maps, kernel_size=1):
    largest = x.unflatten(1, (-1, maps)).amax(2)
    return largest if kernel_size == 1 else TF.max_pool2d(largest, kernel_size)


def local_contrast_norm(x, window):
    weights, coef = _window(window, *x.shape[1:], x.device)

    def local_mean(t):
        return TF.conv2d(t, weights, padding=window // 2) / coef

    v = x - local_mean(x)
    sigma = local_mean(v * v).sqrt()
    return v / torch.maximum(sigma, sigma.mean((1, 2, 3), keepdim=True))


@functools.cache  # in favour of PyTorch, since our operation computes these in each call
@torch.inference_mode(False)  # else the gradient could not use what a prediction made
def _window(window, maps, height, width, device):
    w = torch.tensor(window_weights(window), dtype=torch.float32, device=device)[None, None]
    coef = TF.conv2d(torch.ones(1, 1, height, width, device=device), w, padding=window // 2)
    return w.expand(1, maps, -1, -1) / maps, coef


def prepare_gpu():
    """RuntimeError if this PyTorch has no GPU. Convolutions keep all bits of a float32 if, and only
    if, ours do; products of matrices always do."""
    if not torch.cuda.is_available():
        raise RuntimeError("it finds no GPU")
    torch.backends.cudnn.allow_tf32 = chosen_algorithm() == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = False


def side(row, mine, device="cpu"):
    """The twin of `mine`, our side of a row; None for a model that has none here."""
    if isinstance(mine, our_networks.Network):
        kind, compute = NETWORKS.get(row.op, (None, None))
        return kind and kind(compute, mine, device)
    return {"conv2d_table": TableOperation}.get(row.op, Operation)(row, device)
