"""Parameters in lists, tuples and dicts: named, learnt, saved, moved. And what SGD refuses."""

import collections

import numpy as np
import pytest

from minicnn import Tensor, nn, optim
from minicnn.nn.module import Parameter


def parameter(*values):
    return Parameter(np.array(values, np.float32))


class Gains(nn.Module):
    def __init__(self):
        self.gains = [parameter(1.0), (parameter(2.0), 3)]
        self.heads = {"sky": nn.Linear(2, 1), "more": {7: [nn.Dropout(), parameter(4.0)]}}
        self.queue = collections.OrderedDict(a=parameter(5.0))
        self.shared = self.gains[0]
        self.sizes = [1, "two", None]

    def forward(self, x):
        return sum(p.sum() for p in self.parameters()) * x


NAMES = ["gains.0", "gains.1.0", "heads.more.7.1", "queue.a", "heads.sky.weight", "heads.sky.bias"]


def test_names_and_order():
    net = Gains()
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert [path for path, _ in net.named_modules()] == ["", "heads.sky", "heads.more.7.0"]


def test_they_are_learnt_saved_frozen_and_moved():
    net, other = Gains(), Gains()
    net(Tensor(1.0)).backward()
    optim.SGD(net.parameters(), 0.5).step()
    assert net.gains[0].data.tolist() == [0.5]
    assert net.gains[1][0].data.tolist() == [1.5]
    other.load_state_dict(net.state_dict())
    assert other.heads["more"][7][1].data.tolist() == [3.5]
    assert sorted(net.state_dict()) == sorted(NAMES)
    net.freeze("gains", "heads.more")
    assert [n for n, p in net.named_parameters() if p.requires_grad] == NAMES[3:]
    net.eval()
    assert not net.heads["more"][7][0].training
    net.train()
    assert net.heads["more"][7][0].training
    net.to(dtype=np.float64)
    assert {p.dtype.name for p in net.parameters()} == {"float64"}
    net.zero_grad()
    assert net.gains[0].grad is None


def test_what_contains_itself_ends():
    net = nn.Module()
    net.weight, net.me = parameter(1.0), net
    net.rings = [parameter(2.0)]
    net.rings.append(net.rings)
    assert [name for name, _ in net.named_parameters()] == ["weight", "rings.0"]


def test_two_of_one_name_and_sets_are_refused():
    net = nn.Module()
    net.heads = {1: parameter(1.0), "1": parameter(2.0)}
    with pytest.raises(ValueError, match="two parameters are called heads.1"):
        net.parameters()
    net.heads = {parameter(1.0)}
    with pytest.raises(TypeError, match="a set of parameters or modules has no order"):
        net.parameters()
    net.heads = {1, 2}
    assert net.parameters() == []


def test_the_same_parameter_twice_is_learnt_once():
    p = parameter(1.0)
    p.grad = np.ones(1, np.float32)
    sgd = optim.SGD([p, p], 0.25)
    sgd.step()
    assert p.data.tolist() == [0.75]
    p.grad = np.full(1, 8.0, np.float32)
    assert optim.clip_grad_norm_([p, p], 2.0) == 8
    assert p.grad.tolist() == [2]
    with pytest.raises(ValueError, match="max_norm=nan"):
        optim.clip_grad_norm_([p], float("nan"))


@pytest.mark.parametrize(
    "name, value",
    [
        ("data", np.zeros(40, np.float32)),
        ("data", np.zeros((1, 4), np.float32)),
        ("data", np.zeros(4)),
        ("grad", np.ones(1, np.float32)),
        ("grad", np.ones(4)),
    ],
)
def test_a_step_over_arrays_that_differ_is_refused_and_changes_nothing(name, value):
    first, second = parameter(1.0), parameter(1.0, 2.0, 3.0, 4.0)
    sgd = optim.SGD([first, second], 0.5, momentum=0.9)
    first.grad, second.grad = np.ones(1, np.float32), np.ones(4, np.float32)
    setattr(second, name, value)
    with pytest.raises(ValueError, match="SGD: parameter 1 is .* its gradient .* its velocity"):
        sgd.step()
    assert first.data.tolist() == [1]
    assert sgd.steps_done == 0


def test_a_velocity_of_one_number_is_refused():
    p = parameter(1.0, 2.0)
    sgd = optim.SGD([p], 0.5)
    p.grad, sgd.velocity = np.ones(2, np.float32), [np.zeros(1, np.float32)]
    with pytest.raises(ValueError, match=r"velocity float32\(1,\)"):
        sgd.step()


def test_one_parameter_that_is_not_in_a_list():
    p = parameter(1.0, 1.0)
    p.grad = np.float32([3, 4])
    assert optim.clip_grad_norm_(p, 1.0) == 5
    optim.SGD([{"params": p}], 1.0).step()
    np.testing.assert_allclose(p.data, [0.4, 0.2])


def test_numbers_that_cannot_be_written_to_are_learnt_in_a_copy():
    mapped = np.ones(2, np.float32)
    mapped.flags.writeable = False
    p = Parameter(mapped)
    p.grad = np.float32([1, 2])
    optim.SGD([p], 0.5).step()
    np.testing.assert_array_equal(p.data, [0.5, 0])
    np.testing.assert_array_equal(mapped, [1, 1])
