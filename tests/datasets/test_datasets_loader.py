"""Pictures loaded ahead: order, errors, skipping, and that no thread is left behind."""

import itertools
import threading
import time

import numpy as np
import pytest

from minicnn.datasets import VOID, DataError, Dataset, Loader, Picture
from minicnn.datasets.kept import Kept


class Made(Dataset):
    """Six pictures made on the spot; those named in `bad` and `void` are that."""

    name, classes = "made", ("a",)

    def __init__(self, bad=(), void=()):
        self.bad, self.void, self.read_count = bad, void, 0

    def names(self, split):
        return [f"n{i}" for i in range(6)]

    def read(self, name):
        self.read_count += 1
        if name in self.bad:
            raise DataError(f"{name}.jpg: is damaged")
        labels = np.full((2, 3), VOID if name in self.void else 0, np.uint8)
        return Picture(name, np.zeros((2, 3, 3), np.uint8), labels)


def names(loader):
    return [picture.name for picture in loader]


def no_thread_is_left():
    return not [t for t in threading.enumerate() if t.name == "minicnn loader"]


@pytest.mark.parametrize("ahead", [0, 1, 4])
def test_order_and_position(ahead):
    loader = Loader(Made().split("train"), [3, 1, 1, 5], ahead=ahead)
    assert names(loader) == ["n3", "n1", "n1", "n5"] and loader.position == 3
    assert names(loader) == ["n3", "n1", "n1", "n5"]
    assert no_thread_is_left()


@pytest.mark.parametrize("ahead", [0, 4])
def test_transform_and_start(ahead):
    transform = lambda picture, position: (picture.name, position)  # noqa: E731
    loader = Loader(Made(void=("n1",)).split("train"), iter([0, 1, 2]), transform, ahead, start=7)
    assert list(loader) == [("n0", 7), ("n2", 9)] and loader.position == 9


def test_an_endless_order_is_read_only_so_far_ahead():
    dataset = Made()
    with Loader(dataset.split("train"), itertools.cycle(range(6)), ahead=3) as loader:
        pictures = iter(loader)
        assert next(pictures).name == "n0"
        time.sleep(0.05)
        assert dataset.read_count <= 1 + 3 + 1  # handed out, waiting, in the hand of the thread
    assert no_thread_is_left()


def test_breaking_out_ends_the_thread():
    for picture in Loader(Made().split("train"), itertools.cycle(range(6))):
        assert picture.name == "n0"
        break
    assert no_thread_is_left()


def test_an_error_in_the_loop_ends_the_thread():
    with pytest.raises(KeyError), Loader(Made().split("train"), itertools.count()) as loader:
        for _ in loader:
            raise KeyError
    assert no_thread_is_left()


@pytest.mark.parametrize("ahead", [0, 4])
def test_a_bad_picture_stops_or_is_skipped(ahead):
    split = Made(bad=("n2",)).split("train")
    loader, seen = Loader(split, range(6), ahead=ahead), []
    with pytest.raises(DataError, match="n2.jpg: is damaged"):
        for picture in loader:
            seen.append(picture.name)
    assert seen == ["n0", "n1"] and no_thread_is_left()
    loader = Loader(split, [*range(6), 2], ahead=ahead, skip_bad=True)
    assert names(loader) == ["n0", "n1", "n3", "n4", "n5"]
    assert loader.skipped == [("n2", "n2.jpg: is damaged")]


@pytest.mark.parametrize("ahead", [0, 4])
def test_void_pictures_are_passed_over(ahead):
    loader = Loader(Made(void=("n0", "n4")).split("train"), [0, 4, 3, 4], ahead=ahead)
    assert names(loader) == ["n3"] and loader.void == ["n0", "n4"]


def test_nothing_usable_raises_instead_of_hanging():
    dataset = Made(bad=("n0", "n1"), void=("n2", "n3", "n4", "n5"))
    loader = Loader(dataset.split("train"), itertools.cycle(range(6)), skip_bad=True)
    with pytest.raises(DataError, match="none of 12 pictures in a row .* 2 .* 4 are void"):
        names(loader)


def test_errors_of_the_transform_travel_with_the_name():
    def transform(picture, position):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        list(Loader(Made().split("train"), [5], transform))
    assert "n5" in caught.value.__notes__[0]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("ahead", [0, 4])
def test_a_variant_of_which_nothing_is_left_is_passed_over_and_counted(ahead, threads):
    def transform(picture, position):
        return None if position % 2 else (picture.name, position)

    order, options = [0, 1, 2, 1, 4, 3], {"ahead": ahead, "threads": threads}
    loader = Loader(Made(void=("n4",)).split("train"), order, transform, **options)
    assert list(loader) == [("n0", 0), ("n2", 2)]
    assert loader.empty == ["n1", "n3"] and loader.void == ["n4"] and not loader.skipped
    assert no_thread_is_left()


def test_bad_luck_is_no_reason_to_stop_but_to_find_nothing_for_ever_is():
    """Variants are random: of six pictures none may be left many times, and then one is."""
    lucky = lambda picture, position: position if position > 150 else None  # noqa: E731
    with Loader(Made().split("train"), itertools.cycle(range(6)), lucky) as loader:
        assert next(iter(loader)) == 151 and len(loader.empty) == 6
    nothing = lambda picture, position: None  # noqa: E731
    with pytest.raises(DataError, match="none of 212 pictures in a row .* of 6 nothing labelled"):
        list(Loader(Made().split("train"), itertools.cycle(range(6)), nothing))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_several_threads_hand_out_in_order_and_end(threads):
    dataset = Made(bad=("n2",))
    options = {"threads": threads, "skip_bad": True}
    loader = Loader(
        dataset.split("train"), [*range(6), *range(6)], lambda p, k: (p.name, k), **options
    )
    assert list(loader) == [(f"n{k % 6}", k) for k in range(12) if k % 6 != 2]
    assert loader.skipped == [("n2", "n2.jpg: is damaged")]
    for _ in Loader(Made().split("train"), itertools.cycle(range(6)), threads=threads):
        break
    with pytest.raises(DataError, match="n2.jpg"):
        list(Loader(dataset.split("train"), range(6), threads=threads))
    assert not [t for t in threading.enumerate() if t.name.startswith("minicnn")]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("ahead", [0, 2])
def test_batches_hold_what_is_left_of_their_places(ahead, threads):
    split = Made(bad=("n2",), void=("n3",)).split("train")
    options = {"ahead": ahead, "threads": threads, "batch_size": 2, "skip_bad": True, "start": 4}
    with Loader(split, [0, 1, 4, 2, 2, 3, 5], collate=names, **options) as loader:
        found = [(loader.position, batch) for batch in loader]
    assert found == [(5, ["n0", "n1"]), (7, ["n4"]), (10, ["n5"])]
    assert loader.skipped == [("n2", "n2.jpg: is damaged")] and loader.void == ["n3"]
    assert not [t for t in threading.enumerate() if t.name.startswith("minicnn")]


def test_batches_of_nothing_usable_raise_instead_of_hanging():
    dataset = Made(bad=[f"n{i}" for i in range(6)])
    order, options = itertools.cycle(range(6)), {"skip_bad": True, "batch_size": 4}
    with pytest.raises(DataError, match="none of 12 pictures in a row"):
        list(Loader(dataset.split("train"), order, collate=names, **options))


def test_kept_pictures_are_read_once_as_far_as_there_is_room():
    dataset = Made()
    kept = Kept(dataset.split("train"), lambda image: image[:1], most=2 * 9)  # bytes: two of them
    for _ in range(3):
        assert [kept[k].name for k in range(len(kept))] == kept.names
    assert dataset.read_count == 6 + 4 + 4
    assert kept[0].image.shape == (1, 3, 3) and kept[0].labels.shape == (2, 3)
    with pytest.raises(ValueError, match="read-only"):
        kept[0].image[:] = 1
    with pytest.raises(IndexError):
        kept[6]


def test_several_threads_keep_no_more_than_there_is_room_for():
    dataset = Made()
    kept = Kept(dataset.split("train"), most=3 * 18)
    order, images = list(range(6)) * 20, {}
    for picture in Loader(kept, order, threads=5):
        images.setdefault(picture.name, set()).add(id(picture))
    assert kept.room == 0 and dataset.read_count < 6 + 3 * 20
