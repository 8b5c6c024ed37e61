"""minicnn evaluate MODEL"""

import json

import minicnn
from minicnn.basics.printing import print_lines
from minicnn.basics.writing import save_png, write_atomically
from minicnn.cli import keys
from minicnn.cli.arguments import (
    ASKED,
    LABELLING,
    add_command,
    add_data,
    add_json,
    add_machine,
    add_out,
    add_skip_bad,
)
from minicnn.cli.common import bar, changes_in, labelling_in, machine, results_in, trained
from minicnn.cli.values import split_settings, whole_number
from minicnn.learning.world import world

SHEETS = 4


def add(commands):
    p = add_command(commands, "evaluate", "scores a trained network on labelled pictures", run)
    p.add_argument("model", metavar="MODEL", help=ASKED)
    add_data(p, None, LABELLING, keys.of_evaluation)
    p.add_argument("--split", choices=("test", "val", "train"), default="test", help="(test)")
    what = f"of 6 pictures, for --out ({SHEETS})"
    p.add_argument("--sheets", type=whole_number(0), metavar="N", help=what)
    p.add_argument(
        "--crops",
        type=int,
        choices=(1, 10),
        help="that a network for whole pictures is asked of each: the middle, or the mean of ten",
    )
    add_skip_bad(p)
    add_machine(p)
    add_out(p, "folder for sheets of input, truth and prediction, and the confusion matrix")
    add_json(p)


def run(o):
    settings, data_options = split_settings(o.set)
    settings |= {} if o.crops is None else {"crops": o.crops}
    if o.sheets and not o.out:
        raise ValueError(f"--sheets {o.sheets}: into which folder? add --out DIR")
    changes, labelling = changes_in(settings), labelling_in(settings, "of the data (data.KEY) and ")
    with machine(o) as device, results_in(o.out, None) as out:
        result = minicnn.evaluate(
            trained(o.model, device, changes),
            o.data,
            o.split,
            o.fold,
            labelling=labelling,
            data_options=data_options,
            device=device,
            skip_bad=o.skip_bad,
            examples=6 * (SHEETS if o.sheets is None else o.sheets) if out else 0,
            progress=bar,
        )
        print_lines(json.dumps(result.as_dict()) if o.json else result.lines())
        if out and world().first:  # pictures last: they may fill the disk
            from minicnn.figures import confusion_figure, precision_recall
            from minicnn.figures.instance_scores import instance_scores_figure

            write_atomically(out / "scores.json", json.dumps(result.as_dict(), indent=1) + "\n")
            for number, sheet in enumerate(result.sheets(), 1):
                save_png(sheet, out / f"sheet-{number}.png")
            if result.confusion.what == "objects":
                save_png(instance_scores_figure(result.confusion), out / "objects.png")
            elif result.confusion.what == "boundaries":
                save_png(precision_recall({result.model: result.confusion}), out / "curve.png")
            else:
                save_png(confusion_figure(result.confusion), out / "confusion.png")
    if out and not o.json:
        print_lines(["", f"pictures of it: {out}"])
