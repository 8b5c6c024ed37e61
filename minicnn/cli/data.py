"""minicnn data list | install | show | check"""

import sys

from minicnn import datasets
from minicnn.basics.printing import print_lines
from minicnn.basics.writing import save_png
from minicnn.cli.arguments import add_actions, add_command, add_fold_and_set, add_out
from minicnn.cli.common import bar
from minicnn.cli.values import new_folder, split_settings, whole_number

NOTES = 10  # of a data set that `show` says, at most


def add(commands):
    actions = add_actions(commands, "data", "data sets: which there are, and what is in them")
    what = "the data sets that minicnn knows, and where they are"
    add_command(actions, "list", what, list_all)

    what = "fetches, or takes from --from, the archive of a data set; unpacks and checks it"
    p = add_command(actions, "install", what, install)
    p.add_argument("name", metavar="NAME")
    p.add_argument("--from", dest="source", metavar="FILE_OR_FOLDER")
    p.add_argument("--yes", action="store_true", help="fetches it without a question")

    what = "shares of the classes, and a sheet of pictures with their labels"
    p = add_command(actions, "show", what, show)
    p.add_argument("name", metavar="NAME_OR_PATH")
    add_fold_and_set(p)
    p.add_argument("--split", choices=("train", "val", "test"), default="train")
    p.add_argument("--count", type=whole_number(1), default=12, metavar="N", help="(12)")
    p.add_argument("--instances", action="store_true", help="the objects, not the classes")
    add_out(p, "folder for the sheet")

    p = add_command(actions, "check", "reads every file; exit status 1 if one is bad", check)
    p.add_argument("name", metavar="NAME_OR_PATH")
    add_fold_and_set(p)


def list_all(o):
    print_lines(datasets.listing())


def install(o):
    if o.yes and o.source:
        raise ValueError("--yes: nothing is asked about what --from names; leave one of them out")
    datasets.install(o.name, o.source, print_lines, (lambda: True) if o.yes else _ask)


def _ask():
    """Whether the person at the terminal wants it."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise ValueError("nobody can be asked here whether to fetch it: say so with --yes")
    try:
        return input("fetch it? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # Ctrl-D
        return False


def show(o):
    from minicnn.datasets.inspection import survey
    from minicnn.figures import boundary_sheet, class_sheet, contact_sheet, object_sheet

    dataset = datasets.load(o.name, o.fold, **split_settings(o.set, only_data=True)[1])
    if o.instances and dataset.kind != "pixels":
        raise ValueError(f"--instances: {dataset.name} has no objects with masks to show")
    found = survey(dataset, bar)
    print_lines(found.lines(NOTES))
    with new_folder(o.out, f"{dataset.name}-sheet") as out:
        if dataset.kind == "pictures":
            sheet = class_sheet(dataset, o.split, o.count)
        elif dataset.kind == "boundaries":
            sheet = boundary_sheet(dataset, o.split, o.count)
        elif o.instances:
            sheet = object_sheet(dataset, o.split, o.count)
        else:
            sheet = contact_sheet(dataset, o.split, o.count, shares=found.shares)
        save_png(sheet, out / f"{o.split}.png")
        print_lines(f"sheet: {out / f'{o.split}.png'}")


def check(o):
    from minicnn.datasets import inspection

    options = split_settings(o.set, only_data=True)[1]
    return inspection.check(o.name, print_lines, bar, fold=o.fold, **options)
