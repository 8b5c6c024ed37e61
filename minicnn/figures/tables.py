"""Connection tables: which maps of a layer see which maps of the one before."""

import numpy as np

from minicnn.figures.style import SMALL

CELL = 0.3  # inches, of one input map and one output map
LARGEST = 9.0  # inches, of either side; large tables get smaller cells


def draw_table(table, inputs=None, outputs=None):
    """A connection table as a Figure: a row for each input map, a column for each output map, a
    filled cell for each edge. Above stands how many maps each output map is made from, to the right
    how many output maps each input map feeds. An edge that the table holds twice is darker.

    table            whole numbers (edges, 2): input map, output map, as nn.tables makes them
    inputs, outputs  how many maps there are; None: as many as the table names
    """
    from matplotlib.figure import Figure

    table = np.asarray(table)
    if table.ndim != 2 or table.shape[1] != 2 or not len(table):
        raise ValueError(f"draw_table: expected edges (n, 2), at least one, got {table.shape}")
    inputs = int(table[:, 0].max()) + 1 if inputs is None else inputs
    outputs = int(table[:, 1].max()) + 1 if outputs is None else outputs
    if table.min() < 0 or table[:, 0].max() >= inputs or table[:, 1].max() >= outputs:
        raise ValueError(
            f"draw_table: the table names a map outside of {inputs} inputs and {outputs} outputs"
        )
    edges = np.zeros((inputs, outputs), int)
    np.add.at(edges, (table[:, 0], table[:, 1]), 1)

    cell = min(CELL, LARGEST / max(inputs, outputs))
    size = max(cell * outputs, 2.8) + 1.2, max(cell * inputs, 0.8) + 1.5
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.imshow(edges, cmap="Blues", vmin=0, vmax=1.5 * edges.max(), interpolation="nearest")
    text = f"{len(table)} of {inputs * outputs} edges\n{inputs} input maps, {outputs} output maps"
    figure.suptitle(text, fontsize=SMALL + 1)  # the axes of a small table are narrower than this
    axes.set_xlabel("output map", fontsize=SMALL)
    axes.set_ylabel("input map", fontsize=SMALL)
    axes.tick_params(length=0, labelsize=SMALL)
    axes.set_xticks(_some(outputs, cell))
    axes.set_yticks(_some(inputs, cell))
    if cell > 0.1:  # smaller ones would be all lines
        axes.set_xticks(np.arange(outputs + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(inputs + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="0.8", linewidth=0.6)
        axes.tick_params(which="minor", length=0)
    _counts(axes.secondary_xaxis("top"), "set_xticks", edges.sum(axis=0), cell)
    _counts(axes.secondary_yaxis("right"), "set_yticks", edges.sum(axis=1), cell)
    return figure


def _some(count, cell):
    """The numbers 0 to count - 1, or only every so many that they can be read side by side."""
    room = 0.26  # inches, of a number of three digits
    step = next(s for s in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512) if s * cell >= room)
    return range(0, count, step)


def _counts(axis, set_ticks, counts, cell):
    """Writes the number of edges of a map beside its row or column."""
    shown = _some(len(counts), cell)
    getattr(axis, set_ticks)(list(shown), [str(counts[k]) for k in shown])
    axis.tick_params(length=0, labelsize=SMALL, labelcolor="0.5")
    for spine in axis.spines.values():
        spine.set_visible(False)
