"""CUDA C: backward of average pooling.

About 60 minutes; chapter 14.

On a GPU thousands of threads run the text of one kernel, each with another number. Here one thread
computes one pixel of gx and writes nothing else: it *gathers* what comes to its pixel. (If each
output handed out its share instead, two threads could add to one pixel at the same time, and one of
the two would be lost: a race.)

Forward is the mean of each window, d its number of pixels, with padding:

    y[i,j] = 1 / d[i,j]  sum over u < K, v < L of  x[sh i + u - ph, sw j + v - pw]

So the thread of pixel (p, q) asks for each u, v: is there a window (i, j) with sh i + u - ph = p
and sw j + v - pw = q? Then it adds gy[i,j] / d[i,j].

Write the body. All arrays are flat: gy holds N * C planes of OH * OW numbers one after another, gx
as many planes of H * W; divisor holds one plane of OH * OW. `size` is the number of elements of gx.
There may be more threads than elements. T is float or double.

Returns the text of the kernel. By hand, one plane, K = L = 2, stride 1, no padding, d = 4:

    gy   4  8    gx  1  3  2
        12 16        4 10  6
                     3  7  4

It runs on the emulator, which looks at every access; that needs g++.
"""

from minicnn.course.exercises import todo

HEAD = r"""
extern "C" __global__ void avg_pool2d_backward(
        const T* gy, const T* divisor, int K, int L, int sh, int sw, int ph, int pw, T* gx,
        int size, int OH, int OW, int H, int W) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
"""


def kernel():
    todo("the body")
    return (
        HEAD
        + r"""
    // which pixel (p, q) of which plane is this thread's?
    gx[index] = 0;
}
"""
    )


# ---- below: what checks the answer ---------------------------------------------------------------
import copy
import re

import numpy as np

from minicnn import emulator, nn
from minicnn import functional as functions
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import fit
from minicnn.engine.cases import normal
from minicnn.ops import avg_pool2d

RETURNS = ("gx",)
HINTS = (
    "q = index % W is the column. What are p and the number of the plane?",
    "i = (p + ph - u) / sh, but only if the division comes out even and 0 <= i < OH. In C, -1 / 2 "
    "is 0.",
    "The last block may have threads without an element: what must they do first of all?",
)
BODY = avg_pool2d.avg_pool2d_backward.gpu_body


def why_not():
    return emulator.why_not()


def kind(error):
    """What the emulator has against a kernel: which thread did what, without the line."""
    found = re.search(r"block \(.*?(?=, out of bounds|, which)", str(error))
    return found and found[0]


INDEX = "int index = blockIdx.x * blockDim.x + threadIdx.x"


def launch(text, gy, divisor, K, L, sh, sw, ph, pw, shape, first=0):
    """gx, from a text in CUDA C. Numbers travel as double, so that each text compiles once. The
    threads of the elements before `first` are not there, and these stay 0."""
    from minicnn.emulator import cupy

    if not isinstance(text, str):
        raise TypeError("the function returns the text of a kernel")
    body = copy.copy(BODY)
    # `first` travels in the upper bits of size
    body.source = text.replace(f"{INDEX};", f"{INDEX} + (size >> 24); size &= (1 << 24) - 1;")
    if f"{INDEX};" in text:
        body.sizes = lambda *args: ((first << 24) + gx.size, *BODY.sizes(*args)[1:])
    gx = (cupy.zeros if first else cupy.empty)(shape, np.float64)
    arrays = (cupy.asarray(np.ascontiguousarray(a, np.float64)) for a in (gy, divisor))
    with emulator.checked():
        body(cupy, *arrays, K, L, sh, sw, ph, pw, gx)
        found = cupy.asnumpy(gx).astype(gy.dtype)
    found.reshape(-1)[:first] = 0
    return found


def use(function, *args):
    return launch(function(), *args)


def truth():
    return BODY.source


def by_hand():
    gy, d = np.array([[[[4.0, 8], [12, 16]]]]), np.full((2, 2), 4.0)
    gx = np.array([[[[1.0, 3, 2], [4, 10, 6], [3, 7, 4]]]])
    return (gy, d, 2, 2, 1, 1, 0, 0, (1, 1, 3, 3)), gx


def case(shape, *geometry):
    K, L, sh, sw, ph, pw = geometry
    op = avg_pool2d.AvgPool2d((K, L), (sh, sw), (ph, pw))
    x = np.zeros(shape)
    gy = normal(*shape[:2], *op.output_size(x))
    divisor = np.asarray(op.divisors(x), float) + np.arange(gy[0, 0].size).reshape(gy.shape[2:])
    return gy, divisor, *geometry, shape


def cases():
    yield "windows that touch", case((2, 3, 4, 6), 2, 3, 2, 3, 0, 0)
    yield "overlap and padding", case((1, 2, 7, 5), 3, 2, 2, 1, 1, 1)
    yield "more than a block", case((2, 2, 9, 11), 2, 2, 2, 2, 1, 0)
    yield "a row in no window", case((1, 2, 5, 8), 2, 2, 2, 2, 0, 0)
    yield "a column in no window", case((1, 2, 8, 5), 2, 2, 2, 2, 0, 0)
    few = case((1, 2, 3, 4), 2, 2, 1, 1, 0, 0)
    yield "each thread writes its own, and the first five are not there", (*few, 5)


def plug(answer):
    def backward(gy, divisor, *geometry_and_gx):
        *geometry, gx = geometry_and_gx
        gx[...] = answer(gy, divisor, *geometry, gx.shape)

    return replaced(avg_pool2d, avg_pool2d_backward=backward)


def gradient():
    return lambda x: functions.avg_pool2d(x, 3, 2, 1), (normal(1, 2, 5, 6),)


def train():
    def network():
        return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.AvgPool2d(2, 1), nn.Conv2d(2, 3, 2))

    return fit(network, steps=6, lr=1.0)


def key():
    return r"""
extern "C" __global__ void avg_pool2d_backward(
        const T* gy, const T* divisor, int K, int L, int sh, int sw, int ph, int pw, T* gx,
        int size, int OH, int OW, int H, int W) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= size) return;
    int q = index % W, p = index / W % H, plane = index / (W * H);
    T total = 0;
    for (int u = 0; u < K; u++) {
        for (int v = 0; v < L; v++) {
            int i = p + ph - u, j = q + pw - v;
            if (i < 0 || j < 0 || i % sh || j % sw) continue;
            i /= sh, j /= sw;
            if (i >= OH || j >= OW) continue;
            total += gy[(plane * OH + i) * OW + j] / divisor[i * OW + j];
        }
    }
    gx[index] = total;
}
"""


MUTANTS = {
    "threads without an element": (
        "if (index >= size) return;",
        "",
        "The last block has more threads than there are elements. The emulator says which thread "
        "touched what.",
    ),
    "windows above the first": (
        "i < 0 || j < 0 || ",
        "",
        "For some u there is no window so far up or left: i is below 0. In C -1 / 2 is 0, and "
        "-2 % 2 is, too.",
    ),
    "windows behind the last": (
        "if (i >= OH || j >= OW) continue;",
        "",
        "Row i of gy must exist: near the end of the picture fewer windows hold a pixel.",
    ),
    "the first plane": (
        "gy[(plane * OH + i) * OW + j]",
        "gy[i * OW + j]",
        "With one plane it is right. Where do the numbers of the second plane begin?",
    ),
    "all into one plane": (
        "gx[index] = total",
        "gx[index % (W * H)] = total",
        "Several threads write the same number. Each should write only the element that has its "
        "own index.",
    ),
    "stride forgotten": (
        "i /= sh, j /= sw;",
        "",
        "The thread finds a row that a window covers; which window is it, if they begin at every "
        "sh-th row?",
    ),
    "windows that do not exist": (
        "|| i % sh || j % sw) continue",
        ") continue",
        "Not every pixel is the first of a window: some divisions do not come out even.",
    ),
    "padding forgotten": (
        "i = p + ph - u, j = q + pw - v",
        "i = p - u, j = q - v",
        "Without padding it is right. Which row of the padded picture is row p?",
    ),
    "divided by the window": (
        "divisor[i * OW + j]",
        "(K * L)",
        "Not every window has K L pixels: d of each window stands in `divisor`.",
    ),
    "not divided": (
        " / divisor[i * OW + j]",
        "",
        "A mean was taken: the numbers come out too large.",
    ),
    "the pixel's own divisor": (
        "divisor[i * OW + j]",
        "divisor[(p % OH) * OW + q % OW]",
        "Which d was used for y[i,j]: that of the window, or one that belongs to the pixel?",
    ),
}
