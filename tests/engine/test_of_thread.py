"""What is chosen in one thread holds in no other."""

import threading

import numpy as np
import pytest
from support.emulated import needs_compiler

import minicnn
from minicnn import Tensor, emulator, nn, no_grad, optim
from minicnn import functional as F
from minicnn.engine.devices import default_device
from minicnn.engine.kernel import algorithm, chosen_algorithm
from minicnn.engine.profiling import profile
from minicnn.engine.rehearsal import rehearsal


def in_a_thread(function):
    """What `function` returns in a thread of its own."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    (result,) = results
    return result


def test_predictions_beside_a_training_leave_its_graph():
    network = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    x, labels = np.ones((3, 4), np.float32), np.array([0, 1, 0])
    network(Tensor(x))
    inside, done = threading.Event(), threading.Event()

    def predict():
        while not done.is_set():
            with no_grad():
                inside.set()
                assert not network(Tensor(x)).requires_grad
        return (Tensor([1.0], requires_grad=True) * 2.0).requires_grad

    results = []
    thread = threading.Thread(target=lambda: results.append(predict()))
    thread.start()
    inside.wait()
    sgd = optim.SGD(network.parameters(), 0.1)
    recorded = 0
    for _ in range(50):
        loss = F.cross_entropy(network(Tensor(x)), labels)
        recorded += loss.requires_grad
        sgd.zero_grad()
        loss.backward()
        sgd.step()
    done.set()
    thread.join()
    assert recorded == 50
    assert results == [True]
    assert network(Tensor(x)).requires_grad


def test_blocks_that_end_in_another_order_leave_nothing_switched_off():
    first, second = threading.Event(), threading.Event()

    def overlapping():
        with no_grad():
            first.set()
            second.wait()
        return (Tensor([1.0], requires_grad=True) * 2.0).requires_grad

    results = []
    thread = threading.Thread(target=lambda: results.append(overlapping()))
    thread.start()
    first.wait()
    with no_grad():  # begins inside of the other one and ends after it
        second.set()
        thread.join()
    assert results == [True]
    assert (Tensor([1.0], requires_grad=True) * 2.0).requires_grad


@pytest.mark.parametrize("name", ["simple", "fast"])
def test_the_algorithm(name):
    with algorithm(name):
        assert in_a_thread(chosen_algorithm) == "auto"
        assert chosen_algorithm() == name


@needs_compiler
def test_the_default_device_and_the_emulator():
    with minicnn.device("emulated"), emulator.checked("random"):
        assert in_a_thread(default_device) == "cpu"
        assert in_a_thread(lambda: emulator.mode().order) == "forward"
        assert default_device() == "emulated"


def test_timings():
    x = Tensor([1.0])
    with profile() as table:
        in_a_thread(lambda: x + x)
        x * x
    assert list(table.rows) == ["Mul"]


def test_watching():
    network = nn.Sequential(nn.Tanh())
    x = Tensor([1.0])
    network(x)
    with network.watch(["modules.0"]) as seen:
        in_a_thread(lambda: network(x))
        network(x)
    assert len(seen["modules.0"]) == 1


def test_a_rehearsal_is_of_one_thread():
    def relu():
        return F.relu(np.float32([-1, 2])).numpy().tolist()

    with rehearsal():
        assert relu() == [0, 0]
        assert in_a_thread(relu) == [0, 2]
