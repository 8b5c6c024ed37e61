"""The mean picture of a training set, from a file: public weights come with one.

    .npy           numpy's: (3,), (3, H, W) or (1, 3, H, W)
    .binaryproto   Caffe's BlobProto: (channels, height, width), or (num, channels, height, width)

Its planes are in the order of the channels that the network knows (of Caffe's: blue, green, red).
"""

import math
from pathlib import Path

import numpy as np

from minicnn.basics.varints import fields, varint
from minicnn.learning.errors import TrainingError

LARGEST = 3 * 4096 * 4096 * 8  # bytes


def of_file(path, network):
    """float32 (3, size, size), grey levels: the middle of the mean picture in a file. Raises
    TrainingError that names it."""
    path, size = Path(path), network.options["size"]
    if not path.is_file():
        raise TrainingError(f"mean={path}: there is no such file")
    if path.suffix not in (".npy", ".binaryproto"):
        raise TrainingError(f"mean={path}: expected a file .npy or .binaryproto")
    if path.stat().st_size > LARGEST:
        raise TrainingError(f"mean={path}: too large to be a mean picture")
    try:
        read = np.load(path, allow_pickle=False) if path.suffix == ".npy" else _blob(path)
        mean = np.asarray(read, np.float32)
    except (ValueError, TypeError, OSError, EOFError):
        raise TrainingError(f"mean={path}: damaged, or no mean picture") from None
    shape = mean.shape
    mean = mean.reshape(shape[1:]) if mean.ndim == 4 and len(mean) == 1 else mean
    mean = mean.reshape(3, 1, 1) if mean.shape == (3,) else mean
    if mean.ndim != 3 or len(mean) != 3:
        raise TrainingError(f"mean={path}: of shape {shape}, expected (3,) or (3, height, width)")
    if not np.isfinite(mean).all() or mean.min() < 0 or mean.max() > 255:
        raise TrainingError(f"mean={path}: expected grey levels, from 0 to 255")
    if mean.shape[1:] == (1, 1):
        return np.broadcast_to(mean, (3, size, size)).copy()
    if min(mean.shape[1:]) < size:
        raise TrainingError(
            f"mean={path}: {mean.shape[2]}x{mean.shape[1]} pixels, and the network sees {size}: "
            "give a larger one, or three numbers"
        )
    top, left = ((n - size) // 2 for n in mean.shape[1:])
    return mean[:, top : top + size, left : left + size].copy()


def _blob(path):
    """The array of a BlobProto: fields 1 to 4 or 7 are its sizes, 5 are floats, 8 doubles."""
    sizes, shape, floats, doubles = {}, [], [], []
    for field, value in fields(path.read_bytes()):
        if field in (1, 2, 3, 4) and isinstance(value, int):
            sizes[field] = value
        elif field == 7 and isinstance(value, bytes):
            shape = [n for f, dims in fields(value) if f == 1 for n in _whole(dims)]
        elif field in (5, 8) and isinstance(value, bytes):
            (floats if field == 5 else doubles).append(value)
    shape = shape or [sizes.get(k, 1) for k in (1, 2, 3, 4)]
    values = np.frombuffer(b"".join(floats or doubles), "<f4" if floats else "<f8")
    if math.prod(shape) != values.size:
        raise ValueError("sizes and numbers differ")
    return values.reshape(shape)


def _whole(packed):
    """The numbers of a field that may be packed."""
    place = 0
    while isinstance(packed, bytes) and place < len(packed):
        number, place = varint(packed, place)
        if number is None:
            raise ValueError("a number without an end")
        yield number
    if isinstance(packed, int):
        yield packed
