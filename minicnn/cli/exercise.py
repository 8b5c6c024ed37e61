"""minicnn exercise [list | start | check | watch | hint | report | reset | network]; what they do
is in minicnn/course/exercises/commands.py."""

from minicnn.cli.arguments import add_actions, add_command, add_json
from minicnn.cli.values import positive, whole_number


def add(commands):
    what = (
        "exercises with blanks: starts them, checks them, says what is wrong; alone, how far one is"
    )
    actions = add_actions(commands, "exercise", what)
    actions.required = False
    alone = commands.choices["exercise"]
    alone.set_defaults(command=run, action="progress")

    def options(p, name):
        where = ("--to", "--in") if name == "start" else ("--in",)
        p.add_argument(*where, dest="folder", default="my", metavar="DIR", help="your folder (my)")
        if name not in ("list", "start", "reset"):
            p.add_argument("--limit", type=positive, default=10.0, metavar="S", help="seconds (10)")
        if name in ("progress", "list", "check", "report", "network"):
            add_json(p)

    def action(name, help, names=None, nargs="*"):
        p = add_command(actions, name, help, run)
        p.set_defaults(action=name)
        if names:
            p.add_argument("names", metavar="EXERCISE", nargs=nargs, help=names)
        options(p, name)
        return p

    options(alone, "progress")
    action("list", "the exercises, their minutes and what is begun")
    action("start", "copies blanks to a folder of yours", "ex01, ... (all)")
    what = "checks answers; exit status 1 unless all are right"
    p = action("check", what, "ex01, or a file (all)")
    p.add_argument("--compile", action="store_true", help="trains with loops compiled by Numba")
    action("watch", "checks an answer whenever it is saved", "ex01, or a file (all)")
    p = action("hint", "a hint for what your answer does wrong, or the next general one")
    p.add_argument("name", metavar="EXERCISE")
    p.add_argument("--number", type=whole_number(1), metavar="N", help="a general one")
    p = action("report", "how far one or many folders of answers are")
    p.add_argument("folders", metavar="DIR", nargs="*", help="(my)")
    jobs = "so many folders at once (processors)"
    p.add_argument("--jobs", type=whole_number(1), metavar="N", help=jobs)
    action("reset", "puts blanks back; your answers are kept beside them", "ex01, ...", "+")
    what = "trains a small network in which every operation that you have solved is yours"
    p = action("network", what, "ex01, ... (all that are right)")
    p.add_argument("--steps", type=whole_number(1), default=200, metavar="N", help="(200)")


def run(o):
    from minicnn.course.exercises.commands import ACTIONS

    return ACTIONS[o.action](o)
