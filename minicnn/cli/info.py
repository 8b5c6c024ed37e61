"""minicnn info [MODEL]"""

import json

from minicnn.basics.printing import print_lines
from minicnn.cli import information, of_network
from minicnn.cli.arguments import TRAINED, add_command, add_json


def add(commands):
    what = "versions, threads, caches, data, and the GPU or why not; or what a trained network is"
    p = add_command(commands, "info", what, run)
    p.add_argument("model", metavar="MODEL", nargs="?", help=f"{TRAINED}; or an .onnx file")
    add_json(p)


def run(o):
    asked = information if o.model is None else of_network
    found = asked.facts() if o.model is None else asked.facts(o.model)
    print_lines(json.dumps(found) if o.json else asked.lines_of(found))
