"""`python -m minicnn`: quiet if Ctrl-C comes while the package is still being imported.

The package imports this first; minicnn_command.py does the same for the command `minicnn`. Whatever
is interrupted here has not begun yet, so there is nothing to clear up. Where minicnn is a library,
Ctrl-C is left alone.
"""

import os
import signal
import sys

PROGRAMS = (["minicnn"], ["minicnn.cli"])


def _is_the_program(words):
    """Whether a command line is `python ... -m minicnn ...`."""
    return words[words.index("-m") + 1 :][:1] in PROGRAMS if "-m" in words else False


def _leave(*_):
    os._exit(130)  # an exception could be swallowed by what is just being imported


def begun():
    """All is imported: Ctrl-C raises KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


if (
    sys.argv[:1] == ["-m"]  # so it is as long as Python looks for the module that it is to run
    and _is_the_program(sys.orig_argv)
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler  # else it is ignored
):
    signal.signal(signal.SIGINT, _leave)
