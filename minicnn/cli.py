"""The command line: `minicnn train multi-scale --data scenes`. Only words are handled here; what
the commands do is in commands.py, and everything they do can be had from Python too.

Exit status: 0; 1 if a check found something wrong; 2 for a mistake of the user, said in one line;
130 after Ctrl-C.
"""

import argparse
import errno
import os
import sys

from minicnn.options import positive, setting, whole_number

TRAINED = "a run folder, a .safetensors file or a shipped network"
LABELLING = "labelling=argmax (default), superpixels, crf, cover; its options; output=1 (recurrent)"


def main(arguments=None):
    """Runs one command; returns the exit status. `arguments` as a list, by default sys.argv's."""
    parser = _parser()
    try:
        options = parser.parse_args(arguments)
        if "command" not in options:
            parser.print_help()
            return 0
        from minicnn import commands

        status = getattr(commands, options.command)(options) or 0
        sys.stdout.flush()
        return status
    except KeyboardInterrupt as stop:
        return _say(str(stop) or "stopped", 130)
    except BrokenPipeError:  # `minicnn info | head -1`: whoever read us has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (ValueError, OSError, MemoryError, RuntimeError) as error:
        if os.environ.get("MINICNN_TRACEBACK"):  # for whoever looks for a mistake of ours
            raise
        return _say(_sentence(error), 2)


def _say(text, status):
    print("minicnn:", " ".join(text.split("\n")), file=sys.stderr)
    return status


def _sentence(error):
    from minicnn.launching import in_words

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


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser that complains in one line."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, formatter_class=_wide, **options)

    def error(self, message):
        raise ValueError(f"{message} (see {self.prog} --help)")


def _wide(prog):
    return argparse.HelpFormatter(prog, max_help_position=28)


def _parser():
    parser = _Parser(
        prog="minicnn",
        description="Convolutional networks for image segmentation, written from scratch.",
        epilog="`minicnn COMMAND --help` explains one command.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="the version, and nothing else")
    commands = parser.add_subparsers(metavar="COMMAND", parser_class=_Parser)
    for add in (
        _demo,
        _train,
        _resume,
        _evaluate,
        _segment,
        _show,
        _data,
        _gradcheck,
        _bench,
        _table,
        _exercise,
        _lectures,
        _info,
    ):
        add(commands)
    return parser


class _Version(argparse.Action):
    def __call__(self, parser, *rest):
        from minicnn import __version__

        print(f"minicnn {__version__}")
        parser.exit()


def _command(commands, name, help):
    parser = commands.add_parser(name, help=help, description=help)
    parser.set_defaults(command=name)
    return parser


def _demo(commands):
    p = _command(commands, "demo", "trains one scale against three, in about two minutes")
    p.add_argument("--seed", type=whole_number(0), default=0, metavar="N", help="(0)")
    _threads(p)
    _out(p, "folder for the runs, the table and the picture (minicnn-demo)")
    _json(p)


def _train(commands):
    p = _command(commands, "train", "trains a network, by default in the folder runs/MODEL-1")
    what = "patch, single-scale, multi-scale or recurrent; cover: the classifier of labelling=cover"
    p.add_argument("model", metavar="MODEL", help=what)
    _data_options(p, "scenes")
    p.set_defaults(data=None)  # a cover learns from the data of its network
    p.add_argument("--recipe", choices=("ours", "faithful"), default="ours", help="whose (ours)")
    p.add_argument("--seed", type=whole_number(0), default=0, metavar="N", help="(0)")
    how_long = p.add_mutually_exclusive_group()
    how_long.add_argument("--epochs", type=positive, metavar="N", help="times all pictures (5)")
    how_long.add_argument("--steps", type=whole_number(1), metavar="N", help="one picture each")
    how_long.add_argument("--minutes", type=positive, metavar="M", help="at most")
    p.add_argument("--start", metavar="MODEL", help=f"weights to begin with: {TRAINED}")
    p.add_argument("--greedy", action="store_true", help="block by block (patch)")
    p.add_argument("--overfit-one", action="store_true", help="only the first picture, as a test")
    _skip_bad(p)
    _machine(p)
    _out(p, "folder of the run; a new or an empty one")
    _json(p)


def _resume(commands):
    p = _command(commands, "resume", "goes on with a training that was stopped")
    p.add_argument("run", metavar="RUN", help="the folder of the run")
    _skip_bad(p)
    _machine(p)
    _json(p)


def _evaluate(commands):
    p = _command(commands, "evaluate", "scores a trained network on labelled pictures")
    p.add_argument("model", metavar="MODEL", help=TRAINED)
    _data_options(p, None, options=LABELLING)
    p.add_argument("--split", choices=("test", "val", "train"), default="test", help="(test)")
    p.add_argument(
        "--sheets", type=whole_number(0), default=4, metavar="N", help="of 6 pictures (4)"
    )
    _skip_bad(p)
    _machine(p)
    _out(p, "folder for sheets of input, truth and prediction, and the confusion matrix")
    _json(p)


def _segment(commands):
    p = _command(commands, "segment", "names every pixel of photographs")
    p.add_argument("images", metavar="IMAGE", nargs="+")
    p.add_argument("--model", default="multi-scale", help=f"{TRAINED} (multi-scale)")
    p.add_argument(
        "--size",
        type=whole_number(1),
        metavar="N",
        help="long side that the network sees, in pixels",
    )
    _set(p, LABELLING)
    p.add_argument("--stages", action="store_true", help="pictures of each stage of the labelling")
    _machine(p)
    _out(p, "folder for overlays and label maps (segmented-1, or the next number)")
    _json(p)


def _show(commands):
    p = _command(commands, "show", "draws what a network has learnt; all of it, or what is chosen")
    p.add_argument("run", metavar="RUN", help=TRAINED)
    p.add_argument("--filters", action="store_true", help="the learnt filters")
    p.add_argument(
        "--layers",
        action="store_true",
        help="shapes and receptive fields, layer by layer; RUN may be an untrained model's name",
    )
    p.add_argument("--features", metavar="IMAGE", help="feature maps by stage and scale")
    p.add_argument("--curve", action="store_true", help="loss and accuracy over the training")
    _out(p, "folder for the figures (that of the run)")


def _data(commands):
    p = _command(commands, "data", "data sets: which there are, and what is in them")
    actions = p.add_subparsers(metavar="ACTION", parser_class=_Parser, required=True)
    _data_action(actions, "list", "the data sets that minicnn knows, and where they are")
    p = _data_action(actions, "install", "unpacks and checks the archive of a data set")
    p.add_argument("name", metavar="NAME")
    p.add_argument("--from", dest="source", metavar="FILE_OR_FOLDER")
    for name, help in (
        ("show", "shares of the classes, and a sheet of pictures with their labels"),
        ("check", "reads every file; exit status 1 if one is bad"),
    ):
        p = _data_action(actions, name, help)
        p.add_argument("name", metavar="NAME_OR_PATH")
        _fold_and_set(p)
        if name == "show":
            p.add_argument("--split", choices=("train", "val", "test"), default="train")
            p.add_argument("--count", type=whole_number(1), default=12, metavar="N", help="(12)")
            _out(p, "folder for the sheet")


def _data_action(actions, name, help):
    parser = actions.add_parser(name, help=help, description=help)
    parser.set_defaults(command=f"data_{name}")
    return parser


def _gradcheck(commands):
    p = _command(commands, "gradcheck", "compares every gradient with finite differences")
    p.add_argument("op", metavar="OP", nargs="?", help="one operation, for example conv2d (all)")
    _json(p)


def _bench(commands):
    p = _command(commands, "bench", "times operations, networks and their growth, beside PyTorch")
    p.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help="operation (conv2d), model (multi-scale), memory, growth or first-step (all of them)",
    )
    p.add_argument(
        "--against", choices=("torch", "none"), default="auto", help="(PyTorch if it is installed)"
    )
    p.add_argument("--only", default="", metavar="TEXT", help="rows whose name holds it, as 7x7")
    p.add_argument("--all", action="store_true", help="slow rows, too (AlexNet at batch 32)")
    p.add_argument("--repeats", type=whole_number(1), default=9, metavar="N", help="(9)")
    p.add_argument("--device", choices=("cpu", "gpu", "emulated"), default="cpu", help="(cpu)")
    _tf32(p)
    _threads(p)
    p.add_argument("--json", metavar="FILE", help="everything that was measured, as JSON")
    p.add_argument("--plot", metavar="FILE", help="a picture of the ratios (.png, .pdf, .svg)")
    p.add_argument(
        "--profile",
        action="store_true",
        help="instead, where the time of a training step of the named models goes",
    )


def _exercise(commands):
    from minicnn.exercising.parser import add_exercise

    what = "exercises with blanks: starts them, checks them, says what is wrong"
    add_exercise(commands.add_parser("exercise", help=what, description=what), _Parser)


def _table(commands):
    p = _command(commands, "table", "the lecture's numbers with ours beside them, and as a picture")
    p.add_argument("name", metavar="NAME", help="stanford, or a .json file like it")
    p.add_argument("--plot", metavar="FILE", help="the picture (NAME-table.png; .pdf, .svg)")
    p.add_argument(
        "--put",
        nargs=2,
        metavar=("ROW", "FILE"),
        help="writes what `evaluate --json` printed (- reads it from stdin) into a row",
    )
    p.add_argument("--train", metavar="COMMAND", help="with --put: how the network was trained")
    _json(p)


def _lectures(commands):
    p = _command(commands, "lectures", "the lectures: notebooks that run, and a site to read")
    actions = p.add_subparsers(metavar="ACTION", parser_class=_Parser, required=True)
    for name, help in (
        ("list", "the chapters, and the slides that each follows"),
        ("build", "runs the chapters; writes a site, or notebooks with their results"),
        ("open", "starts Jupyter on a copy of one chapter"),
    ):
        p = actions.add_parser(name, help=help, description=help)
        p.set_defaults(command=f"lectures_{name}")
        if name != "list":
            number = {} if name == "open" else {"nargs": "?"}
            p.add_argument("chapter", metavar="NN", help="its number", **number)
        if name == "build":
            p.add_argument("--to", choices=("html", "ipynb"), default="html", help="(html)")
            _out(p, "folder for the result (book-1, or the next number)")


def _info(commands):
    p = _command(commands, "info", "versions, threads, caches, data, and the GPU or why not")
    _json(p)


# --------------------------------------------------------------------- options of several commands
def _data_options(p, default, **options):
    which = f"({default})" if default else "(that of the training)"
    p.add_argument("--data", default=default, metavar="NAME_OR_PATH", help=which)
    _fold_and_set(p, **options)


def _fold_and_set(p, options="an option of the recipe or network (lr=0.01)"):
    p.add_argument("--fold", type=whole_number(0), metavar="K", help="the fold to test on")
    _set(p, f"{options}, or of the data (data.size=120x160)")


def _set(p, help):
    p.add_argument(
        "--set",
        type=setting,
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help=help,
    )


def _machine(p):
    p.add_argument(
        "--device",
        choices=("auto", "cpu", "gpu", "emulated"),
        default="auto",
        help="(auto); emulated: the GPU's kernels, on the CPU",
    )
    _tf32(p)
    _threads(p)


def _tf32(p):
    what = "convolutions by a GPU's tensor cores: faster, three digits are right"
    p.add_argument("--tf32", action="store_true", help=what)


def _threads(p):
    p.add_argument(
        "--threads", type=whole_number(1), metavar="N", help="processor cores to use (all)"
    )


def _skip_bad(p):
    p.add_argument("--skip-bad", action="store_true", help="leaves out files that are unreadable")


def _out(p, help):
    p.add_argument("--out", metavar="DIR", help=help)


def _json(p):
    p.add_argument("--json", action="store_true", help="the result as JSON")


if __name__ == "__main__":
    sys.exit(main())
