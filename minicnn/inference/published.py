"""Tables of the lecture with our numbers beside its own: `minicnn table stanford`.

A table is a JSON file, NAME.json beside this file. Each of its rows is a system of the lecture:

    name, title      for the command line, and for people
    model, labelling, options   what its numbers must be of: the network, options of it (some can
                     be changed after the training), and how scores become labels; model null: any
    lecture          what the lecture or the paper says: pixel_accuracy, class_accuracy,
                     seconds_per_picture (at_least: true for «> 60 s»); null where it is silent
    ours, faithful   what was measured with each recipe: the same numbers and the mean IoU, the
                     seed, the labelling with its options, the shipped network (null if it is not
                     shipped), and the command of its training; numbers are null until measured

A measurement gets there with one command, which refuses numbers of other pictures or networks:

    minicnn evaluate multi-scale --data stanford-background --fold 1 --json |
        minicnn table stanford --put three-scales -
"""

import json
import re
from pathlib import Path

from minicnn import models
from minicnn.basics.nearest import did_you_mean
from minicnn.basics.tables import aligned
from minicnn.basics.writing import write_atomically
from minicnn.labelling.methods import Labelling
from minicnn.learning.checkpoints import WEIGHTS

TABLES = Path(__file__).parent
OTHERS = ("all", "quick")  # JSON files beside this one that are of overall.py and quick.py
RECIPES = ("ours", "faithful")
COLUMNS = ("lecture", *RECIPES)
NUMBERS = ("pixel_accuracy", "class_accuracy", "seconds_per_picture")
KEPT = (*NUMBERS, "mean_iou", "network", "labelling", "seed")
OF_PICTURES = ("data", "fold", "split", "pictures")
OF_ROWS = {"name", "title", "model", "labelling", "options", *COLUMNS}


def names():
    """The names of the lecture's tables."""
    return sorted({path.stem for path in TABLES.glob("*.json")} - set(OTHERS))


def load_table(name):
    """(table, path): the dict in NAME.json beside this file, or in the file `name`. Raises
    ValueError if there is none."""
    path = Path(name) if str(name).endswith(".json") else TABLES / f"{name}.json"
    if not path.is_file():
        known = ["all", *names()]
        hint = did_you_mean(name, known)
        raise ValueError(f"there is no table {name!r}; there are {', '.join(known)}{hint}")
    try:
        table = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file ({error})") from None
    whole = isinstance(table, dict) and {"title", "rows", "notes"} <= set(table)
    if not whole or not all(isinstance(r, dict) and OF_ROWS <= set(r) for r in table["rows"]):
        raise ValueError(f"{path}: JSON, but not a table like {TABLES / 'stanford.json'}")
    return table, path


def best_labelling(weights):
    """The Labelling that reached the highest pixel accuracy with a shipped network, of those that
    the tables hold; argmax where nothing was measured. weights: the file, or None."""
    found = {}
    if weights is not None and weights.parent == WEIGHTS:
        for name in names():
            for entry in (row[r] for row in load_table(name)[0]["rows"] for r in RECIPES):
                if entry["network"] == weights.stem and entry["pixel_accuracy"]:
                    found[entry["pixel_accuracy"]] = entry["labelling"]
        for row in json.loads((TABLES / "all.json").read_text())["rows"]:
            if row.get("network") == weights.stem and "labelling" in row:
                found[row["scores"]["pixels"]] = row["labelling"]
    name, _, options = (found[max(found)] if found else "argmax").rstrip(")").partition("(")
    return Labelling(name, **dict(pair.split("=") for pair in options.split(", ") if pair))


def put(table, name, found, train=None):
    """Writes what `evaluate` found (its JSON, as a dict) into row `name` of a table, in the column
    of the recipe that the network was trained with; `train` is the command that trained it. Raises
    ValueError if the numbers belong elsewhere."""
    rows = {row["name"]: row for row in table["rows"]}
    if name not in rows:
        hint = did_you_mean(name, rows)
        raise ValueError(f"the table has no row {name!r}; it has {', '.join(rows)}{hint}")
    row, recipe = rows[name], found.get("recipe") if isinstance(found, dict) else None
    if recipe not in RECIPES or not {*KEPT, *OF_PICTURES, "model", "options"} <= set(found):
        raise ValueError(
            "expected what `minicnn evaluate MODEL --json` prints of a trained network"
        )
    wanted = {key: table[key] for key in OF_PICTURES}
    given = found | {"labelling": found["labelling"].partition("(")[0]}
    if row["model"]:  # else the row is open to all
        wanted |= {"model": row["model"], "labelling": row["labelling"]} | row["options"]
    given |= {key: found["options"].get(key) for key in row["options"]}
    for key, value in wanted.items():
        if given[key] != value:
            raise ValueError(
                f"row {name} wants {key} {value!r}; these numbers are of {given[key]!r}"
            )
    row[recipe] |= {key: found[key] for key in KEPT} | ({"train": train} if train else {})
    row[recipe].pop("command", None)


def command(table, row, recipe):
    """The command that gives the numbers of a measurement again: from shipped weights where there
    are any, else from a training. None where neither is known. A measurement of several networks
    together has its own, in `command`."""
    entry = row[recipe]
    if "command" in entry:
        return entry["command"]
    name, _, options = entry["labelling"].rstrip(")").partition("(")
    settings = [f"labelling={name}"] * (name != "argmax") + options.replace(",", "").split()
    settings += [
        f"{key}={value}" for key, value in row["options"].items() if key in models.CHANGEABLE
    ]
    settings = " ".join([" --set", *settings] if settings else "")
    if entry["network"]:
        fold = "" if table["fold"] is None else f" --fold {table['fold']}"
        where = f"--data {table['data']}{fold}"
        return f"minicnn evaluate {entry['network']} {where}{settings}"
    if entry["train"]:
        block = "/block-3" * ("--greedy" in entry["train"])  # the last: the whole network
        cover = "minicnn train cover --start RUN; " * (name == "cover")
        return f"{entry['train']} --out RUN; {cover}minicnn evaluate RUN{block}{settings}"
    return None


def with_commands(table):
    """The table, each measurement with its command: what --json prints."""
    rows = [
        row | {r: row[r] | {"command": command(table, row, r)} for r in RECIPES}
        for row in table["rows"]
    ]
    return table | {"rows": rows}


def cells(table):
    """The table as rows of text, the heads on top. What was not measured is a dash."""
    heads = [("system",), *((name, "seconds") for name in COLUMNS)]
    rows = [[(row["title"],), *(_texts(row[c]) for c in COLUMNS)] for row in table["rows"]]
    return [[text for cell in row for text in cell] for row in (heads, *rows)]


def _texts(entry):
    """('78.5 (66.7)', '0.18') of a measurement, dashes for what is not known."""
    pixel, mean, seconds = (entry[key] for key in NUMBERS)
    accuracy = "-" if pixel is None else f"{100 * pixel:.1f}"
    if mean is not None:
        accuracy += f" ({100 * mean:.1f})"
    if seconds is None:
        return accuracy, "-"
    digits = 0 if seconds >= 20 else 1 if seconds >= 1 else 2
    return accuracy, "> " * bool(entry.get("at_least")) + f"{seconds:.{digits}f}"


def lines(table):
    """The table, and how to get each measured number again, as lines of text."""
    rows = cells(table)
    out = [table["title"], "", *aligned(rows, "-")]
    out += ["", *table["notes"], "", "the measured numbers again:"]
    for row in table["rows"]:
        for recipe in RECIPES:
            if row[recipe]["pixel_accuracy"] is not None:
                out.append(f"  {row['title']}, {recipe}: {command(table, row, recipe)}")
    return out


def save_table(table, path):
    """Writes a table back, a number to a line."""
    text = json.dumps(table, indent=1, ensure_ascii=False)
    # an entry of plain values stands on one line, so that a change is a change of one line
    text = re.sub(r"\{[^{}\[\]]*\}", lambda m: re.sub(r"\s*\n\s*", " ", m[0]), text)
    write_atomically(path, text + "\n")
