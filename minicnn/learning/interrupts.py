"""Ctrl-C at a moment that does no harm."""

import contextlib
import signal
import threading


@contextlib.contextmanager
def undivided():
    """A Ctrl-C in here takes effect at the end: half of an update is never saved."""
    if threading.current_thread() is not threading.main_thread():  # only there it can come
        yield
        return
    came = []
    before = signal.signal(signal.SIGINT, lambda *signals: came.append(signals))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came and callable(before):
        before(*came[0])
