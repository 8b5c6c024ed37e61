"""Segmenting photographs: any size, any name, bounded memory."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.small_runs import Red, small_run

import minicnn
from minicnn import functional as F
from minicnn.datasets.colours import palette
from minicnn.figures import overlay
from minicnn.images.labels import read_labels
from minicnn.images.reading import ImageError
from minicnn.images.resizing import fit_long_side, resize
from minicnn.images.strip import ROOM
from minicnn.inference import segmenting
from minicnn.inference.published import TABLES, best_labelling, load_table
from minicnn.inference.segmentation import LARGEST
from minicnn.inference.segmenting import enlarged_argmax
from minicnn.labelling.methods import Labelling
from minicnn.labelling.priors import Pooling
from minicnn.learning.checkpoints import find, shipped_names
from minicnn.learning.config import Config
from minicnn.learning.trained import Trained

COLOURS = [[10, 20, 30], [200, 0, 0], [0, 200, 0]]


def red_picture(size, seed=0):
    """(picture, labels) such that Red finds the labels; coarse, so that they survive resizing."""
    labels = np.random.default_rng(seed).integers(0, 3, size, dtype=np.uint8)
    return np.stack([labels * 10] * 3, axis=2), labels


def knowing(size=None):
    """Red with a config, as a checkpoint has it."""
    classes = ["sky", "βουνό $x$", "road"]
    config = Config("red", classes, {}, 0, colours=COLOURS, long_side=size)
    return Trained(Red(3), config)


@pytest.mark.parametrize("size", [(40, 31), (7, 5), (3, 2), (1, 1), (9, 70)])
def test_strips_give_what_all_scores_at_once_give(size, monkeypatch):
    scores = np.random.default_rng(0).normal(size=(4, 7, 5)).astype(np.float32)
    whole = F.interpolate(minicnn.Tensor(scores[None]), size=size, mode="bilinear").data[0]
    monkeypatch.setattr(segmenting, "STRIP", 4 * size[1] * 3)  # three rows
    labels = enlarged_argmax(scores, size)
    assert labels.dtype == np.uint8 and labels.shape == size
    sure = np.diff(np.sort(whole, axis=0)[-2:], axis=0)[0] > 1e-5
    assert np.array_equal(labels[sure], whole.argmax(axis=0)[sure]) and sure.mean() > 0.9


def test_no_strip_is_large(monkeypatch):
    sizes = []

    def spy(input, size, mode):
        sizes.append(input.shape[1] * size[0] * size[1])
        return interpolate(input, size=size, mode=mode)

    interpolate = F.interpolate
    monkeypatch.setattr(F, "interpolate", spy)
    enlarged_argmax(np.zeros((8, 30, 40), np.float32), (1500, 2000))
    assert len(sizes) > 1 and max(sizes) <= segmenting.STRIP


def test_the_network_sees_the_size_it_was_trained_at():
    image, _ = red_picture((60, 40))
    for given, stored, seen in ((None, 30, (30, 20)), (12, 30, (12, 8)), (None, None, (320, 213))):
        network = knowing(stored)
        result = minicnn.segment(image, network, given)
        assert network.network.seen == [seen] and result.labels.shape == (60, 40)


def test_a_labelling_works_on_what_the_network_sees():
    image, labels = red_picture((20, 30))
    seen = []

    def others(picture, scores):
        seen.append((picture.shape, scores.shape))
        return (scores.argmax(axis=0) + 1) % 3

    assert np.array_equal(
        minicnn.segment(image, knowing(30), labelling=others).labels, (labels + 1) % 3
    )
    large = minicnn.segment(np.repeat(np.repeat(image, 4, 0), 4, 1), knowing(30), labelling=others)
    assert large.labels.shape == (80, 120)
    assert seen == [((20, 30, 3), (3, 20, 30))] * 2
    plain = np.full((20, 30, 3), 10, np.uint8)
    plain[5, 5] = 20  # one pixel of another class
    assert minicnn.segment(plain, knowing(30)).labels[5, 5] == 2
    assert (minicnn.segment(plain, knowing(30), labelling="superpixels").labels == 1).all()


def test_labels_classes_and_shares():
    image, labels = red_picture((20, 30))
    result = minicnn.segment(image, knowing(30))
    assert np.array_equal(result.labels, labels)
    np.testing.assert_allclose(result.shares, np.bincount(labels.ravel(), minlength=3) / 600)
    assert result.classes[0] == "sky" and result.colours.tolist() == COLOURS
    assert minicnn.segment(image, Red(3)).classes == ("class 0", "class 1", "class 2")
    assert np.array_equal(minicnn.segment(image, Red(3)).colours, palette(3))


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (1, 50), (50, 1), (2, 2)])
def test_a_trained_network_takes_the_smallest_pictures(small, size, tmp_path):
    image, _ = red_picture(size)
    result = minicnn.segment(image, small)
    assert result.labels.shape == size and result.labels.max() < 8
    assert result.shares.sum() == pytest.approx(1)
    for path in result.save(tmp_path):
        assert path.is_file()
    assert minicnn.segment(image, small, size=1).labels.shape == size


@pytest.fixture(scope="module")
def small():
    return small_run()


def test_overlay_has_the_picture_above_and_the_names_below():
    image, labels = red_picture((90, 160))
    result = minicnn.segment(image, knowing(160))
    plain = result.overlay(legend=False)
    assert np.array_equal(plain, overlay(image, labels, np.array(COLOURS)))
    named = result.overlay()
    assert np.array_equal(named[:90, :160], plain) and len(named) > 90
    colours = {tuple(c) for c in named[90:].reshape(-1, 3).tolist()}
    assert {tuple(c) for c in COLOURS} <= colours
    strong = result.overlay(alpha=1.0, legend=False)
    assert np.array_equal(strong, np.array(COLOURS, np.uint8)[labels])


def test_legend_names_only_what_is_there():
    result = minicnn.segment(np.zeros((90, 160, 3), np.uint8), knowing(160))
    colours = {tuple(c) for c in result.overlay()[90:].reshape(-1, 3).tolist()}
    assert tuple(COLOURS[0]) in colours and tuple(COLOURS[1]) not in colours


def test_label_file_is_indexed_and_keeps_the_numbers(tmp_path):
    image, labels = red_picture((20, 30))
    _, path = minicnn.segment(image, knowing(30)).save(tmp_path)
    assert np.array_equal(read_labels(path), labels)
    with Image.open(path) as file:
        entries = np.array(file.getpalette()).reshape(-1, 3)
        assert file.mode == "P" and entries[:3].tolist() == COLOURS
        assert len(entries) == 256 and not entries[255].any()
        assert np.array_equal(np.array(file.convert("RGB")), np.array(COLOURS, np.uint8)[labels])


def test_nothing_is_ever_overwritten(tmp_path):
    image, _ = red_picture((20, 30))
    (tmp_path / "other").mkdir()
    mine = tmp_path / "photo-overlay.png"  # an input that is called as a result would be
    for path in (tmp_path / "photo.png", tmp_path / "other/photo.png", mine):
        Image.fromarray(image).save(path)
    before = mine.read_bytes()
    written = []
    for path in (tmp_path / "photo.png", tmp_path / "other/photo.png", mine):
        written += minicnn.segment(path, knowing(30)).save(tmp_path)
    assert len(set(written)) == 6 and mine not in written and mine.read_bytes() == before
    assert [p.name for p in written[:3:2]] == ["photo-2-overlay.png", "photo-3-overlay.png"]


def test_refusals(tmp_path):
    for wrong in (np.zeros((4, 4)), np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ValueError, match=r"expected uint8 \(H, W, 3\)"):
            minicnn.segment(wrong, Red(3))
    for size in (-5, 0, 2.5, "320", LARGEST + 1, 10**9):
        with pytest.raises(ValueError, match=rf"size={size!r}: expected .* from 1 to {LARGEST}"):
            minicnn.segment(np.zeros((4, 4, 3), np.uint8), Red(3), size=size)
    with pytest.raises(ImageError, match="no such file"):
        minicnn.segment(tmp_path / "none.jpg", Red(3))


def test_resizing():
    assert fit_long_side(3000, 4000, 320) == (240, 320)
    assert fit_long_side(10_000, 1, 320) == (320, 1)
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    assert resize(image, (64, 96)) is image
    small = resize(image, (8, 12))
    blocks = image.reshape(8, 8, 12, 8, 3).mean(axis=(1, 3))
    assert small.shape == (8, 12, 3) and np.abs(small - blocks).max() < 40  # no single pixel's 255
    assert resize(np.full((3, 2, 3), 77, np.uint8), (50, 40)).tolist() == [[[77] * 3] * 40] * 50


def peak_memory(tmp_path, side, save):
    """Peak resident memory, in bytes, of a process that segments a JPEG of side x side pixels, and
    how much of it came after a small picture: what is no matter of Python and its libraries."""
    tile = Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 50, 3), dtype=np.uint8))
    tile.resize((side, side)).save(tmp_path / "large.jpg")
    run = small_run(tmp_path / "run")
    code = f"""
        import resource, minicnn
        import numpy as np
        def peak():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        minicnn.segment(np.zeros((60, 80, 3), np.uint8), {str(run.folder)!r})
        before = peak()
        result = minicnn.segment("large.jpg", {str(run.folder)!r})
        assert result.labels.shape == ({side}, {side})
        if {save}:
            result.save("out")
        print(peak(), peak() - before)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return tuple(map(int, done.stdout.split()))


def test_memory_of_20_megapixels(tmp_path):
    # The picture takes 60 MB, decoded twice; all scores at once would take 640 MB on top.
    assert peak_memory(tmp_path, 4500, save=False)[1] < 400e6


@pytest.mark.slow
def test_memory_of_100_megapixels(tmp_path):
    assert peak_memory(tmp_path, 10_000, save=True)[0] < 4e9


@pytest.mark.parametrize("size", [(10, 20_000), (20_000, 10), (1, 60_000), (3, 400_000), (900, 9)])
def test_names_stay_in_proportion_to_the_area(size):
    image = np.full((*size, 3), 10, np.uint8)
    result = minicnn.segment(image, knowing(320))
    strip = result.legend()
    assert strip is not None and strip.nbytes < 3 * ROOM
    lines = strip.shape[0] // 2  # the letters; there is one line
    assert 12 <= lines <= max(12, (size[0] * size[1]) ** 0.5 / 39)
    canvas = result.overlay()
    assert canvas.nbytes <= 3 * max(ROOM, 4 * size[0] * size[1])
    assert np.array_equal(
        canvas[: size[0], : size[1]][:: size[0] // 2 + 1],
        result.overlay(legend=False)[:: size[0] // 2 + 1],
    )


def test_a_picture_too_narrow_for_names_gets_none(tmp_path):
    """3 columns of 400,000 pixels: as wide as the names it would be 130 times as large."""
    result = minicnn.segment(np.full((400_000, 3, 3), 10, np.uint8), knowing(320))
    assert result.legend() is None and result.overlay().shape == (400_000, 3, 3)
    assert all(path.is_file() for path in result.save(tmp_path))


def test_long_names_and_many_lines_of_a_name(tmp_path):
    """A name is one line, whatever its characters; one of a million letters is not drawn."""
    for name, drawn in (("sky\nand\tsea", True), ("x" * 100_000, False)):
        network = Trained(Red(1), Config("red", [name], {}, 0, colours=COLOURS[:1]))
        result = minicnn.segment(np.zeros((900, 900, 3), np.uint8), network)
        strip = result.legend()
        assert (strip is not None) == drawn and (not drawn or strip.shape[0] < 60)


@pytest.mark.parametrize("size", [(1, 300), (300, 1), (2, 300)])
def test_figures_of_narrow_pictures_are_bounded(size, small):
    labelling = Labelling("crf", min_size=1)
    result = minicnn.segment(np.zeros((*size, 3), np.uint8), small, labelling=labelling)
    for figure in result.stages().values():
        assert max(figure.get_size_inches()) < 60


def transparent(path, size=(20, 30)):
    """A picture whose left half is transparent; returns the labels that Red sees in the rest."""
    image, labels = red_picture(size)
    alpha = np.full(size, 255, np.uint8)
    alpha[:, : size[1] // 2] = 0
    Image.fromarray(np.dstack([image, alpha])).save(path)
    labels[:, : size[1] // 2] = 255
    return labels


def test_what_is_transparent_is_void(tmp_path):
    expected = transparent(tmp_path / "cut.png")
    result = minicnn.segment(tmp_path / "cut.png", knowing(30))
    assert np.array_equal(result.labels, expected)
    assert result.shares.sum() == pytest.approx(0.5) and len(result.shares) == 3
    overlaid, path = result.save(tmp_path / "out")
    assert np.array_equal(read_labels(path), expected)
    void = result.overlay()[:20, :15]
    assert set(np.unique(void)) == {205, 255}  # checkers, no colour of a class
    assert (result.legend() == 205).any()
    opaque, _ = red_picture((20, 30))
    assert np.array_equal(
        result.overlay()[:20, 15:30], minicnn.segment(opaque, knowing(30)).overlay()[:20, 15:30]
    )


def test_all_transparent(tmp_path):
    Image.fromarray(np.zeros((9, 9, 4), np.uint8)).save(tmp_path / "nothing.png")
    result = minicnn.segment(tmp_path / "nothing.png", knowing(30))
    assert (result.labels == 255).all() and not result.shares.any()
    assert len(result.save(tmp_path / "out")) == 2


def test_force_replaces_results_but_never_what_is_kept(tmp_path):
    image, labels = red_picture((20, 30))
    first = minicnn.segment(image, knowing(30)).save(tmp_path)
    again = minicnn.segment(image + 10, knowing(30))
    assert again.save(tmp_path, force=True) == first
    assert np.array_equal(read_labels(first[1]), np.minimum(labels + 1, 2))
    others = again.save(tmp_path, force=True, keep=first)
    assert not set(others) & set(first) and others[0].name == "picture-2-overlay.png"


def test_stages_are_saved_beside_and_overwrite_nothing(tmp_path, small):
    mine = tmp_path / "picture-crf.png"
    mine.write_bytes(b"mine")
    result = minicnn.segment(np.zeros((20, 30, 3), np.uint8), small, labelling="crf")
    written = result.save(tmp_path, stages=True)
    assert [p.name for p in written] == [
        f"picture-2-{part}.png" for part in ("overlay", "labels", "superpixels", "crf")
    ]
    assert mine.read_bytes() == b"mine"


def test_the_best_measured_labelling_is_the_default():
    """Of shipped networks only, as the tables have it; others keep the raw scores."""
    rows = [row for table in ("stanford", "sift-flow") for row in load_table(table)[0]["rows"]]
    others = json.loads((TABLES / "all.json").read_text())["rows"]
    for name in shipped_names():
        measured = {
            row["ours"]["pixel_accuracy"]: row["ours"]["labelling"]
            for row in rows
            if row["ours"]["network"] == name
        }
        measured |= {
            row["scores"]["pixels"]: row["labelling"]
            for row in others
            if row.get("network") == name and "labelling" in row
        }
        best = str(best_labelling(find(name)))
        assert best == measured.get(max(measured, default=None), "argmax")
    assert str(best_labelling(find("multi-scale"))) == "crf"
    assert str(best_labelling(find("feedback"))) == "crf"
    assert str(best_labelling(find("photo"))) == "superpixels"
    assert (
        str(best_labelling(None))
        == str(best_labelling(Path("multi-scale.safetensors")))
        == "argmax"
    )


def test_segment_says_its_labelling(small):
    image = np.zeros((20, 30, 3), np.uint8)
    assert minicnn.segment(image, small).labelling == "argmax"
    assert minicnn.segment(image, "multi-scale").labelling == "crf"
    assert minicnn.segment(image, "multi-scale", labelling="argmax").labelling == "argmax"
    assert (
        minicnn.segment(image, small, labelling=Labelling("crf", gamma=3)).labelling
        == "crf(gamma=3.0)"
    )


def test_a_labelling_that_was_used_with_one_network_is_new_for_the_next():
    image, _ = red_picture((20, 30))
    labelling = Labelling("prior")
    fresh = minicnn.segment(image, knowing(), labelling=Labelling("prior")).labels
    minicnn.segment(image, "weak", labelling=labelling)  # which knows a background
    assert labelling.pooling == Pooling() and labelling.pooling.background is None
    assert (minicnn.segment(image, knowing(), labelling=labelling).labels == fresh).all()
