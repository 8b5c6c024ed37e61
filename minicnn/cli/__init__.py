"""The command line: `minicnn train multi-scale --data scenes`.

One command, one file: its options (`add`) and what it does (`run`, or one function for each
action). What several commands share is in `arguments.py` (options) and in `common.py` (deeds); here
stand the list of the commands and what is said when one fails. Everything that they do can be had
from Python too.

`run(o)` gets the options as they were read. It prints its result to stdout, everything else to
stderr, and returns the exit status, or None for 0: 0; 1 if a check found something wrong; 2 for a
mistake of the user, said in one line; 130 after Ctrl-C, 143 after SIGTERM. Of several processes
that mpiexec has started the first one speaks.
"""

import argparse
import contextlib
import errno
import os
import sys

from minicnn.basics import early
from minicnn.basics.printing import guarded, one_line
from minicnn.cli import (
    bench,
    data,
    demo,
    evaluate,
    exercise,
    export,
    gradcheck,
    info,
    lectures,
    resume,
    segment,
    show,
    table,
    train,
)
from minicnn.cli.arguments import Parser
from minicnn.learning import mpi
from minicnn.learning.interrupts import Terminated, terminable
from minicnn.learning.world import joined, refuse_many, world

COMMANDS = (
    demo,
    train,
    resume,
    evaluate,
    segment,
    show,
    export,
    data,
    gradcheck,
    bench,
    table,
    exercise,
    lectures,
    info,
)
SHARED = (train, resume, evaluate, segment)  # that several processes may do together


def main(arguments=None):
    """Runs one command; returns the exit status. `arguments` as a list, by default sys.argv's."""
    early.begun()
    with guarded(), terminable():
        return _run(arguments)


def _run(arguments):
    parser = _parser()
    try:
        options = parser.parse_args(arguments)
        if "command" not in options:
            parser.print_help()
            return 0
        with _as_one(options.command):
            status = options.command(options) or 0
            sys.stdout.flush()
        return status
    except KeyboardInterrupt as stop:
        return _say(str(stop) or "stopped", 143 if isinstance(stop, Terminated) else 130)
    except BrokenPipeError:  # `minicnn info | head -1`: whoever read us has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (ValueError, OSError, MemoryError, RuntimeError) as error:
        if os.environ.get("MINICNN_TRACEBACK"):  # for whoever looks for a mistake of ours
            raise
        return _say(_sentence(error), 2)


def _parser():
    parser = Parser(
        prog="minicnn",
        description="Convolutional networks for image segmentation, written from scratch.",
        epilog="`minicnn COMMAND --help` explains one command.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="the version, and nothing else")
    commands = parser.add_subparsers(metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser


class _Version(argparse.Action):
    def __call__(self, parser, *rest):
        from minicnn import __version__

        print(f"minicnn {__version__}")
        parser.exit()


@contextlib.contextmanager
def _as_one(command):
    """Inside, the processes that mpiexec has started, if there are several, fail together, and the
    first one speaks; but of the pictures that it has segmented each tells by itself."""
    if command not in [module.run for module in SHARED]:
        refuse_many("this command")
    with joined(), contextlib.ExitStack() as inside:
        if not world().first and command is not segment.run:
            nowhere = inside.enter_context(open(os.devnull, "w"))
            inside.enter_context(contextlib.redirect_stdout(nowhere))
            inside.enter_context(contextlib.redirect_stderr(nowhere))
        yield


def _say(text, status):
    if mpi.launched()[0] > 0:  # the first process says it
        return status
    print("minicnn:", one_line(text), file=sys.stderr)
    return status


def _sentence(error):
    from minicnn.engine.launching import in_words

    if words := in_words(error):  # of cupy and CUDA
        return words
    if isinstance(error, MemoryError):
        return f"the memory is full ({error})" if str(error) else "the memory is full"
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{where}the disk is full; make room, or choose another folder with --out"
    return f"{where}{error.strerror}"
