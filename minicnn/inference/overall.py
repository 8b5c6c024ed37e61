"""Every system on every data set on which it ran, in one table: `minicnn table all`.

What names pixels comes from the lecture's tables (published.py): a measurement that was put there
stands here too. Everything else is in all.json beside this file. **A new system is one entry of its
`rows`**, its model one of `labels`, and a training whose log is kept one of `trainings`:

    title, model, data  what ran, and on what
    network, beside     the shipped weights, and others that belong to them; left out if not shipped
    labelling           by which the numbers were reached; `segment` takes the best of a network
    scores              {measure: share}; the first is the one that is drawn
    seconds             for a picture, if they were measured
    lecture             what the lecture or a paper has: measures, seconds, and under `on` the
                        pictures, if they were others
    command             that gives the numbers again

    labels              {model: the kind of label that it learns from}
    trainings           {shipped weights: hours by the clock, and the logs that tell}
"""

import json

from minicnn.basics.tables import aligned
from minicnn.inference import published
from minicnn.learning.checkpoints import COVER, WEIGHTS

PIXELS = {"pixels": "pixel_accuracy", "classes": "class_accuracy", "IoU": "mean_iou"}
HEADS = ("system", "data", *PIXELS, "others", "seconds", "hours", "MB", "label", "lecture, paper")


def load():
    """{title, notes, rows}: what all.json has, and every measured row of the lecture's tables, by
    data set; each row complete, with its hours and the size of its weights, None if unknown."""
    known = json.loads((published.TABLES / "all.json").read_text())
    rows = [row for name in published.names() for row in _of_pixels(published.load_table(name)[0])]
    rows += [{"lecture": {}} | row for row in known["rows"]]
    order = list(dict.fromkeys(["stanford-background", *(row["data"] for row in rows)]))
    rows = [_complete(row, known) for row in sorted(rows, key=lambda r: order.index(r["data"]))]
    return {"title": known["title"], "notes": known["notes"], "rows": rows}


def _of_pixels(table):
    """The measured rows of a table of the lecture."""
    for row in table["rows"]:
        for recipe in published.RECIPES:
            entry = row[recipe]
            if row["model"] is None or entry["pixel_accuracy"] is None:
                continue
            said, shipped = row["lecture"], entry["network"]
            yield {
                "title": row["title"] + ", faithful" * (recipe == "faithful"),
                "model": row["model"],
                "data": table["data"],
                "network": shipped,
                "beside": shipped + COVER if shipped and row["labelling"] == "cover" else None,
                "scores": _scores(entry),
                "seconds": entry["seconds_per_picture"],
                "lecture": (_scores(said) | {"seconds": said["seconds_per_picture"]})
                if recipe == "ours" and said["pixel_accuracy"]
                else {},
                "command": published.command(table, row, recipe),
            }


def _scores(entry):
    found = {name: entry.get(key) for name, key in PIXELS.items()}
    return {name: value for name, value in found.items() if value is not None}


def _complete(row, known):
    network = row.get("network")
    files = [WEIGHTS / f"{name}.safetensors" for name in (network, row.get("beside")) if name]
    return {
        **{key: row.get(key) for key in ("title", "model", "data", "network", "scores")},
        "seconds": row.get("seconds"),
        "hours": known["trainings"].get(network, {}).get("hours"),
        "megabytes": round(sum(f.stat().st_size for f in files) / 1e6, 2) if files else None,
        "label": known["labels"][row["model"]],
        "lecture": row["lecture"],
        "command": row["command"],
    }


def cells(table):
    """The table as rows of text, the heads on top. What was not measured is a dash."""
    return [list(HEADS), *(_texts(row) for row in table["rows"])]


def _texts(row):
    scores, lecture = row["scores"], row["lecture"]
    others = {name: value for name, value in scores.items() if name not in PIXELS}
    theirs = [_share(lecture[name], name) for name in scores if name in lecture]
    if lecture.get("seconds"):
        theirs.append(f"{lecture['seconds']:g} s")
    said = ", ".join(theirs) + (f" ({lecture['on']})" if "on" in lecture else "")
    return [
        row["title"],
        row["data"],
        *(_share(scores[name]) if name in scores else "-" for name in PIXELS),
        ", ".join(_share(value, name) for name, value in others.items()) or "-",
        "-" if row["seconds"] is None else f"{row['seconds']:.2f}",
        "-" if row["hours"] is None else f"{row['hours']:.1f}",
        "-" if row["megabytes"] is None else f"{row['megabytes']:.1f}",
        row["label"],
        said or "-",
    ]


def _share(value, name="pixels"):
    """'82.4', with the name of the measure if it is not one of pixels."""
    return f"{100 * value:.1f}" if name in PIXELS else f"{name} {100 * value:.1f}"


def lines(table):
    """The table, and how to get each number again, as lines of text."""
    out = [table["title"], "", *aligned(cells(table), "-"), "", *table["notes"]]
    out += ["", "the measured numbers again:"]
    return out + [f"  {r['title']}, {r['data']}: {r['command']}" for r in table["rows"]]
