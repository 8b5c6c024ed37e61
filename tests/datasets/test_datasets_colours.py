"""Default colours: told apart by every reader, and natural where the name says so."""

import numpy as np

from minicnn.datasets.colour_vision import distances, views
from minicnn.datasets.colours import FAR, NATURAL, class_colours, palette, rgb


def least_distance(colours):
    """The least between any two, and to black, which is void, for every kind of vision."""
    with_void = np.concatenate([colours, [[0, 0, 0]]])
    between = distances(with_void, with_void)
    return between[~np.eye(len(between), dtype=bool)].min()


def test_33_colours_can_be_told_apart():
    for count in (1, 8, 21, 33):
        assert least_distance(palette(count)) >= 15
    seen = views(palette(33))[0]
    between = np.linalg.norm(seen[:, None] - seen, axis=-1)
    assert between[~np.eye(33, dtype=bool)].min() >= 25  # for full colour vision
    # red and green of one lightness, which a colour-blind reader takes for one: caught
    assert least_distance(np.array([[200, 60, 40], [112, 112, 30]])) < 15


def test_distances_are_those_of_cielab():
    white, red = views(np.array([[255, 255, 255], [255, 0, 0]]))[0]
    np.testing.assert_allclose(white, [100, 0, 0], atol=0.01)
    np.testing.assert_allclose(red, [53.24, 80.09, 67.20], atol=0.02)


def test_classes_look_as_their_names_say():
    names = ("Blue Sky", "trees", "grass", "water", "road", "building", "zebra crossing")
    colours = class_colours(names)
    red, green, blue = (colours[:6].astype(int)[:, k] for k in range(3))
    sky, tree, grass, water, road, building = range(6)
    assert blue[sky] > red[sky] and blue[water] > red[water] and red[building] > blue[building]
    assert all(green[k] > max(red[k], blue[k]) for k in (tree, grass))
    assert red[road] == green[road] == blue[road]
    assert least_distance(colours) >= FAR
    assert class_colours(["sky", "sky above"])[1].tolist() != colours[sky].tolist()
    kept = class_colours(["sky", "tree"], [None, [128, 190, 255]])
    assert kept[1].tolist() == [128, 190, 255] and least_distance(kept) >= FAR
    many = [words.split()[0] for words in NATURAL.values()]
    assert least_distance(class_colours([*many, *[f"x{k}" for k in range(33 - len(many))]])) >= FAR


def test_like_things_have_like_colours():
    """Whatever comes first in the file, grass is as grass is, and a field beside it green, too."""
    for names in (("field", "grass"), ("grass", "field")):
        colours = dict(zip(names, class_colours(names).astype(int), strict=True))
        assert colours["grass"].tolist() == rgb("#82c83c")
        red, green, blue = colours["field"]
        assert green > max(red, blue) and least_distance(class_colours(names)) >= FAR
    rock, tree = class_colours(["rock", "tree"])
    assert tree.tolist() == rgb("#00552d") and rock.max() - rock.min() < 40
    colours = class_colours(["desert", "sea", "river", "sand", "water", "bus", "car"])
    assert colours[3].tolist() == rgb("#f0dcaa") and colours[4].tolist() == rgb("#005abe")
    assert colours[6].tolist() == rgb("#e61e64") and least_distance(colours) >= FAR
