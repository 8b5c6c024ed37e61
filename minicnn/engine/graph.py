"""Walking over the graph of a result: a tensor points to its op, an op to its inputs."""


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
