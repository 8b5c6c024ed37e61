"""What travels between the judge and the process in which an answer runs.

Each message is its length in eight bytes, and then its bytes. What the judge sends may be anything
that pickle knows; functions travel as numbers, and are called back (see answering.py). What comes
back was made beside code that somebody else has written: it is read as a JSON text, followed by
the bytes of the arrays, and is nothing but numbers, texts, lists, tuples and arrays.
"""

import hashlib
import hmac
import io
import json
import pickle
import sys
import types

import numpy as np

HEAD = 8  # bytes of a length
LONGEST = 1 << 26  # bytes of a message: no result that is right comes near
MOST = 1 << 22  # bytes of an array that travels; of a longer one only its shape does
TEXT = 200  # characters of a text in a result


class Rubbish(Exception):
    """What came is no message of ours."""


class Other:
    """A result that is neither number nor array: only what it is called is known here."""

    def __init__(self, name):
        self.name = name


# ---------------------------------------------------------------------------- from judge to answer
class _Pickler(pickle.Pickler):
    def __init__(self, file, functions):
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.functions = functions

    def persistent_id(self, found):
        if isinstance(found, types.FunctionType) and not _can_be_imported(found):
            self.functions.append(found)
            return len(self.functions) - 1
        return None


def _can_be_imported(function):
    module = sys.modules.get(function.__module__)
    return getattr(module, function.__qualname__, None) is function


def pickled(message, functions):
    """The bytes of a message; its functions are added to the list `functions`."""
    file = io.BytesIO()
    _Pickler(file, functions).dump(message)
    return file.getvalue()


def unpickled(data, function):
    """The message; `function(number)` gives what stands for a function."""
    reader = pickle.Unpickler(io.BytesIO(data))
    reader.persistent_load = function
    return reader.load()


# ---------------------------------------------------------------------------- from answer to judge
def encoded(message):
    """The bytes of a message of numbers, texts, lists, tuples, arrays; others lose all but their
    name."""
    pieces = []
    head = json.dumps(_plain(message, pieces)).encode()
    if len(head) > MOST:
        return encoded(tuple(message[:-1]) + (Other("something very long"),))
    return b"".join([len(head).to_bytes(HEAD, "big"), head, *pieces])


def _plain(found, pieces, depth=0):
    if found is None or isinstance(found, bool | float) or type(found) is int:
        return found if not isinstance(found, float) else float(found)
    if isinstance(found, str):
        return str(found)
    if isinstance(found, list | tuple) and depth < 20:
        kind = "t" if isinstance(found, tuple) else "l"
        return {kind: [_plain(item, pieces, depth + 1) for item in found]}
    if isinstance(found, np.ndarray | np.generic) and found.dtype.kind in "fiubc":
        array = np.asarray(found)
        data = array.tobytes() if array.nbytes <= MOST else None
        pieces.append(data or b"")
        return {"a": [array.dtype.str, array.shape, data is not None]}
    if isinstance(found, np.ndarray):
        return {"o": f"an array of {found.dtype}"}
    return {"o": found.name if isinstance(found, Other) else f"a {type(found).__name__}"[:TEXT]}


def decoded(data):
    """The message. Raises Rubbish where there is none."""
    try:
        begin = HEAD + int.from_bytes(data[:HEAD], "big")
        rest = memoryview(data)[begin:]
        found, left = _whole(json.loads(bytes(data[HEAD:begin])), rest)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError, MemoryError):
        raise Rubbish from None
    if len(left):
        raise Rubbish
    return found


def _whole(found, rest):
    """(value, the bytes that are left) of what _plain has made."""
    if not isinstance(found, dict):
        if isinstance(found, list):
            raise Rubbish
        return found, rest
    ((kind, value),) = found.items()
    if kind in ("l", "t"):
        items = []
        for item in value:
            item, rest = _whole(item, rest)
            items.append(item)
        return (tuple(items) if kind == "t" else items), rest
    if kind == "a":
        return _array(*value, rest)
    return Other(str(value)), rest


def _array(name, shape, sent, rest):
    dtype = np.dtype(name)
    if dtype.kind not in "fiubc" or dtype.itemsize > 32 or min(shape, default=0) < 0:
        raise Rubbish
    if not sent:
        return np.broadcast_to(np.zeros((), dtype), shape), rest
    count = 1
    for length in shape:
        count *= length
    size = count * dtype.itemsize
    if size > len(rest):
        raise Rubbish
    return np.frombuffer(rest[:size], dtype).reshape(shape).copy(), rest[size:]


def signature(key, text):
    """What only those can write who know the key."""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
