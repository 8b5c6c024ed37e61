"""The parser, and the options that several commands have. What their values mean is in
values.py."""

import argparse
import re

from minicnn.basics.nearest import did_you_mean
from minicnn.cli import keys
from minicnn.cli.values import setting, whole_number

TRAINED = "a run folder, a .safetensors file or a shipped network"
ASKED = f"{TRAINED}, or several joined by +, whose mean is taken"
LABELLING = (
    "labelling=argmax (default), superpixels, crf, cover, potts, prior; its options; output=1 "
    "(recurrent)"
)


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that complains in one line, and names what may have been meant. Those of
    the commands are such ones, too."""

    ending = None  # a function that gives lines for the end of the help

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, formatter_class=_wide, **options)

    def parse_known_args(self, args=None, namespace=None):
        """Never with unknown ones, so that the command complains that knows its options."""
        namespace, unknown = super().parse_known_args(args, namespace)
        if unknown:
            known = [text for action in self._actions for text in action.option_strings]
            name = next((text for text in unknown if text.startswith("-")), unknown[0])
            near = did_you_mean(name.partition("=")[0], known) if name.startswith("-") else ""
            self.error(f"unrecognized arguments: {' '.join(unknown)}{near}")
        return namespace, unknown

    def error(self, message):
        if found := re.search(r"invalid choice: '(.*)' \(choose from (.*)\)$", message, re.DOTALL):
            message += did_you_mean(found[1], re.findall(r"[^', ]+", found[2]))
        raise ValueError(f"{message} (see {self.prog} --help)")

    def format_help(self):
        lines = ["", *self.ending()] if self.ending else []
        return super().format_help() + "".join(f"{line}\n" for line in lines)


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


def add_data(p, default, options, known):
    which = f"({default})" if default else "(that of the training)"
    p.add_argument("--data", default=default, metavar="NAME_OR_PATH", help=which)
    add_fold_and_set(p, f"{options}, or ", known)


def add_fold_and_set(p, options="", known=keys.of_data):
    p.add_argument("--fold", type=whole_number(0), metavar="K", help="the fold to test on")
    add_set(p, f"{options}an option of the data (data.size=120x160)", known)


def add_set(p, help, known=keys.of_labelling):
    """--set; `known` gives the lines on its keys for the end of the help."""
    p.ending = known
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
