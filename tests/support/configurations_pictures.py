"""Random configurations of convolution, pooling, interpolation and normalisation."""

import numpy as np
from support.configurations import apart, numbers, of, one, picture, reductions, some


@of("conv2d")
def _conv2d(random):
    groups, (C, F) = int(random.integers(1, 3)), some(random, 1, 3, 2)
    kernel, padding = some(random, 1, 4, 2), some(random, 0, 3, 2)
    dilation = some(random, 1, 3, 2)
    H, W = (
        d * (k - 1) + n for d, k, n in zip(dilation, kernel, some(random, 1, 5, 2), strict=True)
    )
    x = numbers(random, int(random.integers(1, 3)), groups * C, H, W)
    w, b = numbers(random, groups * F, C, *kernel), numbers(random, groups * F)
    options = {"stride": some(random, 1, 4, 2), "padding": padding, "dilation": dilation}
    return one(random, (x, w), (x, w, b)), {**options, "groups": groups}


@of("conv2d_of_two")
def _conv2d_of_two(random):
    (x, w, *b), options = _conv2d(random)
    more = some(random, 0, 3, 2)
    z = numbers(random, int(random.integers(1, 3)), x.shape[1], *np.add(x.shape[2:], more))
    return (x, z, w, *b), options


@of("conv2d_table_of")
def _conv2d_table(random):
    (x, *_), options = _conv2d(random)
    edges, F = some(random, 1, 6, 2)
    kernel = tuple(
        int(random.integers(1, 2 + (size + 2 * p - 1) // d))
        for size, p, d in zip(x.shape[2:], options["padding"], options["dilation"], strict=True)
    )
    kernel = tuple(min(k, 3) for k in kernel)
    table = np.stack([random.integers(0, x.shape[1], edges), random.integers(0, F, edges)], 1)
    arrays = x, numbers(random, edges, *kernel), numbers(random, F), numbers(random, edges)
    del options["groups"]
    return arrays[: int(random.integers(3, 5))], {**options, "table": table}


def _pooling(random, padded=True):
    kernel = some(random, 1, 4, 2)
    options = {"kernel_size": kernel, "stride": one(random, None, some(random, 1, 4, 2))}
    if padded:
        options["padding"] = tuple(int(random.integers(0, k // 2 + 1)) for k in kernel)
    return {**options, "ceil_mode": bool(random.integers(2))}


@of("max_pool2d")
def _max_pool2d(random):
    x = picture(random, apart, least=5)
    return (x,), {**_pooling(random), "dilation": some(random, 1, 3, 2)}


@of("avg_pool2d")
def _avg_pool2d(random):
    options = {"count_include_pad": bool(random.integers(2))}
    options["divisor_override"] = one(random, None, None, 3)
    return (picture(random),), {**_pooling(random), **options}


@of("lp_pool2d")
def _lp_pool2d(random):
    options = {**_pooling(random, padded=False), "norm_type": one(random, 1, 2, 3, 2.5)}
    return (abs(picture(random)) + 0.1,), options


@of("subsample2d_of")
def _subsample2d(random):
    x, options = picture(random), _pooling(random, padded=False)
    del options["ceil_mode"]
    return (x, numbers(random, x.shape[1]), numbers(random, x.shape[1])), options


@of("max_pool_maps")
def _max_pool_maps(random):
    x = picture(random, apart)
    C = x.shape[1]
    group = int(random.integers(1, C + 1))
    steps = [s for s in range(1, C + 1) if (C - group) % s == 0 and s <= group]
    lists = [random.permutation(C)[: int(random.integers(1, C + 1))].tolist() for _ in range(3)]
    grouped = {"maps": group, "maps_stride": int(one(random, *steps))}
    return (x,), {**_pooling(random), **one(random, grouped, {"maps": lists})}


@of("log_sum_exp_pool")
def _log_sum_exp_pool(random):
    (x,), options = reductions(random)
    x = numbers(random, *x.shape)
    dim = one(random, *range(x.ndim)) if options["dim"] is None else options["dim"]
    r = one(random, 1.0, 0.3, -2.0, 5.0)
    return (x,), {"r": r, "dim": dim, "keepdim": options["keepdim"]}


@of("interpolate")
def _interpolate(random):
    x, mode = picture(random, least=2), one(random, "nearest", "bilinear")
    size = {"size": some(random, 2, 10, 2)}
    scale = {"scale_factor": tuple(float(s) for s in random.uniform(0.6, 2.5, 2).round(2))}
    options = one(random, size, scale)
    corners = {"align_corners": True} if "size" in options and random.integers(2) else {}
    return (x,), {**options, "mode": mode, **(corners if mode == "bilinear" else {})}


@of("interpolate_onto")
def _interpolate_onto(random):
    (x,), options = _interpolate(random)
    options.setdefault("size", [int(n) + 1 for n in np.multiply(x.shape[2:], 2)])
    size = options.pop("size")
    if "scale_factor" in options:  # some of what comes may be cut
        size = [int(n * s) for n, s in zip(x.shape[2:], options["scale_factor"], strict=True)]
        size = [max(1, n - int(random.integers(3))) for n in size]
    return (numbers(random, *x.shape[:2], *size), x), options


@of("local_response_norm")
def _local_response_norm(random):
    within = bool(random.integers(2))
    alpha = one(random, {"alpha": 2.0}, {"alpha_per_term": 0.3}, {"alpha": 1e-4})
    options = {"beta": one(random, 0.75, 0.5, 1.2), "k": one(random, 1.0, 2.0)}
    x = 2 * picture(random, least=2)
    return (x,), {**options, **alpha, "size": int(random.integers(1, 8)), "within_map": within}


@of("local_contrast_norm")
def _local_contrast_norm(random):
    window = one(random, int(random.integers(2, 7)), random.uniform(0.1, 1, some(random, 1, 4, 2)))
    which = one(random, {}, {"divide": False}, {"subtract": False})
    floor = {} if which.get("divide") is False else {"floor": one(random, None, 0.3, 1.0)}
    x = numbers(random, 1, *some(random, 1, 4, 1), *some(random, 3, 6, 2))
    return (x,), {"window": window, **which, **floor}
