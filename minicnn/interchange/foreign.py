"""The weights of an ONNX file as a beginning for a network of ours.

    minicnn train alexnet --data FOLDER --start bvlc_alexnet.onnx --set colours=bgr mean=FILE

A file that `export` wrote has our names, and tells the options of its network. In another the
layers have other names: they are taken in the order in which they compute, the first convolution
for our first, and so on; a layer fits if its shapes do. What decides what such weights mean, the
normalisation and in how many columns the maps lie, is read from the graph as well.
"""

import json

import numpy as np

from minicnn import nn
from minicnn.engine.dtypes import as_array
from minicnn.interchange import importing
from minicnn.interchange.errors import InterchangeError
from minicnn.learning.config import Config
from minicnn.learning.configuring import READERS, Begun

LAYERS = ("Conv", "Gemm", "MatMul")


def read(path):
    """The Begun of an ONNX file. Raises InterchangeError."""
    network = importing.load(path)
    if "minicnn" in network.metadata:
        try:
            header = json.loads(network.metadata["minicnn"])
        except ValueError:
            raise InterchangeError(f"{path}: its description is damaged: it is no JSON") from None
        return Begun(network.state_dict(), Config.from_json(header, path), path)
    found = layers_of(network)
    return Begun(lambda ours: arrays_for(ours, found, path), None, path, options_of(network))


def layers_of(network):
    """[(weight, bias or None)] of an OnnxNetwork, in the order in which they compute; weights as
    ours are: (outputs, inputs, ...)."""
    weights = {name: network.state()[kept].numpy() for name, kept in network.weight_names.items()}
    added = {name: n for n in network.nodes if n.op == "Add" for name in n.inputs}
    found = []
    for node in network.nodes:
        known = [weights[name] for name in node.inputs[1:] if name in weights]
        if node.op not in LAYERS or not known:
            continue
        weight, bias = known[0], known[1] if known[1:] else None
        if node.op == "MatMul" or (node.op == "Gemm" and not node.get("transB", 0)):
            weight = weight.T
        if bias is None and node.outputs[0] in added:
            others = [weights[n] for n in added[node.outputs[0]].inputs if n in weights]
            bias = others[0].ravel() if others and others[0].size == len(weight) else None
        found.append((weight, bias))
    return found


def arrays_for(network, layers, source):
    """{name of ours: array} for the layers of a network, one after another. Raises InterchangeError
    if there are not as many."""
    ours = [
        (path, module)
        for path, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    ]
    if len(ours) != len(layers):
        raise InterchangeError(
            f"{source}: {len(layers)} layers with weights, and the network has {len(ours)} "
            f"({', '.join(path for path, _ in ours)}); its weights would lie in the wrong ones"
        )
    arrays = {}
    for (path, module), (weight, bias) in zip(ours, layers, strict=True):
        shape = module.weight.shape
        if weight.ndim != len(shape) and weight.size == module.weight.size:
            weight = weight.reshape(shape)  # a fully connected layer, written as a convolution
        arrays[f"{path}.weight"] = as_array(np.ascontiguousarray(weight, np.float32))
        if module.bias is not None:
            no_bias = np.zeros(len(weight), np.float32)
            arrays[f"{path}.bias"] = no_bias if bias is None else bias.astype(np.float32)
    return arrays


def options_of(network):
    """What the graph of an OnnxNetwork tells of the options that AlexNet has: {option: value}."""
    kinds = [n.op for n in network.nodes if n.op in ("LRN", "MaxPool")]
    norm = next((n for n in network.nodes if n.op == "LRN"), None)
    groups = [n.get("group", 1) for n in network.nodes if n.op == "Conv"]
    options = {"columns": 2 if 2 in groups else 1, "norm": 0.0}
    if norm is not None:
        if not norm.get("size", 5) > 0:
            raise InterchangeError(f"its LRN is over {norm.get('size')} maps, which is none")
        options["order"] = "caffe" if kinds[0] == "MaxPool" else "paper"
        options["norm"] = _short(norm.get("alpha", 1e-4) / norm.get("size", 5))
        options["norm_bias"] = _short(norm.get("bias", 1.0))
    return options


def _short(number):
    """As it was meant: 2e-05, where float32 has made 1.99999995e-05 of it."""
    return float(f"{number:.6g}")


READERS[".onnx"] = read
