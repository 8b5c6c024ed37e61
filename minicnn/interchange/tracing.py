"""Following a network while it computes, and writing down what it does: the graph of an ONNX file.

A network is asked once, for a small picture. Each operation is computed as always; beside that it
is written down as nodes of a graph (operations.py). So no network has to be described a second
time, and a graph cannot differ from the network that it was written from.

What depends on the size of the picture must not become a number of the graph. So the sizes of
followed Tensors are `Size`s: whole numbers that know how the graph computes them. What a network
makes of one by + - * // % is again one; what it decides by one (`if height > 100`) is decided for
good, which the check in exporting.py finds.
"""

from collections import Counter

import numpy as np

from minicnn.engine.op import followed, no_grad
from minicnn.engine.tensor import Tensor

END = np.iinfo(np.int64).max  # of a slice that reaches to the end


class Size(int):
    """A whole number that depends on the size of the picture. `how`: ("dim", name of a value,
    axis), or (operator of ONNX, number, number)."""

    def __new__(cls, number, *how):
        self = super().__new__(cls, number)
        self.how = how
        return self

    def __add__(self, other):
        return Size(int(self) + int(other), "Add", self, other)

    __radd__ = __add__

    def __sub__(self, other):
        return Size(int(self) - int(other), "Sub", self, other)

    def __rsub__(self, other):
        return Size(int(other) - int(self), "Sub", other, self)

    def __mul__(self, other):
        if not isinstance(other, int):  # by a float: a size no more
            return int(self) * other
        return Size(int(self) * int(other), "Mul", self, other)

    __rmul__ = __mul__

    def __mod__(self, other):
        return Size(int(self) % int(other), "Mod", self, other)

    def __floordiv__(self, other):  # that of ONNX rounds towards zero: so of a multiple
        return Size(int(self) // int(other), "Div", self - self % other, other)

    def __neg__(self):
        return 0 - self


class Followed(Tensor):
    """A Tensor that is a value of a graph.

    value    its name there
    batch    whether the number of pictures is open, so that shape[0] is a Size
    spatial  whether their size is, so that shape[2:] are Sizes
    """

    def __init__(self, data, value, batch=False, spatial=False):
        super().__init__(data)
        self.value, self.batch, self.spatial = value, batch, spatial

    @property
    def shape(self):
        return tuple(
            Size(n, "dim", self.value, axis)
            if (axis == 0 and self.batch) or (axis > 1 and self.spatial)
            else n
            for axis, n in enumerate(self.data.shape)
        )


class Graph:
    """Nodes and constants of a graph in the making; values are known by their names.

    nodes      [(operator, names of inputs, names of outputs, attributes)]
    constants  {name: array}: weights under their names in the network, and what else is fixed
    """

    def __init__(self, network, writers):
        self.nodes, self.constants, self.writers = [], {}, writers
        self.names = {id(p): name for name, p in network.state().items()}
        self.counts, self.known = Counter(), {}

    def node(self, operator, *inputs, **attributes):
        """Adds a node of one output; returns the name of that. An input is a name, or an array."""
        self.counts[operator] += 1
        value = f"{operator}_{self.counts[operator]}"
        inputs = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        attributes = {key: v for key, v in attributes.items() if v is not None}
        self.nodes.append((operator, inputs, [value], attributes))
        return value

    def constant(self, array):
        """The name of a constant; equal ones have one."""
        array = np.asarray(array, order="C")  # also of no dimension
        key = array.dtype.str, array.shape, array.tobytes()
        if key not in self.known:
            self.known[key] = f"constant_{len(self.known) + 1}"
            self.constants[self.known[key]] = array
        return self.known[key]

    def name_of(self, tensor):
        """The name of a Tensor: of a value, of a weight, or of a constant."""
        if isinstance(tensor, Followed):
            return tensor.value
        name = self.names.get(id(tensor))
        if name is None:
            return self.constant(tensor.numpy())
        self.constants.setdefault(name, tensor.numpy())
        return name

    def sizes(self, numbers):
        """The name of a list of whole numbers, some of which may be Sizes."""
        if not any(isinstance(n, Size) for n in numbers):
            return self.constant(np.array(numbers, np.int64))
        parts = [self._size(n) for n in numbers]
        return parts[0] if len(parts) == 1 else self.node("Concat", *parts, axis=0)

    def _size(self, n):
        """The name of a list with this one number."""
        if not isinstance(n, Size):
            return self.constant(np.array([n], np.int64))
        operator, a, b = n.how
        key = (operator, a, int(b)) if operator == "dim" else None
        if key in self.known:
            return self.known[key]
        if operator == "dim":
            shape = self.known.get(("shape", a)) or self.node("Shape", a)
            self.known["shape", a] = shape
            self.known[key] = self.node("Gather", shape, np.array([b], np.int64), axis=0)
            return self.known[key]
        return self.node(operator, self._size(a), self._size(b))

    def follow(self, op, inputs, output):
        """What `engine.op.followed` asks for: writes an operation down."""
        kind = type(op).__name__
        if kind not in self.writers:
            raise NotImplementedError(f"the operation {op.called()} has no place in an ONNX file")
        names = [self.name_of(t) for t in inputs]
        value = self.writers[kind](self, op, names, inputs, output)
        return self.value(output.data, value, *inputs)

    def value(self, data, name, *inputs):
        """A Followed of this name; what is open in one of `inputs` is open in it."""
        open_in = [t for t in inputs if isinstance(t, Followed)]
        batch, spatial = any(t.batch for t in open_in), any(t.spatial for t in open_in)
        return Followed(data, name, batch, spatial)

    def trace(self, function, pictures, name):
        """Follows function(Graph, Tensor of pictures), whose result it returns."""
        with no_grad(), followed(self.follow):
            return function(self, Followed(pictures, name, batch=True, spatial=True))

    def prune(self, outputs):
        """Leaves out what nothing in `outputs`, names of values, depends on."""
        needed, kept = set(outputs), []
        for node in reversed(self.nodes):
            if needed & {*node[2]}:
                needed |= {*node[1]}
                kept.append(node)
        self.nodes = kept[::-1]
        self.constants = {k: a for k, a in self.constants.items() if k in needed}
