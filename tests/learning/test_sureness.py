"""How sure a network is of a picture, and what is said of one that is unlike all it knows."""

import numpy as np
import pytest

import minicnn
from minicnn.cli import main
from minicnn.learning import checkpoints
from minicnn.learning.config import Config
from minicnn.learning.sureness import FEWEST, limit, sureness
from minicnn.nn.layers import Module


def test_sureness_by_hand():
    scores = np.log(np.array([[[0.5, 0.9]], [[0.25, 0.05]], [[0.25, 0.05]]])) + 3
    assert sureness(scores) == pytest.approx((0.5 + 0.9) / 2)
    assert sureness(np.zeros((4, 2, 2))) == pytest.approx(0.25)
    assert sureness(np.array([[[1000.0]], [[-1000.0]]])) == 1  # and nothing overflows


def test_a_limit_needs_pictures():
    assert limit([0.5] * (FEWEST - 1)) is None
    values = np.arange(101) / 100
    assert limit(list(values)) == 0.02


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("sure") / "run"
    size = {"size": (32, 48), "train": 4, "val": FEWEST, "test": 1}
    settings = {"width": 0.1, "validations": 1}
    minicnn.train(
        "multi-scale", "scenes", steps=3, out=out, settings=settings, data_options=size, quiet=True
    )
    return out


def test_a_training_keeps_what_its_validation_pictures_stay_above(run):
    _, header = checkpoints.load(run / "best.safetensors")
    kept = header["best"]["sure"]
    network = checkpoints.load_model(run / "best.safetensors")[0]
    pictures = minicnn.datasets.load("scenes", size=(32, 48), train=4, val=FEWEST, test=1)
    each = [sureness(network.predict(p.image)) for p in pictures.split("val")]
    assert kept == limit(each) and min(each) <= kept < np.median(each)
    assert Config.from_json(header, "best").best.sure == kept


def with_limit(run, tmp_path, sure):
    """The network of the run with another limit, as a file."""
    values, header = checkpoints.load(run / "best.safetensors")
    config = Config.from_json(header, "best")
    config.best.sure = sure
    checkpoints.save(tmp_path / "other.safetensors", values, config.to_json())
    return tmp_path / "other.safetensors"


def test_segment_says_when_a_picture_is_unlike(run, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    from PIL import Image

    grey = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(grey).save("noise.png")
    sure = with_limit(run, tmp_path, 1.0)
    assert main(["segment", "noise.png", "--model", str(sure), "--json"]) == 0
    out, err = capsys.readouterr()
    assert '"unlike": true' in out and "noise.png: the network is less sure of it" in err
    usual = with_limit(run, tmp_path, 0.0)
    assert main(["segment", "noise.png", "--model", str(usual), "--json", "--force"]) == 0
    out, err = capsys.readouterr()
    assert '"unlike": false' in out and "less sure" not in err
    none = with_limit(run, tmp_path, None)
    assert main(["segment", "noise.png", "--model", str(none), "--json", "--force"]) == 0
    out, err = capsys.readouterr()
    assert "unlike" not in out and "less sure" not in err


def test_a_network_by_itself_has_no_limit(run):
    network = checkpoints.load_model(run / "best.safetensors")[0]
    assert isinstance(network, Module)
    result = minicnn.segment(np.zeros((40, 60, 3), np.uint8), network)
    assert result.usual is None and not result.unlike and 0 < result.sure <= 1
