"""conv2d, fast: for each result the algorithm that choose.py names, on the CPU and on a GPU."""

from minicnn.ops.conv2d import conv2d_forward, conv2d_grad_input, conv2d_grad_weight
from minicnn.ops.fast import (
    choose,
    direct,
    few_blocks,
    few_maps,
    fourier,
    im2col,
    matrix_product,
    shift_and_add,
    tiled_gpu,
    winograd,
)
from minicnn.ops.fast.magnitudes import finite

ALGORITHMS = {
    "im2col": im2col,
    "matrix_product": matrix_product,
    "few_maps": few_maps,
    "few_blocks": few_blocks,
    "shift_and_add": shift_and_add,
    "direct": direct,
    "fourier": fourier,
    "winograd": winograd,
}
SPARE = {"fourier": 0, "winograd": 4}  # binary digits that a tile loses more than a Fourier tile


def that_bears(name, keep, **arrays):
    """The module of this name, or, for numbers that it would mix beyond their windows, im2col's:
    tiles want numbers of one kind, sums of shifted rows want finite ones."""
    spoilt = name in SPARE and not fourier.alike(keep, SPARE[name], **arrays)
    spoilt |= name == "shift_and_add" and not finite(arrays["x"])
    spoilt |= name == "direct" and {"gy", "x"} <= set(arrays) and not finite(arrays["x"])
    return im2col if spoilt else ALGORITHMS[name]


# ----------------------------------------------------------------------------------------- the CPU
@conv2d_forward.fast(keeps=True)
def forward(x, w, b, *rest):
    *geometry, groups, y, keep = rest
    name = choose.convolution("y", w.shape, y.shape, tuple(geometry), groups, x.dtype)
    that_bears(name, keep, x=x, w=w).forward(x, w, b, *rest)


@conv2d_grad_input.fast(keeps=True)
def grad_input(gy, w, *rest):
    *geometry, groups, _, keep = rest
    name = choose.convolution("gx", w.shape, gy.shape, tuple(geometry), groups, gy.dtype)
    that_bears(name, keep, gy=gy, w=w).grad_input(gy, w, *rest)


@conv2d_grad_weight.fast(keeps=True)
def grad_weight(gy, x, *rest):
    *geometry, groups, gw, keep = rest
    name = choose.convolution("gw", gw.shape, gy.shape, tuple(geometry), groups, gy.dtype)
    that_bears(name, keep, gy=gy, x=x).grad_weight(gy, x, *rest)


# ----------------------------------------------------------------------------------------- the GPU
def tiled(result):
    """Whether choose.py names tiled_gpu.py for these arguments of a kernel."""

    def applies(*args):
        w_shape = (args[-1] if result == "gw" else args[1]).shape
        y_shape = (args[-1] if result == "y" else args[0]).shape
        which = choose.convolution(result, w_shape, y_shape, dtype=args[0].dtype, device="gpu")
        return which == "tiled_gpu"

    return applies


conv2d_forward.fast(tiled("y"), device="gpu")(tiled_gpu.forward)
conv2d_grad_input.fast(tiled("gx"), device="gpu")(tiled_gpu.grad_input)
conv2d_grad_weight.fast(tiled("gw"), device="gpu")(tiled_gpu.grad_weight)
