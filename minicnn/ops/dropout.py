r"""Dropout: during training each value is set to zero with probability p.

    y[i] = x[i] / (1 - p)   where  r(key, i) >= p,   else 0

The survivors grow by 1/(1 - p), so that the expected value of y is x and the network needs no
change when it is used («inverted» dropout; the first paper shrank the weights afterwards instead).

Shapes: x and y any, the same.

Gradient: once the numbers r are drawn, y is x times a constant, so gx = gy times the same constant.
Backward does not keep a mask but computes it again, since r is a function: a hash of the key of
this call and of the index of the element. No generator passes from one element to the next, so
threads, and the GPU, may draw in any order and get the same numbers.

The hash works on 32-bit words: twice over, multiply and fold the high bits onto the low ones, which
spreads every bit of index and key over the whole word. Its constants come from a computer search
for those that spread best.

Source: Hinton et al. 2012, Krizhevsky et al. 2012, section 4.2; the counter in the place of a
state: Salmon et al. 2011; the constants: Wellons 2018, «Prospecting for hash functions».
"""

from numbers import Real

import numpy as np

from minicnn.engine.cases import Case, normal
from minicnn.engine.devices import empty_like
from minicnn.engine.kernel import Kernel, helper, prange
from minicnn.engine.op import Op, contiguous, hands_over
from minicnn.engine.randomness import next_key
from minicnn.engine.tensor import Tensor

dropout_mask = Kernel("dropout_mask", "x[...], low, high, bound, scale, y[...]")


@helper
def scramble(x):
    """32 random-looking bits for 32 bits. Only the low 32 bits of a product count, so it does not
    matter that it overflows 64 bits in machine code and not in plain Python."""
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & 0xFFFFFFFF
    x = ((x ^ (x >> 15)) * 0x846CA68B) & 0xFFFFFFFF
    return x ^ (x >> 16)


@dropout_mask.cpu
def dropout_mask_cpu(x, low, high, bound, scale, y):
    for i in prange(x.size):
        r = scramble(scramble((i & 0xFFFFFFFF) ^ low) ^ high)  # evenly from 0 to 2^32 - 1
        y[i] = 0 if r < bound else x[i] * scale


dropout_mask.gpu(
    r"""
__device__ unsigned scramble(unsigned x) {
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    return x ^ (x >> 16);
}

extern "C" __global__ void dropout_mask(
        const T* x, unsigned low, unsigned high, unsigned long long bound, T scale, T* y,
        int size) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= size) return;
    unsigned r = scramble(scramble((unsigned)i ^ low) ^ high);
    y[i] = r < bound ? 0 : x[i] * scale;
}
""",
    arguments=lambda x, a, b, bound, *rest: (x, *np.uint32((a, b)), np.uint64(bound), *rest),
)


class Dropout(Op):
    floating = ("input",)

    def __init__(self, p, key):
        p = float(p)
        self.bound = int(p * 2**32)
        self.scale = 1 / (1 - p) if p < 1 else 0.0
        self.low, self.high = key & 0xFFFFFFFF, key >> 32

    def forward(self, x):
        x = contiguous(x)
        y = empty_like(x)
        numbers = self.low, self.high, self.bound, x.dtype.type(self.scale)  # as a GPU gets it
        dropout_mask(x.reshape(-1), *numbers, y.reshape(-1))
        return y

    backward = hands_over(forward)


def dropout(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Sets each value to zero with probability p and divides the others by 1 - p.

    input     Tensor of any shape; the result has the same shape and dtype
    p         from 0 to 1
    training  False: returns the input as it is

    The numbers follow from `minicnn.manual_seed`; every call draws new ones. Raises ValueError for
    another p.
    """
    if not (isinstance(p, Real) and 0 <= p <= 1):
        raise ValueError(f"dropout: p={p!r} must lie between 0 and 1")
    if not training or p == 0:
        return input if isinstance(input, Tensor) else Tensor(input)
    return Dropout(p, next_key())(input)


def dropout_with_key(input, p, key):
    """`dropout` with numbers that are the same at every call, as a Case needs them."""
    return Dropout(p, key)(input)


def cases():
    x = normal(3, 4, 5)
    yield Case(dropout_with_key, (x,), {"p": 0.3, "key": 0x123456789ABCDEF})
    yield Case(dropout_with_key, (x,), {"p": 1.0, "key": 5}, label="all")
