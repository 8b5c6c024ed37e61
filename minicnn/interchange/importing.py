"""A network from an ONNX file: what was trained elsewhere runs here.

    from minicnn import interchange
    network = interchange.load("squeezenet.onnx")
    scores = network(pictures)                    # arrays or Tensors, as the file wants them
    network.state_dict()                          # the weights, under the names of the file

It is a Module like any other: it has parameters, it can be trained further, and its operations are
ours. It computes node by node what the file says.
"""

import re
from pathlib import Path

from minicnn import nn
from minicnn.basics import typed
from minicnn.engine.op import no_grad
from minicnn.engine.tensor import Tensor
from minicnn.interchange import reading
from minicnn.interchange.errors import InterchangeError
from minicnn.interchange.nodes import Node, in_order
from minicnn.interchange.reading import text
from minicnn.learning.config import CheckpointError
from minicnn.learning.weight_files import check_finite

LEARNT = {"Conv", "Gemm", "MatMul", "Add", "Mul"}
LEARNT |= {"Reshape", "Transpose", "Gather", "ScatterND", "Slice"}  # parts of a weight, or its form
FIXED = {"Sub", "Div", "ReduceMean"}  # of a picture, such as its mean: kept, not learnt


def load(path):
    """The network of an ONNX file, in prediction mode. Raises InterchangeError, one sentence that
    names the file, for whatever cannot be read or is not known here."""
    return _network(reading.read(path), str(path), Path(path).parent)


def loaded(data, source):
    """The same from the bytes of a file; `source` is its name for people."""
    return _network(reading.parsed(data, source), source, None)


class OnnxNetwork(nn.Module):
    """What an ONNX file describes.

    source     its name
    metadata   {key: text} that stand in it
    inputs     {name: shape}; of a size that is open, its name or None
    outputs    names of the results
    """

    def __init__(self, source, metadata, inputs, outputs, nodes, weights, constants):
        self.source, self.metadata = source, metadata
        self.inputs, self.outputs, self.nodes = inputs, outputs, nodes
        self.constants, self.weight_names = constants, {}
        for name, weight in weights.items():
            kept = name
            while kept in self.__dict__ or hasattr(type(self), kept):
                kept += "_"  # a weight that is called forward
            self.__dict__[kept] = weight
            self.weight_names[name] = kept
        for node in nodes:
            node.network = self
        last = {name: k for k, node in enumerate(nodes) for name in node.inputs if name}
        self.done = [[] for _ in nodes]  # what is needed no more after each
        for name, k in last.items():
            if name not in outputs and (name in inputs or name not in constants):
                self.done[k].append(name)

    def forward(self, *pictures):
        if len(pictures) != len(self.inputs):
            raise InterchangeError(
                f"{self.source}: it takes {len(self.inputs)} inputs ({', '.join(self.inputs)}), "
                f"and {len(pictures)} are given"
            )
        values = {name: self.__dict__[kept] for name, kept in self.weight_names.items()}
        values |= self.constants
        sizes = {}
        for (name, shape), x in zip(self.inputs.items(), pictures, strict=True):
            values[name] = x = x if isinstance(x, Tensor) else Tensor(x)
            self._compare(name, shape, x.shape, sizes)
        for node, done in zip(self.nodes, self.done, strict=True):
            values[node.outputs[0]] = node.compute(values)
            for name in done:
                del values[name]
        results = [values[name] for name in self.outputs]
        for (name, shape), y in zip(self.outputs.items(), results, strict=True):
            self._compare(name, shape, y.shape, {})
        results = [y if isinstance(y, Tensor) else Tensor(y) for y in results]
        return results[0] if len(results) == 1 else tuple(results)

    def _compare(self, name, declared, shape, sizes):
        """Raises InterchangeError if a shape is not as the file declares it; a size with a name is
        the same wherever that stands."""
        if declared is None:
            return
        wrong = len(declared) != len(shape)
        for want, n in () if wrong else zip(declared, shape, strict=True):
            want = sizes.setdefault(want, n) if isinstance(want, str) else want
            wrong = wrong or want not in (None, n)
        if wrong:
            text = ", ".join("?" if n is None else str(n) for n in declared)
            raise InterchangeError(
                f"{self.source}: {typed.named(name)} is declared as ({text}), and is {tuple(shape)}"
            )

    def predict(self, *pictures):
        """The scores as numpy arrays, without a graph."""
        with no_grad():
            y = self(*pictures)
        return y.numpy() if isinstance(y, Tensor) else tuple(part.numpy() for part in y)


def _network(model, source, folder):
    opset, graph = reading.opset_of(model, source), model.graph
    if graph.sparse_initializer:
        raise InterchangeError(f"{source}: its weights are sparse, which is not known here")
    given = {text(t.name): reading.array_of(t, source, folder) for t in graph.initializer}
    inputs = {text(v.name): _shape_of(v) for v in graph.input}
    for name in inputs.keys() & given.keys():  # weights are inputs, too, in old files
        shape = inputs.pop(name)
        if shape is not None and [n for n in shape if isinstance(n, int)] != [*given[name].shape]:
            raise InterchangeError(
                f"{source}: {typed.named(name)} is declared as {tuple(shape)}, and is "
                f"{given[name].shape}"
            )
    nodes = [Node(proto, opset, source, folder) for proto in graph.node]
    for node in [node for node in nodes if node.op == "Constant" and node.outputs]:
        given[node.outputs[0]] = node.constant()
    fixed = {name for node in nodes if node.op == "Constant" for name in node.outputs}
    nodes = in_order([n for n in nodes if n.op != "Constant"], {*given, *inputs}, source)
    outputs = {text(v.name): _shape_of(v) for v in graph.output}
    if not inputs or not outputs:
        raise InterchangeError(f"{source}: a network without {'outputs' if inputs else 'inputs'}")
    for name in outputs.keys() - {*given, *inputs, *(node.outputs[0] for node in nodes)}:
        raise InterchangeError(f"{source}: its output {typed.named(name)} is given by no node")
    if model.producer_name == "minicnn":
        fixed |= {name for name in given if re.fullmatch(r"constant_\d+", name)}
    weights = {}
    for name in [n for n, a in given.items() if a.dtype.kind == "f" and a.ndim and n not in fixed]:
        uses = {node.op for node in nodes if name in node.inputs}
        if uses & LEARNT:
            weights[name] = nn.Parameter(given.pop(name))
        elif uses & FIXED:
            weights[name] = nn.Buffer(given.pop(name))
    try:
        check_finite(source, {name: weight.data for name, weight in weights.items()})
    except CheckpointError as error:
        raise InterchangeError(str(error)) from None
    metadata = {text(entry.key): text(entry.value) for entry in model.metadata_props}
    return OnnxNetwork(source, metadata, inputs, outputs, nodes, weights, given).eval()


def _shape_of(value):
    """[size, or its name, or None] of a ValueInfoProto; None if it does not say."""
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return None
    return [
        d.dim_value if d.HasField("dim_value") else (d.dim_param or None) for d in kind.shape.dim
    ]
