"""What kernels are tested on beside ordinary numbers: NaN, infinities, equal numbers, numbers whose
exponential overflows, and sums longer than a block has threads.

SPECIALS: operation -> [(arrays, options, algorithm)]. With `algorithm` "simple" only the kernel to
read is asked: the fast one multiplies by zero what the other leaves out (conv2d_table.py)."""

import numpy as np

NAN, INFINITE = np.nan, np.inf
ODD = np.array([NAN, INFINITE, -INFINITE, 0.0, -0.0, 1.0, -1.0, 30.0, -30.0, 100.0, -100.0, 1e-30])


def spikes(length, places, height):
    """A row for each place, in which that number is `height` and the others lie near zero."""
    rows = np.random.default_rng(0).normal(size=(len(places), length))
    rows[np.arange(len(places)), places] = height
    return rows


def scattered(shape, values, share=0.15, seed=0):
    """Numbers of a few different sizes, many of them equal, with `values` put in here and there."""
    random = np.random.default_rng(seed)
    array = np.asarray(random.integers(-2, 3, shape), np.float64)
    for value in values:
        array[random.random(shape) < share / len(values)] = value
    return array


def ordinary(*shape):
    return np.random.default_rng(1).normal(size=shape)


EVERYWHERE = [0, 1, 2, 3, 7, 63, 127, 128, 129, 254, 255, 256, 299]  # of 300: for 256 threads
HIGH = 95.0  # e^95 is infinite in float32
TALL = spikes(300, EVERYWHERE, HIGH)
TIES = scattered((2, 4, 7, 6), [])
BROKEN = scattered((2, 4, 7, 6), [NAN, INFINITE, -INFINITE])
NANS = scattered((2, 4, 7, 6), [NAN], 0.3)
NOTHING_BUT = np.full((1, 4, 5, 4), -INFINITE)
LONG = ordinary(2, 4, 17, 19)  # 323 numbers in a plane
PICTURES = [TIES, BROKEN, NANS, NOTHING_BUT]
POOLS = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 1, "padding": 1},
    {"kernel_size": (3, 2), "stride": 2, "padding": (1, 0), "ceil_mode": True},
]
IMPOSSIBLE = scattered((5, 4, 6), [-INFINITE], 0.2)  # classes of probability 0
IMPOSSIBLE[:, 3] = 1.0  # but for the last
TARGET = np.full((5, 6), 3)
VOID = np.where(np.arange(6) % 2, 255, TARGET)

SPECIALS = {name: [((ODD,), {}, "auto")] for name in "relu tanh sigmoid scaled_tanh".split()}
SPECIALS["dropout_with_key"] = [((np.tile(ODD, 30),), {"p": 0.4, "key": 5}, "auto")]
for name in ("softmax", "log_softmax"):
    SPECIALS[name] = [
        ((np.maximum(TALL, np.roll(TALL, 1, axis=1)),), {"dim": 1}, "auto"),  # two of them
        ((scattered((3, 5, 4), [NAN]),), {"dim": 1}, "auto"),
        ((IMPOSSIBLE,), {"dim": 1}, "auto"),
        ((np.zeros((3, 5)),), {"dim": 1}, "auto"),
        ((np.where(np.eye(5)[::2], INFINITE, 0),), {"dim": 1}, "auto"),
    ]
SPECIALS["cross_entropy"] = [
    ((IMPOSSIBLE,), {"target": TARGET, "reduction": "none"}, "auto"),
    ((IMPOSSIBLE,), {"target": TARGET, "reduction": "none", "label_smoothing": 0.1}, "auto"),
    ((scattered((5, 4, 6), [NAN]),), {"target": TARGET, "reduction": "none"}, "auto"),
    ((scattered((5, 4, 6), [NAN]),), {"target": VOID, "ignore_index": 255}, "auto"),
    ((TALL,), {"target": np.arange(13) % 7}, "auto"),
]
SPECIALS["max_pool2d"] = [((x,), options, "auto") for x in PICTURES for options in POOLS]
SPECIALS["max_pool2d"] += [((LONG,), {"kernel_size": (17, 19)}, "auto")]
SPECIALS["max_pool_maps"] = [((x,), {"maps": 2, **o}, "auto") for x in PICTURES for o in POOLS]
SPECIALS["avg_pool2d"] = [((x,), options, "auto") for x in PICTURES for options in POOLS[:2]]
SPECIALS["avg_pool2d"] += [((LONG,), {"kernel_size": (17, 19)}, "auto")]
SPECIALS["log_sum_exp_pool"] = [
    ((TALL,), {"dim": 1, "r": 1.0}, "auto"),
    ((-TALL,), {"dim": 1, "r": -1.0}, "auto"),
    ((spikes(300, EVERYWHERE, NAN),), {"dim": 1, "r": 1.0}, "auto"),
    ((spikes(300, EVERYWHERE, -INFINITE),), {"dim": 1, "r": 1.0}, "auto"),
    ((np.zeros((3, 300)),), {"dim": 1, "r": 3.0}, "auto"),
]
SPECIALS["local_response_norm"] = [
    ((scattered((1, 7, 4, 3), [NAN], 0.05),), {"size": 3}, "auto"),
    ((ordinary(1, 40, 3, 2),), {"size": 79, "alpha": 1.0}, "auto"),
    ((scattered((1, 2, 7, 6), [NAN], 0.05),), {"size": 3, "within_map": True}, "auto"),
]
SPECIALS["local_contrast_norm"] = [
    ((scattered((1, 2, 9, 8), [NAN], 0.02),), {"window": 3, "floor": 0.1}, "auto"),
    ((np.zeros((1, 2, 9, 8)),), {"window": 3}, "auto"),
    ((ordinary(1, 1, 20, 21),), {"window": 17, "floor": 0.1}, "auto"),
]
SPECIALS["interpolate"] = [
    ((x,), {"size": size, "mode": mode}, "auto")
    for x in (BROKEN, NANS)
    for size in ((7, 6), (14, 12), (4, 3))  # weights that float32 holds exactly
    for mode in ("bilinear", "nearest")
]
SPECIALS["conv2d"] = [
    ((x, ordinary(5, 4, 3, 3)), {"padding": 1}, algorithm)
    for x in (scattered((1, 4, 9, 8), [INFINITE], 0.02), scattered((1, 4, 9, 8), [NAN], 0.02))
    for algorithm in ("auto", "simple")
] + [((ordinary(1, 40, 9, 8), ordinary(5, 40, 5, 5)), {}, a) for a in ("auto", "simple")]
TABLE = np.array([[0, 0], [2, 0], [1, 1], [2, 3], [0, 3]])  # map 3 is not seen by any
SPECIALS["conv2d_table_of"] = [
    ((scattered((1, 4, 6, 5), [INFINITE], 0.02), ordinary(5, 3, 2)), {"table": TABLE}, "simple"),
    ((scattered((1, 4, 6, 5), [NAN], 0.02), ordinary(5, 3, 2)), {"table": TABLE}, "simple"),
]
SPECIALS["index"] = [((BROKEN,), {"index": [0, 1, 1, 0] * 90}, "auto")]
