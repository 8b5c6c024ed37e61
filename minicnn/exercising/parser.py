"""The options of `minicnn exercise`; cli.py takes them in."""

from minicnn.options import positive, whole_number


def add_exercise(parser, parser_class):
    """Adds the actions of `minicnn exercise` to its parser."""
    actions = parser.add_subparsers(metavar="ACTION", parser_class=parser_class, required=True)

    def action(name, help, names=None):
        p = actions.add_parser(name, help=help, description=help)
        p.set_defaults(command="exercise", action=name)
        if names:
            p.add_argument("names", metavar="EXERCISE", nargs="*", help=names)
        where = ("--to", "--in") if name == "start" else ("--in",)
        p.add_argument(*where, dest="folder", default="my", metavar="DIR", help="your folder (my)")
        if name not in ("list", "start"):
            p.add_argument("--limit", type=positive, default=10.0, metavar="S", help="seconds (10)")
        if name in ("list", "check", "report"):
            p.add_argument("--json", action="store_true", help="the result as JSON")
        return p

    action("list", "the exercises, their minutes and what is begun")
    action("start", "copies blanks to a folder of yours", "ex01, ... (all)")
    p = action(
        "check", "checks answers; exit status 1 unless all are right", "ex01, or a file (all)"
    )
    p.add_argument("--compile", action="store_true", help="trains with loops compiled by Numba")
    action("watch", "checks an answer whenever it is saved", "ex01, or a file (all)")
    p = action("hint", "a hint for what your answer does wrong, or the next general one")
    p.add_argument("name", metavar="EXERCISE")
    p.add_argument("--number", type=whole_number(1), metavar="N", help="a general one")
    p = action("report", "how far one or many folders of answers are")
    p.add_argument("folders", metavar="DIR", nargs="*", help="(my)")
