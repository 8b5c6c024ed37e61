"""Shapes and receptive fields of a network, layer by layer, read off the graph that one run leaves,
in which kernels have nothing to compute.

A result of a convolution with a KxK window and dilation d sees d (K - 1) steps further than its
input does; a step of its input is `every` pixels of the picture, and a stride s makes the step of
its output s times that:

    sees'  = sees + d (K - 1) every          every' = s every

An enlargement by n divides `every` by n. Where several maps meet, the one that sees most counts.
"""

from dataclasses import dataclass

import numpy as np

from minicnn.basics.tables import aligned
from minicnn.engine.graph import in_order
from minicnn.engine.op import followed
from minicnn.engine.rehearsal import rehearsal
from minicnn.engine.tensor import Tensor


@dataclass
class Layer:
    """One operation of a network.

    name, module  the operation, and the path of the module whose weights it uses ("" without)
    inputs, output  shapes
    parameters    how many numbers it learns
    sees          side of the receptive field, (vertical, horizontal), in pixels of the picture
    every         distance of the fields of two neighbours, in pixels of the picture
    """

    name: str
    module: str
    inputs: list
    output: tuple
    parameters: int
    sees: tuple
    every: tuple


def layers(network, size=(240, 320)):
    """The Layers of a network for a picture of `size` (H, W), in the order of computation."""
    image = np.zeros((*size, 3), np.uint8)
    with rehearsal():
        levels = network.preprocess(image)
    inputs = [Tensor(level[None], requires_grad=True) for level in levels]
    scales = {id(t): network.input_scale(k) for k, t in enumerate(inputs)}
    return trace(network, inputs, scales)


def trace(network, inputs, scales=None):
    """The Layers between `inputs` (Tensors, N C H W) and what the network makes of them. `scales`
    gives, by id of an input, how many pixels of the picture one of its pixels stands for (1)."""
    paths = {id(p): path.rpartition(".")[0] for path, p in network.named_parameters()}
    # who follows sees a level after the other
    with network.evaluating(), rehearsal(), followed(lambda op, before, result: result):
        result = network(*inputs)
    sees = {id(t): ((scales or {}).get(id(t), 1),) * 2 for t in inputs}
    every, rows = dict(sees), []
    for tensor in in_order(result, lambda tensor: tensor.op is not None):
        op = tensor.op
        before = [t for t in op.inputs if id(t) in sees]
        if not before:
            continue  # made of parameters alone
        kernel, stride, dilation = op.window_of()
        widest = max(before, key=lambda t: sees[id(t)])
        s, e = sees[id(widest)], every[id(widest)]
        e_min = min(every[id(t)] for t in before)
        sees[id(tensor)] = tuple(s[a] + dilation[a] * (kernel[a] - 1) * e[a] for a in (0, 1))
        every[id(tensor)] = tuple(stride[a] * min(e[a], e_min[a]) for a in (0, 1))
        learnt = [t for t in op.inputs if id(t) in paths]
        rows.append(
            Layer(
                type(op).__name__,
                paths[id(learnt[0])] if learnt else "",
                [t.shape for t in before],
                tensor.shape,
                sum(t.size for t in learnt),
                sees[id(tensor)],
                every[id(tensor)],
            )
        )
    return rows


def lines(rows):
    """The table as lines of text."""
    head = ("operation", "module", "output", "parameters", "sees", "every")
    table = [head]
    for row in rows:
        shape = "x".join(map(str, row.output[1:]))
        count = f"{row.parameters:,}" if row.parameters else ""
        table.append((row.name, row.module, shape, count, _side(row.sees), _side(row.every)))
    return [
        *aligned(table),
        "sees, every: pixels of the picture; the weights of a module count at each use",
    ]


def _side(pair):
    """46 for (46, 46), 46x23 where the two differ."""
    a, b = (f"{v:g}" for v in pair)
    return a if a == b else f"{a}x{b}"
