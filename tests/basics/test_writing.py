"""A file that cannot be written is named as it was asked for."""

import os

import pytest

from minicnn.basics import writing


@pytest.mark.parametrize("failing", ["open", "replace"])
def test_an_error_names_the_file_and_not_the_one_beside_it(tmp_path, monkeypatch, failing):
    def refuse(file, *others, **more):
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setitem(vars(writing), "open", refuse) if failing == "open" else None
    monkeypatch.setattr(os, "replace", refuse) if failing == "replace" else None
    with pytest.raises(PermissionError) as raised:
        writing.write_atomically(tmp_path / "picture.png", b"")
    assert raised.value.filename == str(tmp_path / "picture.png")
    assert not list(tmp_path.iterdir())
