"""Arrays and a description of them in one file (safetensors), written whole or not at all.

Such a file cannot run code when it is opened; and nothing in it is believed before it was looked
at: what the header declares (names, shapes, types) is there to be checked before an array is made.
"""

import contextlib
import json
import zlib
from pathlib import Path

import numpy as np

from minicnn.basics import typed
from minicnn.basics.writing import write_atomically
from minicnn.learning.config import CheckpointError

DTYPES = ("F16", "F32", "F64")  # as safetensors calls them


def save(path, arrays, config):
    """Writes {name: numpy array} and the JSON-able `config` to `path`, atomically: an interrupted
    write leaves the old file as it was. A checksum of the config goes along."""
    from safetensors.numpy import save as to_bytes

    contiguous = {name: np.ascontiguousarray(a) for name, a in arrays.items()}
    header = json.dumps(config | {"checksum": _checksum(config)})
    write_atomically(path, to_bytes(contiguous, metadata={"minicnn": header}))


def load(path):
    """({name: numpy array}, config) of a checkpoint, the config as it stands in the file: what
    belongs in it is for `restore` to see. Raises CheckpointError that names the file."""
    with opened(path) as (file, shapes, config):
        return {name: file.get_tensor(name) for name in shapes}, config


@contextlib.contextmanager
def opened(path):
    """(file, {name: shape}, config) of a checkpoint, with no array read yet: `file` is that of
    safetensors. Raises CheckpointError that names the file."""
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such file")
    try:
        with safe_open(path, framework="numpy") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            for name, part in slices.items():
                if part.get_dtype() not in DTYPES:
                    raise CheckpointError(
                        f"{path}: {typed.named(name)} is of the type {part.get_dtype()}; weights "
                        f"are of {', '.join(DTYPES)}: convert them"
                    )
            shapes = {name: tuple(part.get_shape()) for name, part in slices.items()}
            yield file, shapes, _header(path, file.metadata())
    except (SafetensorError, OSError) as error:
        reason = typed.shown(str(error))
        raise CheckpointError(f"{path}: not a readable checkpoint ({reason})") from None


def _header(path, metadata):
    """What stands in the header of a file, a dict."""
    text = (metadata or {}).get("minicnn")
    if text is None:
        raise CheckpointError(f"{path}: a safetensors file, but not one that minicnn wrote")
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):  # also numbers of thousands of digits
        raise CheckpointError(f"{path}: its description is damaged: it is no JSON") from None
    if isinstance(config, dict) and "checksum" in config:  # older files have none
        checksum = config.pop("checksum")
        if checksum != _checksum(config):
            raise CheckpointError(
                f"{path}: its description has been changed since it was written (the checksum is "
                "another); take another copy of the file"
            )
    return config


def _checksum(config):
    return zlib.crc32(json.dumps(config).encode())


def check_finite(path, arrays):
    """CheckpointError if a number in {name: array} is NaN or infinite: a network would answer with
    some class all over, as if nothing were wrong."""
    for name, a in arrays.items():
        if wrong := int(a.size - np.isfinite(a).sum()):
            raise CheckpointError(
                f"{path}: {wrong} of the {a.size} numbers in {typed.named(name)} are NaN or "
                "infinite, so the network knows nothing any more; take weights from before that, "
                "or train again with a lower rate"
            )


def halved(arrays, source):
    """Arrays in float16. Raises CheckpointError if a number is too large for it."""
    with np.errstate(over="ignore"):
        halves = {name: a.astype(np.float16) for name, a in arrays.items()}
    for name, a in halves.items():
        if not np.isfinite(a).all():
            raise CheckpointError(
                f"{source}: {name} holds numbers above 65504, the largest of float16, so it is not "
                "written; train with more weight_decay"
            )
    return halves


def checksum(network):
    """A whole number that changes with the weights."""
    total = 0
    for name, array in sorted(network.state_dict().items()):
        total = zlib.crc32(
            np.ascontiguousarray(array, np.float32), zlib.crc32(name.encode(), total)
        )
    return total
