"""The parser, and the options that several commands have. What their values mean is in
values.py."""

import argparse

from minicnn.cli.values import setting, whole_number

TRAINED = "a run folder, a .safetensors file or a shipped network"
LABELLING = "labelling=argmax (default), superpixels, crf, cover; its options; output=1 (recurrent)"


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that complains in one line. Those of the commands are such ones, too."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, formatter_class=_wide, **options)

    def error(self, message):
        raise ValueError(f"{message} (see {self.prog} --help)")


def _wide(prog):
    return argparse.HelpFormatter(prog, max_help_position=28)


def add_command(commands, name, help, run):
    """The parser of a new command, or action of one, that ends in run(options)."""
    parser = commands.add_parser(name, help=help, description=help)
    parser.set_defaults(command=run)
    return parser


def add_actions(commands, name, help):
    """Takes in the actions of a new command that does nothing by itself, as `data list`."""
    parser = commands.add_parser(name, help=help, description=help)
    return parser.add_subparsers(metavar="ACTION", required=True)


def add_data(p, default, **options):
    which = f"({default})" if default else "(that of the training)"
    p.add_argument("--data", default=default, metavar="NAME_OR_PATH", help=which)
    add_fold_and_set(p, **options)


def add_fold_and_set(p, options="an option of the recipe or network (lr=0.01)"):
    p.add_argument("--fold", type=whole_number(0), metavar="K", help="the fold to test on")
    add_set(p, f"{options}, or of the data (data.size=120x160)")


def add_set(p, help):
    p.add_argument(
        "--set",
        type=setting,
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help=help,
    )


def add_machine(p):
    p.add_argument(
        "--device",
        choices=("auto", "cpu", "gpu", "emulated"),
        default="auto",
        help="(auto); emulated: the GPU's kernels, on the CPU",
    )
    add_tf32(p)
    add_threads(p)


def add_tf32(p):
    what = "convolutions by a GPU's tensor cores: faster, three digits are right"
    p.add_argument("--tf32", action="store_true", help=what)


def add_threads(p):
    p.add_argument(
        "--threads", type=whole_number(1), metavar="N", help="processor cores to use (all)"
    )


def add_skip_bad(p):
    p.add_argument("--skip-bad", action="store_true", help="leaves out files that are unreadable")


def add_out(p, help):
    p.add_argument("--out", metavar="DIR", help=help)


def add_json(p):
    p.add_argument("--json", action="store_true", help="the result as JSON")
