"""mapping.txt: what it says, what is wrong with it, and several data sets as one."""

import numpy as np
import pytest
from PIL import Image
from support.datasets_samples import make_folder, refused

from minicnn import datasets
from minicnn.datasets.mapping import SHIPPED, read_mapping
from minicnn.datasets.msrc import Msrc
from minicnn.datasets.sift_flow import SiftFlow
from minicnn.datasets.stanford_background import StanfordBackground
from minicnn.datasets.voc import CLASSES as VOC_CLASSES

GOOD = """# two sets of sky, tree, road
[classes]
above #80beff
plant
ground

[one]
sky = above
tree = plant
road = ground
[two]
sky = above
tree = ground, plant
road = void
"""


def put(tmp_path, text):
    (tmp_path / "mapping.txt").write_text(text)
    return tmp_path / "mapping.txt"


def test_what_it_says(tmp_path):
    mapping = read_mapping(put(tmp_path, GOOD))
    assert mapping.classes == ("above", "plant", "ground")
    assert mapping.colours[0].tolist() == [0x80, 0xBE, 0xFF]
    classes = ("sky", "tree", "road")
    sets, tables = mapping.tables({"one": classes, "two": classes})
    assert sets == ((1, 2),)
    assert tables["one"][:4].tolist() == [0, 1, 2, 255] and tables["one"][255] == 255
    assert tables["two"][:3].tolist() == [0, 3, 255]


@pytest.mark.parametrize(
    "change, text",
    [
        (("[two]", "[one]"), "line 11: there is a part [one] already"),
        (("plant\n", "above\n"), "line 4: 'above' is there twice"),
        (("= ground, plant", "= ground, plnt"), "line 13: 'plnt' is none of the common classes"),
        (("= ground, plant", "= plant, plant"), "line 13: names 'plant' twice"),
        (("= ground, plant", "="), "line 13: must be  class = common class, another"),
        (("= ground, plant", "= plant, void"), "line 13: 'void' is none of the common classes"),
        (("tree = ground", "sky = ground"), "line 13: 'sky' is there twice in [two]"),
        (("#80beff", "#80be"), "line 3: "),
        (("plant\n", "a, b\n"), "line 4: 'a, b' is no class"),
        (("[classes]", "[one]"), "line 2: the part [classes] has to come first"),
        (("[classes]", "classes"), "line 2: begin with the part [classes], not 'classes'"),
    ],
)
def test_mistakes(tmp_path, change, text):
    path = put(tmp_path, GOOD.replace(*change, 1))
    assert str(path) in refused(text, read_mapping, path)


@pytest.mark.parametrize(
    "change, text",
    [
        (("tree = ground, plant\n", ""), "line 11: [two] leaves out tree: give each a line"),
        (("road = void", "rod = void"), "line 11: [two] has no class 'rod'; did you mean road?"),
        (
            ("[two]", "[too]"),
            "what the classes of two are; it has [one], [too]",
        ),
    ],
)
def test_what_does_not_fit(tmp_path, change, text):
    mapping = read_mapping(put(tmp_path, GOOD.replace(*change, 1)))
    refused(text, mapping.tables, {"two": ("sky", "tree", "road")})


def test_the_shipped_mapping_fits():
    kinds = {kind.name: kind.classes for kind in (StanfordBackground, SiftFlow, Msrc)}
    kinds["voc2012-animals"] = tuple(VOC_CLASSES.split())
    mapping = read_mapping(SHIPPED)
    sets, tables = mapping.tables(kinds)
    assert len(mapping.classes) == 12
    assert {*mapping.parts} == {*kinds, "labelmefacade", "coco-panoptic"}
    assert len(mapping.parts["coco-panoptic"]) == 133  # their names: tests/datasets/test_coco.py
    assert (8, 9, 10, 11) in sets  # a foreground object of Stanford
    background = sets[tables["voc2012-animals"][0] - 12]  # of VOC: whatever has no class there
    assert {mapping.classes[k] for k in background}.isdisjoint({"person", "vehicle", "animal"})
    for name, classes in kinds.items():
        assert (tables[name][: len(classes)] < 12 + len(sets)).all()


@pytest.fixture
def two(tmp_path, home):
    """Folders one and two, and a mapping. The pictures of two are others than those of one, but for
    three, scaled and compressed: one that two tests on, and one that one tests on."""
    one, two = (make_folder(tmp_path / name, 10, (40, 60)) for name in ("one", "two"))
    for k, path in enumerate(sorted((two / "images").iterdir())):
        small = np.random.default_rng(100 + k).integers(0, 256, (8, 12, 3), dtype=np.uint8)
        Image.fromarray(small).resize((60, 40), Image.Resampling.BICUBIC).save(path)
    (one / "test.txt").write_text("p1\np2\n")
    (two / "test.txt").write_text("p3\np4\n")
    (two / "val.txt").write_text("p9\n")
    for source, target in (("p5", "p3"), ("p1", "p5"), ("p2", "p9")):  # of one, in two
        path = next((one / "images").glob(f"{source}.*"))
        rng = np.random.default_rng(ord(source[1]))
        small = Image.fromarray(rng.integers(0, 256, (8, 12, 3), dtype=np.uint8))
        large = small.resize((60, 40), Image.Resampling.BICUBIC)
        large.save(path)
        large.resize((120, 80)).save(two / f"images/{target}.jpg", quality=70)
        (two / f"images/{target}.png").unlink(missing_ok=True)
        labels = Image.open(two / f"labels/{target}.png").resize((120, 80), 0)
        labels.save(two / f"labels/{target}.png")
    return f"{one}+{two}", put(tmp_path, GOOD)


def test_names_of_folders_are_composed(two, tmp_path):
    """A Mac writes é as an e and an accent."""
    name, _ = two
    apart = tmp_path / "e\u0301cole"
    (tmp_path / "one").rename(apart)
    mapping = put(tmp_path, GOOD.replace("[one]", "[\u00e9cole]"))
    joined = datasets.load(f"{apart}+{tmp_path / 'two'}", mapping=mapping)
    assert joined.name == "\u00e9cole+two"


def test_several_as_one(two):
    name, mapping = two
    joined = datasets.load(name, mapping=mapping)
    assert joined.name == "one+two" and joined.sets == ((1, 2),)
    assert joined.names("test") == ["one/p1", "one/p2", "two/p3", "two/p4"]
    learnt = joined.names("train") + joined.names("val")
    assert not {"one/p5", "two/p5", "two/p9"} & {*learnt} and len(learnt) == 13
    notes = "\n".join(joined.passed_over()[1])
    assert "one/p5: is not learnt from, for two/p3 of test is the same photograph" in notes
    picture, own = joined.read("two/p4"), datasets.load(name.split("+")[1]).read("p4")
    expected = np.array([0, 3, 255] + [255] * 253, np.uint8)[own.labels]
    np.testing.assert_array_equal(picture.labels, expected)
    assert picture.tags == ("above",)
    assert datasets.lasting_name(name) == name


def test_pictures_of_a_small_set_are_learnt_from_more_often(two):
    name, mapping = two
    once = datasets.load(name, mapping=mapping)
    often = datasets.load(name, mapping=mapping, often="two:3, one:1")
    mine = [n for n in once.names("train") if n.startswith("two/")]
    assert mine and often.names("train") == once.names("train") + mine + mine
    assert often.names("val") == once.names("val") and often.names("test") == once.names("test")
    for wrong in ("three:2", "two", "two:0", "two:x", "two:2,two:3", "", "two:99999"):
        refused("write  NAME:TIMES", datasets.load, name, mapping=mapping, often=wrong)


def test_several_are_installed_if_each_is(tmp_path, monkeypatch):
    monkeypatch.setenv("MINICNN_DATA", str(tmp_path))
    (tmp_path / "one").mkdir()
    assert datasets.is_installed("one") and not datasets.is_installed("one+two")
    (tmp_path / "two").mkdir()
    assert datasets.is_installed("one+two")


def test_one_with_common_classes(two):
    name, mapping = two
    alone = datasets.load(name.split("+")[1], mapping=mapping)
    assert alone.classes == ("above", "plant", "ground") and len(alone.names("test")) == 2


def test_what_cannot_be_joined(two, tmp_path):
    name, mapping = two
    one = name.split("+")[0]
    refused("a name is missing beside +", datasets.load, f"{one}+", mapping=mapping)
    refused("two data sets are called one", datasets.load, f"{one}+{one}", mapping=mapping)
    refused("none of these has folds", datasets.load, name, fold=1, mapping=mapping)
    refused("there is no option 'size' here", datasets.load, name, size=3)
    refused("has no part [one]", datasets.load, name)
    refused("there is no data set 'nix'", datasets.load, f"{one}+nix", mapping=mapping)
    refused("there is no such file", datasets.load, name, mapping=tmp_path / "none.txt")
    for c in "ab":
        (tmp_path / "classes" / c).mkdir(parents=True)
        for k in range(3):
            Image.new("RGB", (8, 8)).save(tmp_path / "classes" / c / f"{k}.png")
    pictures = f"{one}+{tmp_path / 'classes'}"
    refused("classes: its pixels have no labels", datasets.load, pictures, mapping=mapping)
