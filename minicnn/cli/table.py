"""minicnn table NAME"""

import json
import sys
from pathlib import Path

from minicnn.basics.printing import print_lines
from minicnn.cli.arguments import add_command, add_json
from minicnn.cli.values import check_plot, refuse_beside, whole_number


def add(commands):
    what = "the lecture's numbers with ours beside them, and as a picture"
    p = add_command(commands, "table", what, run)
    p.add_argument(
        "name",
        metavar="NAME",
        help="stanford, sift-flow, msrc, labelmefacade, a .json file like them; all: every system",
    )
    p.add_argument("--plot", metavar="FILE", help="the picture (NAME-table.png; .pdf, .svg)")
    p.add_argument(
        "--put",
        nargs=2,
        metavar=("ROW", "FILE"),
        help="writes what `evaluate --json` printed (- reads it from stdin) into a row",
    )
    p.add_argument("--train", metavar="COMMAND", help="with --put: how the network was trained")
    p.add_argument(
        "--quick",
        nargs="?",
        type=whole_number(1),
        const=40,
        metavar="N",
        help="with all: what ships, on N pictures (40) of what is installed, beside stored figures",
    )
    p.add_argument("--store", action="store_true", help="with --quick: keeps the figures of today")
    add_json(p)


def run(o):
    from minicnn.figures import published_figure
    from minicnn.inference import published

    if o.name == "all":
        return _all(o)
    if o.quick or o.store:
        raise ValueError(
            f"--{'quick' if o.quick else 'store'} goes with  minicnn table all --quick"
        )
    found, path = published.load_table(o.name)
    check_plot(o.plot)
    if o.put:
        name, file = o.put
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
        try:
            measured = json.loads(text)
        except ValueError:
            raise ValueError(f"table --put {name} {file}: this is no JSON") from None
        published.put(found, name, measured, o.train)
        published.save_table(found, path)
    elif o.train:
        raise ValueError("--train COMMAND goes with --put ROW FILE")
    print_lines(json.dumps(published.with_commands(found)) if o.json else published.lines(found))
    if o.plot or not (o.json or o.put):
        _draw(published_figure(found, published.cells(found)), o, path.stem)


def _all(o):
    """The table of everything, or with --quick a look at whether it still holds."""
    from minicnn.figures import overall_figure
    from minicnn.inference import overall, quick

    more = " --quick" if o.quick else ", whose rows come from other tables and all.json"
    refuse_beside(o, f"table all{more}", ("put", "train") + (("plot", "json") if o.quick else ()))
    if o.quick:
        return 0 if quick.check(o.quick, print_lines, o.store) else 1
    if o.store:
        raise ValueError("--store goes with  minicnn table all --quick")
    check_plot(o.plot)
    found = overall.load()
    print_lines(json.dumps(found) if o.json else overall.lines(found))
    if o.plot or not o.json:
        _draw(overall_figure(found, overall.cells(found)), o, "all")
    return 0


def _draw(figure, o, name):
    plot, out = o.plot or f"{name}-table.png", sys.stderr if o.json else sys.stdout
    if not o.plot and Path(plot).exists():  # perhaps another one, of that name
        print(f"\n{plot} is there already and stays as it is; --plot FILE draws another", file=out)
        return
    figure.savefig(plot)
    print(f"\nas a picture: {plot}", file=out)
