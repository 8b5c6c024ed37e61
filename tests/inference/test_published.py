"""The lecture's table with our numbers beside its own: read, written, printed, drawn."""

import copy
import json
import os

import pytest

from minicnn.cli import main
from minicnn.figures import published_figure
from minicnn.inference.published import cells, command, lines, load_table, put, save_table


@pytest.fixture
def table():
    return load_table("stanford")[0]


def measured(**others):
    """What `evaluate --json` would print."""
    return {
        "model": "multi-scale",
        "network": "multi-scale",
        "recipe": "ours",
        "seed": 3,
        "options": {"scales": 3},
        "labelling": "crf(gamma=3.0, beta=0.2)",
        "data": "stanford-background",
        "fold": 1,
        "split": "test",
        "pictures": 143,
        "pixel_accuracy": 0.81234,
        "class_accuracy": 0.7,
        "mean_iou": 0.6,
        "seconds_per_picture": 0.3,
        "confusion": [],
    } | others


def test_the_slides_numbers_are_there(table):
    rows = {row["name"]: row["lecture"] for row in table["rows"]}
    assert rows["one-scale"] == {
        "pixel_accuracy": 0.66,
        "class_accuracy": 0.565,
        "seconds_per_picture": 0.35,
    }
    assert set(rows["patch"].values()) == {None}
    printed = {row[0]: row[1:3] for row in cells(table)}
    assert printed["three scales"] == ["78.8 (72.4)", "0.60"]
    assert printed["three scales + CRF"] == ["81.4 (76.0)", "60"]
    assert printed["best"] == ["81.9 (72.4)", "> 60"]
    assert printed["rCNN3 at 1/8"] == ["78.4", "0.20"]
    assert printed["patch"] == ["-", "-"]


def test_every_measured_number_has_a_command_and_a_seed(table):
    for row in table["rows"]:
        for recipe in ("ours", "faithful"):
            if row[recipe]["pixel_accuracy"] is not None:
                assert command(table, row, recipe) and row[recipe]["seed"] is not None
                assert (recipe == "faithful") == ("faithful" in row[recipe]["train"])


def test_a_measurement_goes_where_it_belongs_and_nowhere_else(table):
    before = copy.deepcopy(table)
    put(table, "three-scales-crf", measured())
    row = next(row for row in table["rows"] if row["name"] == "three-scales-crf")
    assert cells(table)[5][:5] == ["three scales + CRF", "81.4 (76.0)", "60", "81.2 (70.0)", "0.30"]
    assert row["ours"]["seed"] == 3 and "confusion" not in row["ours"]
    assert command(table, row, "ours") == (
        "minicnn evaluate multi-scale --data stanford-background --fold 1 "
        "--set labelling=crf gamma=3.0 beta=0.2"
    )
    faithful = measured(recipe="faithful", network=None, pixel_accuracy=0.5)
    put(table, "three-scales-crf", faithful, "minicnn train multi-scale --seed 3")
    assert row["faithful"]["pixel_accuracy"] == 0.5
    assert command(table, row, "faithful") == (
        "minicnn train multi-scale --seed 3 --out RUN; "
        "minicnn evaluate RUN --set labelling=crf gamma=3.0 beta=0.2"
    )
    others = [r for r in table["rows"] if r is not row]
    assert others == [r for r in before["rows"] if r["name"] != "three-scales-crf"]
    assert any("three scales + CRF, ours: minicnn evaluate" in line for line in lines(table))


@pytest.mark.parametrize(
    ("name", "others", "complaint"),
    [
        ("three-scales", {}, "wants labelling 'argmax'; these numbers are of 'crf'"),
        ("one-scale", {"labelling": "argmax"}, "wants model 'single-scale'"),
        ("three-scales-crf", {"split": "val"}, "wants split 'test'; these numbers are of 'val'"),
        ("three-scales-crf", {"pictures": 142}, "wants pictures 143"),
        ("best", {"fold": 2}, "wants fold 1"),
        ("rcnn3-8", {"model": "recurrent", "labelling": "argmax"}, "wants net 'rCNN3'"),
        ("four-scales", {}, "no row 'four-scales'; it has patch, one-scale"),
        ("three-scales-crf", {"recipe": None}, "expected what `minicnn evaluate MODEL --json`"),
    ],
)
def test_numbers_of_something_else_are_refused(table, name, others, complaint):
    before = copy.deepcopy(table)
    with pytest.raises(ValueError, match=complaint):
        put(table, name, measured(**others))
    assert table == before


def test_the_best_may_be_any_network_and_resolution_is_part_of_a_recurrent_one(table):
    rows = {row["name"]: row for row in table["rows"]}
    mine = "minicnn evaluate one+another"  # of several networks together
    rows["best"]["ours"]["command"] = mine
    assert command(table, rows["best"], "ours") == mine
    put(table, "best", measured())
    assert command(table, rows["best"], "ours") != mine
    options = {"net": "rCNN3", "output": 8, "instances": 3}
    put(table, "rcnn3-8", measured(model="recurrent", labelling="argmax", options=options))
    row = next(row for row in table["rows"] if row["name"] == "rcnn3-8")
    assert command(table, row, "ours").endswith("--fold 1 --set output=8")


def test_a_table_is_written_as_it_was_read(table, tmp_path):
    path = load_table("stanford")[1]
    save_table(table, tmp_path / "own.json")
    assert (tmp_path / "own.json").read_text() == path.read_text()
    assert load_table(str(tmp_path / "own.json"))[0] == table
    (tmp_path / "own.json").write_text("{")
    with pytest.raises(ValueError, match="own.json: not a JSON file"):
        load_table(tmp_path / "own.json")
    other = tmp_path / "other.json"
    other.write_text('{"rows": []}')
    with pytest.raises(ValueError, match="other.json: JSON, but not a table like"):
        load_table(other)
    other.write_text('{"title": "t", "notes": [], "rows": [{"name": "a", "title": "A"}]}')
    with pytest.raises(ValueError, match="other.json: JSON, but not a table like"):
        load_table(other)
    with pytest.raises(ValueError, match="no table 'oslo'; there are .*stanford"):
        load_table("oslo")


def test_points_are_drawn_where_both_numbers_are_known(table):
    for row in table["rows"]:
        row["faithful"]["pixel_accuracy"] = row["ours"]["pixel_accuracy"] = None
    table["rows"][1]["ours"] |= {"pixel_accuracy": 0.7, "seconds_per_picture": 0.1}
    figure = published_figure(table, cells(table))
    figure.canvas.draw()
    axes = figure.axes[0]
    drawn = {line.get_label(): line.get_xydata() for line in axes.lines}
    known = [r for r in table["rows"] if r["lecture"]["seconds_per_picture"]]
    assert drawn["ours"].tolist() == [[0.1, 70.0]] and "faithful" not in drawn
    assert len(drawn["lecture"]) == len(known) == len(table["rows"]) - 1
    assert axes.get_xscale() == "log" and [0.35, 66.0] in drawn["lecture"].tolist()
    titles = {text.get_text() for text in axes.texts}
    assert {"one scale", "best (> 60 s)"} < titles and "patch" not in titles
    for row in table["rows"]:
        row["lecture"]["pixel_accuracy"] = row["ours"]["pixel_accuracy"] = None
    published_figure(table, cells(table)).canvas.draw()


def test_the_command(table, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_table(table, "own.json")
    (tmp_path / "scores.json").write_text(json.dumps(measured()))
    assert main(["table", "own.json", "--put", "three-scales-crf", "scores.json"]) == 0
    assert "81.2 (70.0)" in capsys.readouterr().out
    assert main(["table", "own.json", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert rows["three-scales-crf"]["ours"]["pixel_accuracy"] == 0.81234
    assert "labelling=superpixels" in rows["three-scales-superpixels"]["ours"]["command"]
    assert set(os.listdir()) == {"own.json", "scores.json"}
    assert main(["table", "own.json"]) == 0
    assert "as a picture: own-table.png" in capsys.readouterr().out
    (tmp_path / "own-table.png").write_text("somebody's own")
    assert main(["table", "own.json"]) == 0
    assert "own-table.png is there already" in capsys.readouterr().out
    assert (tmp_path / "own-table.png").read_text() == "somebody's own"
    assert main(["table", "own.json", "--plot", "t.svg"]) == 0
    assert {"own-table.png", "t.svg"} < set(os.listdir())
    (tmp_path / "scores.json").write_text("no")
    for wrong, complaint in (
        (["--put", "best", "scores.json"], "this is no JSON"),
        (["--train", "x"], "--train COMMAND goes with --put"),
        (["--plot", "t.jpg"], ".png, .pdf or .svg"),
        (["--put", "best", "gone.json"], "gone.json: No such file"),
    ):
        assert main(["table", "own.json", *wrong]) == 2
        assert complaint in capsys.readouterr().err


def test_of_blocks_that_learnt_one_by_one_the_last_is_evaluated():
    streets = load_table("labelmefacade")[0]
    rows = {row["name"]: command(streets, row, "ours") for row in streets["rows"]}
    assert rows["patch-greedy"].endswith("--out RUN; minicnn evaluate RUN/block-3")
    assert rows["patch"].endswith("--out RUN; minicnn evaluate RUN")


@pytest.mark.parametrize("missing", ["labelling", "options", "model", "pictures", "seed"])
def test_numbers_without_what_they_are_of_are_refused(table, missing):
    found = measured()
    del found[missing]
    with pytest.raises(ValueError, match="expected what `minicnn evaluate MODEL --json`"):
        put(table, "three-scales-crf", found)
