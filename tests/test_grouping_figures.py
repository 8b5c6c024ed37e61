"""Pictures of regions, and of what a labelling changes."""

from types import SimpleNamespace

import numpy as np
import pytest

from minicnn.figures import borders, grouping_sheet

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


def test_a_sheet_wants_a_map_for_each_picture():
    with pytest.raises(ValueError, match="for each its regions"):
        grouping_sheet([None], [], {}, (), COLOURS)
