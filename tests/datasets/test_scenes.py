"""The drawn data set: reproducible, labelled without a mistake, and hard in the way it claims."""

import threading

import numpy as np
import pytest

from minicnn.datasets.scenes.dataset import Scenes, draw_scene
from minicnn.images.labels import VOID
from minicnn.inference.baselines import baselines

SIZE = (120, 160)


@pytest.fixture(scope="module")
def pictures():
    """60 training and 40 test scenes of the demo's size."""
    data = Scenes(size=SIZE, train=60, test=40)
    return list(data.split("train")), list(data.split("test"))


def test_a_scene_is_decided_by_its_seed_and_number():
    first, again = draw_scene(3, 5, SIZE), draw_scene(3, 5, SIZE)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.labels, again.labels)
    assert np.array_equal(first.instances, again.instances)
    assert first.tags == again.tags
    assert not np.array_equal(first.image, draw_scene(4, 5, SIZE).image)
    assert not np.array_equal(first.image, draw_scene(3, 6, SIZE).image)


def test_threads_draw_what_one_thread_draws():
    numbers, found = range(6), {}

    def draw(number):
        found[number] = draw_scene(0, number, (60, 80)).image

    threads = [threading.Thread(target=draw, args=(n,)) for n in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(found[n], draw_scene(0, n, (60, 80)).image) for n in numbers)


@pytest.mark.parametrize("size", [(240, 320), (120, 160), (97, 61), (33, 200), (16, 16)])
def test_any_size(size):
    for number in range(4):
        picture = draw_scene(0, number, size)
        assert picture.image.shape == (*size, 3) and picture.image.dtype == np.uint8
        assert picture.labels.shape == size and picture.labels.dtype == np.uint8
        assert picture.instances.shape == size and picture.instances.dtype == np.int32


def test_a_larger_picture_shows_the_same_scene():
    for number in range(12):
        small, large = draw_scene(0, number, SIZE), draw_scene(0, number, (240, 320))
        corners = np.stack([large.labels[i::2, j::2] for i in (0, 1) for j in (0, 1)])
        assert (corners == small.labels).any(axis=0).mean() > 0.97


def test_labels_instances_and_tags_agree(pictures):
    foreground = Scenes.classes.index("foreground object")
    for picture in pictures[0]:
        values = np.unique(picture.labels)
        assert ((values < 8) | (values == VOID)).all()
        numbers = np.unique(picture.instances[picture.instances > 0])
        assert list(numbers) == list(range(1, len(numbers) + 1))  # no gaps for hidden objects
        assert np.array_equal(picture.instances > 0, picture.labels == foreground)
        assert picture.tags == tuple(Scenes.classes[v] for v in values if v < 8)


def test_every_class_has_a_sensible_share(pictures):
    labels = np.stack([p.labels for p in pictures[0]])
    shares = dict(
        zip(Scenes.classes, np.bincount(labels.ravel(), minlength=8) / labels.size, strict=True)
    )
    assert max(shares.values()) < 0.33
    assert min(shares[c] for c in ("sky", "tree", "road", "grass", "water", "building")) > 0.05
    assert min(shares.values()) > 0.02
    assert all(sum(c in p.tags for p in pictures[0]) >= 10 for c in Scenes.classes)


def test_objects_have_very_different_sizes(pictures):
    areas = np.concatenate([np.bincount(p.instances.ravel())[1:] for p in pictures[0]])
    areas = areas[areas > 0]
    assert areas.min() < 12 and np.median(areas) < 400 and areas.max() > 1900


def test_splits_are_disjoint_and_do_not_move():
    few, many = Scenes(train=4, val=2, test=3), Scenes(train=40, val=20, test=30)
    for split in ("train", "val", "test"):
        assert few.names(split) == many.names(split)[: len(few.names(split))]
    names = [n for split in ("train", "val", "test") for n in many.names(split)]
    assert len(set(names)) == 90
    assert few.names("train")[0] == "scene-000000"
    assert few.split("test")[1].name == few.names("test")[1]
    assert Scenes(train=0).names("train") == []


@pytest.mark.parametrize("size", [(15, 40), 7, (3,), ("a", 5), (40, 0), (10**6, 10**6)])
def test_a_bad_size_is_refused(size):
    with pytest.raises(ValueError, match="scenes: size="):
        Scenes(size=size)


def test_bad_counts_splits_and_names_are_refused():
    with pytest.raises(ValueError, match="train=-1"):
        Scenes(train=-1)
    with pytest.raises(ValueError, match="val=2.5"):
        Scenes(val=2.5)
    with pytest.raises(ValueError, match="no split 'all'"):
        Scenes().names("all")
    with pytest.raises(ValueError, match="scene-000017"):
        Scenes().read("../etc/passwd")


def test_neither_place_nor_colour_gives_the_class_away(pictures):
    right = {k: c.pixel_accuracy for k, c in baselines(*pictures, Scenes.classes).items()}
    assert right["majority"] < 0.35 and right["row"] < 0.48 and right["colour"] < 0.52


@pytest.mark.slow
def test_context_does():
    """Three scales beat one by 5 points, and everything that sees no context by 20."""
    import minicnn

    sizes = {"size": SIZE, "train": 1500, "val": 0, "test": 80}  # each scene is seen once
    accuracy = {}
    for model in ("single-scale", "multi-scale"):
        settings = {"width": 0.5, "lr": 0.01, "warm_up": 40, "dropout": 0.0}
        run = minicnn.train(
            model, "scenes", steps=1500, settings=settings, data_options=sizes, quiet=True
        )
        accuracy[model] = minicnn.evaluate(run, split="test").confusion.pixel_accuracy
    data = Scenes(**sizes)
    train, test = list(data.split("train")), list(data.split("test"))
    blind = max(c.pixel_accuracy for c in baselines(train, test, Scenes.classes).values())
    assert accuracy["multi-scale"] > blind + 0.20
    assert accuracy["multi-scale"] > accuracy["single-scale"] + 0.05


@pytest.mark.parametrize("size", [(10_000, 10_000), (15, 100), (1e9, 1e9), (float("inf"), 20)])
def test_sizes_that_are_not_drawn(size):
    with pytest.raises(ValueError, match="scenes: size=.* should be"):
        Scenes(size=size)
