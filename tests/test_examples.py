"""The examples run as they stand, and what they promise comes true."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from support.image_folders import make_image_folder, square

import minicnn
from minicnn.datasets.scenes.dataset import Scenes
from minicnn.inference.baselines import baselines

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
    output = run("multi_scale.py", tmp_path, "--steps", "3", "--tests", "3")
    assert "pixel accuracy" in output
    written = sorted(path.name for path in (tmp_path / "multi-scale-story").iterdir())
    assert [name[0] for name in written] == list("123455566")


def test_growing_asks_both_systems_of_each_number_of_pictures(tmp_path):
    small = ("--counts", "3", "6", "--steps", "2", "--rounds", "2")
    said = run("growing.py", tmp_path, *small)
    names = re.findall(r"^(\S+) +(\d+) pictures: [\d.]+% right, \d+ s$", said, flags=re.M)
    assert names == [(s, n) for n in "36" for s in ("shallow", "multi-scale")]
    assert (tmp_path / "growing-story" / "growing.png").stat().st_size > 10_000
    assert not run("growing.py", tmp_path, *small)  # what is known is not trained again


@pytest.mark.slow
def test_multi_scale_learns_what_no_rule_of_thumb_knows(tmp_path):
    output = run("multi_scale.py", tmp_path)
    accuracy = float(re.search(r"pixel accuracy ([\d.]+)%", output)[1]) / 100
    assert accuracy > best_rule(test=40) + 0.10


def test_labelling_leaves_a_picture_at_every_step(tmp_path):
    output = run("labelling.py", tmp_path, "--steps", "2", "--tests", "3")
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
    output = run("recurrent.py", tmp_path, "--steps", "2", "--tests", "4")
    assert re.findall(r"^1/(\d+): pixel accuracy [\d.]+%", output, flags=re.M) == ["16", "4", "1"]
    written = sorted(path.name[0] for path in (tmp_path / "recurrent-story").iterdir())
    assert written == list("12334")


@pytest.mark.slow
def test_recurrent_learns_what_no_rule_of_thumb_knows(tmp_path):
    output = run("recurrent.py", tmp_path)
    accuracy = float(re.search(r"1/1: pixel accuracy ([\d.]+)%", output)[1]) / 100
    assert accuracy > best_rule((96, 128), test=40) + 0.10


@pytest.mark.slow
def test_labelling_beats_every_rule_and_each_stage_is_worth_something(tmp_path):
    output = run("labelling.py", tmp_path)
    right = {
        name: float(r)
        for name, r in re.findall(r"^(\w+) +pixel accuracy ([\d.]+)%", output, flags=re.M)
    }
    assert right["argmax"] < right["superpixels"] < right["cover"]
    assert right["cover"] / 100 > best_rule(test=60) + 0.10


def rows_of(output):
    """{name: accuracy} of the lines «name  pixel accuracy 12.3%»."""
    found = re.findall(r"^(\S.*\S) +pixel accuracy ([\d.]+)%", output, flags=re.M)
    return {name: float(accuracy) / 100 for name, accuracy in found}


BLOCKS = ["1 block, 8 pixels", "2 blocks, 18 pixels", "3 blocks, 34 pixels", "all at once"]


def test_patch_leaves_a_picture_at_every_step(tmp_path):
    output = run("patch.py", tmp_path, "--steps", "2", "--tests", "3")
    assert list(rows_of(output)) == ["majority", "row", "colour", *BLOCKS]
    written = sorted(path.name for path in (tmp_path / "patch-story").iterdir())
    assert written == ["1-patches.png", "2-blocks.png", "3-every-pixel.png"]


@pytest.mark.slow
def test_patch_learns_more_with_each_block(tmp_path):
    right = rows_of(run("patch.py", tmp_path))
    one, two, three, together = (right[name] for name in BLOCKS)
    assert one < two < three < together
    assert together > max(right[rule] for rule in ("majority", "row", "colour")) + 0.10


def accuracies(output):
    """[(of pictures that were seen, of new ones), ...] as more_data.py prints them."""
    found = re.findall(r"([\d.]+)% right of those that it saw, +([\d.]+)% of new", output)
    return [(float(seen) / 100, float(new) / 100) for seen, new in found]


def test_more_data_leaves_a_picture_at_every_step(tmp_path):
    assert len(accuracies(run("more_data.py", tmp_path, "--steps", "8", "--tests", "3"))) == 2
    written = sorted(path.name for path in (tmp_path / "more-data-story").iterdir())
    assert written == ["1-data.png", "2-maps.png", "3-more-data.png"]


@pytest.mark.slow
def test_more_data_is_better(tmp_path):
    found = accuracies(run("more_data.py", tmp_path))
    new = [new for _, new in found]
    assert new == sorted(new) and new[-1] > new[0] + 0.10  # from few pictures to many
    assert found[0][0] > found[0][1] + 0.20  # few are known by heart
    assert new[-1] > best_rule(test=40) + 0.10


def test_feedback_leaves_a_picture_at_every_step(tmp_path):
    output = run("feedback.py", tmp_path, "--pictures", "6", "--iterations", "2", "--tests", "4")
    assert list(rows_of(output)) == ["iteration 1:", "iteration 2:"]
    written = sorted(path.name for path in (tmp_path / "feedback-story").iterdir())
    assert written == ["1-filters.png", "2-levels.png", "3-iterations.png"]


@pytest.mark.slow
def test_feedback_is_better_than_any_rule(tmp_path):
    right = rows_of(run("feedback.py", tmp_path))
    assert len(right) == 5 and max(right.values()) > best_rule(test=40) + 0.05


def test_layer_compares_every_part_of_the_slide(tmp_path):
    output = run("layer.py", tmp_path, "--steps", "2", "--tests", "2")
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


def test_alexnet_leaves_a_picture_at_every_step(tmp_path):
    output = run("alexnet.py", tmp_path, "--steps", "2", "--scenes", "140")
    layers = [f"conv{k}" for k in range(1, 6)] + ["fc6", "fc7", "fc8"]
    assert re.findall(r"^(\w+) +[\dx]+ +[\d,]+ parameters$", output, flags=re.M) == layers
    assert re.findall(r"^(.*\w) +[\d.]+% of \d+ new pictures right", output, flags=re.M) == [
        "the middle",
        "ten crops",
    ]
    assert len(re.findall(r"^neighbours by .* [\d.]+% are of the same class$", output, re.M)) == 2
    written = sorted(path.name[0] for path in (tmp_path / "alexnet-story").glob("*.png"))
    assert written == list("123456")


def test_alexnet_takes_a_trained_network_and_a_folder(tmp_path):
    root = make_image_folder(tmp_path / "squares")
    settings = {"size": 33, "width": 0.05, "columns": 1, "validations": 1, "batch": 6}
    minicnn.train("alexnet", root, out=tmp_path / "run", steps=1, settings=settings, quiet=True)
    given = ("--data", root, "--model", tmp_path / "run")
    assert "new pictures right" in run("alexnet.py", tmp_path, *given)
    written = sorted(path.name[0] for path in (tmp_path / "alexnet-story").glob("*.png"))
    assert written == list("13456")


@pytest.mark.slow
def test_alexnet_learns_what_pixels_do_not_tell(tmp_path):
    output = run("alexnet.py", tmp_path)
    right = [float(r) for r in re.findall(r"([\d.]+)% of \d+ new pictures right", output)]
    alike = [float(r) for r in re.findall(r"([\d.]+)% are of the same class", output)]
    assert min(right) > 40 and alike[0] > alike[1]  # by lot: one in eight


def cats_and_dogs(folder):
    """Drawn pictures, installed in the place of the photographs of weak-cats-dogs."""
    for c, name in enumerate(("background", "cat", "dog")):
        for split, count in (("train", 10), ("test", 5)):
            (folder / "weak-cats-dogs" / split / name).mkdir(parents=True)
            for k in range(count):
                image = Image.fromarray(square(["blue", "green", "red"][c], k, (40, 40)))
                image.save(folder / "weak-cats-dogs" / split / name / f"{split}{k}.jpg")


def test_fine_tuning_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setenv("MINICNN_DATA", str(tmp_path / "data"))
    cats_and_dogs(tmp_path / "data")
    settings = {"size": 33, "width": 0.05, "columns": 1, "validations": 1, "batch": 5}
    start = tmp_path / "start"
    minicnn.train("alexnet", "weak-cats-dogs", out=start, steps=1, settings=settings, quiet=True)
    given = ["--folds", "1", "--seeds", "2", "--steps", "2", "--batch", "5", "--start", start]
    output = run("fine_tuning.py", tmp_path, *given)
    assert (
        len(re.findall(r"^from \w+: [\d.]+% of the test pictures right; seeds", output, re.M)) == 2
    )
    assert re.search(r"^gain: -?[\d.]+ points, by seed \[", output, flags=re.M)
    story = tmp_path / "fine-tuning-story"
    assert sorted(path.name for path in story.iterdir()) == ["curves.png", "runs.jsonl"]
    lines = (story / "runs.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert [sum("test" in r for r in records), len(records)] == [4, 2 * 4 + 4]
    (story / "runs.jsonl").write_text("\n".join(lines[:5]) + "\n")  # stopped, and called again
    assert run("fine_tuning.py", tmp_path, *given) == output
    again = [json.loads(line) for line in (story / "runs.jsonl").read_text().splitlines()]
    for r in [*records, *again]:
        del r["seconds"]
    assert again == records


def test_ablations_write_a_line_for_each_training(tmp_path):
    root = make_image_folder(tmp_path / "squares", size=(36, 44))
    small = ["size=33", "width=0.05", "batch=6", "validations=1", "warm_up=0"]
    command = ["ablations.py", tmp_path, "--data", root, "--out", tmp_path / "out", "--epochs", "4"]
    for _ in range(2):  # the second time nothing is trained
        output = run(*map(str, command), "--set", *small)
        assert len(re.findall(r"^(\S.*\S) +validation top-1 +[\d.]+%, top-5", output, re.M)) == 6
    rows = [*map(json.loads, (tmp_path / "out/ablations.jsonl").read_text().splitlines())]
    assert [row["name"] for row in rows][:2] == ["all parts", "tanh for ReLU"] and len(rows) == 6
    assert (tmp_path / "out/relu-and-tanh.png").stat().st_size > 1000


def test_shallow_leaves_a_picture_at_every_stage(tmp_path):
    small = ("--pictures", "4", "--rounds", "4", "--tests", "2")
    rows = rows_of(run("shallow.py", tmp_path, *small))
    assert list(rows) == ["logistic regression:", "boosted and stacked:", "with a Potts model:"]
    written = sorted(path.name for path in (tmp_path / "shallow-story").iterdir())
    assert written == ["1-channels.png", "1-potts.png", "1-scores.png", "2-labels.png"]


def test_proposals_leave_a_picture_at_every_step(tmp_path):
    pytest.importorskip("higra")
    pytest.importorskip("sklearn")
    output = run("proposals.py", tmp_path, "--train", "6", "--test", "3")
    found = re.findall(r"^(\S.*\S) +([\d.]+) \(\d+%\)", output, flags=re.M)
    assert [name.split("  ")[0] for name, _ in found] == [
        "proposals",
        "boxes",
        "unions",
        "selective search",
    ]
    written = sorted(path.name[0] for path in (tmp_path / "proposals-story").iterdir())
    assert written == list("01234")


def test_regions_leave_a_picture_at_every_step(tmp_path, monkeypatch):
    pytest.importorskip("higra")
    monkeypatch.setenv("MINICNN_DATA", str(tmp_path / "data"))  # where proposals are kept
    small = ["--steps", "2", "--train", "8", "--test", "2", "--width", "0.1"]
    output = run("regions.py", tmp_path, *small)
    rows = re.findall(r"^(.*\S) +mean AP\^r [\d.]+%", output, flags=re.M)
    assert rows == ["as proposed", "drawn anew"]
    written = sorted(path.name for path in (tmp_path / "regions-story").iterdir())
    assert written == ["1-regions.png", "2-scores.png", "3-drawn-anew.png", "4-scores.png"]


def ious_of(output):
    """{way: mean IoU} of what weak.py says, the thresholds left away."""
    found = re.findall(r"^(\S.*?)(?: \([\d.]+\))? +mean IoU ([\d.]+)%", output, flags=re.M)
    return {name: float(iou) / 100 for name, iou in found}


WAYS = ["one for all pixels", "mean", "max", "lse", "lse, prior", "lse, prior-superpixels"]


def test_weak_leaves_a_picture_at_every_step(tmp_path):
    small = ("--steps", "2", "--pictures", "24", "--tests", "3")
    assert list(ious_of(run("weak.py", tmp_path, *small))) == WAYS
    written = sorted(path.name for path in (tmp_path / "weak-story").iterdir())
    assert written == ["1-pixels.png", "2-prior.png", "3-superpixels.png", "folders"]


@pytest.mark.slow
def test_weak_finds_more_than_one_thing_in_a_picture(tmp_path):
    found = ious_of(run("weak.py", tmp_path))
    assert found["lse"] > max(found["max"], found["one for all pixels"])
    assert found["lse, prior"] > found["one for all pixels"] + 0.1


def test_photo_stands_beside_the_old_network(tmp_path):
    output = run("photo.py", tmp_path, "patch", "multi-scale", "--pictures", "2", "--overlays")
    known = {"stanford-background", "sift-flow", "labelmefacade", "msrc", "voc2012-animals"}
    known.add("coco-panoptic")
    installed = {name for name in known if minicnn.datasets.is_installed(name)}
    rows = re.findall(
        r"^(\S+) +(\S+) +as it is [\d.]+%, in other light [\d.]+%$", output, flags=re.M
    )
    assert {name for name, _ in rows} == installed and len(rows) == 2 * len(installed)
    assert all(f"{name}: not installed" in output for name in known - installed)
