"""Two thousand random configurations of all operations: values and gradients against the literal
loops of reference.py and, where it is installed, PyTorch. Slow; two of each in the quick suite."""

import importlib.util
import inspect

import numpy as np
import pytest
from support import (
    configurations_pictures,  # noqa: F401  fills GENERATORS
    reference,
)
from support.configurations import GENERATORS, draw

import minicnn.ops
from minicnn.engine.tensor import Tensor

torch = importlib.import_module("torch") if importlib.util.find_spec("torch") else None
COUNT = 2000 // len(GENERATORS) + 1
TO_TORCH = {  # ours under another name, or no function of arrays and options
    "concat_of": lambda *x, dim: torch.cat(x, dim),
    "index": lambda x, index: x[
        tuple(torch.tensor(i) if isinstance(i, np.ndarray) else i for i in index)
    ],
}
ONLY_OURS = {"alpha_per_term", "within_map"}  # options
UNLIKE = {"scaled_tanh", "conv2d_table_of", "subsample2d_of", "max_pool_maps", "log_sum_exp_pool"}
UNLIKE |= {"cross_entropy_of_sets"}
UNLIKE |= {"dropout_with_key", "local_contrast_norm", "lp_pool2d"}  # theirs differs at the border


def check(name, number):
    function, arrays, options, random = draw(name, number)
    slow = getattr(reference, name)
    tensors = [Tensor(a.copy(), requires_grad=True) for a in arrays]
    y = function(*tensors, **options)
    close = dict(rtol=1e-9, atol=1e-10, err_msg=f"{name} {number}: {options}")
    np.testing.assert_allclose(y.data, slow(*arrays, **options), **close)
    gy = random.normal(size=y.shape)
    y.backward(gy)
    for k, a in enumerate(arrays):  # one direction in each input, the literal loops moved along it
        v, h = random.normal(size=a.shape), 1e-6
        moved = [
            slow(*(b + s * h * v if i == k else b for i, b in enumerate(arrays)), **options)
            for s in (1, -1)
        ]
        numeric = (gy * (np.asarray(moved[0]) - moved[1])).sum() / (2 * h)
        claimed = (tensors[k].grad * v).sum()
        noise = 1e-9 * (1 + np.abs(gy * y.data).sum())
        scale = np.linalg.norm(tensors[k].grad)
        message = f"{name} {number}, input {k}: {claimed} {numeric} {options}"
        assert abs(numeric - claimed) <= 1e-6 * scale + noise, message
    if torch and name not in UNLIKE and not any(options.get(o) for o in ONLY_OURS):
        against_torch(name, arrays, options, y.data, gy, [t.grad for t in tensors], close)


def against_torch(name, arrays, options, y, gy, gradients, close):
    places = (torch.nn.functional, torch)
    theirs = TO_TORCH.get(name) or next(getattr(p, name) for p in places if hasattr(p, name))
    options = {k: v for k, v in options.items() if k not in ONLY_OURS}
    if name == "pad" and options["mode"] != "constant":
        del options["value"]
    if name not in TO_TORCH:
        options = {
            k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()
        }
    if name in ("sum", "mean", "amax") and options["dim"] is None:
        options["dim"] = tuple(range(arrays[0].ndim))
    tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
    if name in ("reshape", "permute", "transpose", "pow"):
        z = getattr(torch, name)(*tensors, *options.values())
    else:
        z = theirs(*tensors, **options)
    np.testing.assert_allclose(y, z.detach().numpy(), **close)
    if z.requires_grad:
        z.backward(torch.tensor(gy))
    for t, gradient in zip(tensors, gradients, strict=True):
        expected = np.zeros(t.shape) if t.grad is None else t.grad.numpy()
        np.testing.assert_allclose(gradient, expected, **close)


@pytest.mark.filterwarnings("ignore")  # PyTorch's advice on batchmean and on slow paths
@pytest.mark.parametrize("name", sorted(GENERATORS))
def test_a_few_configurations(name):
    for number in range(2):
        check(name, number)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(GENERATORS))
def test_many_configurations(name):
    for number in range(COUNT):
        check(name, number)


def test_no_operation_is_left_out():
    names = {case.function.__name__ for case in minicnn.ops.all_cases()}
    assert names - {"conv2d_table"} == set(GENERATORS)  # that one as conv2d_table_of
    assert all(inspect.isfunction(getattr(reference, name)) for name in names)
    assert COUNT * len(GENERATORS) >= 2000
