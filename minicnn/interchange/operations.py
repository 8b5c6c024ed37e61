"""Each operation of ours as nodes of ONNX (opset 17).

A writer gets (graph, op, names of its inputs, the input Tensors, the output Tensor) and returns the
name of the value that it has written. In this file stands all that differs between the two: the
order of paddings, what alpha of a normalisation is divided by, which way an integer is rounded.
"""

import numpy as np

from minicnn.interchange.tracing import END, Followed


def _conv(g, op, names, inputs, output):
    sh, sw, ph, pw, dh, dw = op.geometry
    return g.node(
        "Conv",
        *names,
        kernel_shape=[*inputs[1].data.shape[-2:]],
        strides=[sh, sw],
        pads=[ph, pw, ph, pw],
        dilations=[dh, dw],
        group=getattr(op, "groups", 1),
    )


def _conv_table(g, op, names, inputs, output):
    """The filters of the edges are put into a full convolution, zeros elsewhere."""
    x, w, *rest = names
    b, gains = op.named(rest)
    edges, *window = inputs[1].data.shape
    if gains is not None:
        factors = g.node("Reshape", gains, np.array([edges, 1, 1], np.int64))
        w = g.node("Mul", w, factors)
    full = [output.data.shape[1], inputs[0].data.shape[1], *window]
    zeros = g.node("ConstantOfShape", np.array(full, np.int64))
    places = op.table[:, ::-1].copy()  # output map, input map
    w = g.node("ScatterND", zeros, places, w, reduction="add")
    return _conv(g, op, [x, w, *([] if b is None else [b])], inputs, output)


def _windows(op):
    return {
        "kernel_shape": [*op.window],
        "strides": [*op.stride],
        "pads": [*op.padding, *op.padding],
        "ceil_mode": int(op.ceil_mode),
    }


def _max_pool(g, op, names, inputs, output):
    return g.node("MaxPool", *names, **_windows(op), dilations=[*op.dilation])


def _avg_pool(g, op, names, inputs, output):
    if op.divisor_override or (op.ceil_mode and op.count_include_pad and any(op.padding)):
        raise NotImplementedError("avg_pool2d: ONNX divides by the number of pixels of a window")
    counted = int(op.count_include_pad)
    return g.node("AveragePool", names[0], **_windows(op), count_include_pad=counted)


def _subsample(g, op, names, inputs, output):
    one_each = np.array([-1, 1, 1], np.int64)
    gain, bias = (g.node("Reshape", name, one_each) for name in names[1:])
    mean = _avg_pool(g, op, names, inputs, output)
    return g.node("Add", g.node("Mul", mean, gain), bias)


def _response_norm(g, op, names, inputs, output):
    back, forth, *within = op.reach
    if any(within) or back != forth:
        raise NotImplementedError(
            "local_response_norm: ONNX normalises across an odd number of maps, not within a map"
        )
    size = back + 1 + forth
    numbers = {"alpha": float(op.a * size), "beta": float(op.beta), "bias": float(op.k)}
    return g.node("LRN", *names, size=size, **numbers)


def _linear(g, op, names, inputs, output):
    if inputs[0].data.ndim == 2:
        return g.node("Gemm", *names, transB=1)
    y = g.node("MatMul", names[0], g.node("Transpose", names[1], perm=[1, 0]))
    return g.node("Add", y, names[2]) if names[2:] else y


def _scaled_tanh(g, op, names, inputs, output):
    kind = output.data.dtype.type
    inner = g.node("Tanh", g.node("Mul", names[0], np.array(kind(2 / 3))))
    return g.node("Mul", inner, np.array(kind(1.7159)))


def _soft_max_pool(g, op, names, inputs, output):
    """1/r log(mean(e^(r x))): ONNX has the sum, not the mean."""
    kind, axes, keep = output.data.dtype.type, [*op.axes], {"keepdims": int(op.keepdim)}
    scaled = g.node("Mul", names[0], np.array(kind(op.r)))
    total = g.node("ReduceLogSumExp", scaled, axes=axes, **keep)
    ones = g.node("Add", g.node("Mul", names[0], np.array(kind(0))), np.array(kind(1)))
    count = g.node("ReduceSum", ones, np.array(axes, np.int64), **keep)
    mean = g.node("Sub", total, g.node("Log", count))
    return g.node("Mul", mean, np.array(kind(1 / op.r)))


def _reduction(operator):
    def write(g, op, names, inputs, output):
        axes, keep = [*op._axes(inputs[0].data)], {"keepdims": int(op.keepdim)}
        if operator == "ReduceSum":
            return g.node(operator, names[0], np.array(axes, np.int64), **keep)
        return g.node(operator, names[0], axes=axes, **keep)

    return write


def _pow(g, op, names, inputs, output):
    if op.exponent == 0.5:
        return g.node("Sqrt", *names)
    return g.node("Pow", *names, np.array(op.exponent, output.data.dtype))


def _reshape(g, op, names, inputs, output):
    return g.node("Reshape", names[0], g.sizes(op.shape))


def _index(g, op, names, inputs, output):
    """Slices together; then each whole number, which takes a dimension away. Or an array of whole
    numbers along one axis."""
    value, parts = names[0], op.index if isinstance(op.index, tuple) else (op.index,)
    others = [axis for axis, part in enumerate(parts) if not isinstance(part, slice | int)]
    if others:
        axis = others[0]
        part, rest = np.asarray(parts[axis]), (*parts[:axis], *parts[axis + 1 :])
        if len(others) > 1 or part.dtype.kind not in "iu" or any(p != slice(None) for p in rest):
            raise NotImplementedError(
                "index: only slices, whole numbers, and an array of these along one axis have a "
                "place in ONNX"
            )
        return g.node("Gather", value, part.astype(np.int64), axis=axis)
    cut = [(axis, s) for axis, s in enumerate(parts) if isinstance(s, slice) and s != slice(None)]
    if cut:
        steps = [1 if s.step is None else s.step for _, s in cut]
        both = list(zip(cut, steps, strict=True))
        starts = [s.start if s.start is not None else (0 if k > 0 else END) for (_, s), k in both]
        ends = [s.stop if s.stop is not None else (END if k > 0 else -END) for (_, s), k in both]
        axes = [axis for axis, _ in cut]
        value = g.node("Slice", value, *(g.sizes(n) for n in (starts, ends, axes, steps)))
    for axis in reversed(range(len(parts))):
        if isinstance(parts[axis], int):
            value = g.node("Gather", value, np.array(parts[axis], np.int64), axis=axis)
    return value


def _pad(g, op, names, inputs, output):
    modes = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}
    if op.mode not in modes:
        raise NotImplementedError(f"pad: mode {op.mode} has no place in ONNX of opset 17")
    axes, count = op._axes(inputs[0].data.shape), inputs[0].data.ndim
    around = [axes.get(axis, (0, 0))[end] for end in (0, 1) for axis in range(count)]
    more = [np.array(op.value, output.data.dtype)] if op.mode == "constant" and op.value else []
    return g.node("Pad", names[0], g.sizes(around), *more, mode=modes[op.mode])


def _interpolate(g, op, names, inputs, output):
    """By a factor; or, where the size of the picture is open no more, to a size."""
    how = {"mode": "nearest" if op.mode == "nearest" else "linear"}
    how["coordinate_transformation_mode"] = "align_corners" if op.align_corners else "half_pixel"
    if op.mode == "nearest":
        how |= {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    x = inputs[0]
    sizes = zip(x.data.shape[2:], op.size, op.ratio, strict=True)
    by_size = op.align_corners or all(n / size == ratio for n, size, ratio in sizes)
    open_size = isinstance(x, Followed) and x.spatial
    if by_size and not open_size:
        return g.node("Resize", names[0], "", "", g.sizes([*x.shape[:2], *op.size]), **how)
    if by_size and any(not float(1 / ratio).is_integer() for ratio in op.ratio):
        raise NotImplementedError("interpolate: to a size that depends on that of the picture")
    scales = np.array([1, 1, *(1 / ratio for ratio in op.ratio)], np.float32)
    return g.node("Resize", names[0], "", scales, **how)


def _plainly(operator, *attributes):
    def write(g, op, names, inputs, output):
        return g.node(operator, *names, **{new: getattr(op, old) for old, new in attributes})

    return write


WRITERS = {
    "Conv2d": _conv,
    "Conv2dTable": _conv_table,
    "MaxPool2d": _max_pool,
    "AvgPool2d": _avg_pool,
    "Subsample2d": _subsample,
    "LocalResponseNorm": _response_norm,
    "LogSumExpPool": _soft_max_pool,
    "Linear": _linear,
    "MatMul": _plainly("MatMul"),
    "ReLU": _plainly("Relu"),
    "Tanh": _plainly("Tanh"),
    "Sigmoid": _plainly("Sigmoid"),
    "ScaledTanh": _scaled_tanh,
    "Softmax": _plainly("Softmax", ("dim", "axis")),
    "LogSoftmax": _plainly("LogSoftmax", ("dim", "axis")),
    "Add": _plainly("Add"),
    "Sub": _plainly("Sub"),
    "Mul": _plainly("Mul"),
    "Div": _plainly("Div"),
    "Neg": _plainly("Neg"),
    "Pow": _pow,
    "Sum": _reduction("ReduceSum"),
    "Mean": _reduction("ReduceMean"),
    "AMax": _reduction("ReduceMax"),
    "Reshape": _reshape,
    "Permute": _plainly("Transpose", ("dims", "perm")),
    "Index": _index,
    "Concat": _plainly("Concat", ("dim", "axis")),
    "Pad": _pad,
    "Interpolate": _interpolate,
}
