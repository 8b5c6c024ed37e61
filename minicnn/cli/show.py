"""minicnn show RUN"""

from minicnn.basics.printing import print_lines
from minicnn.cli.arguments import TRAINED, add_command, add_out
from minicnn.cli.values import new_folder, refuse_beside


def add(commands):
    what = "draws what a network has learnt; all of it, or what is chosen"
    p = add_command(commands, "show", what, run)
    p.add_argument("run", metavar="RUN", help=TRAINED)
    p.add_argument("--filters", action="store_true", help="the learnt filters")
    p.add_argument(
        "--layers",
        action="store_true",
        help="shapes and receptive fields, layer by layer; RUN may be an untrained model's name",
    )
    p.add_argument("--features", metavar="IMAGE", help="feature maps by stage and scale")
    p.add_argument("--curve", action="store_true", help="loss and accuracy over the training")
    add_out(p, "folder for the figures (that of the run)")


def run(o):
    from minicnn.cli.showing import show

    if o.layers:
        flags = ("filters", "features", "curve", "out")
        refuse_beside(o, "show --layers, which only prints", flags)
    with new_folder(o.out, None) as out:
        print_lines(show(o.run, o.filters, o.features, o.curve, out, o.layers))
