"""A place for installed data sets, and an archive to install."""

import pytest
from support.datasets_samples import make_iccv09, make_zip


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MINICNN_DATA", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def archive(tmp_path):
    return make_zip(tmp_path / "data.zip", make_iccv09(tmp_path / "src"))
