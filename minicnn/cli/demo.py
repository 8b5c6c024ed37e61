"""minicnn demo"""

import json

from minicnn.cli.arguments import add_command, add_json, add_out, add_threads
from minicnn.cli.common import use_threads
from minicnn.cli.values import whole_number


def add(commands):
    p = add_command(commands, "demo", "trains one scale against three, in about two minutes", run)
    p.add_argument("--seed", type=whole_number(0), default=0, metavar="N", help="(0)")
    add_threads(p)
    add_out(p, "folder for the runs, the table and the picture (minicnn-demo)")
    add_json(p)


def run(o):
    from minicnn.cli.demonstration import demo

    use_threads(o)
    result = demo(o.out, o.seed, quiet=o.json)
    if o.json:
        print(json.dumps(result))
