"""AlexNet beside the same network in PyTorch: same weights, batches and rates, no dropout."""

import numpy as np
import pytest

import minicnn
from minicnn import functional as F
from minicnn import optim
from minicnn.engine.tensor import Tensor
from minicnn.models.alexnet import AlexNet

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.slow
LR, MOMENTUM, DECAY, BATCH = 0.01, 0.9, 5e-4, 8


class Twin(torch.nn.Module):
    """Written from papers.md 7.2 once more, in PyTorch's words."""

    def __init__(self, ours):
        super().__init__()
        self.options, self.stem = ours.options, ours.conv1.geometry
        for name, p in ours.named_parameters():
            name = name.replace(".", "_")
            self.register_parameter(name, torch.nn.Parameter(torch.from_numpy(p.numpy().copy())))
        self.register_buffer("mean", torch.from_numpy(ours.mean.numpy().copy()))

    def conv(self, k, x):
        stride, padding = self.stem[:2] if k == 1 else (1, 2 if k == 2 else 1)
        groups = self.options["columns"] if k in (2, 4, 5) else 1
        weight, bias = getattr(self, f"conv{k}_weight"), getattr(self, f"conv{k}_bias")
        y = torch.nn.functional.conv2d(x, weight, bias, stride, padding, groups=groups)
        return torch.relu(y)

    def forward(self, x):
        f, per_term = torch.nn.functional, self.options["norm"]
        x = (x - self.mean) / self.options["spread"]
        for k in (1, 2):
            x = f.local_response_norm(self.conv(k, x), 5, alpha=5 * per_term, beta=0.75, k=2.0)
            x = f.max_pool2d(x, 3, 2)
        x = f.max_pool2d(self.conv(5, self.conv(4, self.conv(3, x))), 3, 2).flatten(1)
        for k in (6, 7):
            x = torch.relu(
                f.linear(x, getattr(self, f"fc{k}_weight"), getattr(self, f"fc{k}_bias"))
            )
        return f.linear(x, self.fc8_weight, self.fc8_bias)


def rate(step, steps):
    return 0.1 ** (3 * step // steps)  # divided twice


def trained_both(dtype, steps, **options):
    """(our losses, theirs) over so many steps on noise that has something to be learnt."""
    minicnn.manual_seed(0)
    ours = AlexNet(10, dropout=0.0, initial="he", **options).to(dtype=dtype)
    twin = Twin(ours)
    more = {"weight_decay": DECAY, "schedule": lambda step: rate(step, steps)}
    learner = optim.SGD(ours.parameters(), LR, MOMENTUM, **more)
    theirs = torch.optim.SGD(twin.parameters(), LR, momentum=MOMENTUM, weight_decay=DECAY)
    rng, losses = np.random.default_rng(0), []
    size = ours.options["size"]
    for step in range(steps):
        labels = rng.integers(0, 10, BATCH)
        x = rng.uniform(0, 255, (BATCH, 3, size, size)) + 4 * labels[:, None, None, None]
        x = x.astype(dtype)
        loss = F.cross_entropy(ours(Tensor(x)), labels)
        learner.zero_grad()
        loss.backward()
        learner.step()
        for group in theirs.param_groups:
            group["lr"] = LR * rate(step, steps)
        other = torch.nn.functional.cross_entropy(
            twin(torch.from_numpy(x)), torch.from_numpy(labels)
        )
        theirs.zero_grad()
        other.backward()
        theirs.step()
        losses.append((loss.item(), other.item()))
    return np.array(losses).T


@pytest.mark.parametrize(
    ("dtype", "steps", "options", "tolerance"),
    [
        (np.float64, 100, {"size": 56, "width": 0.25, "spread": 60.0, "columns": 1}, 1e-8),
        (np.float64, 100, {"size": 112, "width": 0.25, "spread": 60.0, "norm": 0.1}, 1e-8),
        (np.float32, 20, {"size": 56, "spread": 60.0, "columns": 1, "norm": 0.1}, 1e-3),
    ],
)
def test_both_learn_the_same(dtype, steps, options, tolerance):
    ours, theirs = trained_both(dtype, steps, **options)
    assert np.abs(ours - theirs).max() < tolerance
    assert len(set(ours.round(6))) > steps // 2  # and they did change


def test_the_published_network_says_the_same():
    """227, two columns, raw grey levels, the paper's first weights made ten times larger."""
    minicnn.manual_seed(0)
    ours = AlexNet(1000, dropout=0.0)
    for name, p in ours.named_parameters():
        if name.endswith("weight"):
            p.data = p.data * np.float32(2)
    ours.mean.data = ours.mean.data + np.random.default_rng(1).normal(size=(3, 227, 227)).astype(
        np.float32
    )
    x = np.random.default_rng(0).uniform(0, 255, (2, 3, 227, 227)).astype(np.float32)
    with torch.no_grad():
        theirs = Twin(ours)(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(ours(Tensor(x)).numpy(), theirs, rtol=1e-3, atol=1e-3)
