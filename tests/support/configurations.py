"""Random configurations of every operation, for test_fuzz.py and kernel_cases.py.

`@of("conv2d")` above a generator: it takes a numpy random generator and returns the arrays, whose
gradients are wanted, and the options. Sizes are small, since literal loops run over them.
"""

import numpy as np

from minicnn import functional as F
from minicnn.ops import conv2d_of_levels, conv2d_table, dropout, shape, subsample2d

GENERATORS = {}  # public name of an operation -> generator
HELPERS = {  # what takes its arrays otherwise than a Case passes them
    "concat_of": shape.concat_of,
    "conv2d_of_two": conv2d_of_levels.conv2d_of_two,
    "conv2d_table_of": conv2d_table.conv2d_table_of,
    "dropout_with_key": dropout.dropout_with_key,
    "index": shape.index,
    "subsample2d_of": subsample2d.subsample2d_of,
}


def of(*names):
    def add(generator):
        GENERATORS.update((name, generator) for name in names)
        return generator

    return add


def draw(name, number):
    """Arrays and options that the operation accepts; what it refuses in words is drawn again."""
    function = HELPERS.get(name) or getattr(F, name)
    for again in range(100):
        random = np.random.default_rng([number, again, *name.encode()])
        arrays, options = GENERATORS[name](random)
        try:
            function(*arrays, **options)
            return function, arrays, options, random
        except ValueError:
            continue
    raise AssertionError(f"{name}: nothing but refusals")


def numbers(random, *shape):
    return random.normal(size=shape)


def apart(random, *shape):
    """Numbers of which no two, and none and zero, are closer than 0.1."""
    count = int(np.prod(shape))
    return random.permutation((np.arange(count) - count // 2 + 0.5) * 0.2).reshape(shape)


def some(random, low, high, count):
    return tuple(int(n) for n in random.integers(low, high, count))


def one(random, *choices):
    return choices[random.integers(len(choices))]


def picture(random, draw=numbers, least=4):
    return draw(random, *some(random, 1, 3, 1), *some(random, 1, 5, 1), *some(random, least, 8, 2))


def any_shape(random, draw=numbers, least=0):
    return draw(random, *some(random, 1, 5, int(random.integers(least, 5))))


@of("neg", "tanh", "sigmoid", "scaled_tanh")
def _smooth(random):
    return (any_shape(random),), {}


@of("relu")
def _relu(random):
    return (any_shape(random, apart),), {}


@of("add", "sub", "mul", "div")
def _pairs(random):
    shape = some(random, 1, 5, int(random.integers(0, 5)))
    cut = int(random.integers(0, len(shape) + 1))
    other = tuple(one(random, n, 1) for n in shape[cut:])
    pair = numbers(random, *shape), apart(random, *other)
    return pair, {}


@of("pow")
def _pow(random):
    exponent = one(random, 2, 3, 0, 1, -1, 0.5, -1.5)
    x = any_shape(random, apart)
    return (abs(x),), {"exponent": exponent}


@of("matmul")
def _matmul(random):
    stack, (M, K, N) = some(random, 1, 4, int(random.integers(0, 3))), some(random, 1, 6, 3)
    left = numbers(random, *(one(random, n, 1) for n in stack), M, K)
    right = numbers(random, *stack[int(random.integers(0, len(stack) + 1)) :], K, N)
    left = one(random, left, left, numbers(random, K))
    return (left, one(random, right, right, numbers(random, K))), {}


@of("linear")
def _linear(random):
    F, K = some(random, 1, 6, 2)
    x = numbers(random, *some(random, 1, 4, int(random.integers(0, 3))), K)
    return (x, numbers(random, F, K), numbers(random, F))[: int(random.integers(2, 4))], {}


@of("sum", "mean", "amax")
def reductions(random):
    x = any_shape(random, apart, least=1)
    dims = random.permutation(x.ndim)[: int(random.integers(1, x.ndim + 1))]
    dims = tuple(int(d) - x.ndim * int(random.integers(2)) for d in dims)
    return (x,), {"dim": one(random, None, dims[0], dims), "keepdim": bool(random.integers(2))}


@of("reshape")
def _reshape(random):
    x = any_shape(random)
    shape = [x.shape[k] for k in random.permutation(x.ndim)]
    if shape and random.integers(2):
        shape[int(random.integers(len(shape)))] = -1
    return (x,), {"shape": tuple(shape)}


@of("permute")
def _permute(random):
    x = any_shape(random)
    return (x,), {"dims": tuple(int(d) for d in random.permutation(x.ndim))}


@of("transpose")
def _transpose(random):
    x = any_shape(random, least=1)
    first, second = some(random, -x.ndim, x.ndim, 2)
    return (x,), {"dim0": first, "dim1": second}


@of("index")
def _index(random):
    x = any_shape(random, least=1)
    parts = []
    for size in x.shape:
        low, high = sorted(some(random, 0, size + 1, 2))
        several = random.integers(0, size, 4)
        if any(isinstance(part, np.ndarray) for part in parts):
            several = slice(None)
        place = int(random.integers(size))
        parts.append(one(random, slice(low, high), slice(None, None, 2), several, place))
    return (x,), {"index": tuple(parts[: int(random.integers(1, x.ndim + 1))])}


@of("concat_of")
def _concat(random):
    shape = some(random, 1, 5, int(random.integers(1, 5)))
    dim = int(random.integers(len(shape)))
    sizes = some(random, 0, 4, int(random.integers(1, 4)))
    pieces = (numbers(random, *shape[:dim], n, *shape[dim + 1 :]) for n in sizes)
    return tuple(pieces), {"dim": dim}


@of("pad")
def _pad(random):
    x = picture(random)
    mode = one(random, "constant", "reflect", "replicate", "circular")
    low = -1 if mode == "constant" else 0
    return (x,), {"pad": some(random, low, 4, 4), "mode": mode, "value": 0.5}


@of("softmax", "log_softmax")
def _softmax(random):
    x = 2 * any_shape(random, least=1)
    return (x,), {"dim": int(random.integers(-x.ndim, x.ndim))}


@of("cross_entropy", "nll_loss")
def _losses(random):
    N, C = some(random, 1, 5, 2)
    rest = some(random, 1, 4, int(random.integers(0, 3)))
    target = random.integers(0, C, (N, *rest))
    target[random.uniform(size=target.shape) < 0.2] = 255
    target.flat[0] = 0  # not void alone
    options = {
        "target": target,
        "ignore_index": 255,
        "reduction": one(random, "none", "mean", "sum"),
    }
    if random.integers(2):
        options["weight"] = random.uniform(0.5, 2, C)
    return (2 * numbers(random, N, C, *rest),), options


@of("kl_div")
def _kl_div(random):
    x, log_target = any_shape(random, least=1), bool(random.integers(2))
    d = random.uniform(0.1, 1, x.shape)
    reduction = one(random, "none", "mean", "sum", "batchmean")
    return (x, np.log(d) if log_target else d), {"reduction": reduction, "log_target": log_target}


@of("cross_entropy_of_sets")
def _losses_of_sets(random):
    (x,), options = _losses(random)
    C = x.shape[1]
    sets = [random.permutation(C)[: random.integers(1, C + 1)].tolist() for _ in range(2)]
    target = options["target"]
    target[(random.uniform(size=target.shape) < 0.4) & (target != 255)] = C + random.integers(2)
    return (x,), options | {"sets": sets}


@of("binary_cross_entropy_with_logits")
def _logistic(random):
    x = any_shape(random, least=1)
    options = {"reduction": one(random, "none", "mean", "sum")}
    if random.integers(2):
        options |= {k: random.uniform(0.5, 2, x.shape[-1:]) for k in ("weight", "pos_weight")}
    return (x, random.uniform(size=x.shape)), options


@of("hinge_loss")
def _hinge(random):
    x = 2 * any_shape(random, least=1)
    target = random.integers(-1, 2, x.shape).astype(float)
    target.flat[0] = 1  # not unknown alone
    reduction = one(random, "none", "mean", "sum")
    options = {"target": target, "reduction": reduction}
    return (x,), options | ({"pos_weight": 2.5} if random.integers(2) else {})


@of("dropout_with_key")
def _dropout(random):
    p, key = float(random.uniform(0, 1)), int(random.integers(2**62))
    return (any_shape(random),), {"p": p, "key": key}
