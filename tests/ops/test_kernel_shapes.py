"""Every kernel refuses an array of a wrong size, type or device, before it reads or writes outside
of one. No kernel runs here: what is tested is the line in which it says its arguments."""

import contextlib
import inspect

import numpy as np
import pytest
from support.emulated import needs_compiler

import minicnn.labelling.cover  # noqa: F401  its kernels
from minicnn.engine.shapes import FUNCTIONS
from minicnn.ops import all_kernels

# Sizes and numbers of a call that fits: odd ones, so that nothing agrees by chance.
CONV = {"N": 2, "groups": 2, "C": 3, "F": 4, "H": 9, "W": 8, "K": 3, "L": 2, "number": 3}
CONV |= {"sh": 1, "sw": 1, "ph": 1, "pw": 0, "dh": 2, "dw": 1, "lines": 2, "threads": 2, "share": 2}
TABLE = CONV | {"E": 5, "columns": 2}
GPU_TABLE = TABLE | {"columns": 3}
POOL = {"N": 2, "C": 3, "H": 7, "W": 9, "K": 2, "L": 3, "sh": 1, "sw": 1, "ph": 1, "pw": 1}
POOL |= {"dh": 1, "dw": 1, "OH": 8, "OW": 9, "F": 4, "M": 6}
TILES = {"N": 2, "C": 4, "H": 19, "W": 11, "tiling": (2, 1, 10, 11, 0, 3), "share": 2}
SHIFTED = {
    "N": 2,
    "numbers": 30,
    "T": 8,
    "F": 4,
    "maps": 3,
    "OH": 3,
    "OW": 5,
    "width": 6,
    "number": 3,
    "slack": 0,
}
GPU = {"N": 2, "C": 6, "F": 4, "OH": 5, "OW": 6, "sh": 1, "sw": 1, "groups": 2, "R": 6, "K": 2}
GPU |= {"L": 3, "H": 6, "W": 8, "A": 4, "B": 3, "wg": 36, "shares": 3}
# two pictures beside each other, 11 columns apart, on 2 x 5 tiles
WINOGRAD = {"N": 2, "groups": 2, "C": 3, "F": 4, "H": 8, "W": 9, "pw": 2, "T": 10}
WINOGRAD |= {"tiling": (2, 5, 1, 2, 9, 11), "I": 2, "J": 3, "K": 6, "P": 6, "Q": 5, "M": 3}
DIRECT = {"N": 2, "numbers": 40, "step": 5, "groups": 2, "T": 8, "F": 8, "OH": 3, "OW": 5}
DIRECT |= {"number": 3, "R": 2, "width": 6, "lanes": 16, "lines": 1, "rows": 4, "columns": 4}
DIRECT |= {"filters": 16, "gathered": True}
PIECES = {"panels": 2, "F": 5, "R": 4, "K": 32, "lanes": 16}
SIZES = {
    "ask_forest": {"nodes": 7, "trees": 3, "N": 5, "F": 4},
    "avg_pool2d_backward": POOL,
    "avg_pool2d_forward": POOL,
    "bits_of": {"size": 7, "number": 3},
    "complex_blocks": {"T": 3, "groups": 2, "I": 3, "J": 4, "P": 4, "Q": 18, "M": 3, "N": 18},
    "conv2d_add_shares": {"shares": 3, "F": 4, "C": 2, "K": 5, "L": 6},
    "conv2d_forward": CONV,
    "conv2d_grad_input": CONV,
    "conv2d_grad_weight": CONV,
    "conv2d_pad": {"N": 2, "C": 3, "H": 4, "W": 5, "height": 7, "width": 9},
    "conv2d_product": GPU,
    "conv2d_product_weight": GPU | {"C": 3, "R": 18},
    "boosted_scores": {"F": 9, "P": 5, "K": 2, "R": 3, "nodes": 7, "depth": 3},
    "competition": {"N": 5, "K": 3},
    "conv2d_table_dense": GPU_TABLE,
    "conv2d_table_forward": TABLE,
    "conv2d_table_grad_input": TABLE,
    "conv2d_table_grad_weight": TABLE,
    "conv2d_table_pick": GPU_TABLE,
    "count_differences": {"parts": 3},
    "cross_entropy_backward": {"N": 2, "C": 3, "P": 5},
    "cross_entropy_forward": {"N": 2, "C": 3, "P": 5},
    "direct_products": DIRECT | {"slack": 5},
    "direct_sums": DIRECT | {"slack": 5 + 15},
    "dropout_mask": {},
    "exponentials": {"A": 2, "C": 3, "B": 5},
    "few_blocks": {"panels": 2, "C": 3, "R": 4, "F": 7, "pixels": 500},
    "fill_holes": {"L": 5, "more": 6, "pairs": 8, "N": 3},
    "few_maps": {"C": 3, "pixels": 10, "F": 4},
    "hinge_loss_backward": {"size": 7},
    "hinge_loss_forward": {"size": 7},
    "im2col_forward": CONV,
    "im2col_grad_input": CONV,
    "im2col_grad_weight": CONV,
    "index_backward": {"count": 7, "size": 5},
    "kruskal": {"E": 6, "nodes": 9},
    "lay_out": {
        "N": 2,
        "C": 3,
        "H": 5,
        "W": 4,
        "sh": 2,
        "sw": 1,
        "height": 3,
        "width": 4,
        "size": 72,
    },
    "linear_by_rows": {"blocks": 2, "K": 3, "columns": 16, "F": 8, "lanes": 16, "R": 4},
    "linear_by_pieces": {"F": 5, "K": 32, "R": 4, "panels": 2, "lanes": 16, "piece": 48, "wide": 40}
    | {"number": 2},
    "linear_outer": {"panels": 3, "rows": 2, "R": 4, "K": 16, "lanes": 16},
    "local_response_norm_backward": {"N": 2, "C": 3, "H": 4, "W": 5},
    "local_response_norm_forward": {"N": 2, "C": 3, "H": 4, "W": 5},
    "log_softmax_backward": {"A": 2, "C": 3, "B": 5},
    "log_softmax_forward": {"A": 2, "C": 3, "B": 5},
    "log_sum_exp_pool_backward": {"A": 2, "M": 3},
    "list_tuples": {"K": 6, "most": 9},
    "log_sum_exp_pool_forward": {"A": 2, "M": 3},
    "match_pixels": {"N": 5, "S": 3, "rows": 6, "columns": 7, "M": 4},
    "max_pool2d_backward": POOL,
    "max_pool2d_forward": POOL,
    "max_pool_maps_backward": POOL,
    "max_pool_maps_forward": POOL,
    "pack": {"numbers": 20, "groups": 2, "M": 5, "T": 3, "number": 2, "R": 4},
    "pictures": TILES | {"at": 3, "columns": 19},
    "pool_masked": {"P": 7, "C": 2, "K": 3, "grid": 4},
    "pixel_features": {"C": 2, "H": 4, "W": 5, "P": 6},
    "product": {"I": 3, "J": 4, "P": 4, "Q": 5, "M": 3, "N": 5},
    "product_over_rows": {"M": 2, "rows": 3, "N": 5, "threads": 4},
    "products": {"T": 6, "groups": 2, "I": 3, "J": 4, "P": 4, "Q": 5, "M": 3, "N": 5},
    "resample": {"N": 2, "C": 3, "H": 4, "W": 5, "A": 2, "B": 1, "OH": 7, "OW": 9},
    "resample_onto": {"N": 2, "C": 3, "H": 4, "W": 5, "A": 2, "B": 1, "OH": 7, "OW": 9},
    "sgd_update": {"size": 6},
    "shifted_products": SHIFTED,
    "shifted_sums": SHIFTED,
    "softmax_backward": {"A": 2, "C": 3, "B": 5},
    "softmax_forward": {"A": 2, "C": 3, "B": 5},
    "spectra": TILES | {"at": 3, "columns": 19},
    "weighted_rows": {"F": 3, "K": 5, "number": 2},
    "sums_of_maps": {"N": 2, "F": 3, "pixels": 4},
    "window_sum": {"N": 2, "H": 4, "W": 5, "K": 3, "L": 2},
    "winograd_few_by_strips": WINOGRAD | {"N": 32, "lanes": 16, "R": 4},
    "winograd_filters": WINOGRAD,
    "winograd_grad_filters": WINOGRAD,
    "winograd_grad_pictures": WINOGRAD,
    "winograd_gradients": WINOGRAD,
    "winograd_pictures": WINOGRAD,
    "winograd_products": WINOGRAD | {"N": 5},
    "winograd_products_over_rows": WINOGRAD,
    "winograd_results": WINOGRAD,
}
for _name in ("relu", "tanh", "sigmoid", "scaled_tanh"):
    SIZES |= {f"{_name}_forward": {}, f"{_name}_backward": {}}
# The largest places that lists of places may hold.
FILL = {"rows": "H - 1", "cols": "W - 1", "members": "C - 1", "results": "F - 1", "last": "P"}
FILL |= {
    "taps": "numbers - 1",
    "offsets": "numbers - (OH - 1) * width - OW - slack",
    "edges": "nodes // 2",
    "order": "E - 1",
}
FILL |= {"table": "[C - 1, F - 1, 0][:columns]"}
FILL |= {"first": "M"}
# Which axes may be longer (+) or shorter (-), since a kernel reads and writes within the bounds of
# both arrays then. `table`, `offsets` and the like hold the largest number that is allowed.
FREE = {
    "ask_forest": "roots0+ roots0- features1+ features1-",
    "boosted_scores": "x0+ x0-",  # only the trees say how many features they ask for
    "bits_of": "bits0+ bits0- parts0+ parts0-",
    "conv2d_add_shares": "parts0+ parts0-",
    "conv2d_pad": "x2+ x2- x3+ x3- y2+ y2- y3+ y3-",
    "conv2d_product": "x2+ x3+ y2- y3- w0+",
    "conv2d_product_weight": "gy2- gy3- x2+ x3+ xoff0+ parts3- parts4-",
    "conv2d_table_dense": "w0+ w0- w1+ w1-",  # on a GPU nobody reads what a table holds
    "conv2d_table_pick": "gw0+ gw0- gw1+ gw1-",
    "conv2d_table_forward": "x1+ table1+ b0+ y1+",
    "conv2d_table_grad_input": "gy1+ table1+ gx1+",
    "conv2d_table_grad_weight": "gy1+ x1+ table1+",
    "count_differences": "counts0+ counts0-",
    "direct_products": "x1+ gy1+ gy2- gy3- parts0+ parts0- parts1- parts3+",
    # that R is that of register_blocks.shape() knows whoever packs the filters
    "direct_sums": "x1+ w1+ w1- w3+ y2- y3-",
    "few_blocks": "w0+ w2+",
    "linear_by_pieces": "parts0- parts2+ parts2-",
    "fill_holes": "beside0+ beside0- regions0+ regions0-",
    "im2col_grad_weight": "parts0+ parts0-",
    "lay_out": "x1- x2+ x2- x3+ x3- numbers1+",
    "list_tuples": "members0+ members0-",
    "log_sum_exp_pool_forward": "x1+ x1-",
    # what may be added to a pixel says whoever lists the shifts
    "match_pixels": "shifts0+ shifts0- number0+ number0- number1+ number1-",
    "max_pool_maps_backward": "results0+ gy1+",
    "max_pool_maps_forward": "x1+ members0+",
    "pack": "w0+ rows1+ rows1- panels1+ panels1- panels3+ panels3-",
    "pictures": "spectrum2+ y0- y2- y3-",
    "resample": "x2+ x3+",
    "resample_onto": "x2+ x3+",
    "shifted_products": "x1+ gy1- gy2- gy3- parts0+ parts0- parts1+",
    "shifted_sums": "x1+ y1- y2- y3-",
    "spectra": "x0- x2+ x2- x3+ x3- spectrum2+",
    "sums_of_maps": "gy2+ gy2-",
    "weighted_rows": "parts0-",
    "window_sum": "w0+ w0- w1+ w1-",
    "winograd_grad_pictures": "gx0+ gx0- gx2+ gx2- gx3-",
    "winograd_gradients": "gy0+ gy0- gy2+ gy2- gy3-",
    "winograd_pictures": "x0+ x0- x2+ x2- x3-",
    "winograd_results": "y0+ y0- y2+ y2- y3-",
}
ALL = [k for k in all_kernels() if not k.name.startswith("test")]
KERNELS = [k for k in ALL if k.shapes]


def fitting(kernel):
    """Arguments that fit, made by the line of the kernel itself."""
    known = {"shape": (3, 4), **SIZES[kernel.name]}
    args = []
    for argument in kernel.shapes.arguments:
        if argument.dims is None:
            args.append(known.get(argument.name, 0))
            continue
        dims = known["shape"] if argument.any_shape else argument.dims
        shape = [d if isinstance(d, int) else eval(d, FUNCTIONS, known) for d in dims]
        args.append(np.zeros(shape, argument.dtype or np.float32))
        with contextlib.suppress(NameError):
            args[-1][...] = eval(FILL.get(argument.name, "0"), FUNCTIONS, known)
    return args


def refuses(kernel, args):
    try:
        kernel._check(args)
    except (ValueError, TypeError) as error:
        assert str(error).startswith(f"kernel {kernel.name}: ")
        return True
    return False


def test_only_what_another_kernel_has_checked_says_no_shapes():
    """An algorithm of ops/fast with the arguments of its op's kernel, which has compared them."""
    for kernel in ALL:
        if not kernel.shapes:
            assert kernel.cpu_body.__module__.startswith("minicnn.ops.fast."), kernel.name


def test_the_table_names_every_kernel():
    assert sorted(SIZES) == sorted(k.name for k in KERNELS)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
def test_a_kernel_refuses_what_does_not_fit(kernel):
    args = fitting(kernel)
    kernel._check(args)
    allowed = []
    for position, argument in enumerate(kernel.shapes.arguments):
        if argument.dims is None:
            continue
        right = args[position]
        for axis, size in enumerate(right.shape):
            for other in (size - 1, 3 * size + 8):
                shape = (*right.shape[:axis], other, *right.shape[axis + 1 :])
                wrong = [*args]
                wrong[position] = np.zeros(shape, right.dtype)
                if not refuses(kernel, wrong):
                    allowed.append(f"{argument.name}{axis}{'+' if other > size else '-'}")
        for wrong_array in (
            right.astype(np.int8),
            right.astype(np.float16),
            right[None].repeat(2, 0),
            np.zeros((*right.shape, 2), right.dtype)[..., 0],
        ):
            wrong = [*args]
            wrong[position] = wrong_array
            assert refuses(kernel, wrong), argument
    assert set(allowed) <= set(FREE.get(kernel.name, "").split())
    assert refuses(kernel, args[:-1])


def test_a_line_has_the_names_of_the_body():
    for kernel in KERNELS:
        if kernel.cpu_body:
            names = [a.name for a in kernel.shapes.arguments]
            assert names == list(inspect.signature(kernel.cpu_body).parameters), kernel.name


def test_numbers_of_several_kinds_and_devices_are_refused():
    kernel = next(k for k in KERNELS if k.name == "sgd_update")
    g, v, w = (np.zeros(4, np.float32) for _ in range(3))
    with pytest.raises(TypeError, match="one dtype"):
        kernel(g.astype(np.float64), 0.1, 0.9, 0.0, v, w)
    with pytest.raises(
        ValueError, match=r"w\[size\] has the shape \(40,\), but g\[size\] has \(4,\)"
    ):
        kernel(g, 0.1, 0.9, 0.0, v, np.zeros(40, np.float32))
    with pytest.raises(TypeError, match="v\\[size\\] is a list"):
        kernel(g, 0.1, 0.9, 0.0, [0.0] * 4, w)
    with pytest.raises(TypeError, match="5 arguments, but it takes 6: g"):
        kernel(g, 0.1, 0.9, v, w)


def test_a_negative_place_is_refused():
    """Compiled, it would be read far outside: resample asks for no sign."""
    resample = next(k for k in KERNELS if k.name == "resample")
    args = fitting(resample)
    resample._check(args)
    for position in (1, 3):
        wrong = [a.copy() for a in args]
        wrong[position].flat[-1] = -1
        assert refuses(resample, wrong)


@needs_compiler
def test_arrays_of_two_devices_are_refused():
    from minicnn.emulator import cupy

    kernel = next(k for k in KERNELS if k.name == "relu_forward")
    with pytest.raises(
        RuntimeError, match=r"kernel relu_forward: .*input 1 on the emulated.*\.to\('cpu'\)"
    ):
        kernel(np.zeros(3, np.float32), cupy.zeros(3, dtype=np.float32))
