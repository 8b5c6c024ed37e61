"""conv2d_table as a dense conv2d: the filters are written into a weight (F, C, K, L), zero where
there is no edge, conv2d does what it does best, and the gradients of the edges are read out of the
dense one. That multiplies many zeros, and is faster all the same, on a GPU too. Zero times infinity
is not a number, so maps that hold an infinity are left to the edges. On a GPU nobody looks: there
an infinite map spoils all others, with edges or without.
"""

import numpy as np

from minicnn.engine.devices import empty_like
from minicnn.engine.kernel import Kernel
from minicnn.ops.conv2d import conv2d_forward, conv2d_grad_input, conv2d_grad_weight
from minicnn.ops.conv2d_table import (
    TEXT,
    conv2d_table_forward,
    conv2d_table_grad_input,
    conv2d_table_grad_weight,
)
from minicnn.ops.fast.magnitudes import finite

# for a GPU, see conv2d_table.cu
conv2d_table_dense = Kernel("conv2d_table_dense", "f[E, K, L], int64 table[E, 3], w[F, C, K, L]")
conv2d_table_pick = Kernel("conv2d_table_pick", "gw[F, C, K, L], int64 table[E, 3], gf[E, K, L]")

conv2d_table_dense.gpu(
    TEXT, threads=lambda f, table, w: w.size, sizes=lambda f, table, w: (*w.shape[:2], *f.shape)
)

conv2d_table_pick.gpu(
    TEXT,
    threads=lambda gw, table, gf: gf.size,
    sizes=lambda gw, table, gf: (gw.shape[1], *gf.shape),
)


def dense(f, table, outputs, inputs):
    """The filters of the edges as a weight (F, C, K, L) of conv2d."""
    w = empty_like(f, (outputs, inputs, *f.shape[1:]))
    if not isinstance(f, np.ndarray):
        conv2d_table_dense(f, table, w)
        return w
    w[:] = 0
    np.add.at(w, (table[:, 1], table[:, 0]), f)  # adds where an edge stands in the table twice
    return w


@conv2d_table_forward.fast(lambda x, *_: finite(x))
@conv2d_table_forward.fast(device="gpu")
def forward(x, f, b, table, sh, sw, ph, pw, dh, dw, y):
    w = dense(f, table, y.shape[1], x.shape[1])
    conv2d_forward(x, w, b, sh, sw, ph, pw, dh, dw, 1, y)


@conv2d_table_grad_input.fast(lambda gy, *_: finite(gy))
@conv2d_table_grad_input.fast(device="gpu")
def grad_input(gy, f, table, sh, sw, ph, pw, dh, dw, gx):
    w = dense(f, table, gy.shape[1], gx.shape[1])
    conv2d_grad_input(gy, w, sh, sw, ph, pw, dh, dw, 1, gx)


@conv2d_table_grad_weight.fast()
@conv2d_table_grad_weight.fast(device="gpu")
def grad_weight(gy, x, table, sh, sw, ph, pw, dh, dw, gf):
    gw = empty_like(gf, (gy.shape[1], x.shape[1], *gf.shape[1:]))
    conv2d_grad_weight(gy, x, sh, sw, ph, pw, dh, dw, 1, gw)
    if isinstance(gf, np.ndarray):
        gf[...] = gw[table[:, 1], table[:, 0]]
    else:
        conv2d_table_pick(gw, table, gf)
