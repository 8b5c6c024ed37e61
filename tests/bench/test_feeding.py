"""What reading pictures costs a step, timed on a small data set."""

import pytest
from support.image_folders import make_image_folder

from minicnn.bench import feeding


def test_three_kinds_of_steps_are_timed(tmp_path):
    root = make_image_folder(tmp_path / "squares")
    found = feeding.feeding(root, steps=2, turns=1)
    assert found.keys() == feeding.WHAT.keys() and all(s > 0 for s in found.values())


def test_mistakes_are_one_sentence(tmp_path, monkeypatch, capsys):
    for arguments, words in [
        ([str(tmp_path / "none")], "none"),
        ([str(make_image_folder(tmp_path / "squares")), "multi-scale"], "whole pictures"),
    ]:
        monkeypatch.setattr("sys.argv", ["feeding", *arguments])
        with pytest.raises(SystemExit) as stopped:
            feeding.main()
        assert stopped.value.code == 2 and words in capsys.readouterr().err
