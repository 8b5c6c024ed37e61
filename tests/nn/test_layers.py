"""Receptive fields and shapes, against the numbers of the papers."""

import numpy as np
import pytest

from minicnn import Tensor, nn
from minicnn import functional as F
from minicnn.models.multi_scale import MultiScale, SingleScale
from minicnn.nn.receptive_fields import layers, lines, trace


def instance(pools, first=3):
    """One instance of the recurrent network: 8x8 -> 25, pool 2, 8x8 -> 50, (pool 2,) 1x1 -> 3."""
    stack = [nn.Conv2d(first, 2, 8), nn.MaxPool2d(2), nn.Conv2d(2, 2, 8)]
    return [*stack, *([nn.MaxPool2d(2)] if pools == 2 else []), nn.Conv2d(2, 3, 1)]


@pytest.mark.parametrize(
    ("pools", "instances", "sees"), [(2, 1, 25), (2, 2, 121), (1, 1, 23), (1, 2, 67), (1, 3, 155)]
)
def test_the_recurrent_networks_see_what_their_paper_says(pools, instances, sees):
    network = nn.Sequential(*(layer for _ in range(instances) for layer in instance(pools)))
    rows = trace(network, [Tensor(np.zeros((1, 3, sees, sees), "f4"))])
    assert rows[-1].sees == (sees, sees)
    assert rows[-1].output == (1, 3, 1, 1)
    assert rows[-1].every == ((2 * pools) ** instances,) * 2 if pools == 2 else (2**instances,) * 2


def test_farabets_stage_sees_46_pixels_and_92_and_184_through_the_pyramid():
    rows = layers(MultiScale(8, width=0.125), (48, 64))
    stages = [r.sees[0] for r in rows if r.module == "stages.stages.2"]
    assert stages == [46, 92, 184]
    assert layers(SingleScale(8, width=0.125), (48, 64))[-1].sees == (46, 46)
    assert rows[-1].every == (4, 4)
    assert rows[-1].output == (1, 8, 12, 16)


def test_a_pixel_outside_the_field_does_not_matter_and_one_inside_does():
    """What the table says, tried: the gradient of one output reaches exactly that far."""
    conv = nn.Conv2d(1, 1, (3, 2), stride=(2, 1), dilation=(1, 3), padding=1)

    class Smooth(nn.Module):
        def __init__(self):
            self.conv = conv

        def forward(self, x):
            return F.avg_pool2d(self.conv(x), (2, 3), (1, 2))

    x = Tensor(np.ones((1, 1, 30, 40), "f4"), requires_grad=True)
    network = Smooth()
    rows = trace(network, [x])
    network(x)[:, :, 5:6, 5:6].sum().backward()
    reached = np.argwhere(x.grad[0, 0] != 0)
    side = reached.max(axis=0) - reached.min(axis=0) + 1
    assert tuple(side) == rows[-1].sees == (5, 6)
    assert rows[-1].every == (2, 2)


def test_the_lines_line_up():
    text = lines(layers(SingleScale(8, width=0.125), (48, 64)))
    assert text[0].split() == ["operation", "module", "output", "parameters", "sees", "every"]
    assert text[1].split()[:4] == ["Conv2d", "stages.stages.0", "2x84x100", "296"]
