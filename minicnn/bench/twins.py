"""PyTorch's side of the bench. Nothing else in the package imports PyTorch, and this file is only
imported where something is compared with it (`load`).

Eager mode, its defaults, `inference_mode` for what needs no gradient. Where PyTorch has the
operation under the same name, that one is taken; where it has not, the obvious composition of what
it has, the faster one if there are two.
"""

import functools
import sys

import torch
import torch.nn.functional as TF

from minicnn.bench import ours
from minicnn.bench.rows import BOTH, FORWARD, PREDICTION, STEP
from minicnn.bench.twin_networks import CLASSIFIERS, NETWORKS
from minicnn.engine.kernel import chosen_algorithm
from minicnn.ops.local_contrast_norm import window_weights


class Operation:
    """The twin of ours.Operation."""

    def __init__(self, row, device="cpu"):
        self.function = getattr(sys.modules[__name__], row.op, None) or getattr(TF, row.op, None)
        self.options = {k: _tensor(v, device) for k, v in row.keywords().items()}
        self.inputs = [_tensor(a, device) for a in row.arrays()]
        self.prepare()
        for tensor, wanted in zip(self.inputs, row.wanted(), strict=True):
            tensor.requires_grad_(wanted)
        self.gy = _tensor(row.gradient(tuple(self.forward().shape)), device)
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
        return ours.named_results(_numpy(y), [_numpy(t.grad) for t in self.inputs])


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
        gx, gw, gb = (_numpy(t.grad) for t in self.inputs)
        edges = gw[tuple(_numpy(index) for index in self.where)]
        return ours.named_results(_numpy(y), [gx, edges, gb])


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


# -------------------------------------------------------------------------------- whole networks
# Each gives the coarse scores. p: the parameters by name; levels: the inputs; network: ours, for
# its options.
class Network:
    """The twin of ours.Network: the same parameters, picture, loss and update."""

    def __init__(self, row, mine, device="cpu"):
        """`mine` is the ours.Network whose twin this is."""
        self.coarse, self.network = NETWORKS[row.op], mine.network
        self.parameters = {
            k: _tensor(v, device).clone().requires_grad_()
            for k, v in mine.network.state_dict().items()
        }
        self.size, self.device = mine.size, device
        self.take(mine)
        self.sgd = torch.optim.SGD(self.parameters.values(), **mine.rates)
        self.phases = {PREDICTION: self.predict, STEP: self.step}

    def take(self, mine):
        """The inputs and labels of the other side."""
        self.inputs = [_tensor(level.numpy(), self.device) for level in mine.inputs]
        self.labels = _tensor(mine.labels.astype("int64"), self.device)

    def scores(self, training):
        return self.enlarged(self.coarse(self.parameters, self.inputs, self.network, training))

    def loss(self, training):
        """(loss, scores)"""
        scores = self.scores(training)
        return TF.cross_entropy(scores, self.labels, ignore_index=255), scores

    def enlarged(self, coarse):
        stride = self.network.stride
        full = TF.interpolate(coarse, scale_factor=stride, mode="bilinear", align_corners=False)
        return full[:, :, : self.size[0], : self.size[1]]

    def predict(self):
        with torch.inference_mode():
            return self.scores(training=False)

    def step(self):
        self.sgd.zero_grad()
        loss, _ = self.loss(training=True)
        loss.backward()
        self.sgd.step()
        return loss

    def results(self):
        self.sgd.zero_grad()
        loss, scores = self.loss(training=False)
        loss.backward()
        gradients = {f"gradient of {k}": _numpy(p.grad) for k, p in self.parameters.items()}
        return {"scores": _numpy(scores), "loss": _numpy(loss), **gradients}


class Recurrent(Network):
    """Its loss asks each instance at the pixels of its own lattice."""

    def scores(self, training):
        return self.enlarged(
            self.coarse(self.parameters, self.inputs, self.network, training)[-1][0]
        )

    def loss(self, training):
        answers = self.coarse(self.parameters, self.inputs, self.network, training)
        margin, total = self.network.margin(), 0
        for k, (scores, every) in enumerate(answers, start=1):
            first = self.network.sees(k) // 2
            skip = max(0, -(-(margin - first) // every))
            start = first + every * skip - margin
            labels = self.labels[:, start::every, start::every]
            inside = (slice(skip, skip + n) for n in labels.shape[1:])
            total = total + TF.cross_entropy(scores[:, :, *inside], labels, ignore_index=255)
        with torch.no_grad():
            return total, self.enlarged(answers[-1][0])


class Classifier(Network):
    """The twin of ours.Classifier."""

    def __init__(self, row, mine, device="cpu"):
        self.scores_of, self.network = CLASSIFIERS[row.op], mine.network
        self.parameters = {
            k: _tensor(p.numpy(), device).clone().requires_grad_()
            for k, p in mine.network.named_parameters()
        }
        self.mean, self.device = _tensor(mine.network.mean.numpy(), device), device
        self.take(mine)
        self.sgd = torch.optim.SGD(self.parameters.values(), **mine.rates)
        self.phases = {STEP: self.step}

    def take(self, mine):
        self.inputs = _tensor(mine.inputs.numpy(), self.device)
        self.labels = _tensor(mine.labels.astype("int64"), self.device)

    def loss(self, training):
        scores = self.scores_of(self.parameters, self.inputs - self.mean, self.network)
        return TF.cross_entropy(scores, self.labels), scores


def prepare_gpu():
    """RuntimeError if this PyTorch has no GPU. Convolutions keep all bits of a float32 if, and only
    if, ours do; products of matrices always do."""
    if not torch.cuda.is_available():
        raise RuntimeError("it finds no GPU")
    torch.backends.cudnn.allow_tf32 = chosen_algorithm() == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = False


def side(row, mine, device="cpu"):
    """The twin of `mine`, our side of a row; None for a model that has none here."""
    if isinstance(mine, ours.Classifier):
        return Classifier(row, mine, device) if row.op in CLASSIFIERS else None
    if isinstance(mine, ours.Network):
        twin = Recurrent if row.op == "recurrent" else Network
        return twin(row, mine, device) if row.op in NETWORKS else None
    return {"conv2d_table": TableOperation}.get(row.op, Operation)(row, device)


def _tensor(value, device):
    if not hasattr(value, "dtype"):
        return value
    return torch.from_numpy(value).to({"cpu": "cpu", "gpu": "cuda"}[device])


def _numpy(tensor):
    return None if tensor is None else tensor.detach().cpu().numpy()
