"""The lecture's central comparison in about two minutes: one scale against three.

Two networks with the same stages learn from the same small scenes, with the same recipe, for the
same number of steps. One sees each picture at its own size; the other also at a half and a quarter,
so that it knows what lies farther away from a pixel.
"""

import contextlib
import itertools
from pathlib import Path

import numpy as np

from minicnn import figures
from minicnn.basics.tables import aligned
from minicnn.basics.writing import check_free, save_png, write_atomically
from minicnn.learning.metrics import score
from minicnn.learning.training import train

SIZE = (120, 160)
STEPS = 400
TEST_SCENES = 60
# For a short training: half of the maps, and a higher rate than the recipe's. No scene is seen
# twice, so nothing can be learnt by heart, and dropout would only slow the learning down.
SETTINGS = {"width": 0.5, "lr": 0.01, "warm_up": 40, "dropout": 0.0}
NETWORKS = {"single-scale": "one scale", "multi-scale": "three scales"}
# From the slide «Многомасштабные признаки - результаты»; Farabet et al. 2013.
LECTURE = [
    ("lecture: one scale", "66.0 %", "0.35 s"),
    ("lecture: three scales", "78.8 %", "0.6 s"),
    ("lecture: best of its day", "81.9 %", "> 60 s"),
]
LECTURE_DATA = "Stanford Background, photographs"


def demo(out=None, seed=0, quiet=False, steps=STEPS, size=SIZE, tests=TEST_SCENES):
    """Trains both networks, prints the table, draws the picture. Returns all of it as a dict that
    JSON can hold.

    out    folder for the two runs, demo.png and table.txt; by default the next free `minicnn-demo`
    seed   of the weights and the order of the scenes; the scenes are always the same
    steps  of each training, one new scene each; `size` of the scenes; `tests` scenes for the score
    """
    say = (lambda *text: None) if quiet else (lambda *text: print(*text, flush=True))
    out = _folder(out)
    data = {"size": list(size), "train": steps, "val": 0, "test": tests}
    say(
        f"The program draws outdoor scenes of {size[0]}x{size[1]} pixels, in which every pixel has "
        f"one of 8 names.\nTwo networks learn to name them: each looks at {steps} scenes, one at a "
        "time."
    )
    rows, predictions = [], {}
    for number, (model, name) in enumerate(NETWORKS.items(), 1):
        say(f"\n{number}. {STORY[model]} It is being trained ...")
        run = train(
            model,
            "scenes",
            out=out / model,
            steps=steps,
            seed=seed,
            settings=SETTINGS,
            data_options=data,
            quiet=quiet,
        )
        test, maps = list(run.task.dataset.split("test")), []
        confusion, seconds = score(
            run.network, test, run.config.classes, lambda _, map, maps=maps: maps.append(map)
        )
        predictions[name] = maps
        rows.append(
            {
                "algorithm": name,
                "pixel_accuracy": round(confusion.pixel_accuracy, 4),
                "class_accuracy": round(confusion.class_accuracy, 4),
                "seconds_per_image": round(seconds, 4),
            }
        )
        say(f"   On {tests} scenes that it never saw, {confusion.pixel_accuracy:.1%} is right.")
    table = _table(rows, f"scenes {size[0]}x{size[1]}, width {SETTINGS['width']}, {steps} steps")
    text = "\n".join(aligned(table, "-"))
    write_atomically(out / "table.txt", text + "\n")
    say(f"\n{text}\n")
    picture = out / "demo.png"
    save_png(_story(test, predictions, run, table), picture)
    say(
        f"The lecture's numbers are from photographs and larger networks; what should agree is "
        f"which is better.\nThe picture that tells the story: {picture}\n"
        f"What a network has learnt:  minicnn show {out / 'multi-scale'}"
    )
    return {"out": str(out), "picture": str(picture), "steps": steps, "seed": seed, "rows": rows}


STORY = {
    "single-scale": "One scale: of each pixel the network knows the 46x46 pixels around it.",
    "multi-scale": "Three scales: the same filters also see the picture at 1/2 and 1/4, "
    "184x184 pixels around each.",
}


def _folder(out):
    """The folder, made; `minicnn-demo`, `minicnn-demo-2`, ... if none is given."""
    if out is not None:
        out = Path(out)
        check_free(out, "choose another --out")
        out.mkdir(parents=True, exist_ok=True)
        return out
    for number in itertools.count(1):
        out = Path("minicnn-demo" if number == 1 else f"minicnn-demo-{number}")
        with contextlib.suppress(FileExistsError):
            out.mkdir()
            return out


def _table(rows, ours):
    """The lecture's table with our rows first: rows of text, the heads on top."""
    table = [("algorithm", "pixel accuracy", "time per image", "data")]
    for row in rows:
        accuracy, seconds = 100 * row["pixel_accuracy"], row["seconds_per_image"]
        table.append((row["algorithm"], f"{accuracy:.1f} %", f"{seconds:.3f} s", ours))
    return table + [(*row, LECTURE_DATA) for row in LECTURE]


def _story(test, predictions, run, table):
    """The picture: three scenes, not the three best ones, and the table."""
    one, three = (
        np.array([figures.accuracy(p.labels, m) for p, m in zip(test, maps, strict=True)])
        for maps in predictions.values()
    )
    order = np.argsort(three - one, kind="stable")
    shown = [int(order[round(share * (len(test) - 1))]) for share in (0.9, 0.7, 0.5)]
    return figures.compare_sheet(
        [test[k] for k in shown],
        {name: [maps[k] for k in shown] for name, maps in predictions.items()},
        run.config.classes,
        run.config.colours,
        "One scale against three, on scenes that neither has seen\n"
        "rows: sorted by what three scales gain, the scenes at 90, 70 and 50 %\n",
        table,
    )
