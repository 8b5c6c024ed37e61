"""What is said of picture files in other formats, damaged ones and oddly named ones."""

import os
import sys

import numpy as np
import pytest
from PIL import Image, features
from support.datasets_samples import random_image

from minicnn.basics.plain import read_text
from minicnn.images.reading import ImageError, orientation, read_image

RGB = random_image(size=(5, 7))
GREY = RGB[:, :, 0]


def refused(text, function, path, **options):
    with pytest.raises(ImageError) as caught:
        function(path, **options)
    assert str(path) in str(caught.value) and text in str(caught.value), str(caught.value)


def saved(tmp_path, picture, ending="png", **options):
    path = tmp_path / f"picture.{ending}"
    picture.save(path, **options)
    return path


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
def test_other_formats_are_named(tmp_path, monkeypatch, start, message):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as if it were not installed
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
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


def test_a_damaged_tiff_says_only_our_sentence(tmp_path, capfd):
    path = saved(tmp_path, Image.fromarray(RGB), "tiff", compression="tiff_deflate")
    data = bytearray(path.read_bytes())
    data[12:60] = bytes(48)
    path.write_bytes(data)
    refused("damaged", read_image, path)
    assert capfd.readouterr() == ("", "")


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
