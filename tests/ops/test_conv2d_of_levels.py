"""The levels of a pyramid under one convolution: what each of them gives by itself, and the sum of
the gradients of what they share."""

import numpy as np
import pytest

from minicnn import functional as F
from minicnn import nn
from minicnn.engine.kernel import algorithm
from minicnn.engine.op import followed
from minicnn.engine.tensor import Tensor
from minicnn.ops import conv2d_of_levels as levels
from minicnn.ops.fast import fourier


def drawn(seed, sizes, channels=6, filters=8, side=7, dtype=np.float32, pictures=1):
    random = np.random.default_rng(seed)
    shapes = [(pictures, channels, *size) for size in sizes]
    shapes += [(filters, channels, side, side), (filters,)]
    return [random.normal(size=shape).astype(dtype) for shape in shapes]


def run(arrays, function, upstream=None, **options):
    """[results], [gradients of the levels, the weight and the bias]; of a result whose `upstream`
    is None nothing is made."""
    *xs, w, b = tensors = [Tensor(a, requires_grad=True) for a in arrays]
    ys = function(xs, w, b, **options)
    upstream = upstream or [np.random.default_rng(k).normal(size=y.shape) for k, y in enumerate(ys)]
    parts = [
        (y * g.astype(y.dtype)).sum() for y, g in zip(ys, upstream, strict=True) if g is not None
    ]
    sum(parts[1:], parts[0]).backward()
    return [y.data for y in ys], [t.grad for t in tensors]


def apart(xs, w, b, **options):
    return [F.conv2d(x, w, b, **options) for x in xs]


@pytest.fixture
def joined(monkeypatch):
    """The numbers of pictures that went through Fourier tiles together."""
    seen, before = [], fourier.analyse
    monkeypatch.setattr(fourier, "analyse", lambda xs, *a: seen.append(len(xs)) or before(xs, *a))
    return seen


def close(found, expected, bound=2e-6):
    for a, b in zip(found, expected, strict=True):
        if b is None:
            assert a is None
            continue
        assert a.shape == b.shape and a.dtype == b.dtype
        assert np.linalg.norm(a - b) <= bound * np.linalg.norm(b)


SIZES = [((40, 33), (26, 21), (11, 12)), ((9, 9), (31, 50)), ((10, 12), (10, 12))]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("padding", [0, (3, 2)])
def test_tiles_of_all_levels_in_one_product(sizes, padding, joined):
    arrays = drawn(1, sizes, pictures=2)
    with algorithm("fast"):
        found = run(arrays, F.conv2d_of_levels, padding=padding)
    assert joined == [len(sizes)] * 3  # of x, for gx, and of x for gw
    exact = run([a.astype(np.float64) for a in arrays], apart, padding=padding)
    close([*found[0], *found[1]], [a.astype(np.float32) for a in (*exact[0], *exact[1])])


def test_a_large_pyramid_goes_together_by_itself(joined):
    arrays = drawn(2, ((66, 86), (36, 46), (21, 26)), 24, 64)
    found = run(arrays, F.conv2d_of_levels)
    assert joined == [3, 3, 3]
    expected = run(arrays, apart)
    close([*found[0], *found[1]], [*expected[0], *expected[1]])
    with algorithm("simple"):
        run(drawn(2, ((9, 9), (8, 8))), F.conv2d_of_levels)
    run(drawn(3, ((36, 46), (21, 26)), dtype=np.float64), F.conv2d_of_levels)
    assert joined == [3, 3, 3, *[1] * (len(joined) - 3)]


@pytest.mark.parametrize("infinite", [False, True])
def test_a_level_that_nobody_uses_has_no_part_in_the_gradients(infinite):
    arrays = drawn(4, ((30, 33), (20, 21), (12, 14)))
    if infinite:  # and 0 times infinity is no number
        arrays[0][0, 0, 3, 3] = arrays[2][0, 1, 4, 4] = np.inf
    upstream = [None, np.random.default_rng(9).normal(size=(1, 8, 14, 15)), None]
    for which in ("fast", "simple"):
        with algorithm(which):
            found = run(arrays, F.conv2d_of_levels, upstream)[1]
            close(found, run(arrays, apart, upstream)[1])
        assert found[0] is found[2] is None and found[1].any()


def test_only_what_is_wanted():
    """Pictures need no gradient, weights that rest none."""
    for which in ("fast", "simple"):
        for resting in range(4):
            arrays = drawn(5, ((30, 33), (20, 21)))
            tensors = [Tensor(a, requires_grad=k != resting) for k, a in enumerate(arrays)]
            *xs, w, b = tensors
            with algorithm(which):
                y, z = F.conv2d_of_levels(xs, w, b)
                expected = run(arrays, apart, [np.ones(y.shape), np.ones(z.shape)])[1]
                (y.sum() + z.sum()).backward()
            expected[resting] = None
            assert tensors[resting].grad is None
            close([t.grad for t in tensors], expected)


@pytest.mark.parametrize("where", ["a level", "the weight", "the gradient"])
def test_a_number_that_tiles_would_mix_leaves_them(where, joined):
    arrays, upstream = (
        drawn(6, ((30, 33), (20, 21))),
        [np.ones((1, 8, 24, 27)), np.ones((1, 8, 14, 15))],
    )
    target = {"a level": arrays[1], "the weight": arrays[2], "the gradient": upstream[1]}[where]
    target[0, 0, 3, 3] = 1e9
    with algorithm("fast"):
        found = run(arrays, F.conv2d_of_levels, upstream)
        assert (2 in joined) == (where == "the gradient") and joined[1:] == [1] * len(joined[1:])
        expected = run(arrays, apart, upstream)
    close([*found[0], *found[1]], [*expected[0], *expected[1]])


def test_who_writes_down_operations_sees_one_for_each_level():
    names = []
    arrays = drawn(7, ((30, 33), (20, 21)))
    with followed(lambda op, before, y: names.append(type(op).__name__) or y):
        F.conv2d_of_levels(arrays[:2], *arrays[2:])
    assert names == ["Conv2d", "Conv2d"]


@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda a: a.__setitem__(1, a[1][0]), r"conv2d: expected input \(N, C, H, W\)"),
        (lambda a: a.__setitem__(1, a[1][:, :3]), "the input has 3 channels, but weight"),
        (lambda a: a.__setitem__(0, a[0][:, :, :4]), "the padded input is smaller than the filter"),
        (lambda a: a.__setitem__(3, a[3][:2]), r"conv2d: bias \(2,\) for 8 filters"),
        (lambda a: a.__setitem__(1, a[1].astype(int)), "conv2d: input"),
    ],
)
def test_wrong_arguments_are_said_as_conv2d_says_them(change, sentence):
    arrays = drawn(8, ((30, 33), (20, 21)))
    change(arrays)
    with pytest.raises((ValueError, TypeError), match=sentence):
        F.conv2d_of_levels([*map(Tensor, arrays[:2])], *map(Tensor, arrays[2:]))


def test_the_same_bits_twice_and_with_arrays_that_are_not_contiguous():
    arrays = drawn(9, ((40, 33), (26, 21)))
    strided = [np.asfortranarray(a) for a in arrays]
    with algorithm("fast"):
        first, second = run(arrays, F.conv2d_of_levels), run(strided, F.conv2d_of_levels)
    for a, b in zip([*first[0], *first[1]], [*second[0], *second[1]], strict=True):
        assert a.tobytes() == np.ascontiguousarray(b).tobytes()


def test_none_and_one():
    (x, w, b), other = drawn(10, ((20, 21),)), F.conv2d_of_levels([], np.ones((1, 1, 1, 1)))
    (y,) = F.conv2d_of_levels([x], w, b)
    assert other == () and (y.data == F.conv2d(x, w, b).data).all()
    assert levels.conv2d_of_levels([x, x], w)[1].shape == y.shape


@pytest.mark.parametrize("which", ["fast", "auto", "simple"])
@pytest.mark.parametrize(
    "shapes",
    [
        [(0, 16, 20, 20), (0, 16, 20, 20), (20, 16, 7, 7)],
        [(0, 16, 20, 20), (2, 16, 30, 20), (20, 16, 7, 7)],
        [(1, 0, 20, 20), (1, 0, 30, 20), (20, 0, 7, 7)],
        [(1, 16, 20, 20), (1, 16, 30, 20), (0, 16, 7, 7)],
    ],
    ids=["no pictures", "none of one level", "no maps", "no filters"],
)
def test_what_is_empty(shapes, which):
    random = np.random.default_rng(11)
    arrays = [random.normal(size=shape).astype(np.float32) for shape in shapes]
    for bias in ([random.normal(size=shapes[-1][0]).astype(np.float32)], []):
        found, expected = [], []
        for function, kept in (F.conv2d_of_levels, found), (apart, expected):
            *xs, w, b = tensors = [
                *(Tensor(a, requires_grad=True) for a in [*arrays, *bias]),
                None,
            ][:4]
            with algorithm(which):
                ys = function(xs, w, b)
                sum(y.sum() for y in ys).backward()
            kept += [*(y.data for y in ys), *(t.grad for t in tensors if t is not None)]
        for a, b in zip(found, expected, strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-3)


def test_simple_is_simple_in_the_backward_pass_too(joined):
    arrays = drawn(12, ((30, 33), (20, 21)))
    tensors = [Tensor(a, requires_grad=True) for a in arrays]
    with algorithm("fast"):
        ys = F.conv2d_of_levels(tensors[:2], *tensors[2:])
    assert joined == [2]
    with algorithm("simple"):
        sum(y.sum() for y in ys).backward()
    assert joined == [2]
    close([t.grad for t in tensors], run(arrays, apart, [np.ones(y.shape) for y in ys])[1])


def test_a_layer_of_ones_own_is_asked_for_each_level():
    class Twice(nn.Conv2d):
        def forward(self, x):
            return 2 * super().forward(x)

    layer, (x, z, *_) = Twice(6, 8, 7), drawn(13, ((30, 33), (20, 21)))
    for result, level in zip(layer.of_levels([Tensor(x), Tensor(z)]), (x, z), strict=True):
        assert np.array_equal(result.data, layer(Tensor(level)).data)
