"""Who may write to a gradient: what an op hands out is copied, what it hands over is kept."""

import numpy as np
import pytest

from minicnn import Op, Tensor
from minicnn import functional as F


class Shares(Op):
    """A student's op that gives both inputs the very array it got, and keeps it."""

    def forward(self, a, b):
        return a + b

    def backward(self, gy):
        self.kept = gy
        return gy, gy


class Views(Op):
    def forward(self, x):
        return x.T.copy()

    def backward(self, gy):
        return gy.T


def leaf(*shape):
    return Tensor(np.ones(shape, np.float32), requires_grad=True)


def test_two_leaves_of_one_op_do_not_share_their_gradient():
    a, b, upstream = leaf(2, 3), leaf(2, 3), np.ones((2, 3), np.float32)
    Shares()(a, b).backward(upstream)
    assert not np.shares_memory(a.grad, b.grad) and not np.shares_memory(a.grad, upstream)
    a.grad += 5
    assert (b.grad == 1).all() and (upstream == 1).all()


def test_a_leaf_that_is_used_twice_and_a_second_backward_add_up():
    a = leaf(2, 3)
    Shares()(a, a).backward(np.ones((2, 3), np.float32))
    Shares()(a, leaf(2, 3)).backward(np.ones((2, 3), np.float32))
    assert (a.grad == 3).all()


def test_views_are_copied_and_lie_in_order():
    a = leaf(2, 3)
    upstream = np.arange(6, dtype=np.float32).reshape(3, 2)
    Views()(a).backward(upstream)
    assert a.grad.flags.c_contiguous and not np.shares_memory(a.grad, upstream)
    np.testing.assert_array_equal(a.grad, upstream.T)


def test_a_retained_gradient_is_a_copy():
    x, w = leaf(1, 2, 5, 5), leaf(3, 2, 3, 3)
    middle = F.conv2d(x, w)
    middle.retain_grad()
    (middle * 1.0).sum().backward()
    middle.grad += 7
    assert np.isfinite(w.grad).all() and w.grad.max() == 9


@pytest.mark.parametrize("bias", [True, False])
def test_what_is_handed_over_is_not_copied(monkeypatch, bias):
    """The gradient of a convolution's weights is the array that its backward made."""
    from minicnn.ops.conv2d import Conv2d

    made, before = [], Conv2d.backward
    monkeypatch.setattr(
        Conv2d, "backward", lambda self, gy: made.append(before(self, gy)) or made[0]
    )
    x, w, b = leaf(1, 2, 5, 5), leaf(3, 2, 3, 3), leaf(3)
    F.conv2d(x, w, b if bias else None).sum().backward()
    assert w.grad is made[0][1] and x.grad is made[0][0]


def test_every_op_that_hands_over_makes_its_arrays_anew():
    """For all cases: no gradient shares memory with another one, with an input or with gy."""
    from minicnn.engine.op import OPS
    from minicnn.ops import all_cases

    names = {name for name, cls in OPS.items() if cls.hands_over}
    assert {"Conv2d", "Conv2dTable", "Linear"} <= names
    seen = set()
    for case in all_cases():
        inputs = [Tensor(np.array(a), a.dtype.kind == "f") for a in case.arrays]
        result = case.function(*inputs, **case.options)
        op = result.op
        if op is None or not type(op).hands_over:
            continue
        seen.add(type(op).__name__)
        gy = np.ones(result.shape, result.dtype)
        given = [gy, *(t.data for t in op.inputs)]
        found = op.backward(gy)
        found = [g for g in (found if isinstance(found, tuple) else (found,)) if g is not None]
        for k, gradient in enumerate(found):
            assert not any(np.shares_memory(gradient, a) for a in given + found[:k]), case
    assert seen == names
