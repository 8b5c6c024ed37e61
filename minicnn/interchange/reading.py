"""An ONNX file is read, and nothing in it is believed before it was looked at.

The frame of the file is walked through first, field by field, without taking any memory: what is no
ONNX file, or ends too early, is found there. Then onnx reads it. The size that a tensor declares
has to be that of the numbers which are there, in the file or in the one that it names.
"""

import math
import os
from pathlib import Path

import numpy as np

from minicnn.basics import typed
from minicnn.basics.varints import varint
from minicnn.interchange.errors import InterchangeError
from minicnn.interchange.packages import onnx

OLDEST, NEWEST = 3, 22  # opsets
LARGEST = 2**31 - 1  # bytes of a file, by protobuf
FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
MOST_FIELDS = 10_000
# TensorProto.DataType: how its numbers lie in raw_data and in external files, and the field that
# holds them otherwise
KINDS = {
    1: ("<f4", "float_data"),
    2: ("u1", "int32_data"),
    3: ("i1", "int32_data"),
    4: ("<u2", "int32_data"),
    5: ("<i2", "int32_data"),
    6: ("<i4", "int32_data"),
    7: ("<i8", "int64_data"),
    9: ("?", "int32_data"),
    10: ("<f2", "int32_data"),
    11: ("<f8", "double_data"),
    12: ("<u4", "uint64_data"),
    13: ("<u8", "uint64_data"),
}


def read(path):
    """The ModelProto of a file. Raises InterchangeError that names it."""
    path = Path(path)
    if not path.is_file():
        raise InterchangeError(f"{path}: there is no such file")
    with open(path, "rb") as file:
        _walk(file, path, os.fstat(file.fileno()).st_size)
        file.seek(0)
        return parsed(file.read(), path)


def parsed(data, source):
    """The ModelProto of these bytes, its functions put in their places."""
    module = onnx()
    from google.protobuf.message import DecodeError

    model = module.ModelProto()
    try:
        model.ParseFromString(data)
    except (DecodeError, RuntimeError, ValueError):
        raise InterchangeError(
            f"{source}: damaged: it begins like an ONNX file and cannot be read to its end; take "
            "another copy of the file"
        ) from None
    if model.functions:
        from onnx import inliner

        try:
            model = inliner.inline_local_functions(model)
        except (RuntimeError, ValueError) as error:
            reason = typed.shown(str(error))
            raise InterchangeError(f"{source}: its functions cannot be read ({reason})") from None
    return model


def opset_of(model, source):
    """The opset of a model, of ONNX's own operators."""
    versions = [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")]
    version = versions[0] if versions else 1
    if not OLDEST <= version <= NEWEST:
        raise InterchangeError(
            f"{source}: of opset {version}, and {OLDEST} to {NEWEST} are read here; export it with "
            f"opset_version={min(max(version, OLDEST), NEWEST)}"
        )
    return version


def _walk(file, path, size):
    """Raises InterchangeError if the bytes are not framed as a ModelProto."""
    if size > LARGEST:
        raise InterchangeError(f"{path}: {size / 1e9:.1f} GB, and an ONNX file holds at most 2 GB")
    place, fields, last = 0, 0, False
    while place < size and fields < MOST_FIELDS:
        file.seek(place)
        head = file.read(20)
        key, used = varint(head, 0)
        if key is None or FIELDS.get(key >> 3) != key & 7:
            break
        number, used = varint(head, used)
        if number is None:
            break
        place += used + (number if key & 7 else 0)
        last = last or key >> 3 == 7
        fields += 1
    if place > size:
        raise InterchangeError(
            f"{path}: incomplete: {size:,} bytes, and {place:,} are announced; take another copy "
            "of the file"
        )
    if place < size or not last:
        raise InterchangeError(f"{path}: not an ONNX file")


def text(name):
    """A name in a file; what is no text of it is shown as such."""
    return name if isinstance(name, str) else name.decode(errors="replace")


def array_of(tensor, source, folder):
    """The numbers of a TensorProto; float16 and bfloat16 become float32. `folder`: where a second
    file with weights may lie; None for nowhere."""
    name = typed.named(text(tensor.name) or "a constant")
    if tensor.data_type == 16:  # bfloat16: the upper half of a float32
        halves = _numbers(tensor, "<u2", "int32_data", name, source, folder)
        return (halves.astype(np.uint32) << 16).view(np.float32)
    if tensor.data_type not in KINDS:
        raise InterchangeError(
            f"{source}: {name} is of a kind of numbers that is not read here (data type "
            f"{tensor.data_type})"
        )
    kind, field = KINDS[tensor.data_type]
    array = _numbers(tensor, kind, field, name, source, folder)
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _numbers(tensor, kind, field, name, source, folder):
    shape = tuple(tensor.dims)
    if any(n < 0 for n in shape):
        raise InterchangeError(f"{source}: {name} has the impossible shape {shape}")
    count, width = math.prod(shape), np.dtype(kind).itemsize
    if tensor.data_location == 1:
        return _external(tensor, kind, shape, count * width, name, source, folder)
    if tensor.HasField("raw_data"):
        _same(len(tensor.raw_data), count * width, shape, name, source)
        return np.frombuffer(tensor.raw_data, kind).reshape(shape).copy()
    values = getattr(tensor, field)
    _same(len(values), count, shape, name, source, "numbers")
    if field == "int32_data" and kind in ("<f2", "<u2"):  # the bits of each
        return np.array(values, np.int32).astype(np.uint16).view(kind).reshape(shape)
    return np.array(values, np.dtype(kind).newbyteorder("=")).reshape(shape)


def _same(found, expected, shape, name, source, what="bytes"):
    if found != expected:
        raise InterchangeError(
            f"{source}: damaged: {name} of shape {shape} needs {expected:,} {what}, and {found:,} "
            "are there; take another copy of the file"
        )


def _external(tensor, kind, shape, needed, name, source, folder):
    """The numbers of a tensor that lie in a second file beside the first."""
    told = {entry.key: entry.value for entry in tensor.external_data}
    location = told.get("location", "")
    if folder is None or not location or not _inside(folder, location):
        raise InterchangeError(
            f"{source}: {name} is said to lie in {typed.shown(location)}; weights are read only "
            "from a file in the folder of the network"
        )
    file = Path(folder) / location
    try:
        offset = int(told.get("offset", 0))
        length = int(told.get("length", needed))
    except ValueError:
        raise InterchangeError(f"{source}: damaged: where {name} lies is no number") from None
    if not file.is_file():
        raise InterchangeError(f"{source}: its weights are in {file}, and there is no such file")
    _same(length, needed, shape, name, source)
    size = file.stat().st_size
    if offset < 0 or offset + length > size:
        raise InterchangeError(
            f"{file}: {name} is said to end at byte {offset + length:,}, and the file has "
            f"{size:,}; take another copy of both files"
        )
    return np.fromfile(file, kind, needed // np.dtype(kind).itemsize, offset=offset).reshape(shape)


def _inside(folder, location):
    folder = Path(folder).resolve()
    return (folder / location).resolve().is_relative_to(folder)
