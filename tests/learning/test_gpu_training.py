"""Three networks learn the same on a GPU as on the CPU: twenty steps with dropout, each loss within
1e-4, and the same bits in every order of the threads. `pytest --gpu` asks a real GPU."""

import contextlib

import numpy as np
import pytest

from minicnn import emulator, nn
from minicnn import functional as F
from minicnn.engine.randomness import generator, manual_seed
from minicnn.engine.tensor import Tensor
from minicnn.models.multi_scale import MultiScale
from minicnn.nn import tables
from minicnn.optim import SGD

STEPS = 20
CLASSES = 3


class LeNet(nn.Module):
    """1998: connection table, scaled tanh, trainable subsampling; and contrast normalisation."""

    def __init__(self):
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.table = nn.ConvTable2d(tables.random_fan_in(4, 6, 2), (3, 2), stride=(1, 2))
        self.pool = nn.Subsample2d(6, 2)
        self.norm, self.tanh = nn.LocalContrastNorm(3), nn.ScaledTanh()
        self.dropout, self.last = nn.Dropout(0.3), nn.Linear(6, CLASSES)

    def forward(self, x):
        x = self.norm(self.tanh(self.first(x)))
        x = self.dropout(self.tanh(self.pool(self.table(x))))
        return self.last(F.log_sum_exp_pool(x, r=2.0))


class AlexNet(nn.Module):
    """2012: groups, strides, response normalisation, overlapping pools; scores for every pixel."""

    def __init__(self):
        self.first = nn.Conv2d(3, 8, 5, stride=2, padding=2)
        self.second = nn.Conv2d(8, 12, 3, padding=2, dilation=2, groups=2)
        self.norm, self.maps = nn.LocalResponseNorm(5), nn.MaxPoolMaps(2)
        self.pool, self.mean = nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2, 1)
        self.dropout, self.last = nn.Dropout(0.5), nn.Conv2d(6, CLASSES, 1)

    def forward(self, x):
        x = self.pool(self.norm(F.relu(self.first(x))))
        x = self.dropout(F.sigmoid(self.mean(self.maps(self.second(x)))))
        return F.interpolate(self.last(x), size=(12, 10), mode="bilinear")


def farabet():
    return MultiScale(CLASSES, width=0.1, hidden=40, scales=2, tables="random", dropout=0.5)


def batch(network, step):
    """Inputs and labels that depend on the step alone."""
    random = np.random.default_rng([7, step])
    if isinstance(network, MultiScale):
        pyramid = [
            random.normal(size=(1, 3, 42 + s, 42 + t)).astype("f") for s, t in ((8, 16), (4, 8))
        ]
        return pyramid, random.integers(0, CLASSES, (1, 2, 4))
    x = random.normal(size=(2, 3, 12, 10)).astype("f")
    shape = (2,) if isinstance(network, LeNet) else (2, 12, 10)
    return [x], random.integers(0, CLASSES, shape)


def train(make, device):
    """(the losses, the weights) of STEPS steps."""
    manual_seed(3)
    network = make().to(device)
    network.train()
    sgd, losses = SGD(network.parameters(), 0.01, momentum=0.9, weight_decay=1e-4), []
    for step in range(STEPS):
        manual_seed(3, step + 1)
        inputs, labels = batch(network, step)
        scores = network(*(Tensor(x).to(device) for x in inputs))
        loss = F.cross_entropy(scores, labels)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        losses.append(float(loss.numpy()))
    return losses, b"".join(np.asarray(v).tobytes() for v in network.state_dict().values())


@pytest.mark.parametrize("make", [farabet, LeNet, AlexNet], ids=lambda make: make.__name__)
def test_a_gpu_learns_what_the_cpu_learns(make, kernel_device):
    expected, _ = train(make, "cpu")
    assert len(set(expected)) == STEPS and np.isfinite(expected).all()
    results = []
    for order in emulator.modes.ORDERS:
        turn = emulator.fast(order, seed=2)
        with turn if kernel_device == "emulated" else contextlib.nullcontext():
            results.append(train(make, kernel_device))
    np.testing.assert_allclose(results[0][0], expected, rtol=1e-4)
    assert all(result == results[0] for result in results), "other bits in another order"


def test_dropout_draws_the_same_numbers_everywhere(kernel_device):
    x = np.ones((3, 50, 7), np.float32)
    manual_seed(1, 2)
    expected = F.dropout(x).data
    manual_seed(1, 2)
    np.testing.assert_array_equal(F.dropout(Tensor(x).to(kernel_device)).numpy(), expected)
    assert generator(1) is not None and 0.3 < (expected == 0).mean() < 0.7
