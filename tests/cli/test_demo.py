"""`minicnn demo` runs, tells its story, and its story is true."""

import json

import numpy as np
import pytest
from PIL import Image

from minicnn.cli.demonstration import _folder, demo


def test_demo_prints_the_table_and_writes_the_picture(tmp_path, capsys):
    result = demo(tmp_path / "story", steps=2, size=(48, 64), tests=4)
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split("  ")[0]: line for line in lines}
    assert "scenes 48x64, width 0.5, 2 steps" in rows["one scale"]
    ours = [f"{100 * row['pixel_accuracy']:.1f} %" for row in result["rows"]]
    assert ours[0] in rows["one scale"] and ours[1] in rows["three scales"]
    for name, numbers in {
        "lecture: one scale": ("66.0 %", "0.35 s"),
        "lecture: three scales": ("78.8 %", "0.6 s"),
        "lecture: best of its day": ("81.9 %", "> 60 s"),
    }.items():
        assert all(number in rows[name] for number in numbers)
        assert "Stanford Background" in rows[name]
    assert any(result["picture"] in line for line in lines)
    with Image.open(result["picture"]) as picture:
        assert np.asarray(picture).std() > 10
    assert (tmp_path / "story" / "multi-scale" / "best.safetensors").is_file()
    assert rows["one scale"] in (tmp_path / "story" / "table.txt").read_text()
    assert json.loads(json.dumps(result)) == result


def test_demo_takes_the_next_free_folder_and_never_a_full_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [str(_folder(None)) for _ in range(2)] == ["minicnn-demo", "minicnn-demo-2"]
    assert _folder("minicnn-demo").is_dir()  # there is nothing in it
    (tmp_path / "minicnn-demo" / "mine.txt").touch()
    with pytest.raises(ValueError, match="not an empty folder"):
        demo("minicnn-demo")


@pytest.mark.slow
def test_three_scales_beat_one_over_five_seeds(tmp_path):
    gains = []
    for seed in range(5):
        one, three = demo(tmp_path / str(seed), seed=seed, quiet=True)["rows"]
        gains.append(100 * (three["pixel_accuracy"] - one["pixel_accuracy"]))
    assert np.mean(gains) > 5 and np.mean(gains) > 3 * np.std(gains, ddof=1), gains
