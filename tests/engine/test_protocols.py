"""What Python and numpy ask of a Tensor: to be iterated over, compared, converted, printed."""

import math
import time

import numpy as np
import pytest

from minicnn import Tensor, no_grad

t = Tensor([1.0, 2.0, 3.0])


def test_iteration_keeps_the_history():
    x = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    rows = list(x)
    assert [row.shape for row in rows] == [(2,), (2,)]
    (sum(rows) * [1.0, 10.0]).sum().backward()
    assert x.grad.tolist() == [[1, 10], [1, 10]]
    assert sum(t).item() == 6
    a, b, c = t
    assert (a.item(), b.item(), c.item()) == (1, 2, 3)


def test_one_number_is_no_list():
    loss = t.sum()
    for ask in (sum, iter, list, len):
        with pytest.raises(TypeError, match=r"shape \(\)"):
            ask(loss)


def test_membership_and_truth():
    assert 3.0 in t
    assert 4.0 not in t
    assert Tensor(2.0) in t
    with pytest.raises(TypeError, match="a str cannot be in a Tensor"):
        "3" in t  # noqa: B015
    assert not Tensor([0.0])
    assert Tensor([[2.0]])
    for many in (t, Tensor(np.zeros(0))):
        with pytest.raises(ValueError, match="is not one number; reduce it"):
            bool(many)


def test_arrays():
    assert np.asarray(t).tolist() == [1, 2, 3]
    assert np.asarray(t).dtype == np.float32
    assert np.asarray(t, dtype=np.float64).dtype == np.float64
    assert np.array(t) is not t.data
    learnt = Tensor([1.0], requires_grad=True)
    assert np.asarray(learnt).tolist() == [1]  # as .numpy() gives it, without history
    large, start = Tensor(np.zeros((300, 300), np.float32)), time.perf_counter()
    assert np.asarray(large).shape == (300, 300)
    assert time.perf_counter() - start < 1  # seconds, once: number by number


def test_numbers():
    loss = t.sum()
    assert float(loss) == math.sqrt(loss * loss) == loss.item() == 6
    assert int(loss) == 6
    assert f"{loss:.2f} {loss}" == "6.00 Tensor(6.0)"
    assert ["a", "b"][Tensor(np.int64(1))] == "b"
    with pytest.raises(TypeError, match="a Tensor of float32 is no index"):
        ["a", "b"][loss]
    for ask in (float, int, Tensor.item):
        with pytest.raises(ValueError, match=r"shape \(3,\) is not one number"):
            ask(t)


def test_comparisons():
    assert (t < 2).data.tolist() == [True, False, False]
    assert (2 <= t).data.tolist() == [False, True, True]
    assert (t == Tensor([1.0, 0.0, 3.0])).data.tolist() == [True, False, True]
    assert (t != np.array([1, 0, 3])).data.tolist() == [False, True, False]
    assert (Tensor(np.array([1, 2])) > 1.5).data.tolist() == [False, True]
    assert (t == None) is False  # noqa: E711
    assert t != "text"
    assert not (Tensor([1.0], requires_grad=True) > 0).requires_grad
    with pytest.raises(ValueError, match="do not broadcast"):
        t == Tensor([1.0, 2.0])  # noqa: B015
    assert len({t, Tensor([1.0, 2.0, 3.0]), t}) == 2  # by identity, as dicts need it


def test_a_mask_selects_and_its_gradient_goes_back():
    x = Tensor([1.0, -2.0, 3.0], requires_grad=True)
    positive = x[x > 0]
    positive.sum().backward()
    assert positive.data.tolist() == [1, 3]
    assert x.grad.tolist() == [1, 0, 1]
    with no_grad():
        assert x[Tensor(np.array([2, 0]))].data.tolist() == [3, 1]


def test_a_grad_of_another_shape_is_not_broadcast():
    x = Tensor([1.0, 2.0], requires_grad=True)
    x.grad = np.zeros((2, 2), np.float32)
    with pytest.raises(ValueError, match="set .grad to None"):
        (x * 2.0).sum().backward()
