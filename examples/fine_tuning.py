# %% [markdown]
# # Is it worth beginning with weights? Cats against dogs, from 480 photographs
#
# `python examples/fine_tuning.py` trains one network again and again on the data set
# weak-cats-dogs (`minicnn data install weak-cats-dogs --from ARCHIVE` first), beginning with the
# shipped weights of `alexnet`, and beginning from nothing, with as many steps and the same
# pictures. Five folds, so that each of the 600 pictures is a test picture once. What was computed
# is in `fine-tuning-story/runs.jsonl`; a second call goes on from there. About 25 minutes of one
# core.

# %%
import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

import minicnn
from minicnn import datasets
from minicnn.learning import checkpoints
from minicnn.learning.ranks import rank

parser = argparse.ArgumentParser()
parser.add_argument("--start", default="alexnet", help="a shipped name, a run folder or a file")
parser.add_argument("--steps", type=int, default=80, help="of each training")
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--folds", type=int, default=5)
parser.add_argument("--seeds", type=int, default=3)
given = parser.parse_known_args()[0]  # a notebook has arguments of its own
story = Path("fine-tuning-story")
story.mkdir(exist_ok=True)
DATA, CLASSES = "weak-cats-dogs", "cat,dog"
try:
    datasets.load(DATA, fold=1, classes=CLASSES)
    _, before = checkpoints.load_model(given.start)
except ValueError as error:
    sys.exit(str(error))

# %% [markdown]
# ## 1. Two ways to begin
# With the weights of the start its options come too: how large its crops are, which mean picture
# is subtracted. The new last layer gets ten times the rate. From nothing the same network is built.

# %%
WAYS = {
    "from weights": {
        "start": given.start,
        "settings": {"head_lr": 10},
        "rates": (0.0003, 0.001, 0.003, 0.01),
    },
    "from nothing": {
        "start": None,
        "settings": {k: v for k, v in before.options.items() if k != "crops"},
        "rates": (0.003, 0.01, 0.03, 0.1),
    },
}
COMMON = {"batch": given.batch, "validations": 5, "warm_up": given.steps // 10}


def learn(way, fold, rate, seed):
    """(Run, record): the weights are those that did best on held-out pictures of four fifths."""
    begun = time.process_time()
    run = minicnn.train(
        before.model,
        DATA,
        fold=fold,
        data_options={"classes": CLASSES},
        start=WAYS[way]["start"],
        steps=given.steps,
        settings=COMMON | WAYS[way]["settings"] | {"lr": rate},
        seed=seed,
        quiet=True,
    )
    looks = [[r["step"], r["val_accuracy"]] for r in run.log.records if "val_accuracy" in r]
    losses = [[r["step"], r["loss"]] for r in run.log.records if "loss" in r]
    return run, {
        **{"way": way, "fold": fold, "rate": rate, "seed": seed, "steps": given.steps},
        **{
            "start": given.start,
            "batch": given.batch,
            "val": run.config.best.val_accuracy,
            "val_loss": loss_of(run),
        },
        **{"losses": losses, "looks": looks, "seconds": round(time.process_time() - begun, 1)},
    }


def loss_of(run):
    """Of the held-out pictures: tells apart trainings that have as many of them right."""
    scores = [(run.network.predict(p.image).astype(float), p.label) for p in run.task.val]
    return round(float(np.mean([np.logaddexp.reduce(s) - s[label] for s, label in scores])), 4)


# %% [markdown]
# ## 2. The rate is chosen on held-out pictures, the test pictures are looked at once
# Each fold chooses for itself: its test pictures are among the training pictures of other folds.

# %%
file = story / "runs.jsonl"
lines = file.read_text().splitlines() if file.exists() else []
records = [json.loads(line) for line in lines]
for record in records:
    if any(record[name] != getattr(given, name) for name in ("steps", "batch", "start")):
        sys.exit(f"{file}: holds trainings with other steps, batch or start; move it away")


def key_of(record):
    return tuple(record[name] for name in ("way", "fold", "rate", "seed"))


def noted(record):
    records.append(record)
    with file.open("a") as out:
        out.write(json.dumps(record) + "\n")


def found(key, tested):
    return next((r for r in records if key_of(r) == key and ("test" in r) == tested), None)


trainings = given.folds * sum(len(way["rates"]) + given.seeds - 1 for way in WAYS.values())
bar = tqdm(total=trainings, desc="trainings")
for fold in range(1, given.folds + 1):
    test = datasets.load(DATA, fold=fold, classes=CLASSES).split("test")
    for way in WAYS:
        searched, runs = [], {}
        for rate in WAYS[way]["rates"]:
            key = (way, fold, rate, 0)
            if (record := found(key, tested=False)) is None:
                runs[key], record = learn(*key)
                noted(record)
            searched.append(record)
            bar.update()
        best = min(searched, key=lambda r: (-r["val"], r["val_loss"]))
        for seed in range(given.seeds):
            key = (way, fold, best["rate"], seed)
            if found(key, tested=True) is None:
                run, record = (runs[key], best) if key in runs else learn(*key)
                ranks, _ = rank(run.network, test, run.config.classes)
                noted(record | {"test": ranks.top(1)})
            bar.update(seed > 0)
bar.close()

# %% [markdown]
# ## 3. What it is worth
# A seed stands for one answer to all of the pictures: the mean of its folds.

# %%
colours = {"from weights": "#0072B2", "from nothing": "#D55E00"}
figure = Figure(figsize=(12, 4), dpi=110, layout="constrained")
left, middle, right = figure.subplots(1, 3)
means = {}
for way, colour in colours.items():
    tested = [r for r in records if r["way"] == way and "test" in r and r["fold"] <= given.folds]
    for axes, curve in ((left, "losses"), (middle, "looks")):
        curves = np.array([r[curve] for r in tested])
        if curves.size:  # a few steps leave no mean loss of ten
            steps, values = curves[0, :, 0], 1.0 * curves[:, :, 1]
            axes.plot(steps, values.mean(axis=0), "o-", color=colour, label=way)
            low, high = np.quantile(values, (0.1, 0.9), axis=0)
            axes.fill_between(steps, low, high, color=colour, alpha=0.15)
    for k, seed in enumerate(range(given.seeds)):
        own = [r["test"] for r in tested if r["seed"] == seed]
        right.plot(
            [r["fold"] for r in tested if r["seed"] == seed], own, "ox^sv"[k % 5], color=colour
        )
    means[way] = [
        float(np.mean([r["test"] for r in tested if r["seed"] == seed]))
        for seed in range(given.seeds)
    ]
    every = [r["test"] for r in tested]
    rates = sorted({r["rate"] for r in tested})
    print(
        f"{way}: {np.mean(every):.1%} of the test pictures right; seeds "
        f"{', '.join(f'{m:.1%}' for m in means[way])}; standard deviation of a training "
        f"{np.std(every):.1%}; rates {', '.join(f'{rate:g}' for rate in rates)}"
    )
gains = np.array(means["from weights"]) - np.array(means["from nothing"])
print(f"gain: {100 * gains.mean():.1f} points, by seed {np.round(100 * gains, 1).tolist()}")
left.set(xlabel="step", ylabel="loss", title="training")
middle.set(xlabel="step", ylabel="share of right pictures", title="held-out pictures")
right.set(xlabel="fold", title="test pictures, a mark a seed", xticks=range(1, given.folds + 1))
middle.axhline(0.5, color="0.6")
right.axhline(0.5, color="0.6")
middle.legend(frameon=False)
figure.savefig(story / "curves.png")
