"""What is said of picture files in other formats, damaged ones and oddly named ones."""

import os
import sys

import numpy as np
import pytest
from PIL import Image, features
from support.datasets_samples import random_image
from support.picture_files import refused, saved

from minicnn.basics.plain import read_text
from minicnn.images import formats, quiet
from minicnn.images.reading import ImageError, orientation, read_image

RGB = random_image(size=(5, 7))
GREY = RGB[:, :, 0]


@pytest.fixture
def without_heif(monkeypatch):
    """As if pillow-heif were not installed; whether it is, is looked up again, then and after."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    formats._known.cache_clear()
    yield
    formats._known.cache_clear()


@pytest.mark.parametrize(
    "start, message",
    [
        (b"\0\0\0 ftypheic" + bytes(20), "pip install pillow-heif"),
        (b"\0\0\0 ftypmif1" + bytes(20), "in the format HEIC"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(20), "in the format JPEG XL"),
        (b"\0\0\0 ftypcrx " + bytes(20), "camera raw, which must be developed"),
        (b"II*\0\x10\0\0\0CR" + bytes(20), "camera raw"),
        (b"8BPS" + bytes(20), "in the format Photoshop"),
        (b"%PDF-1.7" + bytes(20), "in the format PDF"),
        (b'<?xml version="1.0"?><svg>', "which has no pixels"),
    ],
)
def test_other_formats_are_named(tmp_path, without_heif, start, message):
    (tmp_path / "picture.jpg").write_bytes(start)
    refused(message, read_image, tmp_path / "picture.jpg")


@pytest.mark.parametrize("ending, feature", [("avif", "avif"), ("jp2", "jpg_2000")])
def test_newer_formats(tmp_path, ending, feature):
    if not features.check(feature):
        pytest.skip(f"this Pillow has no {feature}")
    image = read_image(saved(tmp_path, Image.fromarray(np.full((16, 16, 3), 90, np.uint8)), ending))
    assert image.shape == (16, 16, 3) and abs(image.astype(int) - 90).max() < 4


def test_heic(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(Image.fromarray(np.full((64, 64, 3), 90, np.uint8))).save(
        tmp_path / "a.heic"
    )
    assert abs(read_image(tmp_path / "a.heic").astype(int) - 90).max() < 4


def test_a_bad_exif_is_no_reason_to_refuse_pixels(tmp_path):
    for exif in (b"Exif\0\0", b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(40), b"Exif\0\0rubbish"):
        path = saved(tmp_path, Image.fromarray(RGB), "jpg", exif=exif)
        assert read_image(path).shape == (5, 7, 3) and orientation(path) is None


def tiff(tmp_path, compression, size=(64, 96)):
    """A TIFF of one colour a block, so that every compression has something to do; or None."""
    picture = Image.fromarray(np.kron(random_image(size=(8, 12)), np.ones((8, 8, 1), np.uint8)))
    if compression in ("group3", "group4", "tiff_ccitt"):
        picture = picture.convert("1")
    try:
        return saved(tmp_path, picture, "tif", compression=compression)
    except (OSError, RuntimeError):
        pytest.skip(f"this Pillow does not write {compression}")


COMPRESSIONS = (None, "packbits", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "jpeg")
COMPRESSIONS += ("group3", "group4", "tiff_ccitt", "lzma", "zstd")


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_damaged_tiff_says_only_our_sentence(tmp_path, capfd, compression):
    path = tiff(tmp_path, compression)
    good = path.read_bytes()
    assert read_image(path).shape == (64, 96, 3)
    for keep in (0.2, 0.6, 0.9):
        path.write_bytes(good[: int(keep * len(good))])
        refused("damaged", read_image, path)
    refusals = 0
    rng = np.random.default_rng(0)
    for start in rng.integers(8, len(good) - 30, 12):  # numbers of no compression tell of a change
        data = bytearray(good)
        data[start : start + 20] = rng.integers(0, 256, 20, dtype=np.uint8).tobytes()
        path.write_bytes(data)
        try:
            read_image(path)
        except ImageError:
            refusals += 1
    assert refusals > 0 or compression in (None, "packbits", "group3")
    assert capfd.readouterr() == ("", "")


def test_an_error_that_libtiff_only_mentions_is_one(tmp_path):
    """Fax4Decode tells of a bad code word and goes on: the picture is there, and wrong."""
    path = tiff(tmp_path, "group4")
    good, mentioned = path.read_bytes(), 0
    for at in range(len(good) // 4, len(good) // 2, 7):
        data = bytearray(good)
        data[at] ^= 255
        path.write_bytes(data)
        try:
            with quiet.listening() as heard, Image.open(path) as picture:
                picture.load()
        except Exception:
            continue
        if heard:  # Pillow has taken it
            mentioned += 1
            refused("Fax4Decode: ", read_image, path)
    assert mentioned > 0


def test_what_others_write_meanwhile_is_no_error(tmp_path, capfd):
    """A bar of progress, say, in another thread."""
    with quiet.listening() as heard:
        os.write(2, b"\r 12%|###  | 3/60 [00:01<00:09]\nDeprecated: no\nZIPDecode: bad at 0.\n")
    assert heard == ["ZIPDecode: bad at 0."]
    assert capfd.readouterr().err == "\r 12%|###  | 3/60 [00:01<00:09]\nDeprecated: no\n"


@pytest.mark.parametrize(
    "name, shown",
    [
        ("two\nlines", r"two\nlines"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("caf\udce9", r"caf\xe9"),
        ("n\0l", r"n\x00l: there is no such file"),
    ],
)
def test_odd_names_are_shown_in_one_line(name, shown):
    with pytest.raises(ImageError) as caught:
        read_image(f"/no/such/{name}")
    assert shown in str(caught.value) and str(caught.value).isprintable()


def test_a_name_that_is_no_utf_8_is_read(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")
    Image.fromarray(RGB).save(saved(tmp_path, Image.fromarray(RGB)))
    os.rename(tmp_path / "picture.png", path)
    np.testing.assert_array_equal(read_image(path), RGB)


def test_plain_text(tmp_path):
    (tmp_path / "a").write_bytes("\ufeffé\n".encode())
    assert read_text(tmp_path / "a") == "é\n"
    (tmp_path / "b").write_bytes(b"caf\xe9")
    os.mkfifo(tmp_path / "pipe")
    for path, most, message in (
        (tmp_path / "a", 3, "is larger than 3e-06 MB"),
        (tmp_path / "b", 99, "not readable as UTF-8"),
        (tmp_path / "pipe", 99, "no plain file, but a pipe or a device"),
        ("/dev/zero", 99, "no plain file, but a pipe or a device"),
        (tmp_path, 99, "is a folder"),
        (tmp_path / "none", 99, "no such file"),
    ):
        with pytest.raises(ValueError, match=message):
            read_text(path, most=most)
