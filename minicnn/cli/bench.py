"""minicnn bench [NAME...]"""

from minicnn.basics.printing import print_lines
from minicnn.cli.arguments import add_command, add_tf32, add_threads
from minicnn.cli.common import machine
from minicnn.cli.information import choose_algorithm
from minicnn.cli.values import refuse_beside, whole_number
from minicnn.engine.kernel import algorithm

REPEATS = 9


def add(commands):
    what = "times operations, networks and their growth, beside PyTorch"
    p = add_command(commands, "bench", what, run)
    p.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help="operation (conv2d), model (multi-scale), memory, growth or first-step (all of them)",
    )
    p.add_argument(
        "--against", choices=("torch", "none"), default="auto", help="(PyTorch if it is installed)"
    )
    p.add_argument("--only", default="", metavar="TEXT", help="rows whose name holds it, as 7x7")
    p.add_argument("--all", action="store_true", help="slow rows, too (AlexNet at batch 32)")
    p.add_argument("--repeats", type=whole_number(1), default=REPEATS, metavar="N", help="(9)")
    p.add_argument("--device", choices=("cpu", "gpu", "emulated"), default="cpu", help="(cpu)")
    add_tf32(p)
    add_threads(p)
    p.add_argument(
        "--busy",
        type=whole_number(0),
        default=0,
        metavar="N",
        help="so many other processes work meanwhile (0)",
    )
    p.add_argument("--json", metavar="FILE", help="everything that was measured, as JSON")
    p.add_argument("--plot", metavar="FILE", help="a picture of the ratios (.png, .pdf, .svg)")
    p.add_argument(
        "--profile",
        action="store_true",
        help="instead, where the time of a training step of the named models goes",
    )
    p.add_argument(
        "--algorithms",
        action="store_true",
        help="instead, our algorithms for conv2d beside each other, from loops to Fourier tiles",
    )
    p.add_argument("--shape", metavar="TEXT", help="of --algorithms ('16->64 7x7 46x68')")


def run(o):
    if o.algorithms:
        refuse_beside(o, "bench --algorithms", ("profile", "only", "all", "tf32", "busy"))
        return _algorithms(o)
    if o.shape:
        raise ValueError("bench --shape goes with --algorithms; rows are chosen with --only")
    if o.profile:
        flags = ("against", "only", "all", "repeats", "json", "plot", "busy")
        usual = {"against": "auto", "repeats": REPEATS}
        refuse_beside(o, "bench --profile", flags, usual)
        return _profile(o)
    if o.device == "emulated":
        raise ValueError(
            "bench --device emulated: only with --profile, for it says nothing of GPUs"
        )
    from minicnn.bench import bench

    chosen = o.threads, o.repeats, o.all, o.only, o.json, o.plot, o.busy
    with algorithm(choose_algorithm(o.tf32, o.device)):
        found = bench(o.names, o.against, o.device, *chosen)
    return 1 if any("WRONG" in skipped["reason"] for skipped in found["skipped"]) else 0


def _algorithms(o):
    from minicnn.bench.ladder import SHAPE, ladder
    from minicnn.bench.running import check_files

    if o.names not in ([], ["conv2d"]):
        raise ValueError(f"bench {o.names[0]} --algorithms: only conv2d has several algorithms")
    if o.device != "cpu" or o.against == "torch":
        raise ValueError("bench --algorithms: compares what runs on the CPU, and ours with ours")
    check_files(o.json, o.plot)
    ladder(o.shape or SHAPE, o.threads, o.repeats, o.json, o.plot)


def _profile(o):
    from minicnn.bench.steps import profile_step

    if not o.names:
        raise ValueError("bench --profile: name a model, for example multi-scale")
    with machine(o) as device:
        for model in o.names:
            print_lines(profile_step(model, device=device))
