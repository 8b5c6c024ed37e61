"""minicnn gradcheck [OP]"""

import json
import math
import re

import minicnn
from minicnn.basics.nearest import did_you_mean
from minicnn.basics.printing import print_lines
from minicnn.cli.arguments import add_command, add_json


def add(commands):
    what = "compares every gradient with finite differences"
    p = add_command(commands, "gradcheck", what, run)
    p.add_argument("op", metavar="OP", nargs="?", help="one operation, for example conv2d (all)")
    add_json(p)


def run(o):
    from minicnn.checking import gradient_errors
    from minicnn.ops import all_cases

    cases = [case for case in all_cases() if o.op in (None, _operation(case))]
    if not cases:
        names = sorted({_operation(case) for case in all_cases()})
        hint = did_you_mean(o.op, names)
        raise ValueError(f"there is no operation {o.op!r}; there are {', '.join(names)}{hint}")
    if not o.json:
        print(f"{'operation':33} {'case':22} {'inputs':32} {'error':>8}  gradient")
    rows = []
    for case in cases:
        report, errors = "", []

        def f(*x, case=case):
            return case.function(*x, **case.options)

        try:
            errors = gradient_errors(f, *case.arrays)
            minicnn.gradcheck(f, *case.arrays)
        except minicnn.GradientError as error:
            report = str(error)
        shapes = " ".join("x".join(map(str, a.shape)) or "scalar" for a in case.arrays)
        row = {"op": _operation(case), "case": case.label, "inputs": shapes}
        row["errors"] = [None if e is None or math.isinf(e) else e for e in errors]
        rows.append(row | {"right": not report, "report": report})
        if not o.json:
            verdict = "WRONG" if report else "right"
            worst = max((e for e in errors if e is not None), default=math.inf)
            line = f"{row['op']:33} {case.label:22} {shapes:32} {worst:8.1e}  {verdict}"
            print(line, flush=True)
            print_lines(f"    {line}" for line in report.splitlines())
    wrong = sum(not row["right"] for row in rows)
    if o.json:
        print(json.dumps(rows))
    else:
        print(f"{len(rows) - wrong} of {len(rows)} gradients are right")
    return 1 if wrong else 0


def _operation(case):
    """Its public name. What takes its arrays as a list, or draws a random mask, is checked by way
    of a function `concat_of`, `dropout_with_key`."""
    return re.sub("_(of|with_key)$", "", case.function.__name__)
