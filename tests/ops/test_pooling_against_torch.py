"""Lp pooling, S-shaped nonlinearities and losses: the same results as PyTorch, forward and
gradients, for every argument that exists in both."""

import numpy as np
import pytest

from minicnn import functional as F
from minicnn.engine.tensor import Tensor

torch = pytest.importorskip(
    "torch", reason="torch is not installed; it serves as a comparison only"
)
from test_against_torch import DTYPES, SHAPES, compare, integers, normal  # noqa: E402

T = torch.nn.functional
REDUCTIONS = ["none", "mean", "sum"]


@DTYPES
@pytest.mark.parametrize("p", [1, 2, 3, 4, 1.5, 0.5, -1, np.inf, -np.inf])
@pytest.mark.parametrize("seed", range(4))
def test_lp_pool2d(p, seed, dtype):
    """Of negative values too, where they have a power."""
    random = np.random.default_rng(seed)
    options = {
        "kernel_size": integers(1, 5, 2, random),
        "stride": [None, integers(1, 4, 2, random)][seed % 2],
        "ceil_mode": bool(seed // 2),
    }
    x = random.uniform(0.2, 2, size=(2, 3, *random.integers(5, 12, 2)))
    inputs = [x] if p in (1.5, 0.5, 3, -1) else [x, x * random.choice([-1, 1], x.shape)]
    for x in inputs:
        compare(
            lambda x: F.lp_pool2d(x, p, **options),
            lambda x: T.lp_pool2d(x, p, **options),
            x,
            dtype=dtype,
        )


@pytest.mark.parametrize("p", [1, 2, 3, 1.5, 0.5, -1])
def test_lp_pool2d_where_powers_and_roots_do_not_exist(p):
    """Windows of zeros, sums below zero, powers of negative numbers: the same zeros and NaNs."""
    x = np.zeros((1, 1, 2, 8))
    x[..., 2:4], x[..., 4:6], x[0, 0, 0, 6:] = -1, [[-1, 2]], [-3, 1]
    compare(lambda x: F.lp_pool2d(x, p, 2), lambda x: T.lp_pool2d(x, p, 2), x, dtype=np.float64)


@DTYPES
def test_max_pool_maps_over_all_maps_is_max_pool3d(dtype):
    x = np.round(2 * normal(2, 6, 9, 8))  # with ties
    options = {"kernel_size": (3, 3, 2), "stride": (1, 2, 2), "padding": (0, 1, 1)}
    compare(
        lambda x: F.max_pool_maps(x, 3, (3, 2), 2, 1, maps_stride=1),
        lambda x: T.max_pool3d(x[:, None], **options)[:, 0],
        x,
        dtype=dtype,
    )


@DTYPES
def test_log_sum_exp_pool(dtype):
    def theirs(x):
        return (torch.logsumexp(5 * x, (2, 3)) - np.log(12)) / 5

    compare(lambda x: F.log_sum_exp_pool(x, 5), theirs, 3 * normal(2, 5, 3, 4), dtype=dtype)


@DTYPES
def test_sigmoid_and_scaled_tanh(dtype):
    x = 3 * normal(2, 3, 5, 4)
    x[0, 0, 0, :4] = 0, -0.0, 200, -200
    compare(F.sigmoid, torch.sigmoid, x, dtype=dtype)
    compare(F.scaled_tanh, lambda x: 1.7159 * torch.tanh(x * 2 / 3), x, dtype=dtype)


# ------------------------------------------------------------------------------------- the losses
@DTYPES
@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("reduction", [*REDUCTIONS, "batchmean"])
@pytest.mark.parametrize("log_target", [False, True])
def test_kl_div(shape, reduction, log_target, dtype):
    options = {"reduction": reduction, "log_target": log_target}
    target = normal(*shape) if log_target else np.random.default_rng(0).uniform(0.1, 1, shape)
    compare(
        lambda x, d: F.kl_div(x, d, **options),
        lambda x, d: T.kl_div(x, d, **options),
        normal(*shape),
        target,
        dtype=dtype,
    )


def test_kl_div_of_impossible_classes():
    """0 log 0 = 0; the distribution itself has no gradient there."""
    x, d = normal(4, 3) - 2, np.abs(normal(4, 3))
    d[1:3, 0], d[3, 1] = 0, -0.5
    for reduction in ("none", "sum", "batchmean"):
        compare(
            lambda x, d, r=reduction: F.kl_div(x, d, reduction=r),
            lambda x, d, r=reduction: T.kl_div(x, d, reduction=r),
            x,
            d,
            dtype=np.float64,
        )


def test_kl_div_is_cross_entropy_without_the_entropy_of_the_target():
    x, d = normal(5, 4), np.abs(normal(5, 4))
    d /= d.sum(axis=1, keepdims=True)
    one, two = Tensor(x, requires_grad=True), Tensor(x, requires_grad=True)
    kl = F.kl_div(F.log_softmax(one, 1), d, reduction="batchmean")
    ce = F.cross_entropy(two, d)
    np.testing.assert_allclose(kl.item(), ce.item() + (d * np.log(d)).sum() / 5, rtol=1e-12)
    kl.backward()
    ce.backward()
    np.testing.assert_allclose(one.grad, two.grad, rtol=1e-10, atol=1e-15)


@DTYPES
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [(), ("weight",), ("pos_weight",), ("weight", "pos_weight")])
def test_binary_cross_entropy_with_logits(shape, reduction, weighted, dtype):
    sizes = {"weight": shape[-1:], "pos_weight": (shape[0], *(1,) * (len(shape) - 1))}
    arrays = {name: np.random.default_rng(1).uniform(0.5, 3, sizes[name]) for name in weighted}
    mine = {name: a.astype(dtype) for name, a in arrays.items()}
    yours = {name: torch.tensor(a) for name, a in mine.items()}
    compare(
        lambda x, t: F.binary_cross_entropy_with_logits(x, t, reduction=reduction, **mine),
        lambda x, t: T.binary_cross_entropy_with_logits(x, t, reduction=reduction, **yours),
        4 * normal(*shape),
        np.random.default_rng(0).uniform(size=shape),
        dtype=dtype,
    )


@DTYPES
def test_binary_cross_entropy_of_huge_scores(dtype):
    x = np.array([[-1e4, -50, 0, 50, 1e4]] * 3)
    t = np.array([[0.0], [1.0], [0.3]]) * np.ones(5)
    compare(
        lambda x, t: F.binary_cross_entropy_with_logits(x, t, reduction="none", pos_weight=2.0),
        lambda x, t: T.binary_cross_entropy_with_logits(
            x, t, reduction="none", pos_weight=torch.tensor(2.0, dtype=x.dtype)
        ),
        x,
        t,
        dtype=dtype,
    )


def test_binary_cross_entropy_takes_whole_numbers_and_booleans_as_targets():
    x, t = normal(4, 3), np.arange(12).reshape(4, 3) % 2
    expected = F.binary_cross_entropy_with_logits(x, t.astype(float)).item()
    assert F.binary_cross_entropy_with_logits(x, t).item() == expected
    assert F.binary_cross_entropy_with_logits(x, t == 1).item() == expected


LOSS, X = F.binary_cross_entropy_with_logits, np.zeros((2, 3, 5))
WRONG = [
    (lambda: F.kl_div(X, X[:1]), r"kl_div: input \(2, 3, 5\) needs a target of its shape"),
    (lambda: F.kl_div(X, X, reduction="max"), "kl_div: .*'none', 'mean', 'sum' or 'batchmean'"),
    (lambda: LOSS(X, X[0]), r"logits: input \(2, 3, 5\) needs a target of its shape, got \(3, 5\)"),
    (lambda: LOSS(X, X, reduction="batchmean"), "'batchmean': choose 'none', 'mean' or 'sum'"),
    (lambda: LOSS(X, X, np.ones(3)), r"weight \(3,\) does not broadcast to input \(2, 3, 5\)"),
    (lambda: LOSS(X, X, pos_weight=np.ones((1, 2, 3, 5))), r"pos_weight .* does not broadcast"),
]


@pytest.mark.parametrize("k", range(len(WRONG)))
def test_wrong_inputs_get_a_sentence(k):
    call, sentence = WRONG[k]
    with pytest.raises(ValueError, match=sentence):
        call()
