"""Who may write to a gradient's array, as the docstring of engine/op.py says."""

import itertools

import numpy as np
import pytest

from minicnn import Op, Tensor, emulator
from minicnn import functional as F
from minicnn.engine.graph import in_order
from minicnn.engine.op import OPS, hands_over
from minicnn.ops import all_cases
from minicnn.ops.matmul import MatMul

KEPT = []  # what Careless.backward has returned


class HandsOut(Op):
    """y = a + b; its backward returns what `how` makes of gy."""

    def __init__(self, how):
        self.how = how

    def forward(self, a, b):
        self.y = a + b
        return self.y

    def backward(self, gy):
        KEPT[:] = self.how(self, gy)
        return tuple(KEPT)


def one_array(op, gy):
    made = gy * 1
    return made, made


NAIVE = {
    "gy itself, twice": lambda op, gy: (gy, gy),
    "one array twice": one_array,
    "gy and a view of it": lambda op, gy: (gy, gy[:]),
    "reversed views": lambda op, gy: (gy[::-1], gy.T[::-1].T),
    "halves of one array": lambda op, gy: tuple(np.stack([gy, gy])),
    "its own output": lambda op, gy: (op.y, op.y),
    "an array that never changes": lambda op, gy: (np.broadcast_to(gy[:1, :1], gy.shape),) * 2,
}


def leaf(*shape, seed=0):
    return Tensor(np.random.default_rng(seed).normal(size=shape), requires_grad=True)


@pytest.mark.parametrize("how", NAIVE.values(), ids=NAIVE)
def test_gradients_of_leaves_are_their_own_whatever_an_op_hands_out(how):
    a, b = leaf(2, 3), leaf(2, 3, seed=1)
    (HandsOut(how)(a, b) * 1.0).backward(np.arange(6.0).reshape(2, 3))
    kept = [array.copy() for array in KEPT]
    for grad, right in zip((a.grad, b.grad), kept, strict=True):
        assert grad.tolist() == right.tolist()
        assert grad.flags.c_contiguous and grad.flags.writeable
        assert not any(np.shares_memory(grad, array) for array in KEPT)
    a.grad += 1  # as clipping does
    assert b.grad.tolist() == kept[1].tolist()
    HandsOut(how)(a, b).backward(np.ones((2, 3)))  # added to, which must not change what was kept
    assert not any(np.shares_memory(a.grad, array) for array in KEPT)


@pytest.mark.parametrize("how", NAIVE.values(), ids=NAIVE)
def test_sums_of_gradients_do_not_write_into_what_an_op_handed_out(monkeypatch, how):
    a, b = leaf(2, 3), leaf(2, 3, seed=1)
    middle = a * 1.0
    first = HandsOut(how)(middle, b * 1.0)
    handed = []
    record = F.relu(middle * 2.0) + middle.sum()  # further gradients for `middle`
    original = HandsOut.backward

    def backward(self, gy):
        result = original(self, gy)
        handed.extend((array, array.copy()) for array in result)
        return result

    monkeypatch.setattr(HandsOut, "backward", backward)
    (first + record).backward(np.arange(6.0).reshape(2, 3))
    assert handed
    for array, before in handed:
        assert array.tolist() == before.tolist()


def test_the_gradient_that_the_caller_gives_stays_his():
    a, given = leaf(3), np.ones(3)
    a.backward(given)
    a.grad += 1
    assert given.tolist() == [1, 1, 1]
    a.reshape(3, 1).backward(given.reshape(3, 1))
    assert given.tolist() == [1, 1, 1] and a.grad.tolist() == [3, 3, 3]


def test_a_retained_gradient_is_not_that_of_a_leaf():
    a, b = leaf(2, 2), leaf(2, 2, seed=1)
    middle = a + b
    middle.retain_grad()
    middle.sum().backward()
    for one, other in itertools.combinations((a.grad, b.grad, middle.grad), 2):
        assert not np.shares_memory(one, other)
    middle.grad *= 5
    assert a.grad.tolist() == b.grad.tolist() == [[1, 1], [1, 1]]


def test_gradients_come_contiguous_through_views():
    a = leaf(2, 3, 4)
    a.permute(2, 0, 1).reshape(4, 6)[1:, ::2].sum().backward()
    assert a.grad.flags.c_contiguous and a.grad.sum() == 9
    b = leaf(3, 4)
    b.transpose(0, 1).backward(np.arange(12.0).reshape(4, 3))
    assert b.grad.flags.c_contiguous and b.grad.tolist() == np.arange(12.0).reshape(4, 3).T.tolist()


def calls(monkeypatch, cls):
    """A list of what the backward of an op class returns, which stays decorated."""
    returned, original = [], cls.backward

    @hands_over
    def backward(self, gy):
        result = original(self, gy)
        returned.append(result)
        return result

    monkeypatch.setattr(cls, "backward", backward)
    return returned


@pytest.mark.parametrize("function", [F.conv2d, F.linear], ids=["conv2d", "linear"])
def test_gradients_of_weights_are_taken_over_without_a_copy(monkeypatch, function):
    shapes = ((2, 3, 6, 5), (4, 3, 3, 2)) if function is F.conv2d else ((6, 5), (4, 5))
    x, w, b = leaf(*shapes[0]), leaf(*shapes[1]), leaf(4)
    y = function(x, w, b)
    returned = calls(monkeypatch, type(y.op))
    y.sum().backward()
    assert all(t.grad is g for t, g in zip((x, w, b), returned[0], strict=True))


def test_weights_that_are_used_twice_get_the_sum_in_the_first_array(monkeypatch):
    x, w = leaf(3, 5), leaf(4, 5)
    y = F.linear(x, w) + F.linear(x * 2.0, w)
    returned = calls(monkeypatch, type(F.linear(x, w).op))
    y.sum().backward()
    assert w.grad is returned[0][1]
    assert np.allclose(w.grad, 3 * np.ones((3, 4)).T @ x.data)


def memory_of(value):
    """All arrays in what an op keeps."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        yield from itertools.chain.from_iterable(map(memory_of, value.values()))
    elif isinstance(value, list | tuple):
        yield from itertools.chain.from_iterable(map(memory_of, value))


def broken_promises(op, gy, gradients):
    """What a decorated backward may not do, and did."""
    arrays = [g for g in gradients if g is not None]
    kept = [gy, *(t.data for t in op.inputs), *memory_of(vars(op))]
    for g in arrays:
        if any(np.shares_memory(g, other) for other in kept):
            yield "kept, or an input"
        if g.base is not None and g.base.nbytes > g.nbytes:
            yield "part of a larger array"
    if any(np.shares_memory(a, b) for a, b in itertools.combinations(arrays, 2)):
        yield "one array twice"


def promises_of(y):
    """{name of an op: what it broke} of the ops that made y, where they are decorated."""
    results, found = {}, {}
    for tensor in in_order(y, lambda tensor: tensor.op is not None):
        if getattr(tensor.op and tensor.op.backward, "hands_over", False):
            results.setdefault(tensor.op, []).append(np.ones(tensor.shape, tensor.dtype))
    for op, gys in results.items():
        gradients = op.backward(gys[0] if op.results is None else tuple(gys))
        gradients = gradients if isinstance(gradients, tuple) else (gradients,)
        broken = (b for gy in gys for b in broken_promises(op, gy, gradients))
        found.setdefault(type(op).__name__, []).extend(broken)
    return found


def test_ops_that_hand_over_keep_their_promise():
    found = {}
    for case in all_cases():
        for dtype in (np.float32, np.float64):
            tensors = [Tensor(a.astype(dtype), requires_grad=True) for a in case.arrays]
            for name, broken in promises_of(case.function(*tensors, **case.options)).items():
                found.setdefault(name, set()).update(broken)
    promising = {name for name, cls in OPS.items() if hasattr(cls.backward, "hands_over")}
    promising = {name for name in promising if OPS[name].__module__.startswith("minicnn.ops")}
    promising -= {"Elementwise", "ClassLoss"}  # of which others are made
    assert set(found) == promising >= {"Conv2d", "Conv2dTable", "Linear", "MatMul"}
    assert not {name: broken for name, broken in found.items() if broken}


@pytest.mark.parametrize("how", [h for n, h in NAIVE.items() if "changes" not in n])
def test_a_promise_that_is_broken_is_seen(monkeypatch, how):
    original = HandsOut.backward
    promising = hands_over(lambda self, gy: original(self, gy))
    monkeypatch.setattr(HandsOut, "backward", promising)
    (broken,) = promises_of(HandsOut(how)(leaf(2, 3), leaf(2, 3, seed=1))).values()
    assert broken


def test_an_op_derived_from_one_that_hands_over_promises_nothing():
    class Passing(MatMul):
        def forward(self, a, b):
            return a + b

        def backward(self, gy):
            return gy, gy

    a, b = leaf(3, 3), leaf(3, 3, seed=1)
    (Passing()(a, b) * 1.0).backward(np.ones((3, 3)))
    assert not np.shares_memory(a.grad, b.grad)
    op = MatMul()  # nor does one whose backward is another one for this object alone
    op.backward = lambda gy: (gy, gy)
    a, b = leaf(3, 3), leaf(3, 3, seed=1)
    (op(a, b) * 1.0).backward(np.ones((3, 3)))
    assert not np.shares_memory(a.grad, b.grad)


@pytest.mark.skipif(bool(emulator.why_not()), reason="no compiler for the emulator")
def test_on_a_device_too():
    x = Tensor(np.ones((2, 3)), requires_grad=True).to("emulated")
    w = Tensor(np.ones((4, 3)), requires_grad=True).to("emulated")
    (F.linear(x, w).sum() + x.sum() + x.sum()).backward()
    assert Tensor(x.grad).numpy().tolist() == [[6, 6, 6]] * 2
    assert Tensor(w.grad).numpy().tolist() == [[2, 2, 2]] * 4
