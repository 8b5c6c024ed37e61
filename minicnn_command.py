"""What the command `minicnn` begins with: quiet if Ctrl-C comes while the package is imported.

Importing minicnn takes a second, in which Ctrl-C would end in a traceback from somewhere within
numpy. This stands outside the package, because whatever stands inside imports the package first.
"""

import os
import signal


def main():
    """Runs the command line; returns the exit status."""
    normal = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if normal:  # else the shell has said that Ctrl-C shall not matter
        # An exception could be swallowed by what is just being imported; this cannot.
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from minicnn.cli import main

    if normal:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return main()
