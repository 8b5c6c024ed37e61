"""Proposals as a user meets them: fitted beside a network of edges, kept in a file, asked."""

import json
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image
from support.region_samples import make_bsds, make_voc

import minicnn
from minicnn import cli
from minicnn.labelling.methods import GroupingError
from minicnn.learning import checkpoints
from minicnn.learning.checkpoints import CheckpointError
from minicnn.learning.proposal_files import load_proposer, proposal_file

pytestmark = pytest.mark.skipif(
    not all(map(find_spec, ("higra", "sklearn"))), reason="the extra [regions] is not installed"
)
EDGES = {"width": 0.3, "crop": 32, "validations": 1}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("edges")
    root = make_bsds(folder / "bsds", count=5, scale=6)
    return minicnn.train("edges", root, out=folder / "run", steps=2, settings=EDGES, quiet=True)


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    """A VOCdevkit of six pictures with a bright square each."""
    return make_voc(tmp_path_factory.mktemp("voc"), labels=(8,))


SMALL = ["--set", "candidates=300", "drawn=8"]


def test_fitted_saved_and_asked(run, objects, tmp_path, capsys, monkeypatch):
    command = ["train", "proposals", "--start", str(run.folder), "--data", str(objects), *SMALL]
    assert cli.main(command) == 0
    assert f"next: minicnn train sds --data {objects} --set edges={run.folder}" in (
        capsys.readouterr().out
    )
    assert cli.main([*command, "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["pictures"] == 5 and about["proposals"].endswith("proposals.safetensors")
    proposer = load_proposer(run.folder)
    assert proposer.about["samples"] == about["samples"]
    photo = objects / "JPEGImages/p5.jpg"
    found = minicnn.propose(photo, 20, run.folder)
    again = minicnn.propose(np.array(Image.open(photo)), 20, run)
    assert 1 <= len(found) <= 20 and (found.scores == again.scores).all()
    # and with the network of somebody else, drawn step by step
    monkeypatch.setattr("minicnn.learning.covers.load_proposer", lambda: proposer)
    labels = minicnn.train(
        "patch", "scenes", out=tmp_path / "patch", steps=1, quiet=True, settings={"width": 0.1},
        data_options={"size": (32, 48), "train": 2, "val": 1, "test": 1},
    )  # fmt: skip
    command = ["segment", str(photo), "--model", str(labels.folder), "--out", str(tmp_path / "o")]
    command += ["--set", "labelling=proposals", "regions=9"]
    assert cli.main([*command, "--stages"]) == 0
    assert "proposals(regions=9)" in capsys.readouterr().out
    drawn = {f"p5-{part}.png" for part in ("edges", "hierarchy", "proposals")}
    assert drawn <= {path.name for path in (tmp_path / "o").iterdir()}


def test_what_is_wrong_is_said(run, objects, tmp_path, capsys):
    def refused(text, *command):
        assert cli.main(["train", "proposals", *command]) == 2
        assert text in capsys.readouterr().err

    start = ["--start", str(run.folder)]
    refused("on which network of edges, and which objects?", *start)
    refused("seed is 9999", *start, "--data", str(objects), "--seed", "9" * 20)
    refused("leave --epochs away", *start, "--data", str(objects), "--epochs", "2")
    refused("has no option 'width'", *start, "--data", str(objects), "--set", "width=2")
    refused("patch does not", "--start", "patch", "--data", str(objects))
    mine = tmp_path / "mine.safetensors"
    mine.write_bytes((run.folder / "best.safetensors").read_bytes())
    with pytest.raises(GroupingError, match="mine-proposals.safetensors: no such file.: minicnn"):
        load_proposer(mine)
    arrays, header = checkpoints.load(proposal_file(run.folder / "best.safetensors"))
    path = proposal_file(mine)
    checkpoints.save(path, arrays, header | {"network": 1})
    with pytest.raises(GroupingError, match="has been trained further since"):
        load_proposer(mine)
    checkpoints.save(path, arrays | {"lengths": -arrays["lengths"] - 1}, header)
    with pytest.raises(CheckpointError, match="mine-proposals.safetensors: its lengths"):
        load_proposer(mine)
    checkpoints.save(path, {"lengths": arrays["lengths"]}, header)
    with pytest.raises(CheckpointError, match="mine-proposals.safetensors: 'forest.feature'"):
        load_proposer(mine)
    checkpoints.save(path, arrays, header | {"model": "cover"})
    with pytest.raises(CheckpointError, match="holds no lists and forest"):
        load_proposer(mine)
