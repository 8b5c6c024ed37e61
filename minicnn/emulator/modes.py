"""How kernels are run from now on: fast or checked, in which order their threads take turns.

    with emulator.checked(order="random", seed=1):
        kernel(grid, block, arguments)

Fast mode looks at nothing but barriers: an index out of bounds may crash Python, as it may crash a
GPU. Checked mode looks at every load and store, and is about four times slower. A right kernel
gives the same bits in every order of its threads.
"""

import contextlib
import dataclasses
import os
import threading

ORDERS = ("forward", "reversed", "random")


@dataclasses.dataclass(frozen=True)
class Mode:
    checked: bool = os.environ.get("MINICNN_EMULATOR") == "checked"
    order: str = "forward"
    seed: int = 0


class _OfThread(threading.local):
    """The Mode of each thread."""

    mode = Mode()


_of_thread = _OfThread()


def mode():
    """The Mode of launches that come now, in this thread."""
    return _of_thread.mode


def checked(order="forward", seed=0):
    """Inside, kernels are checked. order: of threads and blocks, 'forward', 'reversed' or
    'random' (another one at each barrier, by `seed`)."""
    return _inside(Mode(True, order, seed))


def fast(order="forward", seed=0):
    """Inside, kernels are not checked; order and seed as in `checked`."""
    return _inside(Mode(False, order, seed))


@contextlib.contextmanager
def _inside(chosen):
    if chosen.order not in ORDERS:
        raise ValueError(f"order {chosen.order!r}: choose {', '.join(ORDERS)}")
    before, _of_thread.mode = _of_thread.mode, chosen
    try:
        yield
    finally:
        _of_thread.mode = before
