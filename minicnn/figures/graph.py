"""The graph that a result carries: which operation made it, out of what."""

from minicnn.engine.graph import in_order
from minicnn.engine.tensor import Tensor
from minicnn.figures.style import SMALL

CELL = (1.9, 0.75)  # inches of one place, across and down
BLUE, YELLOW, GREY = "#cfe3f5", "#fdeebe", "#e9e9e9"


def draw_graph(result, names=None):
    """The operations between a result and its leaves, inputs on top: a Figure.

    result  a Tensor that still has its graph (before backward); each box is an operation with the
            shape of what it gives (of one with several results a box for each), yellow boxes are
            parameters, grey ones inputs
    names   {name: Tensor} for leaves, for example dict(network.named_parameters())
    """
    from matplotlib.figure import Figure

    if not isinstance(result, Tensor) or result.op is None or result.op.inputs is None:
        raise ValueError("draw_graph: this result has no graph; draw it before backward()")
    called = {id(t): name for name, t in (names or {}).items()}
    place, edges = _places(result)
    wide = 1 + max(x for x, _ in place.values())
    high = 1 + max(y for _, y in place.values())
    figure = Figure(figsize=(max(3, wide * CELL[0]), max(2, high * CELL[1])), dpi=110)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(-0.6, wide - 0.4)
    axes.set_ylim(high - 0.4, -0.6)
    axes.axis("off")
    tensors = {id(t): t for edge in edges for t in edge} | {id(result): result}
    for source, target in edges:
        axes.annotate(
            "",
            xy=place[id(target)],
            xytext=place[id(source)],
            arrowprops={"arrowstyle": "-|>", "color": "#555555", "shrinkA": 13, "shrinkB": 13},
        )
    for key, (x, y) in place.items():
        tensor = tensors[key]
        shape = "x".join(map(str, tensor.shape)) or "number"
        kind = type(tensor.op).__name__ if tensor.op is not None else called.get(key)
        kind = kind or ("parameter" if tensor.requires_grad else "input")
        colour = BLUE if tensor.op is not None else YELLOW if tensor.requires_grad else GREY
        box = {"boxstyle": "round,pad=0.35", "facecolor": colour, "edgecolor": "#555555"}
        axes.text(x, y, f"{kind}\n{shape}", fontsize=SMALL, ha="center", va="center", bbox=box)
    return figure


def _places(result):
    """({id of a tensor: (column, row)}, [(input, result) of every edge]). A leaf stands one row
    above its first reader, everything else one row below its lowest input."""
    order = in_order(result)
    edges = [(t, tensor) for tensor in order if tensor.op is not None for t in tensor.op.inputs]
    row = {}
    for tensor in order:
        inputs = tensor.op.inputs if tensor.op is not None else ()
        row[id(tensor)] = 1 + max((row[id(t)] for t in inputs), default=-1)
    for tensor in order:
        if tensor.op is None:
            row[id(tensor)] = min(row[id(t)] for s, t in edges if s is tensor) - 1
    # A result stands right below its first input where it can; leaves come after the results.
    place, taken = {}, set()
    for tensor in sorted(order, key=lambda t: (t.op is None, row[id(t)])):
        inputs = tensor.op.inputs if tensor.op is not None else ()
        x, y = next((place[id(t)][0] for t in inputs if id(t) in place), 0), row[id(tensor)]
        while (x, y) in taken:
            x += 1
        place[id(tensor)] = x, y
        taken.add((x, y))
    return place, edges
