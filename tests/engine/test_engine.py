"""The tape: gradients, memory, and the sentences for what cannot work."""

import gc
import weakref

import numpy as np
import pytest
from support.emulated import needs_compiler

from minicnn import Op, Tensor, gradcheck, no_grad, optim
from minicnn import functional as F


class Scale(Op):
    def __init__(self, factor):
        self.factor = factor

    def forward(self, x):
        return self.factor * x

    def backward(self, gy):
        return self.factor * gy


class Same(Op):
    """y = a + b whose backward hands out the very array that it got, twice."""

    def forward(self, a, b):
        return a + b

    def backward(self, gy):
        return gy, gy


def leaf(*values):
    return Tensor(np.array(values), requires_grad=True)


def test_an_op_of_a_student_works():
    x = leaf(1.0, -2.0)
    y = Scale(3.0)(x)
    y.backward(np.array([1.0, 10.0]))
    assert y.data.tolist() == [3, -6]
    assert x.grad.tolist() == [3, 30]
    assert gradcheck(lambda t: Scale(3.0)(t), np.ones((2, 3)))


def test_order_matters_when_a_result_is_used_twice():
    a = leaf(3.0)
    b = a + a
    c = b * b
    c.backward()
    assert a.grad.tolist() == [24]  # c = 4 a^2


def test_diamond_and_deep_graphs():
    a = leaf(2.0)
    b, c = a * 3.0, a * 5.0
    (b * c + b).backward()
    assert a.grad.tolist() == [2 * 15 * 2 + 3]
    x = leaf(1.0)
    y = x
    for _ in range(5000):  # deeper than Python's recursion limit
        y = y + 0.0
    y.backward()
    assert x.grad.tolist() == [1]


def test_gradients_accumulate_until_zeroed():
    a = leaf(2.0)
    (a * 3.0).backward()
    (a * 4.0).backward()
    assert a.grad.tolist() == [7]


def test_the_engine_never_adds_into_an_array_of_an_op():
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    g = np.array([1.0, 1.0])
    y = Same()(Same()(a, b), Same()(a, a))
    y.backward(g)
    assert g.tolist() == [1, 1]
    assert a.grad.tolist() == [3, 3]
    assert b.grad.tolist() == [1, 1]
    assert not np.shares_memory(a.grad, b.grad)
    a.grad += 1  # what a user does to one gradient must not show in another
    assert b.grad.tolist() == [1, 1]


def test_memory_is_freed_without_the_garbage_collector():
    F.relu(leaf(1.0)) * 2.0  # a kernel's first call compiles it; what Numba leaves is not ours
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        hidden = F.relu(x * 2.0)
        y = (hidden * hidden).sum()
        watched = [weakref.ref(t) for t in (hidden, y, y.op, hidden.op)]
        del hidden, y
        assert [w() for w in watched] == [None] * 4

        hidden = F.relu(x * 2.0)
        arrays = weakref.ref(hidden)
        y = (hidden * hidden).sum()
        del hidden
        y.backward()
        assert arrays() is None, "backward frees what it has passed"
    finally:
        gc.enable()


def test_intermediate_gradients_only_on_request():
    a = leaf(2.0)
    b = a * 3.0
    c = b * 1.0
    c.retain_grad()
    (c * 2.0).backward()
    assert b.grad is None
    assert c.grad.tolist() == [2]


def test_no_grad_and_detach_record_nothing():
    a = leaf(2.0)
    with no_grad():
        assert (a * 2.0).op is None
    assert not (a.detach() * 2.0).requires_grad
    assert (a * 2.0).requires_grad


def test_an_op_learns_which_gradients_are_wanted():
    class Watch(Op):
        def forward(self, a, b):
            return a * b

        def backward(self, gy):
            assert self.needs == (False, True)
            return None, gy

    b = leaf(2.0)
    Watch()(np.array([3.0]), b).backward()
    assert b.grad.tolist() == [1]


def test_second_backward_is_refused():
    a = leaf(1.0)
    y = a * 2.0
    y.backward()
    with pytest.raises(RuntimeError, match="already used and freed by an earlier backward"):
        y.backward()


def test_a_step_between_forward_and_backward_is_refused():
    """The graph would go back through weights that it was not computed with. PyTorch refuses, too;
    a step that changes nothing, and one before the loss, are fine."""
    x, w, other = (Tensor([1.0, 2.0], requires_grad=True) for _ in range(3))
    sgd, idle = optim.SGD([w], lr=0.1), optim.SGD([other], lr=0.1)
    first, second = (x * w).sum(), (x * w).sum()
    first.backward()
    idle.step()
    sgd.step()
    before = x.grad.copy()
    with pytest.raises(RuntimeError, match=r"step\(\) has changed what mul was computed from"):
        second.backward()
    np.testing.assert_array_equal(x.grad, before)
    (x * w).sum().backward()
    np.testing.assert_array_equal(x.grad, before + w.data)


def test_backward_from_many_numbers_is_refused():
    a = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"has shape \(2,\), not one number"):
        (a * 2.0).backward()
    with pytest.raises(ValueError, match=r"gradient has shape \(3,\)"):
        (a * 2.0).backward(np.ones(3))


def test_backward_from_a_constant_is_refused():
    with pytest.raises(RuntimeError, match="nothing here requires a gradient"):
        Tensor([1.0]).backward()


@needs_compiler
def test_a_gradient_of_another_device_is_refused():
    x = Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match=r"backward: the inputs lie .*input 1 on the emulated"):
        (2 * x).backward(Tensor([1.0, 1.0]).to("emulated"))
    y = Tensor([1.0, 2.0]).to("emulated")
    y.requires_grad = True
    (2 * y).backward(np.ones(2))  # plain numbers go where they are needed
    np.testing.assert_array_equal(Tensor(y.grad).numpy(), [2, 2])


def test_assignment_is_refused():
    a = leaf(1.0, 2.0)
    with pytest.raises(TypeError, match="cannot be assigned to in place"):
        a[0] = 3.0


def test_two_dtypes_are_refused():
    with pytest.raises(TypeError, match="add: the inputs are float32 and float64"):
        Tensor(np.zeros(2, "f4")) + Tensor(np.zeros(2, "f8"))


def test_two_devices_are_refused(monkeypatch):
    from minicnn.engine import devices

    class Elsewhere(np.ndarray):
        pass

    monkeypatch.setattr(
        devices, "device_of", lambda array: "gpu" if isinstance(array, Elsewhere) else "cpu"
    )
    with pytest.raises(
        RuntimeError, match=r"input 0 on the cpu, input 1 on the gpu.*\.to\('gpu'\)"
    ):
        F.add(Tensor([1.0]), Tensor(np.float32([2.0]).view(Elsewhere)))


class SumAndProduct(Op):
    def forward(self, a, b):
        self.a, self.b = a, b
        return a + b, a * b

    def backward(self, gys):
        self.seen.append(tuple(g is not None for g in gys))
        of_sum, of_product = (0 if g is None else g for g in gys)
        return of_sum + of_product * self.b, of_sum + of_product * self.a


@pytest.mark.parametrize("used", [(0,), (1,), (0, 1)])
def test_an_op_with_several_results_waits_for_their_gradients(used):
    """Whoever used them, and in whichever order: one call of backward, with all there are."""
    seen = []

    def f(a, b):
        op = SumAndProduct()
        op.seen = seen
        results = op(a * 1.0, b)
        early, late = (results[k] for k in (used * 2)[:2])
        return (early * 3.0) * late + results[used[-1]] * results[used[0]]

    numbers = np.random.default_rng(0).normal(size=(2, 3, 4))
    assert gradcheck(f, *numbers)
    assert set(seen) == {tuple(k in used for k in (0, 1))}
    leaf = Tensor(numbers[0], requires_grad=True)
    with pytest.raises(RuntimeError, match="already used"):
        y = f(leaf, leaf).sum()
        y.backward()
        y.backward()


def test_what_a_backward_left_that_failed_is_not_added_to_the_next():
    class Fails(Op):
        def forward(self, x):
            return x

        def backward(self, gy):
            raise KeyboardInterrupt

    a, b = (Tensor([1.0, 2.0, 3.0], requires_grad=True) for _ in range(2))
    op = SumAndProduct()
    op.seen = []
    first, second = op(a, b)
    with pytest.raises(KeyboardInterrupt):
        (second.sum() + Fails()(first).sum()).backward()
    a.grad = b.grad = None
    first.sum().backward()
    assert a.grad.tolist() == b.grad.tolist() == [1, 1, 1]


def test_of_several_results_whole_numbers_require_no_gradient():
    class MaxAndPlace(Op):
        def forward(self, x):
            self.place = x.argmax()
            return x.max(keepdims=True), np.array([self.place])

        def backward(self, gys):
            gx = np.zeros(3, np.float32)
            gx[self.place] = gys[0][0]
            return gx

    x = Tensor([1.0, 3.0, 2.0], requires_grad=True)
    largest, place = MaxAndPlace()(x)
    assert largest.requires_grad and not place.requires_grad and place.op is None
    (2 * largest).sum().backward()
    assert x.grad.tolist() == [0, 2, 0]


def test_an_op_object_is_used_once():
    op, a = Scale(2.0), leaf(1.0)
    op(a)
    with pytest.raises(RuntimeError, match="make a new one for each call"):
        op(a)


@pytest.mark.parametrize(
    ("returned", "sentence"),
    [
        (lambda gy: (gy, gy), "returned 2 gradients for 1 inputs"),
        (lambda gy: gy[:1], r"the gradient of input 0 is float64\(1,\), but the input is"),
        (lambda gy: gy.astype("f4"), r"float32\(2,\), but the input is float64\(2,\)"),
    ],
)
def test_a_wrong_backward_is_named(returned, sentence):
    class Wrong(Op):
        def forward(self, x):
            return x

        def backward(self, gy):
            return returned(gy)

    with pytest.raises(ValueError, match=f"Wrong.backward.*{sentence}"):
        Wrong()(leaf(1.0, 2.0)).backward(np.ones(2))


@pytest.mark.parametrize("kind", [float, Tensor, list])
def test_a_gradient_that_is_no_array_is_named(kind):
    class Odd(Op):
        def forward(self, x):
            return x * 2

        def backward(self, gy):
            return 2.0 if kind is float else kind(gy)

    with pytest.raises(TypeError, match=f"Odd.backward: .* input 0 is a {kind.__name__}, not an"):
        Odd()(leaf(1.0)).backward()


def test_a_tensor_without_dimensions_goes_through_kernels():
    x = Tensor(np.array(2.0), requires_grad=True)
    h = F.relu(x)
    (h * F.relu(h) + h).backward()
    assert x.grad == 5


def test_numbers_take_the_dtype_of_the_tensor():
    a = Tensor(np.ones(2, "f4"))
    for y in (a * 2, 2 * a, a + 0.5, 1 - a, a / 3, 3 / a, a**2, -a, np.ones(2, "f4") * a):
        assert isinstance(y, Tensor)
        assert y.dtype == np.float32


def test_tensor_says_what_it_cannot_hold():
    with pytest.raises(TypeError, match="needs numbers"):
        Tensor(["a", None])
    with pytest.raises(TypeError, match="only floating tensors can require gradients"):
        Tensor(np.arange(3), requires_grad=True)


def test_convolution_of_no_pictures():
    x = Tensor(np.zeros((0, 3, 60, 60), np.float32), requires_grad=True)
    w = Tensor(np.ones((16, 3, 7, 7), np.float32), requires_grad=True)
    b = Tensor(np.ones(16, np.float32), requires_grad=True)
    y = F.conv2d(x, w, b)
    assert y.shape == (0, 16, 54, 54)
    y.sum().backward()
    assert x.grad.shape == x.shape and not w.grad.any() and not b.grad.any()
