"""Picture files of every kind into plain arrays, and the files that are refused."""

import os
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image
from support.datasets_samples import random_image
from support.picture_files import refused, saved

from minicnn.images import reading
from minicnn.images.labels import read_labels
from minicnn.images.reading import (
    orientation,
    read_image,
    read_with_mask,
    turned,
)

RGB = random_image(size=(5, 7))
GREY = RGB[:, :, 0]


def three(grey):
    return np.repeat(grey[:, :, None], 3, axis=2)


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff", "ppm", "webp"])
def test_colour(tmp_path, ending):
    path = saved(tmp_path, Image.fromarray(RGB), ending, lossless=True)
    image = read_image(path)
    np.testing.assert_array_equal(image, RGB)
    assert image.dtype == np.uint8 and image.flags.c_contiguous and image.flags.writeable


def test_grey_and_one_bit(tmp_path):
    for ending in ("png", "tiff"):
        path = saved(tmp_path, Image.fromarray(GREY), ending)
        np.testing.assert_array_equal(read_image(path), three(GREY))
    image = read_image(saved(tmp_path, Image.fromarray(GREY > 128)))
    np.testing.assert_array_equal(image, three((GREY > 128) * np.uint8(255)))
    assert read_image(saved(tmp_path, Image.fromarray(GREY), "jpg")).shape == (5, 7, 3)


@pytest.mark.parametrize("ending", ["png", "tiff", "pgm"])
def test_sixteen_bit_grey_is_scaled(tmp_path, ending):
    wide = np.array([[0, 255, 257], [32768, 65534, 65535]], np.uint16)
    image = read_image(saved(tmp_path, Image.fromarray(wide), ending))
    np.testing.assert_array_equal(image, three(np.rint(wide / 257).astype(np.uint8)))


def test_palette(tmp_path):
    picture = Image.fromarray(RGB).quantize(9)
    np.testing.assert_array_equal(
        read_image(saved(tmp_path, picture)), np.asarray(picture.convert("RGB"))
    )


def test_transparency_lies_on_white(tmp_path):
    alpha = np.zeros((5, 7, 1), np.uint8)
    alpha[2:] = 255
    expected = np.where(alpha == 255, RGB, 255)
    path = saved(tmp_path, Image.fromarray(np.concatenate([RGB, alpha], axis=2)))
    np.testing.assert_array_equal(read_image(path), expected)
    path = saved(tmp_path, Image.fromarray(np.stack([GREY, alpha[:, :, 0]], axis=2), "LA"))
    np.testing.assert_array_equal(read_image(path), np.where(alpha == 255, three(GREY), 255))
    picture = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    picture.putpalette([10, 20, 30, 40, 50, 60])
    path = saved(tmp_path, picture, transparency=0)
    assert read_image(path).tolist() == [[[255, 255, 255], [40, 50, 60]]]


def test_cmyk(tmp_path):
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    for ending in ("tiff", "jpg"):
        image = read_image(saved(tmp_path, red, ending))
        assert np.abs(image.astype(int) - [255, 0, 0]).max() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, Image.fromarray(RGB), exif=exif)
    turned = {
        1: RGB,
        2: RGB[:, ::-1],
        3: RGB[::-1, ::-1],
        4: RGB[::-1],
        5: RGB.transpose(1, 0, 2),
        6: np.rot90(RGB, -1),
        7: np.rot90(RGB, 2).transpose(1, 0, 2),
        8: np.rot90(RGB),
    }[orientation]
    np.testing.assert_array_equal(read_image(path), turned)


def test_floating_point_is_refused(tmp_path):
    path = saved(tmp_path, Image.fromarray(GREY.astype(np.float32)), "tiff")
    refused("32 bits", read_image, path)


@pytest.mark.parametrize("ending", ["png", "jpg", "bmp", "tiff", "webp"])
def test_truncated_at_any_place(tmp_path, ending):
    path = saved(tmp_path, Image.fromarray(random_image(size=(40, 50))), ending)
    whole = path.read_bytes()
    cut = tmp_path / f"cut.{ending}"
    for length in (0, 1, 10, len(whole) // 3, len(whole) * 9 // 10):
        cut.write_bytes(whole[:length])
        refused("damaged", read_image, cut)


def test_not_pictures(tmp_path):
    refused("no such file", read_image, tmp_path / "none.jpg")
    refused("is a folder; name the pictures in it", read_image, tmp_path)
    os.mkfifo(tmp_path / "pipe.jpg")
    refused("is no plain file", read_image, tmp_path / "pipe.jpg")
    (tmp_path / "text.jpg").write_text("not a picture")
    refused("not a picture", read_image, tmp_path / "text.jpg")
    (tmp_path / "program.jpg").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    refused("not a picture", read_image, tmp_path / "program.jpg")


def png_header(path, width, height):
    """A PNG file that says how large it is, and has nothing else."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    empty = b"IDAT" + zlib.compress(b"")
    chunks += struct.pack(">I", len(empty) - 4) + empty + struct.pack(">I", zlib.crc32(empty))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return path


def test_too_large_is_known_from_the_header(tmp_path):
    refused(
        "100.0 megapixels; at most 100", read_image, png_header(tmp_path / "a.png", 10001, 9999 + 1)
    )
    refused("90000.0 megapixels", read_image, png_header(tmp_path / "b.png", 300_000, 300_000))
    refused("90000.0 megapixels", read_labels, png_header(tmp_path / "b.png", 300_000, 300_000))
    path = saved(tmp_path, Image.fromarray(RGB))
    refused("at most 3.4e-05", read_image, path, max_pixels=34)
    assert read_image(path, max_pixels=35).shape == (5, 7, 3)
    assert Image.MAX_IMAGE_PIXELS is not None  # Pillow's own guard stands for everybody else


def test_labels_are_the_stored_numbers(tmp_path):
    labels = np.array([[0, 1, 2], [3, 200, 255]], np.uint8)
    path = saved(tmp_path, Image.fromarray(labels))
    np.testing.assert_array_equal(read_labels(path), labels)
    picture = Image.fromarray(labels, "P")
    picture.putpalette(np.random.default_rng(0).integers(0, 256, 768).tolist())
    np.testing.assert_array_equal(read_labels(saved(tmp_path, picture)), labels)
    picture = Image.fromarray(labels % 4, "P")
    picture.putpalette([9] * 12)  # four colours: stored with two bits a pixel
    path = saved(tmp_path, picture, bits=2)
    np.testing.assert_array_equal(read_labels(path), labels % 4)
    assert read_labels(path).dtype == np.uint8


def test_labels_that_are_refused(tmp_path):
    refused("colour picture", read_labels, saved(tmp_path, Image.fromarray(RGB)))
    refused("16-bit grey", read_labels, saved(tmp_path, Image.fromarray(GREY.astype(np.uint16))))
    refused("1-bit grey", read_labels, saved(tmp_path, Image.fromarray(GREY > 128)))
    refused("PNG", read_labels, saved(tmp_path, Image.fromarray(GREY), "jpg"))
    path = saved(tmp_path, Image.fromarray(GREY))
    path.write_bytes(path.read_bytes()[:50])
    refused("damaged", read_labels, path)


# ------------------------------------------------------------------------- what is transparent


def test_the_mask_of_what_is_transparent(tmp_path):
    alpha = np.full((5, 7, 1), 255, np.uint8)
    alpha[2:, 3:], alpha[0, 0] = 0, 127
    path = saved(tmp_path, Image.fromarray(np.concatenate([RGB, alpha], axis=2)))
    image, opaque = read_with_mask(path)
    np.testing.assert_array_equal(opaque, alpha[:, :, 0] >= 128)
    np.testing.assert_array_equal(image, read_image(path))
    picture = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    picture.putpalette([10, 20, 30, 40, 50, 60])
    _, opaque = read_with_mask(saved(tmp_path, picture, transparency=0))
    assert opaque.tolist() == [[False, True]]
    for opaque_picture in (RGB, GREY, np.dstack([RGB, np.full((5, 7), 255, np.uint8)])):
        assert read_with_mask(saved(tmp_path, Image.fromarray(opaque_picture)))[1] is None


@pytest.mark.parametrize("turn", range(1, 9))
def test_the_mask_is_turned_with_the_picture(tmp_path, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    alpha = np.full((5, 7), 255, np.uint8)
    alpha[1, 2] = 0
    path = saved(tmp_path, Image.fromarray(np.dstack([RGB, alpha])), exif=exif)
    image, opaque = read_with_mask(path)
    np.testing.assert_array_equal(opaque, turned(alpha > 0, turn))
    assert image.shape[:2] == opaque.shape and orientation(path) == turn
    path = saved(tmp_path, Image.fromarray(GREY), exif=exif)
    np.testing.assert_array_equal(read_labels(path), turned(GREY, turn))


def test_void_where_a_label_picture_is_transparent(tmp_path):
    alpha = np.full((5, 7), 255, np.uint8)
    alpha[1] = 0
    path = saved(tmp_path, Image.fromarray(np.dstack([GREY, alpha]), "LA"))
    np.testing.assert_array_equal(read_labels(path), np.where(alpha == 0, 255, GREY))


@pytest.mark.parametrize(("mode", "chunk"), [("L", 2), ("P", 2), ("P", bytes([255, 127, 0, 200]))])
def test_void_where_numbers_are_transparent(tmp_path, mode, chunk):
    """By the chunk tRNS: one number, or, of an indexed PNG, the alpha of the first four."""
    numbers = np.array([[0, 1, 2, 3, 4, 255]], np.uint8)
    picture = Image.fromarray(numbers, "L")
    if mode == "P":
        picture = Image.fromarray(numbers, "P")
        picture.putpalette(list(range(256)) * 3)
    void = [2] if chunk == 2 else [1, 2]
    path = saved(tmp_path, picture, transparency=chunk)
    np.testing.assert_array_equal(read_labels(path), np.where(np.isin(numbers, void), 255, numbers))


@pytest.mark.parametrize("mode", ["P", "LA", "RGBA", "L", "1", "I;16", "CMYK"])
def test_blocks_make_one_picture(tmp_path, mode, monkeypatch):
    big = random_image(size=(50, 70))
    if mode == "I;16":
        picture = Image.fromarray(big[:, :, 0].astype(np.uint16) * 257)
    else:
        picture = Image.fromarray(big).convert(mode)
    if "A" in mode:
        picture.putalpha(Image.fromarray(big[:, :, 1]))
    path = saved(tmp_path, picture, "tiff" if mode == "CMYK" else "png")
    whole = read_with_mask(path)
    monkeypatch.setattr(reading, "BLOCK", 16)
    for before, after in zip(whole, read_with_mask(path), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("mode", ["P", "LA", "RGBA"])
def test_memory_of_large_pictures(tmp_path, mode):
    """Ours only, which is what can be bounded: the picture, its mask, and blocks beside."""
    path = saved(tmp_path, Image.new(mode, (4000, 3000)), compress_level=1)
    read_image(saved(tmp_path, Image.new("L", (1, 1)), "bmp"))  # what is imported now is not now
    tracemalloc.start()
    image, _ = read_with_mask(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert image.shape == (3000, 4000, 3) and peak < 12e6 * 4 + 2048**2 * 13
