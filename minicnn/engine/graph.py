"""Walking over the graph of a result, in which a tensor points to its op and an op to its inputs;
and the gradients that are on their way back through it."""

import numpy as np


def in_order(result, follow=lambda tensor: True, last_first=False):
    """Every tensor from which `result` was made, `result` itself last: inputs before what was made
    of them, and of several inputs the first one first, unless `last_first`. `follow(tensor)` says
    whether to go to a tensor at all. Iterative, because unrolled networks are deep. An op whose
    inputs were released (None) raises RuntimeError."""
    order, seen, stack = [], set(), [(result, False)]
    while stack:
        tensor, inputs_done = stack.pop()
        if inputs_done:
            order.append(tensor)
            continue
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        stack.append((tensor, True))
        if tensor.op is None:
            continue
        if tensor.op.inputs is None:
            raise RuntimeError(
                "backward: this graph was already used and freed by an earlier backward(); compute "
                "the result again, or add the losses and call backward() once"
            )
        inputs = tensor.op.inputs if last_first else reversed(tensor.op.inputs)
        stack.extend((t, False) for t in inputs if follow(t))
    return order


class Gradients:
    """The gradients that are still needed, by tensor, and which of their arrays the engine may
    write to: its own sums, and what an op has handed over (see op.py)."""

    def __init__(self):
        self._arrays, self._ours = {}, set()

    def add(self, tensor, gx, handed_over):
        key = id(tensor)
        if key not in self._arrays:
            self._arrays[key] = gx
        elif key in self._ours:
            self._arrays[key] += gx
            return
        else:
            self._arrays[key] = self._arrays[key] + gx
            handed_over = True
        if handed_over:
            self._ours.add(key)

    def pop(self, tensor):
        """(the gradient or None, whether the array is the engine's)"""
        gy, ours = self._arrays.pop(id(tensor), None), id(tensor) in self._ours
        self._ours.discard(id(tensor))
        # arithmetic on arrays of shape () leaves a bare number
        return (np.asarray(gy), True) if isinstance(gy, np.generic) else (gy, ours)
