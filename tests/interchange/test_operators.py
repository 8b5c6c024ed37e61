"""Each operator of ONNX that is known here, beside onnxruntime; and the forms that it had in old
opsets, which onnxruntime does not know, beside plain numpy."""

import numpy as np
import pytest
from support.onnx_files import model, node, one

import minicnn
from minicnn.interchange import importing
from minicnn.interchange.errors import InterchangeError

onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
RANDOM = np.random.default_rng(0)


def normal(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def ints(*numbers):
    return np.array(numbers, np.int64)


def floats(*numbers):
    return np.array(numbers, np.float32)


X, SQUARE = normal(2, 4, 7, 6), normal(3, 5)
W, B = normal(6, 4, 3, 3), normal(6)
CASES = {
    "conv": one("Conv", X, W, B, pads=[1, 1, 1, 1], strides=[2, 1]),
    "conv-uneven": one("Conv", X, W, pads=[0, 1, 2, 1], dilations=[2, 1]),
    "conv-groups": one("Conv", X, normal(6, 2, 3, 2), B, group=2, kernel_shape=[3, 2]),
    "conv-same-upper": one("Conv", X, normal(6, 4, 2, 4), auto_pad="SAME_UPPER", strides=[1, 2]),
    "conv-same-lower": one("Conv", X, normal(6, 4, 2, 4), auto_pad="SAME_LOWER"),
    "conv-valid": one("Conv", X, W, auto_pad="VALID"),
    "relu": one("Relu", X),
    "tanh": one("Tanh", X),
    "sigmoid": one("Sigmoid", X),
    "lrn": one("LRN", X, size=3, alpha=0.5, beta=0.6, bias=1.5),
    "max-pool": one("MaxPool", X, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 1, 1, 1]),
    "max-pool-ceil": one("MaxPool", X, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
    "max-pool-uneven": one("MaxPool", X, kernel_shape=[3, 3], pads=[0, 1, 2, 0]),
    "max-pool-dilated": one("MaxPool", X, kernel_shape=[2, 2], dilations=[2, 3]),
    "max-pool-same": one("MaxPool", X, kernel_shape=[2, 2], auto_pad="SAME_UPPER"),
    "avg-pool": one("AveragePool", X, kernel_shape=[3, 2], strides=[2, 1], pads=[1, 1, 1, 1]),
    "avg-pool-counted": one(
        "AveragePool", X, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1
    ),
    "avg-pool-uneven": one("AveragePool", X, kernel_shape=[3, 3], pads=[2, 0, 0, 1]),
    "max-pool-far": one("MaxPool", X, kernel_shape=[3, 3], pads=[2, 2, 2, 2], strides=[2, 2]),
    "avg-pool-ceil": one("AveragePool", X, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
    "global-mean": one("GlobalAveragePool", X),
    "global-max": one("GlobalMaxPool", X),
    "mean-13": one("ReduceMean", X, axes=[2, 3], keepdims=0, opset=13),
    "mean-18": one("ReduceMean", X, ints(1, -1), opset=18),
    "mean-all": one("ReduceMean", X, keepdims=0),
    "sum-13": one("ReduceSum", X, ints(1), opset=13),
    "sum-none": one("ReduceSum", X, None, opset=13, noop_with_empty_axes=1),
    "max-of": one("ReduceMax", X, axes=[1]),
    "log-sum-exp": one("ReduceLogSumExp", X, axes=[2, 3], keepdims=0),
    "gemm": one("Gemm", SQUARE, normal(4, 5), normal(4), transB=1),
    "gemm-plain": one("Gemm", SQUARE, normal(5, 4)),
    "gemm-scaled": one("Gemm", SQUARE, normal(3, 2), normal(5, 1), transA=1, alpha=0.5, beta=2.0),
    "matmul": one("MatMul", X, normal(6, 5)),
    "matmul-old": one("MatMul", SQUARE, normal(5, 2), opset=7),
    "add": one("Add", X, normal(4, 1, 1)),
    "sub": one("Sub", X, normal(1, 6)),
    "mul": one("Mul", X, normal(2, 1, 7, 1), opset=7),
    "div": one("Div", X, floats(3.0)),
    "neg": one("Neg", X),
    "sum": model([node("Sum", "x x c", "y")], {"x": [None] * 4}, {"c": B[:6]}),
    "flatten": one("Flatten", X),
    "flatten-2": one("Flatten", X, axis=-2),
    "flatten-0": one("Flatten", X, axis=0),
    "reshape": one("Reshape", X, ints(0, 2, -1)),
    "dropout": one("Dropout", X, opset=10, ratio=0.3),
    "dropout-12": one("Dropout", X, floats(0.3)[0], opset=12),
    "softmax": one("Softmax", X, opset=13),
    "softmax-1": one("Softmax", X, axis=1),
    "softmax-old": one("Softmax", X, opset=11),
    "softmax-old-2": one("Softmax", X, opset=9, axis=2),
    "log-softmax": one("LogSoftmax", X, axis=1),
    "concat": model(
        [node("Concat", "x x c", "y", axis=1)], {"x": [None] * 4}, {"c": normal(2, 1, 7, 6)}
    ),
    "resize-linear": one("Resize", X, None, floats(1, 1, 2, 3), mode="linear"),
    "resize-linear-down": one("Resize", X, None, floats(1, 1, 0.5, 0.75), mode="linear"),
    "resize-sizes": one("Resize", X, None, None, ints(2, 4, 11, 9), mode="linear"),
    "resize-corners": one(
        "Resize",
        X,
        *(None, None, ints(2, 4, 10, 9)),
        mode="linear",
        coordinate_transformation_mode="align_corners",
    ),
    "resize-torch": one(
        "Resize",
        X,
        *(None, floats(1, 1, 2, 2)),
        mode="linear",
        coordinate_transformation_mode="pytorch_half_pixel",
    ),
    "resize-nearest": one("Resize", X, None, floats(1, 1, 3, 4)),
    "resize-floor": one(
        "Resize",
        X,
        *(None, floats(1, 1, 1.5, 0.6)),
        nearest_mode="floor",
        coordinate_transformation_mode="asymmetric",
    ),
    "resize-10": one("Resize", X, floats(1, 1, 2, 1.5), opset=10),
    "resize-axes": one("Resize", X, None, floats(2, 3), opset=18, axes=[2, 3], mode="linear"),
    "resize-not": one("Resize", X, None, floats(1, 1, 1, 1), mode="cubic"),
    "upsample-9": one("Upsample", X, floats(1, 1, 2, 2), opset=9),
    "upsample-7": one("Upsample", X, opset=7, scales=[1.0, 1.0, 3.0, 2.0]),
    "transpose": one("Transpose", X, perm=[0, 2, 3, 1]),
    "transpose-all": one("Transpose", X),
    "pad": one("Pad", X, ints(0, 0, 1, 2, 0, 0, 0, 1), floats(2.5)[0]),
    "pad-cut": one("Pad", X, ints(0, 0, -1, 2, 0, 0, 0, -2)),
    "pad-reflect": one("Pad", X, ints(0, 0, 1, 2, 0, 1, 0, 1), mode="reflect"),
    "pad-edge": one("Pad", X, ints(0, 0, 1, 2, 0, 0, 3, 1), mode="edge"),
    "pad-axes": one("Pad", X, ints(1, 2, 0, 1), None, ints(-1, 1), opset=18),
    "pad-wrap": one("Pad", X, ints(0, 0, 1, 2, 0, 0, 0, 1), mode="wrap", opset=19),
    "pad-10": one("Pad", X, opset=10, pads=[0, 0, 1, 0, 0, 0, 0, 2], value=-1.0),
    "pad-none": one("Pad", X, ints(0, 0, 0, 0, 0, 0, 0, 0)),
    "clip": one("Clip", X, floats(-0.5)[0], floats(0.25)[0]),
    "clip-low": one("Clip", X, floats(-0.5)[0]),
    "clip-high": one("Clip", X, None, floats(0.5)[0]),
    "clip-10": one("Clip", X, opset=10, min=-0.1, max=0.9),
    "clip-relu6": one("Clip", 9 * X, opset=7, min=0.0, max=6.0),
    "identity": one("Identity", X),
    "gather": one("Gather", X, ints(3, -4, 0), axis=1),
    "gather-one": one("Gather", X, np.array(2), axis=2),
    "gather-table": one("Gather", X, ints(1, 0, 1, 1).reshape(2, 2)),
    "squeeze-13": one("Squeeze", X[:1, :, :1], ints(0, 2)),
    "squeeze-11": one("Squeeze", X[:1, :, :1], opset=11, axes=[-2]),
    "unsqueeze-13": one("Unsqueeze", X, ints(0, -1)),
    "unsqueeze-11": one("Unsqueeze", X, opset=11, axes=[2]),
    "slice": one("Slice", X, ints(1, -2), ints(3, 100), ints(1, 3)),
    "slice-steps": one("Slice", X, ints(6, 0), ints(-100, 5), ints(2, 3), ints(-2, 2)),
    "slice-9": one("Slice", X, opset=9, starts=[1], ends=[-1], axes=[2]),
    "running-sum": one("CumSum", X, np.array(2)),
    "sqrt": one("Sqrt", abs(X)),
    "log": one("Log", abs(X) + 1),
    "pow": one("Pow", abs(X), floats(1.5)[0]),
    "cast": one("Cast", X, to=1),
    "second-input-first": model([node("Sub", "c x", "y")], {"x": [None] * 4}, {"c": normal(6)}),
    "shape-to-reshape": model(
        [
            node("Shape", "x", "shape"),
            node("Constant", "", "zero", value_int=0),
            node("Gather", "shape zero", "n"),
            node("Constant", "", "axes", value_ints=[0]),
            node("Unsqueeze", "n axes", "row"),
            node("Constant", "", "rest", value_ints=[-1]),
            node("Concat", "row rest", "sizes", axis=0),
            node("Reshape", "x sizes", "y"),
        ],
        {"x": [None] * 4},
    ),
    "arithmetic-of-sizes": model(
        [
            node("Shape", "x", "shape", start=2),
            node("Mul", "shape two", "a"),
            node("Sub", "a three", "b"),
            node("Div", "b two", "c"),
            node("Mod", "c five", "d"),
            node("Add", "d two", "e"),
            node("Min", "e six", "f"),
            node("Max", "f two", "g"),
            node("Cast", "g", "h", to=1),
            node("Floor", "h", "i"),
            node("Cast", "i", "j", to=7),
            node("Slice", "x zeros j two3", "y"),
        ],
        {"x": [None] * 4},
        {
            **{"two": ints(2), "three": ints(3), "five": ints(5), "six": ints(6)},
            **{"zeros": ints(0, 0), "two3": ints(2, 3)},
        },
    ),
    "range-and-scatter": model(
        [
            node("Range", "zero four one", "places"),
            node("Gather", "x places", "cut", axis=2),
            node("ConstantOfShape", "shape", "zeros"),
            node("ScatterND", "zeros at values", "table", reduction="add"),
            node("Expand", "table wide", "wider"),
            node("Add", "cut wider", "y"),
        ],
        {"x": [None] * 4},
        {
            **{"zero": np.array(0), "four": np.array(4), "one": np.array(1), "wide": ints(4, 6)},
            **{"shape": ints(4, 1), "at": ints(0, 3, 3).reshape(3, 1), "values": normal(3, 1)},
        },
    ),
}
CASES |= {
    "clip-infinite": one("Clip", X, floats(-1)[0], floats(6)[0]),
    "clip-infinite-below": one("Clip", X, floats(-1)[0]),
    "resize-to-one": one(
        "Resize", X[:1, :, :1, :1].copy(), None, None, ints(1, 4, 3, 2), mode="linear",
        coordinate_transformation_mode="pytorch_half_pixel",
    ),
    "product-along": model(
        [
            node("Shape", "x", "s"),
            node("Reshape", "s two", "r"),
            node("ReduceProd", "r", "p", axes=[0], keepdims=0),
            node("Reshape", "x p", "y"),
        ],
        {"x": [None] * 4},
        {"two": ints(2, 2)},
    ),
}  # fmt: skip
BEYOND = X.copy()
BEYOND[0, 0, 0, :2] = np.inf, -np.inf
INPUTS = {
    **dict.fromkeys(("gemm", "gemm-plain", "gemm-scaled", "matmul-old"), SQUARE),
    **dict.fromkeys(("squeeze-13", "squeeze-11"), X[:1, :, :1].copy()),
    **dict.fromkeys(("sqrt", "pow"), abs(X)),
    **{"clip-infinite": BEYOND, "clip-infinite-below": np.minimum(BEYOND, 9)},
    **{"resize-to-one": X[:1, :, :1, :1].copy()},
    **{"log": abs(X) + 1, "clip-relu6": 9 * X},
}


def ours(proto, *inputs):
    return importing.loaded(proto.SerializeToString(), "test.onnx").predict(*inputs)


@pytest.mark.parametrize("label", CASES)
def test_as_onnxruntime(label):
    proto, x = CASES[label], INPUTS.get(label, X)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    want = session.run(None, {"x": x})[0]
    got = ours(proto, x)
    assert got.shape == want.shape and got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


FOUR = [None] * 4
OLD = {  # forms that are older than what onnxruntime knows
    "reshape-attribute": (one("Reshape", X, opset=4, shape=[2, -1]), X.reshape(2, -1)),
    "add-from-axis": (
        one("Add", X, B[:4], opset=6, broadcast=1, axis=1),
        X + B[:4].reshape(4, 1, 1),
    ),
    "mul-at-the-end": (one("Mul", X, B, opset=3, broadcast=1), X * B),
    "gemm-broadcast": (
        one("Gemm", SQUARE, np.eye(5, dtype=np.float32), SQUARE[0], opset=6, broadcast=1),
        SQUARE + SQUARE[0],
    ),
    "dropout-is-test": (one("Dropout", X, opset=6, is_test=1, ratio=0.5, outputs="y mask"), X),
    "dropout-6": (one("Dropout", X, opset=6, is_test=0, ratio=0.5), X),
    "relu-consumed": (one("Relu", X, opset=5), np.maximum(X, 0)),
    "softmax-3": (
        one("Softmax", X.reshape(2, -1), opset=3),
        np.exp(X.reshape(2, -1)) / np.exp(X.reshape(2, -1)).sum(1, keepdims=True),
    ),
    "concat-3": (
        model([node("Concat", "x x", "y")], {"x": FOUR}, opset=3),
        np.concatenate([X, X], 1),
    ),
    "pad-2": (
        one("Pad", X, opset=3, pads=[0, 0, 0, 1, 0, 0, 0, 0]),
        np.pad(X, ((0, 0),) * 3 + ((1, 0),)),
    ),
    "clip-6": (one("Clip", X, opset=6, min=0.0, max=1.0), X.clip(0, 1)),
}


@pytest.mark.parametrize("label", OLD)
def test_old_forms(label):
    proto, want = OLD[label]
    x = SQUARE if label.startswith("gemm") else X.reshape(2, -1) if label == "softmax-3" else X
    np.testing.assert_allclose(ours(proto, x), want, rtol=1e-5, atol=1e-6)


REFUSED = {
    "size=2: the number of maps": one("LRN", X, size=2),
    "dilations=.2, 1. of an average": one(
        "AveragePool", X, kernel_shape=[2, 2], dilations=[2, 1], opset=19
    ),
    "mode=cubic with": one("Resize", X, None, floats(1, 1, 2, 2), mode="cubic"),
    "antialias=1 is not known": one("Resize", X, None, floats(1, 1, 2, 2), opset=18, antialias=1),
    "either scales or sizes": one("Resize", X),
    "only rows and columns": one("Resize", X, None, floats(1, 2, 2, 2)),
    "broadcast=1 is missing": one("Add", X, B, opset=6),
    "0 takes a size of the input": one("Reshape", X, ints(1, 2, 3, 4, 0)),
    "place 4 does not exist among 4": one("Gather", X, ints(4), axis=1),
    "axis=7 does not exist": one("Flatten", X, axis=7),
    "not all of size 1": one("Squeeze", X, ints(1)),
    "expected 8 numbers": one("Pad", X, ints(1, 2)),
    "with ceil_mode are not known": one(
        "MaxPool", X, kernel_shape=[4, 4], strides=[3, 3], pads=[3, 3, 3, 3], ceil_mode=1
    ),
    "mode=linear with coordinate_transformation_mode=pytorch": one(
        "Resize",
        X,
        None,
        None,
        ints(2, 4, 1, 3),
        mode="linear",
        coordinate_transformation_mode="pytorch_half_pixel",
    ),
    "kernel_shape is missing": one("MaxPool", X),
    "kernel_shape=.5, 5., and the weight": one("Conv", X, W, kernel_shape=[5, 5]),
    "only maps of two dimensions": one("Conv", X, normal(6, 4, 3)),
    "the input has 4 channels": one("Conv", X, normal(6, 3, 3, 3)),
    "pads=.-1, 0, 0, 0.: expected four": one("Conv", X, W, pads=[-1, 0, 0, 0]),
    "would take about .* GB of memory": one("Pad", X, ints(0, 0, 10**6, 10**6, 0, 0, 0, 0)),
    "a result of shape .2, 4, 70000000": one("Resize", X, None, floats(1, 1, 1e7, 1e7)),
    "a result of shape .2, 4, 1000000": one("Conv", X, W, pads=[10**6 - 7, 10**6, 0, 0]),
    "a whole number is divided by 0": model(
        [node("Shape", "x", "s"), node("Div", "s c", "y")], {"x": FOUR}, {"c": ints(0, 1, 1, 1)}
    ),
    "a result of shape .1000000000": model(
        [node("ConstantOfShape", "c", "z"), node("Add", "x z", "y")],
        {"x": FOUR},
        {"c": ints(10**9, 10**9)},
    ),
    "known here for sizes and places only": one("Abs", X),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_computed_is_said(message):
    with pytest.raises(InterchangeError, match=message) as caught:
        ours(REFUSED[message], X)
    text = str(caught.value)
    assert text.startswith("test.onnx: node ") and "\n" not in text


def test_it_learns_as_any_module():
    """Gradients arrive at the weights of the file, and dropout drops while training."""
    proto = model(
        [
            node("Conv", "x w b", "a", pads=[1, 1, 1, 1]),
            node("Clip", "a low high", "c"),
            node("Dropout", "c", "d", ratio=0.5),
            node("GlobalAveragePool", "d", "e"),
            node("Flatten", "e", "f"),
            node("Gemm", "f m", "y"),
        ],
        {"x": ["N", 4, None, None]},
        {"w": W, "b": B, "low": floats(-1)[0], "high": floats(1)[0], "m": normal(6, 3)},
        opset=11,
    )
    network = importing.loaded(proto.SerializeToString(), "test.onnx")
    assert sorted(network.state_dict()) == ["b", "m", "w"]
    still = network.predict(X)
    np.testing.assert_array_equal(still, network.predict(X))
    network.train()
    assert np.abs(network.predict(X) - still).max() > 1e-3
    network.eval()
    minicnn.functional.cross_entropy(network(X), np.array([0, 2])).backward()
    for name, p in network.named_parameters():
        assert p.grad.shape == p.shape and np.abs(p.grad).max() > 0, name


def test_on_a_device(kernel_device):
    """The weights go there, and what is computed stays there."""
    proto = model(
        [
            node("Conv", "x w b", "a"),
            node("Clip", "a low high", "c"),
            node("MaxPool", "c", "d", kernel_shape=[2, 2], pads=[0, 0, 1, 1]),
            node("Flatten", "d", "e"),
            node("Gemm", "e m", "y"),
        ],
        {"x": ["N", 4, 7, 6]},
        {"w": W, "b": B, "low": floats(-1)[0], "high": floats(1)[0], "m": normal(120, 3)},
    )
    network = importing.loaded(proto.SerializeToString(), "test.onnx")
    want = network.predict(X)
    got = network.to(kernel_device)(minicnn.Tensor(X).to(kernel_device))
    assert got.device == kernel_device
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-4, atol=1e-5)
