"""A student's path: `minicnn exercise` alone, reset, and the network of solved exercises."""

import functools
import json

import numpy as np
import pytest
from support.exercise_answers import answers

from minicnn import functional as F
from minicnn import manual_seed, optim
from minicnn.cli import main
from minicnn.course.exercises import progress
from minicnn.course.exercises.exercise import FIRST, all_exercises, find
from minicnn.course.exercises.parts import interpreted
from minicnn.course.exercises.playing import Scenes, playing
from minicnn.engine.tensor import Tensor

BIAS = find("ex05")
GOOD = "def grad_bias(gy):\n    return gy.sum(axis=(0, 2, 3))\n"


def start(folder, *names):
    assert main(["exercise", "start", *names, "--to", str(folder)]) == 0
    return [folder / find(name).path.name for name in names]


def told(capsys, *arguments):
    capsys.readouterr()
    assert not main(["exercise", *arguments])
    return capsys.readouterr().out


def test_alone_it_shows_how_far_one_is_and_what_comes_next(tmp_path, capsys):
    folder = tmp_path / "my"
    said = told(capsys, "--in", str(folder))
    assert f"{len(all_exercises())} open" in said and "hours left" in said
    assert said.endswith(f"next: minicnn exercise start {FIRST} --to {folder}\n")
    bias, relu = start(folder, "ex05", "ex08")
    said = told(capsys, "--in", str(folder))
    assert "2 begun" in said and f"next: minicnn exercise check ex05 --in {folder}" in said
    bias.write_text(GOOD.replace("sum", "mean"))
    said = told(capsys, "--in", str(folder))
    assert (
        "wrong at «by hand»" in said and f"next: minicnn exercise hint ex05 --in {folder}" in said
    )
    bias.write_text(GOOD)
    found = json.loads(told(capsys, "--in", str(folder), "--json"))
    states = {r["exercise"]: r["state"] for r in found["exercises"]}
    assert states["ex05"] == "done" and states["ex08"] == "begun" and states["ex01"] == "open"
    assert found["minutes left"] == sum(e.minutes for e in all_exercises()) - BIAS.minutes
    relu.unlink()
    assert "start ex03" in told(capsys, "--in", str(folder))  # the same chapter goes on


def test_what_is_known_is_not_checked_again_and_what_has_changed_is(tmp_path, capsys, monkeypatch):
    (bias,) = start(tmp_path, "ex05")
    bias.write_text(GOOD)
    assert main(["exercise", "check", "--in", str(tmp_path)]) == 0
    with monkeypatch.context() as context:
        context.setattr(progress, "Worker", None)
        assert "ex05 done" in told(capsys, "--in", str(tmp_path))
        assert [
            r["state"] for r in json.loads(told(capsys, "list", "--in", str(tmp_path), "--json"))
        ][4] == "done"
    bias.write_text(GOOD + "grad_bias = None\n")
    assert "ex05 begun" in told(capsys, "--in", str(tmp_path))
    (tmp_path / progress.KEPT).write_text("[rubbish")
    bias.write_text(GOOD)
    assert "ex05 done" in told(capsys, "--in", str(tmp_path))


def test_reset_keeps_what_was_there(tmp_path, capsys):
    (bias,) = start(tmp_path, "ex05")
    for text in ("one", "two"):
        bias.write_text(text)
        assert f"{bias}.before" in told(capsys, "reset", "ex05", "--in", str(tmp_path))
        assert bias.read_text().strip() == BIAS.head.strip()
    assert (tmp_path / f"{bias.name}.before").read_text() == "one"
    assert (tmp_path / f"{bias.name}.before-2").read_text() == "two"
    assert "blank already" in told(capsys, "reset", "5", "--in", str(tmp_path))
    assert main(["exercise", "reset", "--in", str(tmp_path)]) == 2


def right(exercise):
    """The text of a right answer with whole arrays, else of any."""
    return next(text for _, is_right, text in answers(exercise) if is_right)


def test_solved_exercises_work_together(tmp_path, capsys):
    folder = str(tmp_path)
    assert main(["exercise", "network", "--in", folder]) == 2
    assert "none of these exercises is right" in capsys.readouterr().err
    for number in ("ex01", "ex02", "ex05", "ex08", "ex20"):
        (tmp_path / find(number).path.name).write_text(right(find(number)))
    (tmp_path / find("ex09").path.name).write_text("def tanh_backward(gy, y):\n    return gy\n")
    said = told(capsys, "network", "--in", folder, "--steps", "3")
    assert "yours: ex01, ex02, ex05, ex08, ex20\n" in said
    assert "own code" in said and "alike" in said and (tmp_path / "network.png").exists()
    found = json.loads(told(capsys, "network", "ex05", "--in", folder, "--steps", "2", "--json"))
    assert found["yours"] == {"ex05": 6} and found["same"] and len(found["losses"]) == 2


def test_an_answer_that_keeps_numbers_is_left_out(tmp_path, capsys):
    e = find("ex01")
    text = next(t for n, _, t in answers(e) if n == "rows of a matrix")
    (tmp_path / e.path.name).write_text(text)
    found = json.loads(told(capsys, "network", "--in", str(tmp_path), "--steps", "1", "--json"))
    assert not found["yours"] and "arrays" in found["left out"]["ex01"]


NUMBERS = [e.number for e in all_exercises() if e.number <= "ex20"]
PICTURES = np.random.default_rng(0).normal(size=(1, 3, 8, 12)).astype("f")


def learnt(mine, updated=False):
    """The network after one backward pass with these answers, and an update."""
    manual_seed(1)
    net = Scenes(3)
    with playing(mine):
        F.cross_entropy(net(Tensor(PICTURES)), np.arange(96).reshape(1, 8, 12) % 3).backward()
        if updated:
            optim.SGD(net.parameters(), 0.1).step()
    return net


@functools.cache
def by_the_framework(updated):
    return learnt({}, updated)


@pytest.mark.parametrize("number", NUMBERS)
def test_each_answer_takes_its_place_in_the_network(number):
    """With the plain key of one exercise the gradients are those of the framework, and the key was
    asked. What is stitched tells of the exercise that stitches, and of an update."""
    exercise, calls = find(number), []

    def counted(*args):
        calls.append(number)
        return exercise.parts.key(*args)

    with interpreted():
        results, mine = [], {exercise: counted}
        for net, answers in (
            (by_the_framework(number == "ex18"), {}),
            (learnt(mine, number == "ex18"), mine),
        ):
            results.append([p.grad for p in net.parameters()])
            if number in ("ex18", "ex20"):
                with playing(answers):
                    results[-1].append(net.stitched(PICTURES))
    assert calls
    for own, framework in zip(*results, strict=True):
        np.testing.assert_allclose(own, framework, rtol=1e-3, atol=1e-5)


def test_the_graph_by_an_answer_adds_to_what_is_there():
    w = Tensor(np.ones((2, 3)), requires_grad=True)
    with playing({find("ex01"): find("ex01").parts.key}):
        for _ in range(2):
            ((w * w + w) * 2.0).sum().backward()
    assert np.array_equal(w.grad, np.full((2, 3), 12.0))
