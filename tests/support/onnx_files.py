"""Small ONNX files, built node by node."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
helper, numpy_helper = onnx.helper, onnx.numpy_helper
KINDS = {"float32": 1, "int64": 7, "float64": 11, "bool": 9}


def node(op, inputs, outputs, **attributes):
    """A node; `inputs` and `outputs` are names, in one text."""
    inputs = [name.replace("-", "") for name in inputs.split()]
    return helper.make_node(op, inputs, outputs.split(), **attributes)


def model(nodes, inputs, constants=None, opset=17, outputs="y", **more):
    """A ModelProto. inputs: {name: shape, its sizes numbers, names or None}; constants:
    {name: array}."""
    value = helper.make_tensor_value_info
    made = helper.make_model(
        helper.make_graph(
            nodes,
            "test",
            [value(name, 1, shape) for name, shape in inputs.items()],
            [value(name, 1, None) for name in outputs.split()],
            [numpy_helper.from_array(np.asarray(a), n) for n, a in (constants or {}).items()],
        ),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=8,
        **more,
    )
    return made


def one(op, x, *constants, opset=17, outputs="y", **attributes):
    """A ModelProto of one node with the picture x, then constants; None is left out."""
    names = ["x", *("-" if c is None else f"c{k}" for k, c in enumerate(constants))]
    given = {f"c{k}": c for k, c in enumerate(constants) if c is not None}
    made = node(op, " ".join(names), outputs, **attributes)
    return model([made], {"x": [None] * np.ndim(x)}, given, opset)
