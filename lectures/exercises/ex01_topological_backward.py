"""Backward through a graph, in the right order.

About 30 minutes; chapter 02.

A computation is a graph: each number is a node, computed from other nodes. The gradient of the last
node, the root, with respect to every node follows from the chain rule,

    g[root] = 1        g[child] = sum of  g[node] * d node / d child   over all nodes that use child

A node may pass its gradient on only when it is complete, that is after all the nodes that use it
have passed theirs. So go through the nodes in topological order, each after those that use it.

    inputs   list: inputs[n] are the numbers of the nodes from which node n was computed; none for a
             leaf. The same number stands there twice for b = a + a.
    slopes   list: slopes[n][k] is d node n / d inputs[n][k]
    root     the number of the last node

Returns a list: the gradient of the root with respect to every node, 0.0 where it does not depend on
it. The numbers of the nodes are in no order, and a graph may be some thousand nodes deep.

By hand: b = a + a, c = b + b. With a, b, c as nodes 0, 1, 2 that is inputs = [[], [0, 0], [1, 1]],
slopes = [[], [1, 1], [1, 1]], root = 2, and the answer is [4, 2, 1].
"""

from minicnn.course.exercises import todo


def gradients(inputs, slopes, root):
    todo("the gradient of the root with respect to every node")


# ---- below: what checks the answer ---------------------------------------------------------------
import numpy as np

from minicnn.course.exercises import replaced
from minicnn.course.exercises.parts import Counted
from minicnn.engine.tensor import Tensor

RETURNS = ("gradients",)
HINTS = (
    "Draw b = a + a, c = b + b, and write beside each arrow what flows back along it. How often "
    "does "
    "something arrive at a?",
    "Two steps: first find an order, then walk along it. A depth-first search that notes a node "
    "when "
    "it leaves it (not when it enters it) gives the inputs before what is computed from them.",
    "Keep a list of your own in the place of recursion: (node, are its inputs done?).",
)
OWN = Tensor.backward


def truth(inputs, slopes, root):
    """The graph as real Tensors, and the engine's own backward."""
    nodes, stack = {}, [root]
    while stack:
        n = stack[-1]
        waiting = [k for k in inputs[n] if k not in nodes]
        if waiting:
            stack += waiting
            continue
        stack.pop()
        if n not in nodes:
            nodes[n] = Tensor(np.ones(()), requires_grad=True)
            parts = [nodes[k] * s for k, s in zip(inputs[n], slopes[n], strict=True)]
            for part in parts[1:]:
                parts[0] = parts[0] + part
            nodes[n] = parts[0] if parts else nodes[n]
            nodes[n].retain_grad()
    OWN(nodes[root])
    return [float(nodes[n].grad) if n in nodes else 0.0 for n in range(len(inputs))]


def by_hand():
    return ([[], [0, 0], [1, 1]], [[], [1.0, 1.0], [1.0, 1.0]], 2), [4.0, 2.0, 1.0]


def cases():
    # 4 is used by 2 and by 1; 1 is used by 2: a search that is too quick passes 1 or 4 on early
    inputs = [[4, 2], [4], [1, 4], [], [3]]
    slopes = [[2.0, 3.0], [-1.0], [5.0, 0.5], [], [7.0]]
    yield "a node that is used three times", (inputs, slopes, 0)
    yield "the root is not the only end", (inputs, slopes, 1)
    yield "a leaf alone", ([[], []], [[], []], 1)
    swapped = [[1, 2], [2], [4, 3], [], [3]]
    yield "short and long ways", (swapped, [[2.0, 3.0], [0.5], [5.0, 0.25], [], [7.0]], 0)
    # 3 is used twice by 1 and once by 2: who counts users, and not uses, lets it go too early
    for first in ([1, 2], [2, 1]):
        uses = [first, [3, 3], [3], [4], []]
        yield "used twice by one", (uses, [[2.0, 3.0], [0.5, 5.0], [7.0], [-1.0], []], 0)
    any_order = [[], [0, 3], [4, 1], [0], [1, 3], [2, 0]]
    slopes = [[], [2.0, -1.0], [3.0, 0.5], [4.0], [1.5, -2.0], [1.0, 1.0]]
    yield "numbers in no order", (any_order, slopes, 2)
    doublings = 40
    twice = Counted([[k + 1, k + 1] for k in range(doublings)] + [[]], looks=200 * doublings)
    yield "a + a forty times", (twice, [[1.0, 1.0]] * doublings + [[]], 0)
    depth = 1500
    chain = [[k + 1] for k in range(depth)] + [[]]
    yield "very deep", (chain, [[1.0]] * depth + [[]], 0)
    chain = [[]] + [[k] for k in range(depth)]
    yield "very deep, the root last", (chain, [[]] + [[1.0]] * depth, depth)


def plug(answer):
    def backward(self, gradient=None):
        nodes, inputs, slopes = as_lists(self)
        scale = 1.0 if gradient is None else float(gradient)
        for tensor, g in zip(nodes, answer(inputs, slopes, 0), strict=True):
            if tensor.op is None and tensor.requires_grad:
                before = 0.0 if tensor.grad is None else tensor.grad
                tensor.grad = np.asarray(before + scale * g)

    return replaced(Tensor, backward=backward)


def as_lists(root):
    """A graph of scalar Tensors as (Tensors, inputs, slopes), the root in front."""
    nodes, inputs, slopes, number = [root], [], [], {id(root): 0}
    for tensor in nodes:  # grows meanwhile
        children = tensor.op.inputs if tensor.op else ()
        for child in children:
            if id(child) not in number:
                number[id(child)] = len(nodes)
                nodes.append(child)
        inputs.append([number[id(child)] for child in children])
        rates = tensor.op.backward(np.ones(())) if tensor.op else ()
        rates = rates if isinstance(rates, tuple) else (rates,)
        slopes.append([0.0 if rate is None else float(rate) for rate in rates])
    return nodes, inputs, slopes


def gradient():
    def f(a, b):
        c = a * b + a
        d = c * c - b
        return d * a + c

    return f, (np.asarray(0.7), np.asarray(-1.3))


def train():
    """One number in, one out, two neurons between: the weights are used once for each example."""
    w = [Tensor(np.asarray(v), requires_grad=True) for v in (0.5, -0.3, 0.8, 0.2, 0.6, -0.4)]
    losses = []
    for _ in range(13):
        loss = 0.0
        for x in (-1.0, 0.0, 0.5, 1.0):
            hidden = (w[0] * x + w[1]) ** 2 * w[2] + (w[3] * x + w[4]) * w[5]
            error = hidden - x * x
            loss = error * error + loss
        losses.append(float(loss.item()))
        for p in w:
            p.grad = None
        loss.backward()
        for p in w:
            p.data = p.data - 0.03 * p.grad
    return losses


def key(inputs, slopes, root):
    order, seen, stack = [], [], [(root, False)]
    while stack:
        node, inputs_done = stack.pop()
        if inputs_done:
            order.append(node)
        elif node not in seen:
            seen.append(node)
            stack.append((node, True))
            for child in inputs[node]:
                stack.append((child, False))
    grads = [0.0] * len(inputs)
    grads[root] = 1.0
    for node in reversed(order):
        for child, slope in zip(inputs[node], slopes[node], strict=True):
            grads[child] += grads[node] * slope
    return grads


def by_breadth(inputs, root):
    """The nodes as a breadth-first search meets them, the root in front."""
    order = [root]
    for node in order:
        order += [k for k in dict.fromkeys(inputs[node]) if k not in order]
    return order


def along_all_paths(inputs, slopes, root):
    grads, stack = [0.0] * len(inputs), [(root, 1.0)]
    while stack:
        node, g = stack.pop()
        grads[node] += g
        stack += [(k, g * s) for k, s in zip(inputs[node], slopes[node], strict=True)]
    return grads


MUTANTS = {
    "along all paths": (
        along_all_paths,
        "The sum over all paths is right, but there are too many of them: a + a forty times has "
        "2^40. Go through each node once, when it is complete.",
    ),
    "breadth first": (
        "reversed(order)",
        "by_breadth(inputs, root)",
        "You go to the nearest nodes first. But a node that is near along one way may be far along "
        "another, and then it goes before all of its gradient has arrived.",
    ),
    "by the numbers": (
        "reversed(order)",
        "sorted(order)",
        "The numbers of the nodes are in no order; you go through them as if they were.",
    ),
    "passed on too early": (
        "reversed(order)",
        "seen",
        "Some node passes its gradient on before all of it has arrived. Which nodes must be "
        "finished "
        "before a node may go?",
    ),
    "inputs first": (
        "reversed(order)",
        "order",
        "The walk begins at the wrong end: gradients flow from the root to the leaves.",
    ),
    "overwritten": (
        "grads[child] += ",
        "grads[child] = ",
        "A node that is used twice keeps what came last. What does the chain rule do with several "
        "ways from one node to another?",
    ),
    "slope alone": (
        "grads[node] * slope",
        "slope",
        "Each step passes on its own slope and forgets what has happened on the way from the root.",
    ),
    "slope forgotten": (
        "grads[node] * slope",
        "grads[node]",
        "What arrives at a node goes on unchanged. By how much does the node change with its "
        "input?",
    ),
    "visited twice": (
        "elif node not in seen:",
        "else:",
        "A node that is reached along two ways passes its gradient on twice.",
    ),
}
