"""Whole numbers, other dtypes, numpy's scalars, odd dimensions: PyTorch's answer or a sentence."""

import numpy as np
import pytest

from minicnn import Tensor, nn, optim
from minicnn import functional as F


def array(*values, dtype=np.int64):
    return np.array(values, dtype)


def whole(*values, dtype=np.int64):
    return Tensor(array(*values, dtype=dtype))


def zeros(*shape, dtype=np.float32):
    return Tensor(np.zeros(shape, dtype))


f = Tensor([1.0, 2.0, 4.0])
BYTES = array(1, 2, 250, dtype=np.uint8)
TABLE = [  # what is asked, values, dtype: those of PyTorch
    ("a list", lambda: Tensor([1, 2, 3]), [1, 2, 3], "float32"),
    ("a number", lambda: Tensor(3), 3, "float32"),
    ("a range", lambda: Tensor(range(2)), [0, 1], "float32"),
    ("a list beside 0.5", lambda: Tensor([1, 2, 3]) * 0.5, [0.5, 1, 1.5], "float32"),
    ("an array", lambda: whole(1, 2), [1, 2], "int64"),
    ("bytes", lambda: Tensor(BYTES), [1, 2, 250], "uint8"),
    ("numpy's numbers", lambda: Tensor(np.int32(3)), 3, "int32"),
    ("numpy's float64", lambda: Tensor(np.float64(3)), 3, "float64"),
    ("float16", lambda: Tensor(array(1, 2, dtype=np.float16)) * 2, [2, 4], "float16"),
    ("float16 sum", lambda: Tensor(np.ones(3000, np.float16)).sum(), 3000, "float16"),
    ("float16 mean", lambda: Tensor(np.full(100, 1000, np.float16)).mean(), 1000, "float16"),
    ("big-endian", lambda: Tensor(array(1, 2, dtype=">f4")) + 1, [2, 3], "float32"),
    ("big-endian whole", lambda: whole(1, 258, dtype=">i4"), [1, 258], "int32"),
    ("bytes beside -100", lambda: Tensor(BYTES) != -100, [True, True, True], "bool"),
    ("-1 beside bytes", lambda: -1 < Tensor(BYTES), [True, True, True], "bool"),
    ("bytes below 300", lambda: Tensor(BYTES) < 300, [True, True, True], "bool"),
    ("whole * 0.5", lambda: whole(1, 2, 3) * 0.5, [0.5, 1, 1.5], "float32"),
    ("0.5 * whole", lambda: 0.5 * whole(1, 2, 3), [0.5, 1, 1.5], "float32"),
    ("whole * 2", lambda: whole(1, 2, dtype=np.int32) * 2, [2, 4], "int32"),
    ("whole * whole", lambda: whole(1, 2) * whole(3, 4), [3, 8], "int64"),
    ("whole / whole", lambda: whole(1, 2) / whole(2, 4), [0.5, 0.5], "float32"),
    ("whole / 2", lambda: whole(1, 2) / 2, [0.5, 1], "float32"),
    ("whole ** 2", lambda: whole(1, 2) ** 2, [1, 4], "int64"),
    ("whole ** 0.5", lambda: whole(1, 4) ** 0.5, [1, 2], "float32"),
    ("bool * 2", lambda: whole(1, 0, dtype=bool) * 2, [2, 0], "int64"),
    ("bool * 0.5", lambda: whole(1, 0, dtype=bool) * 0.5, [0.5, 0], "float32"),
    ("float * whole", lambda: f * whole(1, 2, 3), [1, 4, 12], "float32"),
    ("float * whole array", lambda: f * array(1, 2, 3), [1, 4, 12], "float32"),
    ("bytes + float", lambda: Tensor(BYTES) + f, [2, 4, 254], "float32"),
    ("float64 - whole", lambda: f.to(dtype=np.float64) - whole(1, 2, 3), [0, 0, 1], "float64"),
    ("float * list", lambda: f * [1, 2, 3], [1, 4, 12], "float32"),
    ("float * np.float32", lambda: f * np.float32(2), [2, 4, 8], "float32"),
    ("np.float64 * float", lambda: np.float64(2) * f, [2, 4, 8], "float32"),
    ("float * np.int64", lambda: f * np.int64(2), [2, 4, 8], "float32"),
    ("float ** np.float64", lambda: f ** np.float64(2), [1, 4, 16], "float32"),
    ("float ** np.int64", lambda: f ** np.int64(2), [1, 4, 16], "float32"),
    ("concat", lambda: F.concat([f, whole(5)]), [1, 2, 4, 5], "float32"),
    ("matmul", lambda: F.matmul(f, whole(1, 0, 1)), 5, "float32"),
    ("sum of bytes", lambda: Tensor(BYTES).sum(), 253, "int64"),
    ("sum of bools", lambda: whole(1, 1, dtype=bool).sum(), 2, "int64"),
    ("amax", lambda: Tensor(BYTES).amax(), 250, "uint8"),
    ("labels in a list", lambda: F.cross_entropy(zeros(2, 1), [0, 0]), 0, "float32"),
    ("labels as bytes", lambda: F.nll_loss(zeros(1, 2), array(1, dtype=np.uint8)), 0, "float32"),
    ("dim=()", lambda: f.sum(dim=()), 7, "float32"),
    ("mean dim=()", lambda: (3 * f).mean(dim=()), 7, "float32"),
    ("amax dim=()", lambda: f.amax(dim=()), 4, "float32"),
    ("dim=np.int64", lambda: f.sum(np.int64(0)), 7, "float32"),
    ("dim=-1", lambda: f.sum(-1), 7, "float32"),
    ("sum of nothing", lambda: zeros(0, 2).sum(0), [0, 0], "float32"),
    ("mean of nothing", lambda: zeros(0, 2).mean(0), [np.nan, np.nan], "float32"),
    ("largest of each of none", lambda: zeros(0, 2).amax(1), np.zeros(0), "float32"),
    ("reshape(np.int64)", lambda: f.reshape(np.int64(3)), [1, 2, 4], "float32"),
]


@pytest.mark.parametrize(
    "make, values, dtype", [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_as_in_pytorch(make, values, dtype):
    result = make()
    np.testing.assert_array_equal(result.data, values)
    assert result.dtype == dtype
    assert result.dtype.isnative


picture, filters = np.zeros((1, 1, 4, 4), np.uint8), np.zeros((1, 1, 3, 3), np.float32)
REFUSED = [
    (lambda: F.conv2d(picture, filters), TypeError, r"conv2d: input holds whole numbers \(uint8\)"),
    (lambda: F.conv2d(filters, filters.astype(int)), TypeError, "conv2d: weight holds whole"),
    (lambda: nn.Conv2d(1, 2, 3)(Tensor(picture)), TypeError, "conv2d: input holds whole numbers"),
    (lambda: F.interpolate(Tensor(picture), 8, mode="bilinear"), TypeError, "interpolate: input"),
    (lambda: F.max_pool2d(Tensor(picture), 2), TypeError, "max_pool2d: input holds whole"),
    (lambda: F.avg_pool2d(Tensor(picture), 2), TypeError, "avg_pool2d: input holds whole"),
    (lambda: F.local_contrast_norm(Tensor(picture), 3), TypeError, "local_subtraction: input"),
    (lambda: F.local_response_norm(Tensor(picture), 3), TypeError, "local_response_norm: input"),
    (lambda: F.relu(whole(1, 2)), TypeError, "relu: input holds whole"),
    (lambda: F.dropout(whole(1, 2)), TypeError, "dropout: input holds whole"),
    (lambda: whole(1, 2).mean(), TypeError, "mean: input holds whole"),
    (lambda: F.softmax(whole(1, 2), 0), TypeError, "softmax: input holds whole"),
    (lambda: F.log_softmax(whole(1, 2), 0), TypeError, "log_softmax: input holds whole"),
    (lambda: F.cross_entropy(whole(1, 2), 0), TypeError, "cross_entropy: input holds whole"),
    (lambda: F.kl_div(f, whole(1, 2, 3)), TypeError, "kl_div: target holds whole"),
    (lambda: F.linear(f, whole(1, 2, 3).reshape(1, 3)), TypeError, "linear: weight holds whole"),
    (lambda: F.relu(zeros(2, dtype=np.float16)), TypeError, "holds float16; kernels compute with"),
    (lambda: Tensor(BYTES) + 300, ValueError, "300 does not fit into uint8"),
    (lambda: Tensor(np.float16([1])) / 1e5, ValueError, "100000.0 does not fit into float16"),
    (lambda: whole(1, 2) ** -1, ValueError, "pow: whole numbers"),
    (lambda: whole(1, dtype=bool) - whole(1, dtype=bool), TypeError, "sub: bools"),
    (lambda: -whole(1, dtype=bool), TypeError, "neg: bools"),
    (lambda: Tensor(BYTES, requires_grad=True), TypeError, "only floating tensors can require"),
    (lambda: Tensor(np.longdouble(1)), TypeError, "needs numbers .* longdouble"),
    (lambda: Tensor(np.array([1j])), TypeError, "needs numbers .* complex128"),
    (lambda: f * 1j, TypeError, "needs numbers .* complex"),
    (lambda: Tensor("7"), TypeError, "needs numbers .* got str"),
    (lambda: Tensor([[1], [1, 2]]), TypeError, "lists of equal lengths"),
    (lambda: Tensor([f, [f]]), TypeError, "a list of Tensors is no Tensor"),
    (lambda: F.concat([]), ValueError, "concat: expected a list of Tensors, not empty"),
    (lambda: F.concat([Tensor(1.0)]), ValueError, "each of at least 1-D"),
    (lambda: F.concat([f, f], dim=1), ValueError, r"concat: dim 1 does not exist in shape \(3,\)"),
    (lambda: zeros(2, 3).sum((0, -2)), ValueError, "sum: dim=.* names a dimension of .* twice"),
    (lambda: zeros(2, 3).sum(2), ValueError, r"sum: dim 2 does not exist in shape \(2, 3\)"),
    (lambda: zeros(2, 3).mean(-3), ValueError, "mean: dim -3 does not exist"),
    (lambda: zeros(2, 3).sum(1.0), TypeError, "sum: dim=1.0: expected an int"),
    (lambda: zeros(0, 3).amax(), ValueError, "amax: among no numbers"),
    (lambda: zeros(2, 3).permute(0, 3), ValueError, "permute: dim 3 does not exist"),
    (lambda: zeros(2, 3).permute(0, 0), ValueError, "permute: .* twice"),
    (lambda: zeros(2, 3).transpose(0, 2), ValueError, "transpose: dim 2 does not exist"),
    (lambda: zeros(2, 3).reshape(-2, -3), ValueError, "does not fit"),
    (lambda: zeros(2, 3).reshape(2.0, 3), TypeError, "reshape: .* expected ints"),
    (lambda: F.softmax(f, 1.0), TypeError, "softmax: dim=.* expected an int"),
    (lambda: F.pad(f, (1.5, 0)), TypeError, "pad: .* expected ints"),
    (lambda: F.max_pool2d(zeros(1, 1, 4, 4), np.nan), ValueError, "kernel_size=nan: expected"),
    (lambda: F.max_pool2d(zeros(1, 1, 4, 4), None), ValueError, "kernel_size=None: expected"),
    (lambda: F.conv2d(filters, filters, groups=1.5), ValueError, "groups=1.5: expected an int"),
    (
        lambda: F.interpolate(zeros(1, 1, 2, 2), scale_factor=np.nan),
        ValueError,
        "factor=nan: ",
    ),
    (
        lambda: F.interpolate(zeros(1, 1, 2, 2), scale_factor=np.inf),
        ValueError,
        "factor=inf: ",
    ),
    (lambda: F.dropout(f, "a"), ValueError, "dropout: p='a' must lie between 0 and 1"),
    (lambda: nn.Conv2d(2, 2, 3, groups=0), ValueError, "Conv2d: groups=0: expected at least 1"),
    (lambda: nn.Linear(0, 2), ValueError, "Linear: in_features=0: expected at least 1"),
    (lambda: optim.named_schedule("cosine", 0), ValueError, "schedule 'cosine': 0 steps"),
    (lambda: optim.SGD(f, 0.1), TypeError, "SGD: parameters is a Tensor; give a list"),
    (lambda: optim.SGD(nn.ReLU(), 0.1), TypeError, "SGD: parameters is a ReLU; give a list"),
    (
        lambda: optim.SGD([f, ("w", f)], 0.1),
        TypeError,
        r"SGD: parameters\[1\] is no Tensor",
    ),
    (
        lambda: optim.clip_grad_norm_([1.0], 1),
        TypeError,
        r"parameters\[0\] is no Tensor",
    ),
]


@pytest.mark.parametrize("make, error, sentence", REFUSED)
def test_a_sentence(make, error, sentence):
    with pytest.raises(error, match=sentence):
        make()


def test_a_float_leaf_times_whole_numbers_learns():
    leaf = Tensor([1.0, 2.0], requires_grad=True)
    (leaf * array(3, 4)).sum().backward()
    assert leaf.grad.tolist() == [3, 4]
    assert leaf.grad.dtype == np.float32


def test_numpys_numbers_as_arguments():
    x = np.ones((1, 2, 6, 6), np.float32)
    one, two, three = np.int64(1), np.int32(2), np.int64(3)
    layer = nn.Conv2d(2, 4, three, stride=one, padding=np.array([1, 1]), groups=two)
    pooled = nn.MaxPool2d(two)(layer(Tensor(x)))
    assert pooled.shape == (1, 4, 3, 3)
    assert F.dropout(pooled, np.float32(0.5)).dtype == np.float32
    assert F.log_sum_exp_pool(pooled, np.float32(2), dim=np.int64(1)).shape == (1, 3, 3)
    loss = F.cross_entropy(pooled, np.zeros((1, 3, 3), int), label_smoothing=np.float64(0.1))
    assert loss.dtype == np.float32


def test_a_gradient_is_summed_over_more_ones_than_float16_counts():
    b = Tensor(np.zeros(2, np.float16), requires_grad=True)
    (Tensor(np.zeros((3000, 2), np.float16)) + b).sum().backward()
    np.testing.assert_array_equal(b.grad, [3000, 3000])
