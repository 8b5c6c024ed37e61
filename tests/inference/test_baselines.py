"""Rules without a network, on pictures whose answers can be counted by hand."""

import numpy as np

from minicnn.datasets import Picture
from minicnn.inference.baselines import baselines, cells

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
