"""The examples run as they stand, and what they promise comes true."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from minicnn.baselines import baselines
from minicnn.datasets.scenes import Scenes

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name, folder, *arguments):
    """The output of an example that runs in `folder`, warnings being errors."""
    result = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def best_rule(size=(120, 160), **count):
    """What the best rule without a network gets right of the scenes of an example."""
    scenes = Scenes(size=size, train=200, **count)
    found = baselines(scenes.split("train"), list(scenes.split("test")), scenes.classes)
    return max(confusion.pixel_accuracy for confusion in found.values())


def test_multi_scale_leaves_a_picture_at_every_step(tmp_path):
    output = run("multi_scale.py", tmp_path, "--steps", "3")
    assert "pixel accuracy" in output
    written = sorted(path.name for path in (tmp_path / "multi-scale-story").iterdir())
    assert [name[0] for name in written] == list("123455566")


@pytest.mark.slow
def test_multi_scale_learns_what_no_rule_of_thumb_knows(tmp_path):
    output = run("multi_scale.py", tmp_path)
    accuracy = float(re.search(r"pixel accuracy ([\d.]+)%", output)[1]) / 100
    assert accuracy > best_rule(test=40) + 0.10


def test_labelling_leaves_a_picture_at_every_step(tmp_path):
    output = run("labelling.py", tmp_path, "--steps", "2")
    rows = re.findall(r"^(\w+) +pixel accuracy [\d.]+%, [\d.]+ s a picture$", output, flags=re.M)
    assert rows == ["argmax", "superpixels", "crf", "cover"]
    written = sorted(path.name for path in (tmp_path / "labelling-story").iterdir())
    assert written == [
        "1-pixels.png",
        "2-superpixels.png",
        "3-crf.png",
        "4-cover.png",
        "4-tree.png",
    ]


def test_recurrent_leaves_a_picture_at_every_step(tmp_path):
    output = run("recurrent.py", tmp_path, "--steps", "2")
    assert re.findall(r"^1/(\d+): pixel accuracy [\d.]+%", output, flags=re.M) == ["16", "4", "1"]
    written = sorted(path.name[0] for path in (tmp_path / "recurrent-story").iterdir())
    assert written == list("12334")


@pytest.mark.slow
def test_recurrent_learns_what_no_rule_of_thumb_knows(tmp_path):
    output = run("recurrent.py", tmp_path)
    accuracy = float(re.search(r"1/1: pixel accuracy ([\d.]+)%", output)[1]) / 100
    assert accuracy > best_rule((96, 128), test=40) + 0.10


def test_layer_compares_every_part_of_the_slide(tmp_path):
    output = run("layer.py", tmp_path, "--steps", "2")
    rows = re.findall(r"^(\S.*\S) +([\d.]+)% +([\d,]+)$", output, flags=re.M)
    assert [name for name, *_ in rows] == [
        "full table, ReLU, pixels",
        "connection table",
        "tanh",
        "local response norm",
        "local contrast norm",
        "pooling over maps",
    ]
    numbers = {name: int(count.replace(",", "")) for name, _, count in rows}
    assert numbers["connection table"] < numbers["tanh"] < numbers["pooling over maps"]
    written = sorted(path.name for path in (tmp_path / "layer-story").iterdir())
    assert written == ["1-table.png", "2-losses.png"]
