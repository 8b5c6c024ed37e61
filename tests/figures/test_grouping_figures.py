"""Pictures of regions, and of what a labelling changes."""

from types import SimpleNamespace

import numpy as np
import pytest

from minicnn.figures import borders, grouping_sheet
from minicnn.figures.stages import painted, stage_figures, tree_figure
from minicnn.labelling.methods import Labelling

COLOURS = np.array([[10, 20, 30], [200, 0, 0], [0, 200, 0]], np.uint8)


def test_borders_by_hand():
    regions = np.array([[0, 0, 1], [0, 2, 1], [2, 2, 2]])
    marked = borders(np.full((3, 3, 3), 9, np.uint8), regions, colour=(255, 0, 1))
    ends = np.array([[0, 1, 0], [1, 1, 1], [0, 0, 0]], bool)
    assert (marked[ends] == (255, 0, 1)).all() and (marked[~ends] == 9).all()


def test_a_sheet_frames_what_changed():
    truth = np.zeros((20, 30), np.uint8)
    truth[:, 15:] = 1
    picture = SimpleNamespace(image=np.full((20, 30, 3), 99, np.uint8), labels=truth)
    first, second = truth.copy(), truth.copy()
    first[:10] = 2  # half of it is wrong
    regions = [truth.astype(np.int32)]
    results = {"pixels": [first], "again": [first], "$regions$": [second]}
    figure = grouping_sheet([picture], regions, results, ("a", "b", "$c"), COLOURS)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:3] == ["regions: 2", "truth", "pixels: 50% right"]
    assert titles[3:] == ["again: 50% right", "$regions$: 100% right"]
    assert [len(axes.collections) for axes in figure.axes] == [0, 0, 0, 0, 1]
    figure.canvas.draw()
    picture.labels = np.where(truth == 1, 3, 0).astype(np.uint8)  # 3: one of several of the three
    (axes,) = grouping_sheet([picture], regions, {"": [truth]}, ("a", "b", "c"), COLOURS).axes[2:]
    assert axes.get_title() == ": 100% right"


def test_a_sheet_wants_a_map_for_each_picture():
    with pytest.raises(ValueError, match="for each its regions"):
        grouping_sheet([None], [], {}, (), COLOURS)


def scene(size=(24, 36)):
    """(image, scores): dark, light and lighter stripes, each surely of one class, with some noise
    in between."""
    image = np.full((*size, 3), 30, np.uint8)
    image[:, 12:], image[:, 24:] = 150, 180
    scores = np.zeros((3, *size), np.float32)
    for k in range(3):
        scores[k, :, 12 * k : 12 * k + 12] = 2
    scores[0, ::4, 14::5] = 3
    return image, scores


class Knowing:
    """A classifier for the cover: equally unsure of everything."""

    grid = 1

    def distributions(self, descriptors):
        return np.full((len(descriptors), 3), 1 / 3)


def test_every_stage_is_a_figure():
    image, scores = scene()
    labelling = Labelling("cover", sigma=0, min_size=4)
    labelling.classifier = Knowing()
    expected = {
        Labelling(): [],
        Labelling("superpixels", sigma=0, min_size=4): ["superpixels"],
        Labelling("crf", sigma=0, min_size=4): ["superpixels", "crf"],
        labelling: ["superpixels", "tree", "cover"],
    }
    for label, names in expected.items():
        drawn = stage_figures(image, scores, None, label, ("a", "b", "$c"), COLOURS)
        assert list(drawn) == names
        for figure in drawn.values():
            figure.canvas.draw()
        if "crf" in drawn:  # before, after, and then what has changed
            crf = [axes.get_title().split(":")[0] for axes in drawn["crf"].axes]
            assert crf == ["superpixels", "CRF", "changed"]
    titles = {axes.get_title() for axes in drawn["cover"].axes}
    assert {"entropy of the superpixels", "superpixels", "cover"} < titles


def test_levels_of_a_tree():
    image, regions = scene()[0], np.repeat([np.arange(36) // 6], 24, axis=0)
    parents = np.array([6, 6, 7, 7, 8, 8, 10, 9, 9, 10, 10])
    heights = np.array([0] * 6 + [0, 0, 0, 30, 120])
    titles = [a.get_title() for a in tree_figure(image, regions, parents, heights).axes]
    assert titles[:3] == [
        "3 segments, up to height 0",
        "2 segments, up to height 30",
        "1 segment, up to height 120",
    ]


def test_regions_are_painted_in_their_mean_colour():
    image = np.array([[[10, 0, 0], [20, 0, 8]], [[99, 1, 2], [99, 1, 2]]], np.uint8)
    shown = painted(image, np.array([[7, 7], [3, 3]]))
    assert shown.tolist() == [[[15, 0, 4]] * 2, [[99, 1, 2]] * 2]
