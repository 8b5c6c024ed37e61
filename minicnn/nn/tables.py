"""Connection tables: which input map feeds which output map, the g_kc of the lecture.

A table is an int array (edges, 2) of (input map, output map), sorted by output map. Names and
behaviour after Torch's nn.tables.
"""

import numpy as np

from minicnn.engine.randomness import generator
from minicnn.nn import init


def full(inputs: int, outputs: int) -> np.ndarray:
    """Every input map feeds every output map: an ordinary convolution."""
    return explicit([(k, c) for c in range(outputs) for k in range(inputs)], inputs, outputs)


def one_to_one(maps: int) -> np.ndarray:
    """Map c is made from map c alone."""
    return explicit([(c, c) for c in range(maps)], maps, maps)


def grouped(inputs: int, outputs: int, groups: int) -> np.ndarray:
    """`groups` blocks that do not see each other, as AlexNet split its maps over two GPUs."""
    if inputs % groups or outputs % groups:
        raise ValueError(f"grouped: {groups} groups do not divide {inputs} and {outputs} maps")
    wide, tall = inputs // groups, outputs // groups
    edges = [(c // tall * wide + k, c) for c in range(outputs) for k in range(wide)]
    return explicit(edges, inputs, outputs)


def random_fan_in(inputs: int, outputs: int, fan_in: int) -> np.ndarray:
    """Every output map sees `fan_in` distinct inputs, drawn so that all are used as evenly as
    possible: random permutations of the inputs, dealt out like cards."""
    if not 1 <= fan_in <= inputs:
        raise ValueError(f"random_fan_in: fan_in={fan_in} with {inputs} input maps")
    if not init.drawn():  # a table with as many edges is enough
        edges = np.arange(fan_in * outputs)
        return np.stack([edges % inputs, edges // fan_in], axis=1)
    random = generator()
    deck, edges = [], []
    for c in range(outputs):
        hand = deck[:fan_in]
        deck = deck[fan_in:]
        if len(hand) < fan_in:  # the new deck first deals what the hand does not hold yet
            fresh = random.permutation(inputs).tolist()
            extra = [k for k in fresh if k not in hand][: fan_in - len(hand)]
            deck = [k for k in fresh if k not in extra]
            hand = hand + extra
        edges += [(k, c) for k in sorted(hand)]
    return explicit(edges, inputs, outputs)


def explicit(edges: list, inputs: int, outputs: int) -> np.ndarray:
    """A table from a list of (input map, output map), checked and sorted by output map."""
    table = np.array(sorted(edges, key=lambda edge: (edge[1], edge[0])), dtype=np.int64)
    if table.ndim != 2 or table.shape[1] != 2:
        raise ValueError("a connection table is a list of pairs (input map, output map)")
    if table.min() < 0 or table[:, 0].max() >= inputs or table[:, 1].max() >= outputs:
        raise ValueError(f"the table names a map outside of {inputs} inputs and {outputs} outputs")
    if len(np.unique(table, axis=0)) < len(table):
        raise ValueError("the table holds an edge twice")
    missing = sorted(set(range(outputs)) - set(table[:, 1].tolist()))
    if missing:
        raise ValueError(f"the table feeds nothing to output map {missing[0]}")
    return table
