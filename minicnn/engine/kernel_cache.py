"""Numba's disk cache of compiled kernels, with a word where it cannot be used.

Numba trusts its cache: a file that was cut short (a full disk, a machine that lost power) ends in
EOFError or UnpicklingError, a disk that is full in OSError, each time anew. A cache may fail and no
harm is done: then kernels are compiled, which is said once.
"""

import contextlib
import functools
import hashlib
import os
import sys
from types import CodeType

import numpy as np
from numba.core import config, event
from numba.core.caching import FunctionCache

from minicnn.basics import turns
from minicnn.basics.notebooks import say

_said = set()


def say_once(kind, sentence):
    """`sentence` on stderr, unless this process has said one of this kind: each file of kernels
    has a cache of its own, and what one of them lacks the others lack, too."""
    if kind not in _said:
        _said.add(kind)
        print(f"minicnn: {sentence}", file=sys.stderr)


class KernelCache(FunctionCache):
    """Numba's cache of one function; what is damaged is compiled anew and written over. It is void
    after an edit of its file, as Numba's are; of anything else that its machine code is made of, as
    the helpers that it calls (`functions`); and of `files`, by whose rules the code is written."""

    def __init__(self, function, functions=(), files=()):
        super().__init__(function)
        stamps = [(os.stat(f).st_mtime, os.stat(f).st_size) for f in sorted(files)]
        # Numba looks at the time of the file now, which may have been edited since it was loaded
        found = self._cache_file._source_stamp, digest_of([function, *functions]), stamps
        self._cache_file._source_stamp = found

    def load_overload(self, sig, target_context):
        """What is on disk. Else Numba compiles it and calls save_overload, and until then other
        processes wait that need a kernel of the same file."""
        source = self._py_func.__code__.co_filename
        return turns.find_or_make(source, lambda: self._load(sig, target_context))

    def _load(self, sig, target_context):
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # whatever unpickling a damaged file raises
            say_once(
                "damaged",
                f"compiled kernels in {self.cache_path} cannot be read "
                f"({type(error).__name__}); they are compiled anew",
            )
            with contextlib.suppress(OSError):
                self.flush()  # an index of nothing: what it named is written over
            return None

    def save_overload(self, sig, data):
        try:
            super().save_overload(sig, data)
        except OSError as error:
            say_once(
                "full",
                f"compiled kernels cannot be kept in {self.cache_path} "
                f"({error.strerror or error}), so the next start compiles them again; make room "
                "there, or set NUMBA_CACHE_DIR to another folder",
            )
        finally:
            turns.made()


def digest_of(functions):
    """Of the code of these functions, as it is loaded, and of the numbers that stand in it or are
    called by a name of their modules: machine code is made of them."""
    digest = hashlib.sha256()
    for function in functions:
        names = _put_in(digest, function.__code__)
        for name in sorted(names & function.__globals__.keys()):
            value = function.__globals__[name]
            if isinstance(value, np.ndarray):
                value = value.dtype.str, value.shape, value.tobytes()
            if isinstance(value, bool | int | float | str | bytes | tuple | np.generic):
                digest.update(repr((name, value)).encode())
    return digest.hexdigest()


def _put_in(digest, code):
    """Returns the names in it, and in the functions inside of it."""
    names = set(code.co_names)
    digest.update(code.co_code)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _put_in(digest, constant)
        else:
            digest.update(repr(constant).encode())
    digest.update(repr(code.co_names).encode())
    return names


def cached(dispatcher, functions=(), files=()):
    """A Numba function that keeps its machine code on disk, if there is a folder for it; see
    KernelCache."""
    source = dispatcher.py_func.__code__.co_filename
    try:
        dispatcher._cache = KernelCache(dispatcher.py_func, functions, files)
    except RuntimeError:  # Numba finds no folder; for what is typed at a prompt there is none
        if os.path.exists(source):
            say_once(
                "nowhere",
                f"neither {os.path.dirname(source)} nor the user's cache folder can be written, so "
                "kernels are compiled at every start (half a minute); set NUMBA_CACHE_DIR to a "
                "folder that can",
            )
    return dispatcher


@functools.cache
def announce_compilation():
    """Says «compiling kernels, once» when Numba compiles something, and not when it only
    loads from its disk cache."""
    if config.DISABLE_JIT:
        return

    class Announce(event.Listener):
        said = False

        def on_start(self, event):
            if not Announce.said:
                Announce.said = True
                say("minicnn: compiling kernels, once (a minute at most)")

        def on_end(self, event):
            pass

    event.register("numba:compile", Announce())
