"""The command line: what it does, what it says, and with which exit status it ends."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.small_runs import SCENES, small_run

import minicnn
from minicnn import cli, ops
from minicnn.cli import main
from minicnn.cli.values import split_settings
from minicnn.engine.cases import Case
from minicnn.inference.segmentation import Segmentation
from minicnn.learning import weight_files

TRAIN = ["train", "multi-scale", "--steps", "2", "--set", "width=0.1", "hidden=40"]
TINY = ["--set"] + [
    f"data.{key}={'x'.join(map(str, value)) if key == 'size' else value}"
    for key, value in SCENES.items()
]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Every test starts in an empty folder, with an empty place for data sets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINICNN_DATA", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture(autouse=True)
def threads_as_before():
    """--threads holds for the whole process, and the tests share one."""
    before = minicnn.get_num_threads()
    yield
    minicnn.set_num_threads(before)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return str(small_run(tmp_path_factory.mktemp("cli") / "run").folder)


def save_picture(path, size=(12, 16)):
    path.parent.mkdir(exist_ok=True)
    colours = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(colours).save(path)
    return str(path)


def refused(capsys, arguments, text, status=2):
    """The command ends with `status` and says one line, which holds `text`; it prints nothing."""
    assert main(arguments) == status
    out, err = capsys.readouterr()
    assert err.startswith("minicnn: ") and err.count("\n") == 1 and text in err, err
    assert out == ""
    return err


def test_alone_it_prints_help(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "segment" in out and "gradcheck" in out
    for listed in ("table", "exercise", "lectures"):
        assert f"    {listed} " in out


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"minicnn {minicnn.__version__}\n"


def test_train_evaluate_segment_and_resume(elsewhere, capsys):
    assert main([*TRAIN, *TINY, "--seed", "3"]) == 0
    assert "minicnn evaluate runs/multi-scale-1" in capsys.readouterr().out
    assert main([*TRAIN, *TINY, "--json", "--overfit-one"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["run"] == "runs/multi-scale-2" and about["steps"] == 2
    assert about["config"]["data"]["options"]["size"] == list(SCENES["size"])

    assert main(["evaluate", "runs/multi-scale-1", "--json", "--out", "scores"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["pictures"] == SCENES["test"] and 0 <= scores["pixel_accuracy"] <= 1
    assert json.loads((elsewhere / "scores/scores.json").read_text()) == scores
    assert {"sheet-1.png", "confusion.png"} <= set(os.listdir("scores"))
    assert main(["evaluate", "runs/multi-scale-1", "--split", "val", "--set", "data.val=2"]) == 0
    out = capsys.readouterr().out
    assert "split val: 2 pictures" in out and "mean IoU" in out and "s a picture" in out
    grouped = ["--json", "--set", "data.test=2", "labelling=superpixels", "scale=20"]
    assert main(["evaluate", "runs/multi-scale-1", *grouped]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["labelling"] == "superpixels(scale=20.0)" and scores["pictures"] == 2

    assert main(["resume", "runs/multi-scale-1", "--threads", "1"]) == 0
    assert "2 steps done" in capsys.readouterr().out


def test_export(elsewhere, run, capsys):
    picture = save_picture(elsewhere / "a.png")
    assert main(["export", run, "mine.safetensors"]) == 0
    assert "minicnn segment photo.jpg --model mine.safetensors" in capsys.readouterr().out
    assert main(["segment", picture, "--model", "mine.safetensors"]) == 0
    capsys.readouterr()
    refused(capsys, ["export", run, "mine.safetensors"], "mine.safetensors exists; choose another")
    assert main(["export", run, "mine.safetensors", "--force"]) == 0
    capsys.readouterr()
    for file, text in (
        ("mine.pt", "has to end in .safetensors"),
        ("nowhere/mine.safetensors", "there is no folder nowhere"),
    ):
        refused(capsys, ["export", run, file], text)
    mine = ["export", "mine.safetensors", "mine.safetensors", "--force"]
    refused(capsys, mine, "is this network itself")
    refused(capsys, ["export", "nothing", "new.safetensors"], "neither a run folder")


def test_segment_takes_a_folder(elsewhere, run, capsys):
    """Sorted, what is no picture is named, and results of an earlier call are not segmented."""
    for name in ("in/c.png", "in/a.png", "in/.hidden.png", "in/sub/d.png"):
        save_picture(elsewhere / name)
    (elsewhere / "in/notes.txt").write_text("no picture")
    (elsewhere / "in/unnamed").write_bytes((elsewhere / "in/a.png").read_bytes())
    for _ in range(2):
        assert main(["segment", "in", "--model", run, "--out", "in"]) == 0
        out, err = capsys.readouterr()
        assert [line.split(":")[0] for line in out.splitlines()] == [
            "in/a.png",
            "in/c.png",
            "in/unnamed",
        ]
        assert err == "minicnn: left out, not pictures: in/notes.txt, in/sub\n"
        assert "(argmax)" in out
    (elsewhere / "in/b.jpg").write_bytes(b"nothing")
    assert main(["segment", "in", "--model", run, "--json", "--out", "new"]) == 2
    out, err = capsys.readouterr()
    about = json.loads(out)
    assert [Path(p["image"]).name for p in about["pictures"]] == ["a.png", "c.png", "unnamed"]
    assert (about["failed"], about["labelling"]) == (1, "argmax") and "in/b.jpg: is damaged" in err
    assert about["left_out"] == ["in/notes.txt", "in/sub"]
    (elsewhere / "empty").mkdir()
    assert main(["segment", "empty", "--model", run]) == 2
    assert "empty: there is no picture in this folder" in capsys.readouterr().err
    (elsewhere / "sorted").mkdir()
    save_picture(elsewhere / "sorted/cats/a.png")
    refused(capsys, ["segment", "sorted", "--model", run], "only folders, cats for one: name those")


def test_a_run_that_took_no_step_says_so(elsewhere, run, capsys):
    picture = save_picture(elsewhere / "a.png")
    arrays, about = weight_files.load(Path(run) / "best.safetensors")
    weight_files.save(elsewhere / "begun.safetensors", arrays, about | {"step": 0, "best": None})
    for model, said in ((run, False), ("begun.safetensors", True)):
        assert main(["segment", picture, "--model", model, "--force"]) == 0
        assert ("was stopped before its first step" in capsys.readouterr().err) == said


def test_segment_adds_to_a_folder_and_replaces_only_with_force(elsewhere, run, capsys):
    pictures = [save_picture(elsewhere / name) for name in ("a.png", "in/a.png")]
    command = ["segment", *pictures, "--model", run, "--out", "out"]
    assert main(command) == 0
    before = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    assert set(before) == {f"{n}-{p}.png" for n in ("a", "a-2") for p in ("overlay", "labels")}
    assert main(command) == 0
    assert len(list(Path("out").iterdir())) == 8
    assert all(Path("out", name).read_bytes() == data for name, data in before.items())
    Path("out/a-overlay.png").write_bytes(b"old")
    assert main([*command, "--force"]) == 0
    assert len(list(Path("out").iterdir())) == 8
    assert Path("out/a-overlay.png").read_bytes() == before["a-overlay.png"]
    # an input that is called as a result would be is never replaced
    mine = save_picture(elsewhere / "mine/a-overlay.png")
    kept = Path(mine).read_bytes()
    assert main(["segment", "a.png", mine, "--model", run, "--out", "mine", "--force"]) == 0
    assert Path(mine).read_bytes() == kept
    capsys.readouterr()
    assert main(["segment", "a.png", "--model", run, "--out", "a.png"]) == 2
    assert "exists and is not an empty folder" in capsys.readouterr().err


def test_segment_does_what_it_can(elsewhere, run, capsys):
    pictures = [save_picture(elsewhere / name) for name in ("a.png", "in/a.jpg", "b.png")]
    (elsewhere / "broken.jpg").write_bytes(b"nothing")
    assert main(["segment", "broken.jpg", *pictures, "gone.png", "--model", run]) == 2
    out, err = capsys.readouterr()
    assert [line.split(":")[1].strip() for line in err.splitlines()] == ["broken.jpg", "gone.png"]
    assert len(out.splitlines()) == 3
    names = {f"{name}-{part}.png" for name in ("a", "a-2", "b") for part in ("overlay", "labels")}
    assert set(os.listdir("segmented-1")) == names
    assert main(["segment", "b.png", "--model", run, "--json", "--size", "24", "--out", "new"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["pictures"][0]["files"] == ["new/b-overlay.png", "new/b-labels.png"]
    crf = ["segment", "b.png", "--model", run, "--stages", "--set"]
    assert main([*crf, "labelling=crf", "gamma=3"]) == 0
    stages = {f"b-{name}.png" for name in ("superpixels", "crf", "overlay", "labels")}
    assert set(os.listdir("segmented-2")) == stages
    assert main([*crf, "labelling=argmax"]) == 2
    assert "add --set labelling=superpixels" in capsys.readouterr().err
    assert main(["segment", "gone.png", "--model", run]) == 2
    assert not (elsewhere / "segmented-3").exists()  # nothing to put in it


def test_show(elsewhere, run, capsys):
    save_picture(elsewhere / "a.png")
    command = ["show", run, "--filters", "--curve", "--features", "a.png", "--out", "figures"]
    assert main(command) == 0
    drawn = {"filters.png", "features.png", "scale.png", "curves.png"}
    assert set(os.listdir("figures")) == drawn
    assert {os.path.basename(line) for line in capsys.readouterr().out.splitlines()} == drawn


def test_demo(monkeypatch, capsys):
    import minicnn.cli.demonstration

    def short(out, seed, quiet):
        return {"out": out, "seed": seed, "quiet": quiet}

    monkeypatch.setattr(minicnn.cli.demonstration, "demo", short)
    assert main(["demo", "--out", "new", "--seed", "4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"out": "new", "seed": 4, "quiet": True}


def writing(monkeypatch, owner, name, full_at):
    """From the call of this number on, what writes finds the disk full."""
    calls, write = [], getattr(owner, name)

    def written(*arguments, **options):
        calls.append(1)
        if len(calls) >= full_at:
            raise OSError(errno.ENOSPC, "No space left", "x.png")
        return write(*arguments, **options)

    monkeypatch.setattr(owner, name, written)


def test_what_is_done_is_told_though_the_disk_is_full(elsewhere, run, capsys, monkeypatch):
    writing(monkeypatch, cli.evaluate, "save_png", 1)
    assert main(["evaluate", run, "--json", "--out", "scores"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out) == json.loads((elsewhere / "scores/scores.json").read_text())
    assert "x.png: the disk is full" in err
    pictures = [save_picture(elsewhere / f"{name}.png") for name in "abc"]
    writing(monkeypatch, Segmentation, "save", 3)
    assert main(["segment", *pictures, "--model", run, "--json"]) == 2
    out, err = capsys.readouterr()
    assert [p["image"] for p in json.loads(out)["pictures"]] == pictures[:2]
    assert "the disk is full" in err


def test_what_is_learnt_beside_a_network_has_its_place_before_the_work(run, capsys, monkeypatch):
    """A start that no file belongs to is refused at once; that another is replaced is said."""

    def work(*_, **__):
        raise ValueError("it works")

    place = Path(run) / "cover.safetensors"
    place.touch()
    monkeypatch.setattr(minicnn, "train_cover", work)
    refused(capsys, ["train", "cover", "--start", f"{run}+{run}"], "neither a run folder")
    assert main(["train", "cover", "--start", run]) == 2
    err = capsys.readouterr().err
    assert f"{place}: is there already, and will be replaced" in err and "it works" in err
    place.unlink()
    assert main(["train", "cover", "--start", run]) == 2
    assert "replaced" not in capsys.readouterr().err


MISTAKES = [
    (["bogus"], "invalid choice: 'bogus'"),
    (["train"], "required: MODEL"),
    (["train", "nonsense"], "there is no model 'nonsense'; there are patch, single"),
    (["train", "multi-scale", "--recipe", "best"], "'best'"),
    (["train", "multi-scale", "--epochs", "1", "--minutes", "2"], "not allowed with"),
    (["train", "multi-scale", "--minutes", "nan"], "'nan' is not a number above 0"),
    (["train", "multi-scale", "--steps", "1.5"], "'1.5' is not a whole number"),
    (["train", "multi-scale", "--seed", "-1"], "'-1' is not a whole number, 0 or more"),
    (["train", "multi-scale", "--set", "lr"], "'lr' is not KEY=VALUE"),
    (["train", "multi-scale", "--set", "lr=fast"], "lr='fast': expected a number"),
    (["train", "multi-scale", "--set", "rate=1"], "there is no setting 'rate'"),
    (["train", "multi-scale", "--set", "data.size=9"], "(height, width)"),
    (["train", "multi-scale", "--fold", "2"], "no option 'fold'"),
    (["train", "multi-scale", "--data", "nowhere"], "there is no data set 'nowhere'"),
    (["train", "multi-scale", "--data", "stanford-background"], "minicnn data install"),
    (["train", "multi-scale", "--threads", "5000"], "this machine allows 1 to"),
    (["train", "multi-scale", "--epoch", "1"], "unrecognized arguments"),
    (["resume", "nowhere"], "nothing to resume"),
    (["evaluate", "nowhere"], "neither a run folder"),
    (["evaluate", "nowhere", "--sheets", "3"], "--sheets 3: into which folder? add --out DIR"),
    (["evaluate", "nowhere", "--set", "lr=1"], "only options of the data"),
    (["evaluate", "nowhere", "--set", "labelling=best"], "'best': choose argmax, superpixels, crf"),
    (["evaluate", "nowhere", "--set", "labelling=crf", "lr=1"], "crf has no option 'lr'; it has"),
    (["segment", "a.png", "--set", "data.val=2"], "only options of a labelling"),
    (["segment", "a.png", "--set", "labelling=crf", "name=3"], "crf has no option 'name'"),
    (["segment", "a.png", "--set", "labelling=crf", "self=3"], "crf has no option 'self'"),
    (["train", "feedback", "--set", "iterations=0", "--minutes", "1"], "iterations=0: expected"),
    (["train", "feedback", "--set", "iterations=a", "--minutes", "1"], "iterations='a': expected"),
    (["data", "check", "scenes", "--set", "data.progress=1"], "there is no option 'progress' here"),
    (["data", "check", "scenes", "--set", "data.say=1"], "there is no option 'say' here"),
    (["data", "check", "a+b", "--set", "data.name=1"], "there is no option 'name' here"),
    (
        ["bench", "patch", "--profile", "--json", "x"],
        "--json does not go with  minicnn bench --p",
    ),
    (["bench", "patch", "--profile", "--against", "none"], "--against does not go with"),
    (["bench", "--algorithms", "--profile"], "--profile does not go with  minicnn bench --algori"),
    (["bench", "--algorithms", "--all"], "--all does not go with  minicnn bench --algorithms"),
    (["show", "patch", "--layers", "--curve"], "--curve does not go with  minicnn show --layers"),
    (["show", "patch", "--layers", "--out", "x"], "--out does not go with  minicnn show --layers"),
    (["segment"], "required: IMAGE"),
    (["segment", "a.png", "--size", "0"], "'0' is not a whole number, from 1 to 2048"),
    (["segment", "a.png", "--size", "2049"], "argument --size: '2049' is not a whole number, from"),
    (["segment", "a.png", "--model", "nowhere"], "neither a run folder"),
    (["show", "nowhere"], "neither a run folder"),
    (["data"], "required: ACTION"),
    (["data", "show", "nowhere"], "there is no data set 'nowhere'"),
    (["data", "check", "nowhere"], "there is no data set 'nowhere'"),
    (["data", "install", "stanford-background"], "--from"),
    (["data", "install", "stanford-background", "--from", "gone.zip"], "gone.zip"),
    (["gradcheck", "conv3d"], "there is no operation 'conv3d'; there are "),
]


@pytest.mark.parametrize("arguments, text", MISTAKES, ids=lambda v: v if isinstance(v, str) else "")
def test_mistakes_end_in_one_line(arguments, text, elsewhere, capsys):
    refused(capsys, arguments, text)
    assert not os.listdir(elsewhere)  # and leave nothing behind


def test_out_must_be_new(elsewhere, run, capsys):
    save_picture(elsewhere / "full/a.png")
    for command in ([*TRAIN, *TINY], ["evaluate", run]):  # `segment` adds, and overwrites nothing
        refused(capsys, [*command, "--out", "full"], "full exists and is not an empty folder")
        refused(capsys, [*command, "--out", "full/a.png"], "full/a.png exists")
    refused(capsys, [*TRAIN, *TINY, "--out", run], f"minicnn resume {run}")


def test_gpu(monkeypatch, capsys):
    from minicnn.cli import information
    from minicnn.engine import devices

    monkeypatch.setattr(devices, "gpu_status", lambda: (False, "no driver"))
    refused(capsys, [*TRAIN, "--device", "gpu"], "cannot be used: no driver")
    assert information.choose_device("auto") == "cpu"
    monkeypatch.setattr(devices, "gpu_status", lambda: (True, "a fine GPU"))
    assert information.choose_device("auto") == information.choose_device("gpu") == "gpu"


@pytest.mark.parametrize(
    "error, text, status",
    [
        (KeyboardInterrupt("stopped after step 3"), "stopped after step 3", 130),
        (KeyboardInterrupt(), "stopped", 130),
        (OSError(errno.ENOSPC, "No space left", "runs/x"), "runs/x: the disk is full", 2),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "/x: Permission denied", 2),
        (MemoryError("Unable to allocate 9 GiB"), "the memory is full (Unable", 2),
        (ValueError("in two\nlines"), "in two lines", 2),
    ],
)
def test_what_goes_wrong_on_the_way_is_said_in_one_line(error, text, status, monkeypatch, capsys):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(minicnn, "train", fail)
    refused(capsys, [*TRAIN], text, status)
    monkeypatch.setenv("MINICNN_TRACEBACK", "1")
    if status == 2:
        with pytest.raises(type(error)):
            main(TRAIN)


def test_gradcheck(monkeypatch, capsys):
    assert main(["gradcheck", "relu"]) == 0
    out = capsys.readouterr().out
    assert "relu" in out and "tanh" not in out and "gradients are right" in out
    assert main(["gradcheck", "concat", "--json"]) == 0
    assert all(row["right"] for row in json.loads(capsys.readouterr().out))

    class Wrong(minicnn.Op):
        def forward(self, x):
            return x * x

        def backward(self, gy):
            return gy

    case = Case(lambda x: Wrong()(x), (np.array([1.5, 2.0]),))
    monkeypatch.setattr(ops, "all_cases", lambda: iter([case]))
    assert main(["gradcheck"]) == 1
    out = capsys.readouterr().out
    assert "WRONG" in out and "backward says" in out and "0 of 1" in out


def test_info(capsys):
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    for word in ("numpy", "threads", "kernel cache", "data home", "scenes", "GPU"):
        assert word in out
    assert main(["info", "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["versions"]["minicnn"] == minicnn.__version__
    known = "stanford-background sift-flow msrc labelmefacade tiny-imagenet weak-cats-dogs"
    known += " bsds voc2012-animals voc coco-panoptic coco"
    assert about["data_missing"] == known.split()


def test_data(elsewhere, capsys):
    assert main(["data", "list"]) == 0
    assert "stanford-background    missing" in capsys.readouterr().out
    assert main(["data", "show", "scenes", *TINY, "--count", "2"]) == 0
    assert "mean colour" in capsys.readouterr().out
    assert (elsewhere / "scenes-sheet-1/train.png").is_file()
    assert main(["data", "check", "scenes", *TINY]) == 0

    from support.datasets_samples import make_folder

    broken = make_folder(elsewhere / "mine") / "images/p4.png"
    broken.write_bytes(broken.read_bytes()[:60])
    capsys.readouterr()
    assert main(["data", "check", "mine"]) == 1
    assert "p4.png" in capsys.readouterr().out


def test_settings_are_parsed():
    settings, data = split_settings(
        [("lr", "1e-3"), ("data.size", "120x160"), ("data.seed", "7"), ("data.x", "TRUE")]
    )
    assert settings == {"lr": "1e-3"}  # as text: the recipe knows of which kind it is
    assert data == {"size": (120, 160), "seed": 7, "x": True}
    names = [("data.classes", "007"), ("data.more", "5"), ("data.mapping", "1x2")]
    assert split_settings(names)[1] == {"classes": "007", "more": "5", "mapping": "1x2"}


def minicnn_process(*arguments, **options):
    command = [sys.executable, "-m", "minicnn.cli", *arguments]
    return subprocess.Popen(command, text=True, stderr=subprocess.PIPE, **options)


def test_as_a_program():
    process = minicnn_process("evaluate", "nowhere", stdout=subprocess.PIPE)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2 and out == "" and err.count("\n") == 1
    assert err.startswith("minicnn: 'nowhere' is neither")


def test_a_reader_that_leaves_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    process = minicnn_process("data", "list", stdout=writer)
    os.close(writer)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 141 and err == ""


def test_a_full_disk_under_the_output():
    with open("/dev/full", "w") as full:
        process = minicnn_process("data", "list", stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2 and err.count("\n") == 1 and "the disk is full" in err
