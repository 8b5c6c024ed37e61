"""Overlays and contact sheets."""

import io
import os
import sys

import numpy as np
import pytest
from PIL import Image
from support.datasets_samples import make_folder, random_image

from minicnn.datasets import DataError, load
from minicnn.figures import colour_map, contact_sheet, overlay

COLOURS = np.array([(200, 0, 0), (0, 100, 50)], np.uint8)


def test_overlay():
    image, labels = random_image(size=(2, 3)), np.array([[0, 1, 255], [1, 1, 0]], np.uint8)
    before = image.copy()
    mixed = overlay(image, labels, COLOURS, alpha=0.25)
    for y, x in np.ndindex(2, 3):
        k = labels[y, x]
        expected = image[y, x] / 2 if k == 255 else 0.75 * image[y, x] + 0.25 * COLOURS[k]
        np.testing.assert_allclose(mixed[y, x], expected, atol=0.51)
    assert mixed.dtype == np.uint8
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(overlay(image, labels % 2, COLOURS, 0), image)
    np.testing.assert_array_equal(overlay(image, labels % 2, COLOURS, 1), COLOURS[labels % 2])
    assert colour_map(labels, COLOURS)[0, 2].tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="the labels are"):
        overlay(image, labels[:1], COLOURS)


def test_contact_sheet(tmp_path):
    root = make_folder(tmp_path / "mine")
    (root / "classes.txt").write_text("3\tsky\n7\t$5 a_b$\n200\troad\n9\tvoid\n")
    (root / "labels/p1.png").unlink()
    figure = contact_sheet(load(root), count=20, shares=[0.5, 0.25, 0.25])
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["sky 50.0 %", "$5 a_b$ 25.0 %", "road 25.0 %", "void"]
    figure.savefig(file := io.BytesIO(), format="png")
    assert min(Image.open(file).size) > 200
    assert "matplotlib.pyplot" not in sys.modules or os.environ.get("PYTEST_XDIST_WORKER")
    (root / "val.txt").write_text("")
    with pytest.raises(DataError, match="no pictures in its split 'val'"):
        contact_sheet(load(root), "val")
