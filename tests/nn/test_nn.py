"""Modules, connection tables, first weights, and stochastic gradient descent."""

import numpy as np
import pytest

import minicnn
from minicnn import Tensor, nn, optim
from minicnn import functional as F
from minicnn.engine.cases import normal
from minicnn.nn import init


class Net(nn.Module):
    def __init__(self):
        self.first = nn.Conv2d(3, 4, 3)
        self.rest = [nn.Conv2d(4, 4, 1), nn.Dropout(0.5)]
        self.again = self.first  # shared: one module under two names

    def forward(self, x):
        return self.rest[1](self.rest[0](self.first(x)))


def test_parameters_have_paths_and_shared_ones_count_once():
    names = [name for name, _ in Net().named_parameters()]
    assert names == ["first.weight", "first.bias", "rest.0.weight", "rest.0.bias"]


def test_weights_are_those_of_the_seed():
    minicnn.manual_seed(3)
    a = Net().state_dict()
    minicnn.manual_seed(3)
    b = Net().state_dict()
    minicnn.manual_seed(4)
    c = Net().state_dict()
    assert all(np.array_equal(a[k], b[k]) for k in a)
    assert not np.array_equal(a["first.weight"], c["first.weight"])


def test_state_dict_goes_round_and_misfits_are_named():
    a, b = Net(), Net()
    b.load_state_dict(a.state_dict())
    assert np.array_equal(a.first.weight.data, b.first.weight.data)
    with pytest.raises(ValueError, match="missing \\['first.weight'\\]"):
        b.load_state_dict({k: v for k, v in a.state_dict().items() if k != "first.weight"})
    with pytest.raises(
        ValueError, match=r"first.bias is \(5,\) in the file, \(4,\) in the network"
    ):
        b.load_state_dict(a.state_dict() | {"first.bias": np.zeros(5)})


def test_watch_collects_what_a_module_gives_each_time():
    net, x = Net().eval(), normal(1, 3, 5, 6).astype("f4")
    with net.watch(["rest.0", "first"]) as seen:
        y = net(x)
        net(x)
    net(x)
    assert [len(seen[name]) for name in ("rest.0", "first")] == [2, 2]
    assert np.array_equal(seen["rest.0"][0].data, y.data)
    with pytest.raises(KeyError, match="no module 'second'; there are first, rest.0"):
        with net.watch(["second"]):
            pass


def test_dropout_only_drops_while_training():
    net, x = Net(), normal(1, 3, 5, 6).astype("f4")
    minicnn.manual_seed(0)
    a = net.train()(x).data
    assert (a == 0).any()
    assert not (net.eval()(x).data == 0).any()


def test_a_network_in_float64_passes_the_gradient_check():
    net = Net().eval().to(dtype=np.float64)
    assert minicnn.gradcheck(net, normal(1, 3, 5, 6))


# ----------------------------------------------------------------------------- connection tables
def test_the_full_table_is_a_dense_convolution():
    x, w, b = normal(2, 3, 6, 5), normal(4, 3, 3, 2), normal(4)
    table = nn.tables.full(3, 4)
    edges = w[table[:, 1], table[:, 0]]
    y = F.conv2d_table(Tensor(x), Tensor(edges), Tensor(b), table)
    np.testing.assert_allclose(y.data, F.conv2d(Tensor(x), Tensor(w), Tensor(b)).data, rtol=1e-12)


def test_the_grouped_table_is_a_grouped_convolution():
    x, w = normal(2, 4, 6, 5), normal(6, 2, 3, 2)
    table = nn.tables.grouped(4, 6, 2)
    edges = w[table[:, 1], table[:, 0] % 2]
    y = F.conv2d_table(Tensor(x), Tensor(edges), None, table)
    dense = F.conv2d(Tensor(x), Tensor(w), groups=2)
    np.testing.assert_allclose(y.data, dense.data, rtol=1e-12)


@pytest.mark.parametrize(("inputs", "outputs", "fan_in"), [(16, 64, 8), (64, 256, 32), (5, 7, 3)])
def test_random_tables_use_every_input_evenly(inputs, outputs, fan_in):
    minicnn.manual_seed(1)
    table = nn.tables.random_fan_in(inputs, outputs, fan_in)
    assert np.bincount(table[:, 1]).tolist() == [fan_in] * outputs
    used = np.bincount(table[:, 0], minlength=inputs)
    assert used.max() - used.min() <= 1
    assert len(np.unique(table, axis=0)) == len(table)


@pytest.mark.parametrize(
    ("edges", "sentence"),
    [
        ([(0, 0), (0, 0)], "holds an edge twice"),
        ([(3, 0)], "names a map outside of 3 inputs"),
        ([(0, 1)], "feeds nothing to output map 0"),
    ],
)
def test_wrong_tables_are_refused(edges, sentence):
    with pytest.raises(ValueError, match=sentence):
        nn.tables.explicit(edges, 3, 2)


# ------------------------------------------------------------------------------------ first weights
def test_first_weights_have_the_spread_that_they_promise():
    minicnn.manual_seed(0)
    w = init.kaiming_normal((200, 50), 50)
    assert abs(w.std() - np.sqrt(2 / 50)) < 0.01
    w = init.uniform((200, 50), 50)
    assert abs(w).max() <= 1 / np.sqrt(50)
    assert abs(w.std() - 1 / np.sqrt(150)) < 0.005
    table = nn.ConvTable2d(nn.tables.random_fan_in(16, 64, 8), 7)
    assert abs(table.weight.data.std() - np.sqrt(2 / (8 * 49))) < 0.002


# --------------------------------------------------------------------------------------------- SGD
def test_sgd_follows_its_formula():
    p = Tensor(np.array([1.0, -2.0]), requires_grad=True)
    sgd = optim.SGD([p], lr=0.1, momentum=0.9, weight_decay=0.5)
    w, v = p.data.copy(), np.zeros(2)
    for g in ([1.0, 2.0], [-3.0, 0.5], [0.0, 1.0]):
        p.grad = np.array(g)
        sgd.step()
        v = 0.9 * v + (np.array(g) + 0.5 * w)
        w = w - 0.1 * v
        np.testing.assert_allclose(p.data, w, rtol=1e-14)


def test_parameters_without_gradient_are_left_alone():
    p, q = (Tensor(np.ones(2), requires_grad=True) for _ in range(2))
    q.grad = np.ones(2)
    optim.SGD([p, q], lr=1.0, weight_decay=0.1).step()
    assert p.data.tolist() == [1, 1]
    assert q.data.tolist() != [1, 1]


def test_schedules_by_step():
    assert [optim.constant()(s) for s in (0, 99)] == [1, 1]
    assert [optim.steps(10)(s) for s in (0, 9, 10, 25)] == pytest.approx([1, 1, 0.1, 0.01])
    assert [optim.cosine(10)(s) for s in (0, 5, 10, 20)] == pytest.approx([1, 0.5, 0, 0])
    assert [optim.polynomial(10)(s) for s in (0, 5, 10)] == pytest.approx([1, 0.5**0.9, 0])
    warm = optim.warm_up(optim.constant(), 3)
    assert [warm(s) for s in (0, 1, 2, 3, 4)] == pytest.approx([0.25, 0.5, 0.75, 1, 1])
    named = optim.named_schedule("steps", 30, over=100)  # a warm-up of a tenth: 3 steps
    assert [named(s) for s in (0, 3, 9, 10)] == pytest.approx([0.25, 1, 1, 0.1])


def test_rates_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="no parameters"):
        optim.SGD([], 0.1)
    with pytest.raises(ValueError, match="momentum=1.5"):
        optim.SGD([Tensor(np.ones(1))], 0.1, momentum=1.5)


def test_a_network_is_moved_to_floating_dtypes_only():
    network = nn.Linear(3, 2)
    network.counts, network.mean = nn.Buffer(np.arange(3)), nn.Buffer(np.ones(3, np.float32))
    with pytest.raises(TypeError, match="to: networks have weights of floating numbers, not int32"):
        network.to(dtype=np.int32)
    network.to(dtype="float64")
    kinds = {name: value.dtype for name, value in network.state().items()}
    assert kinds == {"weight": "f8", "bias": "f8", "counts": "i8", "mean": "f8"}


def mixed():
    """A network whose second layer alone is in prediction mode."""
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Dropout(), nn.Conv2d(4, 2, 3))
    network.modules[1].eval()
    return network, [m.training for _, m in network.named_modules()]


@pytest.mark.parametrize("channels", [1, 5])
def test_every_module_gets_its_mode_back(channels):
    """Also behind an error, as of pictures with too many channels."""
    from minicnn.nn.receptive_fields import trace

    x = Tensor(normal(3, channels, 8, 8).astype(np.float32), requires_grad=True)
    for function in (
        lambda network: trace(network, [x]),
        lambda network: init.from_data(network, ["modules.0", "modules.2"], x),
    ):
        network, modes = mixed()
        if channels == 1:
            function(network)
        else:
            with pytest.raises(ValueError, match="channels"):
                function(network)
        assert [m.training for _, m in network.named_modules()] == modes


def test_weights_from_data_give_maps_of_mean_0_and_deviation_1():
    network, _ = mixed()
    x = Tensor(normal(5, 1, 9, 9).astype(np.float32))
    init.from_data(network, ["modules.0", "modules.2"], x)
    maps = network.eval()(x).data
    np.testing.assert_allclose(maps.mean((0, 2, 3)), [0, 0], atol=1e-4)
    np.testing.assert_allclose(maps.std((0, 2, 3)), [1, 1], rtol=1e-3)


def test_weights_from_data_need_paths_and_biases():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3, bias=False))
    x, before = Tensor(normal(2, 1, 8, 8).astype(np.float32)), network.state_dict()
    with pytest.raises(KeyError, match="no module 'modules.7'; there are"):
        init.from_data(network, ["modules.0", "modules.7"], x)
    for path in ("modules.2", "modules.1"):
        with pytest.raises(ValueError, match=f"from_data: {path} has no weight and bias"):
            init.from_data(network, ["modules.0", path], x)
    for path, value in network.state_dict().items():
        np.testing.assert_array_equal(value, before[path])
