"""Ctrl-C, and the signal by which a machine ends a program, at a moment that does no harm."""

import contextlib
import signal
import threading

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def defer_interrupt():
    """A Ctrl-C or a SIGTERM in here takes effect at the end: half of an update is never saved."""
    if threading.current_thread() is not threading.main_thread():  # only there they can come
        yield
        return
    came = []
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in before:
        if callable(before[number]):
            signal.signal(number, lambda *signals: came.append(signals))
    try:
        yield
    finally:
        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, handler)
    if came:
        before[came[0][0]](*came[0])


class Terminated(KeyboardInterrupt):
    """What SIGTERM raises inside `terminable`; it is treated as Ctrl-C is."""


@contextlib.contextmanager
def terminable():
    """Inside, SIGTERM raises Terminated: a training saves and says how to go on."""
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:  # or else somebody has it
        yield
        return

    def stop(*_):
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
