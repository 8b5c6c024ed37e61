"""The whole framework through its GPU path, on the emulator: nothing forgets to move an array."""

from types import SimpleNamespace

import numpy as np
import pytest
from support.emulated import needs_compiler
from support.small_runs import SCENES, SETTINGS

import minicnn
from minicnn import cli, emulator, nn
from minicnn import functional as F
from minicnn.cli.common import machine
from minicnn.engine.kernel import chosen_algorithm
from minicnn.engine.profiling import profile
from minicnn.engine.tensor import Tensor
from minicnn.learning import checkpoints

pytestmark = needs_compiler


def test_gradients_are_those_of_the_cpu():
    x, w = (np.random.default_rng(k).normal(size=(4, 3)).astype(np.float32) for k in (0, 1))
    results = []
    for device in ("cpu", "emulated"):
        with emulator.checked("random"):
            a = Tensor(x, requires_grad=True).to(device)
            b = Tensor(w, requires_grad=True).to(device)
            y = (F.relu(a).reshape(3, 4) @ b * 2.0 + b.sum(0)).mean()
            y.backward()
        assert {a.device, a.to(device).device, Tensor(b.grad).device} == {device}
        results.append([Tensor(v).numpy() for v in (y, a.grad, b.grad)])
    for ours, reference in zip(*results, strict=True):
        np.testing.assert_allclose(ours, reference, rtol=1e-6)


def test_modules_move_and_are_made_on_the_default_device():
    with minicnn.device("emulated"):
        made = nn.Conv2d(2, 3, 3)
    moved = nn.Conv2d(2, 3, 3).to("emulated")
    assert made.weight.device == moved.weight.device == "emulated"
    state = moved.to("cpu").state_dict()
    made.load_state_dict(state)
    assert made.weight.device == "emulated" and isinstance(state["weight"], np.ndarray)
    assert (made.state_dict()["weight"] == state["weight"]).all()
    with pytest.raises(RuntimeError, match=r"input 0 on the cpu, input 1 on the emulated.*\.to\("):
        F.conv2d(Tensor(np.ones((1, 2, 5, 5), np.float32)), made.weight)
    with pytest.raises(ValueError, match="device 'tpu': choose 'cpu', 'gpu' or 'emulated'"):
        moved.to("tpu")


def test_a_training_on_the_emulator_is_the_one_on_the_cpu(tmp_path):
    # By tanh: of a picture's empty margin a convolution makes 0, there ReLU has its kink, and the
    # Fourier tiles of the CPU come out on both sides of it.
    settings = SETTINGS | {"nonlinearity": "tanh"}
    options = {"settings": settings, "data_options": SCENES, "quiet": True}
    losses, weights, launched = [], [], []
    for device in ("cpu", "emulated"):
        folder = tmp_path / device
        run = minicnn.train("multi-scale", out=folder, steps=4, device=device, **options)
        assert run.network.parameters()[0].device == device
        losses.append([r["val_accuracy"] for r in run.log.records if "val_accuracy" in r])
        # Those of the last step: which step is the best on val may hang on the last digit.
        weights.append(checkpoints.load(folder / checkpoints.LAST)[0])
        launched.append(run.launches)
    # the hidden layer is a convolution and a sum for each scale; let it not grow unseen
    assert launched[0] == 0 < launched[1] <= 99
    np.testing.assert_allclose(losses[0], losses[1], atol=2e-3)
    for name, value in weights[0].items():
        np.testing.assert_allclose(weights[1][name], value, rtol=1e-3, atol=1e-5)
    # Evaluated and used for a picture, from the checkpoint that the device has written.
    scores = [minicnn.evaluate(tmp_path / "emulated", device=d) for d in ("cpu", "emulated")]
    assert scores[0].confusion.pixel_accuracy == pytest.approx(scores[1].confusion.pixel_accuracy)
    picture = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    on_cpu = minicnn.segment(picture, tmp_path / "emulated").labels
    assert (minicnn.segment(picture, run).labels == on_cpu).mean() > 0.99


def test_a_resumed_training_ends_with_the_bits_of_an_uninterrupted_one(tmp_path):
    options = {"settings": SETTINGS | {"checkpoint_steps": 2}, "data_options": SCENES}
    options |= {"quiet": True, "device": "emulated", "steps": 4}
    whole = minicnn.train("multi-scale", out=tmp_path / "whole", **options)
    with emulator.fast("reversed"):
        stop_after(tmp_path / "stopped", options, 2)
        resumed = minicnn.resume(tmp_path / "stopped", device="emulated", quiet=True)
    for name, value in whole.network.state_dict().items():
        assert value.tobytes() == resumed.network.state_dict()[name].tobytes()


def stop_after(folder, options, steps):
    """A training that is interrupted once `steps` are done."""
    from minicnn.optim import SGD

    step = SGD.step

    def stopping(self):
        if self.steps_done == steps:
            raise KeyboardInterrupt
        step(self)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(SGD, "step", stopping)
        minicnn.train("multi-scale", out=folder, **options)


def test_a_profile_counts_the_launches():
    x = Tensor(np.ones((4, 5), np.float32), requires_grad=True).to("emulated")
    with profile() as table:
        for _ in range(2):
            F.relu(F.relu(x) + 1.0).sum().backward()
    assert table.launches == 8  # two forward, two backward, twice
    assert table.lines(steps=2)[-1].split() == ["GPU", "kernels", "4", "launches", "a", "step"]


def test_the_command_line_names_the_device_that_cannot_be_used(monkeypatch, capsys):
    monkeypatch.setattr(emulator, "why_not", lambda: "g++ is not installed (apt install g++)")
    status = cli.main(["train", "multi-scale", "--device", "emulated", "--steps", "1"])
    assert status == 2
    assert capsys.readouterr().err == (
        "minicnn: --device emulated cannot be used: g++ is not installed (apt install g++)\n"
    )


def test_tf32_is_an_option_off_by_default(capsys):
    chosen = []
    for tf32 in (False, True):
        with machine(SimpleNamespace(threads=None, device="emulated", tf32=tf32)):
            chosen.append(chosen_algorithm())
    assert chosen == ["auto", "tf32"]
    assert cli.main(["evaluate", "multi-scale", "--device", "cpu", "--tf32"]) == 2
    assert capsys.readouterr().err == (
        "minicnn: --tf32 is for the tensor cores of a GPU, and this would run on the CPU; "
        "leave it away\n"
    )


def test_info_names_the_compiler(capsys):
    cli.main(["info"])
    assert f"emulator       {emulator.compiler()}" in capsys.readouterr().out
