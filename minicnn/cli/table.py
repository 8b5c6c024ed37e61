"""minicnn table NAME"""

import json
import sys
from pathlib import Path

from minicnn.basics.printing import print_lines
from minicnn.cli.arguments import add_command, add_json
from minicnn.cli.values import check_plot


def add(commands):
    what = "the lecture's numbers with ours beside them, and as a picture"
    p = add_command(commands, "table", what, run)
    p.add_argument(
        "name", metavar="NAME", help="stanford, sift-flow, msrc, or a .json file like them"
    )
    p.add_argument("--plot", metavar="FILE", help="the picture (NAME-table.png; .pdf, .svg)")
    p.add_argument(
        "--put",
        nargs=2,
        metavar=("ROW", "FILE"),
        help="writes what `evaluate --json` printed (- reads it from stdin) into a row",
    )
    p.add_argument("--train", metavar="COMMAND", help="with --put: how the network was trained")
    add_json(p)


def run(o):
    from minicnn.figures import published_figure
    from minicnn.inference import published

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
        plot = o.plot or f"{path.stem}-table.png"
        published_figure(found, published.cells(found)).savefig(plot)
        print(f"\nas a picture: {plot}", file=sys.stderr if o.json else sys.stdout)
