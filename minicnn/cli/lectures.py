"""minicnn lectures list | build | open"""

from minicnn.cli.arguments import add_actions, add_command, add_out
from minicnn.cli.values import new_folder


def add(commands):
    what = "the lectures: notebooks that run, and a site to read"
    actions = add_actions(commands, "lectures", what)
    add_command(actions, "list", "the chapters, and the slides that each follows", list_all)

    what = "runs the chapters; writes a site, or notebooks with their results"
    p = add_command(actions, "build", what, build)
    p.add_argument("chapter", metavar="NN", help="its number", nargs="?")
    p.add_argument("--to", choices=("html", "ipynb"), default="html", help="(html)")
    add_out(p, "folder for the result (book-1, or the next number)")

    p = add_command(actions, "open", "starts Jupyter on a copy of one chapter", open_one)
    p.add_argument("chapter", metavar="NN", help="its number")


def list_all(o):
    from minicnn.course.book import commands

    commands.show_list()


def build(o):
    from minicnn.course.book import commands

    with new_folder(o.out, "book") as out:
        commands.build(o.to, o.chapter, out)


def open_one(o):
    from minicnn.course.book import commands

    return commands.open_in_jupyter(o.chapter)
