"""minicnn info"""

import json

from minicnn.basics.printing import print_lines
from minicnn.cli import information
from minicnn.cli.arguments import add_command, add_json


def add(commands):
    what = "versions, threads, caches, data, and the GPU or why not"
    add_json(add_command(commands, "info", what, run))


def run(o):
    found = information.facts()
    print_lines(json.dumps(found) if o.json else information.lines_of(found))
