"""A network that learns from several data sets at once, and from classes that may be one of
several."""

import numpy as np
import pytest
from PIL import Image
from support.datasets_samples import make_folder, random_image
from support.small_runs import SETTINGS

import minicnn
from minicnn import cli, datasets, figures
from minicnn.learning.errors import TrainingError
from minicnn.learning.metrics import Confusion, right
from minicnn.learning.pixels import drawn

MAPPING = """[classes]
above
plant
ground

[theirs]
sky = above, ground
tree = plant, ground
road = void
[mine]
sky = above
tree = plant
road = ground
"""


def test_any_of_a_set_is_right_and_counts_apart():
    truth = np.array([0, 1, 2, 3, 3, 3, 255])  # 3 is plant or ground
    answer = np.array([0, 1, 1, 1, 2, 0, 0])
    assert right(truth[:-1], answer[:-1], 3, [(1, 2)]).tolist() == [1, 1, 0, 1, 1, 0]
    confusion = Confusion(("above", "plant", "ground"), sets=[(1, 2)])
    confusion.add(truth, answer)
    assert confusion.matrix.sum() == 3 and confusion.pixel_accuracy == pytest.approx(2 / 3)
    assert confusion.several() == [(["plant", "ground"], 3, pytest.approx(2 / 3))]
    assert "plant or ground: 50.0 %, 66.7 %" in confusion.lines()
    found = confusion.as_dict()["one_of_several"]
    assert found == [{"classes": ["plant", "ground"], "pixels": 3, "right": 0.666667}]
    with pytest.raises(ValueError, match="labels: 4 at pixel"):
        confusion.add(np.array([4]), np.array([0]))


def test_pixels_of_a_set_are_drawn_by_the_mean_of_their_weights():
    labels = np.array([[0, 1, 2, 3]] * 40, np.uint8)
    places = drawn(labels, 8, 1.0, [0.5, 0.25, 0.25], np.random.default_rng(0), [(1, 2)])
    assert (labels.ravel()[places] == 3).any()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """(folder of a run, name of its data, mapping)."""
    folder = tmp_path_factory.mktemp("several")
    for name in ("mine", "theirs"):
        make_folder(folder / name, 4, (32, 48))
    for k, path in enumerate(sorted((folder / "theirs/images").iterdir(), key=str)):
        Image.fromarray(random_image(50 + k, (32, 48))).save(path)
    (folder / "mapping.txt").write_text(MAPPING)
    name = f"{folder / 'theirs'}+{folder / 'mine'}"
    options = {"mapping": folder / "mapping.txt"}
    settings = SETTINGS | {"balance": 0.5}
    minicnn.train(
        "multi-scale",
        name,
        out=folder / "run",
        steps=2,
        settings=settings,
        data_options={"mapping": str(options["mapping"])},
        quiet=True,
    )
    return folder / "run", name, folder / "mapping.txt"


def test_evaluate(run, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the mapping is found from everywhere
    assert cli.main(["evaluate", str(run[0]), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert " or ground: " in said and "one of several classes is true" in said
    assert (tmp_path / "out/sheet-1.png").is_file()


def test_on_one_of_them(run, capsys):
    folder, name, mapping = run
    mine = name.split("+")[1]
    assert cli.main(["evaluate", str(folder), "--data", mine]) == 2
    assert f"--set data.mapping={mapping}" in capsys.readouterr().err
    set_ = ["--set", f"data.mapping={mapping}"]
    assert cli.main(["evaluate", str(folder), "--data", mine, *set_]) == 0
    assert "split test: 1 pictures" in capsys.readouterr().out


def test_another_mapping_is_other_data(run, tmp_path):
    folder, name, mapping = run
    before = mapping.read_text()
    mapping.write_text(before.replace("road = void", "road = plant"))
    try:
        with pytest.raises(datasets.DataError, match="other pictures, or deals them otherwise"):
            minicnn.resume(folder, quiet=True)
    finally:
        mapping.write_text(before)


@pytest.mark.parametrize("model", ["patch", "recurrent"])
def test_networks_with_a_loss_of_their_own(run, model):
    _, name, mapping = run
    settings = {"width": 0.2} | ({"patches": 16, "balance": 0.5} if model == "patch" else {})
    options = {"mapping": mapping}
    found = minicnn.train(
        model, name, steps=1, settings=settings, data_options=options, overfit_one=True, quiet=True
    )
    assert found.network.sets == ((0, 2), (1, 2))


def test_what_learns_one_class_a_pixel_refuses(run):
    _, name, mapping = run
    with pytest.raises(TrainingError, match="feedback learns one class for a pixel"):
        minicnn.train("feedback", name, steps=1, data_options={"mapping": mapping}, quiet=True)


def test_the_sheet_of_the_data(run, capsys, tmp_path):
    _, name, mapping = run
    dataset = datasets.load(name, mapping=mapping)
    figure = figures.contact_sheet(dataset, count=2)
    assert "one of several" in [t.get_text() for t in figure.legends[0].get_texts()]
