"""minicnn resume RUN"""

import minicnn
from minicnn.cli.arguments import add_command, add_json, add_machine, add_skip_bad
from minicnn.cli.common import machine
from minicnn.cli.train import report


def add(commands):
    p = add_command(commands, "resume", "goes on with a training that was stopped", run)
    p.add_argument("run", metavar="RUN", help="the folder of the run")
    what = "where the data set is now, if it has moved"
    p.add_argument("--data", metavar="NAME_OR_PATH", help=what)
    add_skip_bad(p)
    add_machine(p)
    add_json(p)


def run(o):
    with machine(o) as device:
        run = minicnn.resume(o.run, device=device, skip_bad=o.skip_bad, data=o.data)
        report(run, o.json)
