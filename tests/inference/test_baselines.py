"""Rules without a network, on pictures whose answers can be counted by hand."""

import numpy as np
import pytest
from PIL import Image

from minicnn import datasets
from minicnn.basics.writing import save_png
from minicnn.datasets import Picture
from minicnn.inference.baselines import baselines, cells
from minicnn.inference.baselines import main as baselines_main

A, B, VOID = 0, 1, 255


def picture(colours, labels):
    """A picture of one column: the grey level and the label of each row."""
    image = np.repeat(np.array(colours, np.uint8)[:, None, None], 3, axis=2)
    return Picture("p", image, np.array(labels, np.uint8)[:, None])


def test_each_rule_knows_what_it_counted():
    train = [
        picture([0, 0, 200, 200], [A, A, B, A]),
        picture([0, 10, 200, 100], [A, A, B, VOID]),
    ]
    test = [picture([200, 0, 200, 40], [B, A, B, VOID])]
    found = baselines(train, test, ("a", "b"))
    right = {rule: confusion.matrix.trace() for rule, confusion in found.items()}
    assert right == {"majority": 1, "row": 2, "colour": 3}
    assert all(confusion.matrix.sum() == 3 for confusion in found.values())  # void does not count


def test_a_height_and_a_colour_that_never_came_get_the_commonest_class():
    train = [picture([0, 0, 0], [B, B, A])]
    found = baselines(train, [picture([90] * 7, [B] * 7)], ("a", "b"))
    assert {confusion.pixel_accuracy for confusion in found.values()} == {1}


def test_rows_of_pictures_of_other_heights_are_brought_together():
    tall, small = (cells("row", np.zeros((h, 2, 3), np.uint8)) for h in (240, 120))
    assert (tall[::2] == small).all() and len(np.unique(tall)) == 240


def test_a_colour_that_came_is_what_it_was_in_however_large_a_set():
    many = Picture("p", np.zeros((2000, 2000, 3), np.uint8), np.full((2000, 2000), A, np.uint8))
    train = [many, picture([255] * 3, [B] * 3)]
    assert baselines(train, [picture([255], [B])], ("a", "b"))["colour"].pixel_accuracy == 1


def test_one_of_several_classes_is_right_if_it_is_among_them():
    train = [picture([0, 200], [A, B])]
    test = [picture([0, 0], [3, 4])]
    found = baselines(train, test, ("a", "b", "c"), sets=[(0, 2), (1, 2)])["colour"]
    assert found.of_sets.tolist() == [[1, 0, 0], [1, 0, 0]] and not found.matrix.any()


@pytest.mark.parametrize("name", ["weak-cats-dogs", "bsds", "void"])
def test_data_without_labels_of_pixels_are_refused(name, tmp_path, monkeypatch, capsys):
    home = tmp_path / "void"
    (home / "images").mkdir(parents=True)
    (home / "labels").mkdir()
    for k in range(3):
        save_png(Image.new("RGB", (6, 5)), home / f"images/{k}.png")
        save_png(Image.new("L", (6, 5), VOID if k else 0), home / f"labels/{k}.png")
    (home / "classes.txt").write_text("a\nb\n")
    (home / "train.txt").write_text("0\n")
    (home / "test.txt").write_text("1\n2\n")
    if name != "void" and not datasets.is_installed(name):
        pytest.skip(f"{name} is not installed")
    name = str(home) if name == "void" else name
    monkeypatch.setattr("sys.argv", ["baselines", name])
    with pytest.raises(SystemExit) as stop:
        baselines_main()
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("minicnn: ") and "label" in said and said.count("\n") == 1
