"""Every system in one table, and the look at whether what ships is as it was."""

import json
import os
import shutil
from pathlib import Path

import pytest

from minicnn import datasets
from minicnn.cli import main
from minicnn.datasets.registry import INSTALLABLE
from minicnn.figures import overall_figure
from minicnn.inference import overall, published, quick
from minicnn.learning.checkpoints import WEIGHTS, shipped_names

RESULTS = Path(__file__).parents[2] / "lectures" / "results"


@pytest.fixture(scope="module")
def table():
    return overall.load()


def row_of(table, title, data):
    return next(r for r in table["rows"] if (r["title"], r["data"]) == (title, data))


def test_it_has_what_the_lectures_tables_have(table):
    for name in published.names():
        lecture = published.load_table(name)[0]
        for row in lecture["rows"]:
            for recipe in published.RECIPES:
                share = row[recipe]["pixel_accuracy"]
                if row["model"] and share is not None:
                    title = row["title"] + ", faithful" * (recipe == "faithful")
                    found = row_of(table, title, lecture["data"])
                    assert found["scores"]["pixels"] == share
                    assert found["command"] == published.command(lecture, row, recipe)
    row = row_of(table, "three scales + CRF", "stanford-background")
    assert row["lecture"] == {"pixels": 0.814, "classes": 0.76, "seconds": 60}
    assert row["label"] == "every pixel" and row["megabytes"] == 2.51
    assert row_of(table, "three scales + cover", "stanford-background")["megabytes"] == 6.06
    assert {row["network"] for row in table["rows"]} - {None} == set(shipped_names())


def test_what_all_json_says_stands_in_the_results():
    """Numbers with the page, hours with the logs: 10 steps between two lines, and how many a
    second."""
    page = (RESULTS / "README.md").read_text()
    known = json.loads((published.TABLES / "all.json").read_text())
    for row in known["rows"]:
        for share in row["scores"].values():
            assert f"{100 * share:.1f}" in page or f"{share:.3f}" in page, row["title"]
        assert row["command"].partition(";")[0] in page, row["title"]
    for name, training in known["trainings"].items():
        if "said" in training:
            assert training["said"] in page
            continue
        hours = sum(map(hours_of, training["logs"]))
        assert training["hours"] == pytest.approx(hours, abs=0.06), name


def hours_of(log):
    before, seconds = 0, 0.0
    for line in (RESULTS / f"{log}.jsonl").read_text().splitlines():
        record = json.loads(line)
        rate = record.get("pictures_per_second", record.get("steps_per_second"))
        if rate and record["step"] > before:
            seconds += (record["step"] - before) / rate
            before = record["step"]
    return seconds / 3600


def test_a_new_system_is_one_entry(tmp_path, monkeypatch):
    for path in published.TABLES.glob("*.json"):
        shutil.copy(path, tmp_path)
    known = json.loads((tmp_path / "all.json").read_text())
    known["labels"]["weak"] = "the picture"
    entry = {"title": "new", "model": "weak", "data": "msrc", "scores": {"AP": 0.5}, "command": "x"}
    known["rows"].append(entry)
    (tmp_path / "all.json").write_text(json.dumps(known))
    monkeypatch.setattr(published, "TABLES", tmp_path)
    row = row_of(overall.load(), "new", "msrc")
    assert row["label"] == "the picture" and row["hours"] is row["megabytes"] is None
    assert next(r for r in overall.cells(overall.load()) if r[0] == "new") == (
        ["new", "msrc", "-", "-", "-", "AP 50.0", "-", "-", "-", "the picture", "-"]
    )


def test_points_are_drawn_where_seconds_are_known(table):
    kept = {"one scale", "three scales + CRF", "boosted and stacked", "edges", "proposals"}
    table = table | {"rows": [row for row in table["rows"] if row["title"] in kept]}
    figure = overall_figure(table, overall.cells(table))
    axes = figure.axes[0]
    titles = {text.get_text() for text in axes.texts}
    assert {"three scales + CRF", "proposals, J@100", "boosted and stacked"} < titles
    assert "edges, ODS" not in titles and axes.get_xscale() == "log"
    points = [line.get_xydata().tolist() for line in axes.lines]
    assert [[0.35, 66.0]] in points and [[34.0, pytest.approx(63.8)]] in points
    assert [[34.0, 63.8], [0.45, 65.6]] not in points  # of other pictures: no line from there


def test_each_data_set_that_is_drawn_has_its_own_colour(table):
    axes = overall_figure(table, overall.cells(table)).axes[0]
    shown, names = axes.get_legend_handles_labels()
    colours = [line.get_color() for line in shown[:-1]]  # the last is what is hollow
    assert len(set(colours)) == len(set(names[:-1])) == len(colours) > 4


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(quick, "stored", lambda: {"8": {}, "40": {}})
    assert main(["table", "all", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["rows"]) > 20 and os.listdir() == []
    few = overall.load()
    few["rows"] = [row for row in few["rows"] if row["network"] == "edges"]
    monkeypatch.setattr(overall, "load", lambda: few)
    assert main(["table", "all"]) == 0
    out = capsys.readouterr().out
    assert "as a picture: all-table.png" in out and "minicnn evaluate edges --data bsds" in out
    assert main(["table", "labelmefacade", "--json"]) == 0
    for arguments, complaint in (
        (["all", "--put", "patch", "x"], "--put does not go with  minicnn table all, whose rows"),
        (["all", "--quick", "--json"], "--json does not go with  minicnn table all --quick"),
        (["all", "--store"], "--store goes with  minicnn table all --quick"),
        (["msrc", "--quick"], "--quick goes with  minicnn table all --quick"),
        (["all", "--quick", "7"], "no figures are stored for 7 pictures, but for 8, 40"),
    ):
        assert main(["table", *arguments]) == 2
        assert complaint in capsys.readouterr().err


def test_a_figure_that_differs_is_found(tmp_path, monkeypatch, capsys):
    """With answers that are known in place of networks."""
    answers = {"patch": ("pixels", 0.6), "alexnet": ("top-1", 0.25), "edges": ("F", 0.7)}
    kept = {"patch": "stanford-background", "alexnet": "tiny-imagenet", "edges": "bsds"}
    monkeypatch.setattr(quick, "WEIGHTS", tmp_path)
    monkeypatch.setattr(quick, "STORED", tmp_path / "quick.json")
    monkeypatch.setattr(quick, "measure", lambda name, most: answers[name])
    monkeypatch.setattr(quick, "data_of", kept.get)
    monkeypatch.setattr(datasets, "is_installed", lambda name: name != "bsds")
    for name in answers:
        (tmp_path / f"{name}.safetensors").touch()
    command = ["table", "all", "--quick", "8"]
    assert main(command) == 2 and "for none; --store keeps" in capsys.readouterr().err
    assert main([*command, "--store"]) == 0
    stored = json.loads((tmp_path / "quick.json").read_text())
    assert stored["8"]["patch"]["value"] == 0.6 and set(stored["8"]) == {"patch", "alexnet"}
    answers |= {"patch": ("pixels", 0.6011), "alexnet": ("top-1", 0.375)}  # one picture of eight
    assert main(command) == 0
    out = capsys.readouterr().out
    assert out.count("as before") == 2 and "bsds                 not installed" in out
    answers["patch"] = ("pixels", 0.59)
    assert main(command) == 1 and "59.00  DIFFERS: it was 60.00" in capsys.readouterr().out
    (tmp_path / "multi-scale.safetensors").touch()
    answers |= {"patch": ("pixels", 0.6), "multi-scale": ("pixels", 0.8)}
    kept["multi-scale"] = "stanford-background"
    assert main(command) == 1 and "NO FIGURE IS STORED" in capsys.readouterr().out


def test_figures_are_of_what_ships():
    """Once some are stored, they are stored of all."""
    ships = {path.stem: quick.data_of(path.stem) for path in WEIGHTS.glob("*.safetensors")}
    assert {part for data in ships.values() for part in data.split("+")} <= set(INSTALLABLE)
    for most, figures in quick.stored().items():
        assert {name: figure["data"] for name, figure in figures.items()} == ships, most


@pytest.mark.slow
def test_what_ships_is_as_it_was():
    """On 40 pictures of each data set that is installed."""
    if str(quick.PICTURES) not in quick.stored():
        pytest.skip("no figures are stored: minicnn table all --quick --store")
    needed = {quick.data_of(path.stem) for path in WEIGHTS.glob("*.safetensors")}
    if missing := sorted(name for name in needed if not datasets.is_installed(name)):
        pytest.skip(f"not installed (MINICNN_DATA): {', '.join(missing)}")
    said = []
    assert quick.check(quick.PICTURES, said.append), "\n".join(said)
