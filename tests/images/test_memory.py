"""How much memory a large photograph takes: its decoder's, and three bytes a pixel."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from minicnn.images.labels import read_labels
from minicnn.images.reading import BLOCK, read_with_mask

SIDE = 4480  # 20 megapixels
# In a process of its own, whose peak Linux counts: with Pillow's pixels, which Python does not see.
PEAKS = """
import sys
from PIL import Image
import minicnn.images.labels, minicnn.images.reading

def peak():
    lines = open("/proc/self/status").read().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])

name, path = sys.argv[1:]
small = path + ".small.png"
read = getattr(minicnn.images.labels if name == "read_labels" else minicnn.images.reading, name)
read(small)
before = peak()
with Image.open(path) as picture:
    picture.load()
decoder = peak() - before
del picture
read(path)
print(decoder, peak() - before)
"""


def saved(tmp_path, mode, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    ending = "tif" if mode == "CMYK" else "png"
    path = tmp_path / f"large.{ending}"
    pack = {"compression": "tiff_lzw"} if mode == "CMYK" else {}  # without, it is only mapped
    colour = {"L": 3, "P": 3, "LA": (9, 9), "CMYK": (9, 9, 9, 9)}.get(mode, (9,) * len(mode))
    Image.new(mode, (SIDE, SIDE), colour).save(path, exif=exif, **pack)
    with Image.new("L", (8, 8)) as small:
        small.save(f"{path}.small.png")
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    "mode, turn",
    [("L", 1), ("P", 1), ("LA", 1), ("LA", 6), ("RGB", 1), ("RGB", 6), ("RGBA", 1), ("CMYK", 1)],
)
def test_a_photograph_takes_its_decoders_memory_and_its_own(tmp_path, mode, turn):
    path = saved(tmp_path, mode, turn)
    command = [sys.executable, "-c", PEAKS, "read_with_mask", str(path)]
    decoder, ours = map(int, subprocess.check_output(command, text=True).split())
    mask = SIDE * SIDE if "A" in mode else 0
    assert ours < decoder + 3 * SIDE * SIDE + mask + 40e6, (decoder / 1e6, ours / 1e6)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_labels_take_their_decoders_memory_and_a_byte_a_pixel(tmp_path):
    path = saved(tmp_path, "P", 6)
    command = [sys.executable, "-c", PEAKS, "read_labels", str(path)]
    decoder, ours = map(int, subprocess.check_output(command, text=True).split())
    assert ours < decoder + SIDE * SIDE + 30e6, (decoder / 1e6, ours / 1e6)


def test_small_and_narrow_pictures(tmp_path):
    """Blocks at the edges: one pixel, one row, one column, one more than a block."""
    for shape in ((1, 1), (1, BLOCK + 1), (BLOCK + 1, 1), (2, 2 * BLOCK + 1)):
        labels = np.arange(np.prod(shape), dtype=np.uint32).reshape(shape).astype(np.uint8)
        Image.fromarray(labels).save(tmp_path / "a.png")
        np.testing.assert_array_equal(read_labels(tmp_path / "a.png"), labels)
        image, opaque = read_with_mask(tmp_path / "a.png")
        np.testing.assert_array_equal(image, np.repeat(labels[..., None], 3, axis=2))
        assert opaque is None
