"""interpolate_onto: op by op it is interpolate, a slice and a sum, whatever is cut."""

import numpy as np
import pytest

from minicnn import functional as F
from minicnn.engine.kernel import algorithm
from minicnn.engine.op import followed
from minicnn.engine.tensor import Tensor


def apart(onto, x, **options):
    if "scale_factor" not in options:
        options["size"] = onto.shape[2:]
    return onto + F.interpolate(x, **options)[:, :, : onto.shape[2], : onto.shape[3]]


def run(function, arrays, options):
    tensors = [Tensor(a, requires_grad=True) for a in arrays]
    y = function(*tensors, **options)
    gy = np.random.default_rng(0).normal(size=y.shape).astype(y.dtype)
    y.backward(gy)
    return [y.data, *(t.grad for t in tensors)]


SIZES = [  # of onto, of the input, options
    ((60, 80), (30, 40), {"scale_factor": 2, "mode": "bilinear"}),
    ((58, 77), (15, 20), {"scale_factor": 4, "mode": "bilinear"}),
    ((9, 13), (9, 14), {"scale_factor": (1.2, 1), "mode": "bilinear"}),
    ((9, 13), (10, 14), {"scale_factor": (1, 0.95), "mode": "bilinear"}),
    ((4, 13), (5, 13), {"scale_factor": 1.1, "mode": "bilinear"}),
    ((5, 6), (3, 3), {"scale_factor": 2.3}),
    ((6, 6), (3, 4), {"scale_factor": 2.3}),
    ((9, 13), (5, 7), {"mode": "bilinear"}),
    ((9, 13), (5, 7), {"mode": "bilinear", "align_corners": True}),
    ((4, 3), (9, 7), {"mode": "bilinear"}),
    ((4, 3), (9, 7), {}),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("onto, of, options", SIZES)
@pytest.mark.parametrize("how", ["auto", "simple"])
def test_it_is_both_one_after_the_other(onto, of, options, dtype, how):
    g = np.random.default_rng(1)
    arrays = [g.normal(size=(2, 3, *size)).astype(dtype) for size in (onto, of)]
    bound = 1e-6 if dtype == np.float32 else 1e-14
    with algorithm(how):
        found = run(F.interpolate_onto, arrays, dict(options))
        expected = run(apart, arrays, dict(options))
        strided = [np.asfortranarray(a) for a in arrays]
        again = run(F.interpolate_onto, strided, dict(options))
    for a, b, c in zip(found, expected, again, strict=True):
        assert a.dtype == dtype and np.linalg.norm(a - b) <= bound * np.linalg.norm(b)
        np.testing.assert_array_equal(a, c)


def test_an_infinity_stays_where_it_is():
    x = np.zeros((1, 1, 4, 4), np.float32)
    x[0, 0, 1, 1] = np.inf
    onto = Tensor(np.ones((1, 1, 8, 8), np.float32))
    y = F.interpolate_onto(onto, Tensor(x), scale_factor=2, mode="bilinear").numpy()
    same = F.interpolate(Tensor(x), scale_factor=2, mode="bilinear").numpy() + 1
    np.testing.assert_array_equal(y, same)


def test_who_follows_sees_it_step_by_step():
    seen, onto = [], Tensor(np.ones((1, 2, 5, 6), np.float32))
    with followed(lambda op, before, result: seen.append(type(op).__name__) or result):
        F.interpolate_onto(onto, Tensor(np.ones((1, 2, 3, 3), np.float32)), 2)
    assert seen == ["Interpolate", "Index", "Add"]


@pytest.mark.parametrize(
    "onto, of, options, sentence",
    [
        ((1, 2, 9, 9), (1, 2, 3, 3), {"scale_factor": 2}, "take a larger scale_factor"),
        ((1, 2, 9, 9), (1, 3, 3, 3), {}, "of the same N and C"),
        ((2, 9, 9), (1, 2, 3, 3), {}, "of the same N and C"),
        ((1, 2, 0, 9), (1, 2, 3, 3), {"scale_factor": 2}, "not empty"),
        ((1, 2, 9, 9), (1, 2, 3, 3), {"scale_factor": 0}, "interpolate_onto: scale_factor=0"),
        ((1, 2, 9, 9), (1, 2, 3, 3), {"mode": "cubic"}, "interpolate_onto: mode 'cubic'"),
    ],
)
def test_what_cannot_be(onto, of, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        F.interpolate_onto(np.ones(onto, np.float32), np.ones(of, np.float32), **options)
