"""The kernels of a first training step, compiled by two processes.

With an empty kernel cache nearly all of that step is Numba's compiler, which keeps one processor
busy, whatever threads there are. So a forked copy of the process rehearses the step: kernels do not
run, but the types of their arguments are noted. Then it compiles what it has noted, the last kernel
first, and ends. The process itself goes on as if nothing were; about half of the way it finds in
the cache what the copy has put there.

The rehearsal changes nothing outside: weights, random numbers and pictures are the copy's own.
"""

import contextlib
import multiprocessing
import os
import signal
import warnings

from minicnn.engine import kernel
from minicnn.engine.devices import get_num_threads
from minicnn.engine.rehearsal import rehearsal

AT_MOST = 300  # seconds, after which a copy is ended whatever it does


def compile_ahead(step):
    """Lets another process compile the CPU kernels that `step()` will need, and returns at once.
    Does nothing where a process cannot be forked or has one thread, as on a single processor."""
    import numba
    from numba.core.compiler_lock import global_compiler_lock

    able = "fork" in multiprocessing.get_all_start_methods() and get_num_threads() > 1
    able &= not multiprocessing.current_process().daemon  # who may have no children
    if not able or numba.config.DISABLE_JIT:
        return
    of_copy = {"target": _compile, "args": (step, os.getpid()), "daemon": True}
    copy = multiprocessing.get_context("fork").Process(**of_copy)
    # what another thread holds at that moment the copy would wait for, for ever
    with kernel.compiling, global_compiler_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Python, for the other threads
        with contextlib.suppress(OSError):  # no room for another process
            copy.start()


def needed(step):
    """[(kernel, types of its arguments)], each once, of the CPU kernels that `step()` calls; if it
    stumbles over results that nobody has computed, of those before."""
    import numba

    found = {}

    def note(called, args):
        found[called, tuple(map(numba.typeof, args))] = None

    with rehearsal(note), contextlib.suppress(Exception):
        step()
    return list(found)


def _compile(step, parent):
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.alarm(AT_MOST)
        silence = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(silence, stream)
        for called, types in reversed(needed(step)):
            if os.getppid() != parent:
                break
            with contextlib.suppress(Exception):  # whoever calls it will be told
                called.compiled().compile(types)
    finally:
        os._exit(0)  # what the process has open is not for its copy to close
