# %% [markdown]
# # What each part of AlexNet is worth
#
# `python examples/ablations.py --out ablations` trains the network six times for six epochs at half
# its width, once whole and each other time without one of its parts, and writes a line for each
# training to `ablations.jsonl`: the error on training pictures, epoch by epoch, and on validation
# pictures. Trainings that have a line there are not done again. The figure is the paper's figure 1:
# the error on training pictures against epochs, ReLU against tanh. No test picture is looked at.

# %%
import argparse
import json
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import minicnn

parser = argparse.ArgumentParser()
parser.add_argument("--out", type=Path, default=Path("ablations"), help="folder (ablations)")
parser.add_argument("--data", default="tiny-imagenet", help="or a folder of pictures")
parser.add_argument("--epochs", type=float, default=6)
parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="for all of them")
parser.add_argument("--only", nargs="*", help="names of some of the trainings")
given = parser.parse_known_args()[0]  # a notebook has arguments of its own
common = {"width": 0.5, "validations": 6} | dict(pair.split("=", 1) for pair in given.set)
given.out.mkdir(parents=True, exist_ok=True)
results = given.out / "ablations.jsonl"

# %% [markdown]
# ## 1. The trainings

# %%
PARTS = {
    "all parts": {},
    "tanh for ReLU": {"nonlinearity": "tanh"},
    "no normalisation": {"norm": 0},
    "no overlap": {"overlap": False},
    "no dropout": {"dropout": 0},
    "no colour noise": {"colour_noise": 0},
}
rows = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
for name, part in PARTS.items():
    if name in [row["name"] for row in rows] or name not in (given.only or PARTS):
        continue
    begun, cpu = time.perf_counter(), time.process_time()
    run = minicnn.train("alexnet", given.data, epochs=given.epochs, seed=0, settings=common | part)
    each = run.task.steps_in_an_epoch()
    errors = [[r["step"] / each, 1 - r["accuracy"]] for r in run.log.records if "loss" in r]
    looks = [r for r in run.log.records if "val_accuracy" in r]
    rows.append(
        {
            "name": name,
            "settings": common | part,
            "epochs": given.epochs,
            "seed": 0,
            "val_top1": [[round(r["step"] / each, 3), r["val_accuracy"]] for r in looks],
            "val_top5": looks[-1]["val_top5"],
            "seconds": round(time.perf_counter() - begun),
            "processor_seconds": round(time.process_time() - cpu),
            "training_error": [[round(e, 3), round(error, 4)] for e, error in errors],
        }
    )
    with open(results, "a") as file:
        file.write(json.dumps(rows[-1]) + "\n")

# %% [markdown]
# ## 2. The table, and the paper's figure 1

# %%
for row in rows:
    error = row["training_error"][-1][1] if row["training_error"] else float("nan")
    print(
        f"{row['name']:18} validation top-1 {row['val_top1'][-1][1]:6.1%}, top-5 "
        f"{row['val_top5']:6.1%}, training error {error:6.1%}"
    )
HALF = 17  # records, ten steps each: half an epoch, over which the curves are smoothed
figure = Figure(figsize=(8, 5), dpi=110, layout="constrained")
axes = figure.subplots()
for row in rows:
    style = {"all parts": "-", "tanh for ReLU": "--"}.get(row["name"])
    if style and row["training_error"]:
        width = min(HALF, len(row["training_error"]))
        columns = np.array(row["training_error"]).T
        smooth = [np.convolve(column, np.ones(width) / width, "valid") for column in columns]
        label = {"all parts": "ReLU"}.get(row["name"], "tanh")
        axes.plot(*smooth, style, color="black", label=label)
axes.set(xlabel="epochs", ylabel="error on training pictures")
if axes.lines:
    axes.legend(frameon=False)
figure.savefig(given.out / "relu-and-tanh.png")
