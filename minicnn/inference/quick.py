"""Is everything as it was? `minicnn table all --quick` asks every shipped network about a few
pictures of its own data set, and compares with figures that are stored.

The pictures are always the same, evenly spread over those for testing (for proposals and regions:
over `val`). The figures are in quick.json, {number of pictures: {file of weights: data, measure,
value}}. They say nothing about quality: that is in the tables. Whoever ships other weights stores
them anew, with `minicnn table all --quick --store` and `minicnn table all --quick 8 --store`.
"""

import json

from minicnn import datasets
from minicnn.datasets.instances import background_of
from minicnn.datasets.splits import evenly
from minicnn.inference.evaluation import evaluate
from minicnn.inference.published import TABLES, save_table
from minicnn.inference.regions import COUNTS, score_regions
from minicnn.learning.boundary_scores import score_boundaries
from minicnn.learning.checkpoints import COVER, PROPOSALS, WEIGHTS, load_model
from minicnn.learning.proposal_files import load_proposer

PICTURES = 40
STORED = TABLES / "quick.json"
OF_PROPOSALS = "voc2012-animals"  # what the shipped ones were fitted to, which no file tells
# How far a figure may lie from the stored one, on a machine that rounds otherwise; of N whole
# pictures one may be called otherwise.
TOLERANCES = {"pixels": 0.002, "F": 0.005, f"J@{COUNTS[0]}": 0.01}
THRESHOLDS = 3  # of boundaries: all 33 would cost more than all other networks together


def stored():
    """{number of pictures, as text: {file of weights: {data, measure, value}}}"""
    return json.loads(STORED.read_text()) if STORED.is_file() else {}


def data_of(name):
    """The data set that shipped weights, NAME.safetensors, belong to."""
    if name.endswith(PROPOSALS):
        return OF_PROPOSALS
    return load_model(name.removesuffix(COVER))[1].data.name


def measure(name, most):
    """(measure, value) of the shipped weights `name` on `most` pictures of their data set."""
    network, data = name.removesuffix(COVER).removesuffix(PROPOSALS), datasets.load(data_of(name))
    if name.endswith(PROPOSALS):
        found = score_regions(
            load_proposer(network), _some(data, "val", most), background=background_of(data)
        )
        return f"J@{COUNTS[0]}", float(found.j_i[0])
    if data.kind == "boundaries":
        found, _ = score_boundaries(load_model(network)[0], _some(data, "test", most), THRESHOLDS)
        return "F", found.ods
    labelling, split = "cover" if name.endswith(COVER) else "argmax", "test"
    if load_model(network)[0].task == "regions":
        split = "val"  # VOC has no other with masks
    options = {"labelling": labelling, "examples": 0, "most": most}
    found = evaluate(network, None, split, **options).confusion
    if found.what == "objects":
        return "AP^r", found.mean_ap()
    return ("top-1", found.top(1)) if found.what == "pictures" else ("pixels", found.pixel_accuracy)


def _some(data, split, most):
    return datasets.Split(data, evenly(data.names(split), most))


def check(most=PICTURES, say=print, store=False):
    """Measures all shipped weights whose data set is installed and says a line for each. `store`:
    keeps the figures instead of comparing. Returns whether none differs. Raises ValueError if no
    figures are stored for so many pictures."""
    known = stored()
    if str(most) not in known and not store:
        raise ValueError(
            f"--quick {most}: no figures are stored for {most} pictures, but for "
            f"{', '.join(known) or 'none'}; --store keeps those of today"
        )
    figures = known.setdefault(str(most), {})
    good = True
    for name in sorted(path.stem for path in WEIGHTS.glob("*.safetensors")):
        data = data_of(name)
        if not datasets.is_installed(data):
            say(f"{name:20} {data:20} not installed, so not looked at")
            continue
        what, value = measure(name, most)
        before = figures.get(name)
        if store:
            figures[name] = {"data": data, "measure": what, "value": round(value, 6)}
            save_table(known, STORED)
            verdict = "stored"
        elif before is None:
            verdict, good = "NO FIGURE IS STORED", False
        else:
            near = abs(value - before["value"]) <= TOLERANCES.get(what, 1.01 / most)
            verdict = "as before" if near else f"DIFFERS: it was {100 * before['value']:.2f}"
            good = good and near
        say(f"{name:20} {data:20} {what:8} {100 * value:6.2f}  {verdict}")
    return good
