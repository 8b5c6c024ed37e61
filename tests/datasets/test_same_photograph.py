"""The same photograph, scaled and compressed anew, and others that only look alike."""

import json

import numpy as np
import pytest
from PIL import Image

from minicnn import datasets
from minicnn.datasets import same_photograph
from minicnn.datasets.same_photograph import SAME, fingerprint, fingerprints, same
from minicnn.images.reading import read_image, turned


@pytest.fixture(scope="module")
def drawn():
    return [p.image for p in datasets.load("scenes", size=(120, 160), train=8).split("train")]


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.resize((80, 60), Image.Resampling.LANCZOS),
        lambda p: p.resize((320, 240), Image.Resampling.BICUBIC),
        lambda p: p.resize((150, 130)),
        lambda p: p.convert("L"),
        lambda p: p.point(lambda v: 20 + 0.8 * v),
    ],
    ids=["smaller", "larger", "stretched", "grey", "paler"],
)
def test_it_survives(drawn, change, tmp_path):
    paths = []
    for k, image in enumerate(drawn):
        Image.fromarray(image).save(tmp_path / f"a{k}.png")
        change(Image.fromarray(image)).save(tmp_path / f"b{k}.jpg", quality=60)
        paths += [tmp_path / f"a{k}.png", tmp_path / f"b{k}.jpg"]
    bits = fingerprints(paths)
    assert same(bits[::2], bits[1::2]) == [(k, k) for k in range(len(drawn))]


def test_kept_and_looked_up(drawn, tmp_path, monkeypatch):
    Image.fromarray(drawn[0]).save(tmp_path / "a.png")
    (tmp_path / "bad.jpg").write_text("hello")
    paths, kept = [tmp_path / "a.png", tmp_path / "bad.jpg", tmp_path / "none.jpg"], tmp_path / "k"
    bits = fingerprints(paths, kept)
    assert bits[0].any() and not bits[1:].any() and len(json.loads(kept.read_text())) == 1
    assert same(bits, bits) == [(0, 0)]  # two that cannot be read are not the same
    with monkeypatch.context() as m:
        m.setattr(same_photograph, "fingerprint", None)
        np.testing.assert_array_equal(fingerprints(paths, kept), bits)
    kept.write_text('{"a": 3')
    np.testing.assert_array_equal(fingerprints(paths, kept), bits)
    assert fingerprint(Image.fromarray(drawn[0])).tolist() == bits[0].tolist()


def test_the_184_of_sift_flow_and_labelmefacade():
    """184 photographs are in both, and are called alike. All of them are found, and nothing else
    is nearly as near."""
    for name in ("sift-flow", "labelmefacade"):
        if not datasets.is_installed(name):
            pytest.skip(f"{name} is not installed (MINICNN_DATA)")
    home, kept = datasets.data_home(), datasets.data_home() / ".fingerprints.json"
    ours = sorted((home / "sift-flow/Images").rglob("*.jpg"))
    theirs = sorted((home / "labelmefacade/images").glob("*.jpg"))
    pairs = same(fingerprints(ours, kept), fingerprints(theirs, kept), SAME)
    found = {(ours[i].stem, theirs[j].stem) for i, j in pairs}
    named = {(o.stem, t.stem) for o in ours for t in theirs if t.stem.endswith(f"_{o.stem}")}
    assert len(named) == 184 and named <= found


@pytest.mark.parametrize("turn", range(1, 9))
def test_however_a_camera_was_held(drawn, turn, tmp_path):
    """EXIF tells how stored pixels are to be turned; the other copy is stored upright."""
    upright = Image.fromarray(drawn[0])
    upright.resize((80, 60)).save(tmp_path / "upright.png")
    exif = Image.Exif()
    exif[0x0112] = turn
    back = {6: 8, 8: 6}.get(turn, turn)  # all others are undone by themselves
    stored = Image.fromarray(np.ascontiguousarray(turned(drawn[0], back)))
    stored.save(tmp_path / "stored.jpg", quality=90, exif=exif)
    assert read_image(tmp_path / "stored.jpg").shape == drawn[0].shape
    bits = fingerprints([tmp_path / "upright.png", tmp_path / "stored.jpg"])
    assert same(bits[:1], bits[1:]) == [(0, 0)]


def test_grey_levels_of_16_bits(drawn, tmp_path):
    grey = Image.fromarray(drawn[0]).convert("L")
    grey.save(tmp_path / "8.png")
    wide = np.asarray(grey.resize((80, 60))).astype(np.uint16) * 257
    Image.fromarray(wide).save(tmp_path / "16.png")
    with Image.open(tmp_path / "16.png") as picture:
        assert picture.mode.startswith("I")
    bits = fingerprints([tmp_path / "8.png", tmp_path / "16.png"])
    assert same(bits[:1], bits[1:]) == [(0, 0)]


def test_what_an_older_version_kept_is_not_taken(drawn, tmp_path):
    Image.fromarray(drawn[0]).save(tmp_path / "a.png")
    right = fingerprints([tmp_path / "a.png"], tmp_path / "kept")
    (key,) = json.loads((tmp_path / "kept").read_text())
    old = {key.partition(" ")[2]: "00" * 32, "1" + key[1:]: "00" * 32}
    (tmp_path / "kept").write_text(json.dumps(old))
    assert (fingerprints([tmp_path / "a.png"], tmp_path / "kept") == right).all()
