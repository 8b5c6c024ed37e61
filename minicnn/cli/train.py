"""minicnn train MODEL"""

import json

import minicnn
from minicnn import models
from minicnn.cli import cover, keys, proposals
from minicnn.cli.arguments import (
    TRAINED,
    add_command,
    add_data,
    add_json,
    add_machine,
    add_out,
    add_skip_bad,
)
from minicnn.cli.common import RECIPE, machine, results_in
from minicnn.cli.values import positive, split_settings, whole_number
from minicnn.learning.config import STEPS


def add(commands):
    what = "trains a network, by default in the folder runs/MODEL-1"
    p = add_command(commands, "train", what, run)
    what = f"{', '.join(models.MODELS)}; or cover, proposals: what a labelling needs"
    p.add_argument("model", metavar="MODEL", help=what)
    add_data(p, "scenes", "an option of the recipe or network (lr=0.01)", keys.of_training)
    p.set_defaults(data=None)  # a cover learns from the data of its network
    p.add_argument("--recipe", choices=(RECIPE, "faithful"), default=RECIPE, help="whose (ours)")
    p.add_argument("--seed", type=whole_number(0), default=0, metavar="N", help="(0)")
    how_long = p.add_mutually_exclusive_group()
    how_long.add_argument("--epochs", type=positive, metavar="N", help="times all pictures (5)")
    how_long.add_argument(
        "--steps",
        type=whole_number(1, STEPS),
        metavar="N",
        help="one picture each (whole pictures: batch)",
    )
    how_long.add_argument("--minutes", type=positive, metavar="M", help="at most")
    p.add_argument("--start", metavar="MODEL", help=f"weights to begin with: {TRAINED}, or .onnx")
    p.add_argument("--greedy", action="store_true", help="block by block (patch)")
    p.add_argument("--overfit-one", action="store_true", help="only the first picture, as a test")
    add_skip_bad(p)
    add_machine(p)
    add_out(p, "folder of the run; a new or an empty one")
    add_json(p)


def run(o):
    settings, data_options = split_settings(o.set)
    if o.model == "cover":
        return cover.train(o, settings, data_options)
    if o.model == "proposals":
        return proposals.train(o, settings, data_options)
    o.data = o.data or ("bsds" if o.model == "edges" else "scenes")
    with machine(o) as device, results_in(o.out, f"runs/{o.model}") as out:
        options = {
            "out": out,
            "epochs": o.epochs,
            "minutes": o.minutes,
            "steps": o.steps,
            "recipe": o.recipe,
            "fold": o.fold,
            "seed": o.seed,
            "device": device,
            "settings": settings,
            "data_options": data_options,
            "overfit_one": o.overfit_one,
            "skip_bad": o.skip_bad,
        }
        if o.greedy:
            if o.start:
                raise ValueError("--greedy begins at the first block; --start does not go with it")
            trained = minicnn.train_greedily(o.model, o.data, **options)[-1]
        else:
            trained = minicnn.train(o.model, o.data, start=o.start, **options)
    report(trained, o.json)


def report(run, as_json):
    """What `train` and `resume` say of a Run that is done."""
    best = run.config.best
    if as_json:
        result = {
            "run": str(run.folder),
            "best": best and vars(best),
            "steps": run.steps_done,
            "config": run.config.to_json(),
        }
        return print(json.dumps(result | {"gpu_launches_a_step": run.launches}))
    print(f"{run.config.model}: {run.steps_done} steps done, the weights are in {run.folder}")
    if run.begun_at == run.steps_done:
        how = f"minicnn train {run.config.model} --start {run.folder}"
        print(f"they were done before; a longer training that begins with these weights: {how}")
    if best:
        what = f"{run.task.accuracy} {best.val_accuracy:.1%}"
        print(f"best on val: {what} at step {best.step}{run.task.looked_at()}")
    if run.launches:
        print(f"GPU kernels: {run.launches} launches a step, besides the array functions of cupy")
    print(f"next: minicnn evaluate {run.folder}")
