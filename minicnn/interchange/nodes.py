"""The nodes of an ONNX file: looked at, put in order, and each ready to be computed."""

import graphlib
import inspect
import math

import numpy as np

from minicnn.basics import typed
from minicnn.basics.nearest import did_you_mean
from minicnn.engine.tensor import Tensor
from minicnn.interchange.constants import ARRAYS
from minicnn.interchange.errors import InterchangeError
from minicnn.interchange.moving import EITHER
from minicnn.interchange.operators import OPERATORS
from minicnn.interchange.reading import array_of, text
from minicnn.learning import memory

ALWAYS = 2**22  # numbers for which there is room without a look
BYTES = 32  # for each number of a result: itself, what it is made from, and what is made of it
WRONG = (ValueError, TypeError, IndexError, KeyError, AttributeError, ArithmeticError, MemoryError)


class Node:
    """One operator at its place.

    op, name, inputs, outputs   as in the file; an input that is left out is ""
    attributes  {name: number, text, array or list of them}
    opset       by which the attributes are read
    network     that it belongs to, which is training or not
    """

    network = None

    def __init__(self, proto, opset, source, folder):
        self.op, self.opset, self.source = text(proto.op_type), opset, source
        self.inputs, self.outputs = (list(map(text, n)) for n in (proto.input, proto.output))
        name = text(proto.name) or next(iter(self.outputs), "")
        self.name = typed.named(name or "without a name")
        if proto.domain not in ("", "ai.onnx"):
            self.refuse(f"operators of {typed.named(text(proto.domain))} are not known here")
        self.attributes = {text(a.name): self._value(a, folder) for a in proto.attribute}
        self._check_operator()

    def get(self, key, default=None):
        return self.attributes.get(key, default)

    training = property(lambda self: self.network is not None and self.network.training)

    def refuse(self, why):
        raise InterchangeError(
            f"{self.source}: node {self.name} ({typed.named(self.op)}): {why}"
        ) from None

    def _value(self, a, folder):
        """The value of an attribute."""
        from minicnn.interchange.packages import onnx

        if a.type == onnx().AttributeProto.TENSOR:
            return array_of(a.t, self.source, folder)
        try:
            value = onnx().helper.get_attribute_value(a)
        except ValueError:
            self.refuse(f"{typed.named(text(a.name))} has no value")
        if isinstance(value, bytes):
            return value.decode(errors="replace")
        return list(value) if a.type in (6, 7, 8) else value

    def _check_operator(self):
        if self.op == "Constant":
            return
        if self.op == "ConvTranspose":
            self.refuse("a transposed convolution is not known here; enlarge by Resize, then Conv")
        function = OPERATORS.get(self.op) or ARRAYS.get(self.op)
        if function is None:
            known = sorted({*OPERATORS, *ARRAYS, "Constant"})
            near = did_you_mean(self.op, known)
            self.refuse(f"there is no such operator here; there are {', '.join(known)}{near}")
        _, *parameters = inspect.signature(function).parameters.values()
        least = sum(p.default is p.empty and p.kind == p.POSITIONAL_OR_KEYWORD for p in parameters)
        most = math.inf if any(p.kind == p.VAR_POSITIONAL for p in parameters) else len(parameters)
        given = [name for name in self.inputs[:least] if name]
        if len(given) < least or len(self.inputs) > most:
            self.refuse(f"it has {len(self.inputs)} inputs, expected {least} to {most}")

    def constant(self):
        """The value of a node Constant."""
        for key, kind in (
            ("value", None),
            ("value_float", np.float32),
            ("value_floats", np.float32),
            ("value_int", np.int64),
            ("value_ints", np.int64),
        ):
            if key in self.attributes:
                return np.asarray(self.attributes[key], kind)
        self.refuse("a constant of this kind is not known here")

    def check_room(self, shape):
        """Raises ValueError if an array of this shape would not fit into the memory."""
        count = math.prod(int(n) for n in shape)
        if count > ALWAYS:
            what = f"a result of shape {tuple(shape)}"
            memory.check(BYTES * count, what, "the file may be damaged, or give a smaller picture")

    def compute(self, values):
        """The first output, from {name: Tensor or array}."""
        inputs = [values[name] if name else None for name in self.inputs]
        try:
            if self.op in EITHER:
                return OPERATORS[self.op](self, *inputs)
            given = [i for i in inputs if i is not None]
            if self.op in ARRAYS and not any(isinstance(i, Tensor) for i in given):
                return ARRAYS[self.op](self, *given)
            if self.op not in OPERATORS:
                self.refuse("it is known here for sizes and places only, not for pictures")
            if given and not isinstance(inputs[0], Tensor):
                inputs[0] = Tensor(inputs[0])
            return OPERATORS[self.op](self, *inputs)
        except InterchangeError:
            raise
        except WRONG as error:
            self.refuse(str(error) or type(error).__name__)


def in_order(nodes, given, source):
    """The nodes, each behind those whose outputs it needs. `given`: names of inputs and constants.
    Raises InterchangeError for what is missing, is there twice or goes round in a circle."""
    made = {}
    for node in nodes:
        for name in filter(None, node.outputs):
            if name in made or name in given:
                raise InterchangeError(f"{source}: {typed.named(name)} is computed twice")
            made[name] = node
    first = {node.outputs[0] for node in nodes if node.outputs and node.outputs[0]}
    sorter = graphlib.TopologicalSorter()
    for node in nodes:
        if not node.outputs:
            node.refuse("it has no output")
        for name in filter(None, node.inputs):
            if name not in given and name not in made:
                node.refuse(f"it needs {typed.named(name)}, which nothing gives")
            if name in made and name not in first:
                node.refuse(f"it needs {typed.named(name)}, a second output, which is not computed")
        sorter.add(node, *(made[name] for name in node.inputs if name in made))
    try:
        return list(sorter.static_order())
    except graphlib.CycleError as error:
        names = " -> ".join(node.name for node in error.args[1][:5])
        raise InterchangeError(f"{source}: its nodes go round in a circle: {names}") from None
