# %% [markdown]
# # The table of the paper, measured: networks A, B, C, with and without refinement
#
# `python examples/region_table.py runs/sds-A runs/sds-B runs/sds-C --data voc2012-animals` asks
# every network once for each picture of `val`, and scores the objects that it finds in every way
# that it has learnt: by its softmax or its support vector machines, masks as proposed or drawn
# anew.
#
# `--components RUN` puts beside it what a dense network finds: the connected regions of a class, by
# their mean probability. `--gradients` asks the networks again, among regions that come from
# gradients of brightness and colour instead of learnt edges. `--held-out` looks at the tenth of the
# training pictures that no network was fine-tuned on: there choices are made.

# %%
import argparse
import itertools
import json
from pathlib import Path

import numpy as np

from minicnn import datasets
from minicnn.datasets.instances import background_of, counted_in, of_picture
from minicnn.datasets.splits import evenly, hold_out
from minicnn.inference.objects import ObjectScores
from minicnn.labelling.contours import gradients
from minicnn.labelling.probabilities import softmax
from minicnn.labelling.proposals.proposer import Proposer
from minicnn.labelling.regions.paste import paste
from minicnn.labelling.regions.proposed import shrunk
from minicnn.labelling.regions.regions import Regions
from minicnn.learning.checkpoints import load_model
from minicnn.learning.proposal_files import load_proposer
from minicnn.learning.proposal_training import fit_proposer
from minicnn.learning.region_files import Keeper
from minicnn.models.detection import detect

parser = argparse.ArgumentParser()
parser.add_argument("runs", nargs="*", default=[], help="trained sds")
parser.add_argument("--data", default="voc2012-animals")
parser.add_argument("--held-out", action="store_true", help="the tenth of train, not val")
parser.add_argument("--pictures", type=int, help="only so many, evenly spread")
parser.add_argument("--regions", type=int, help="of a picture (what the network says)")
parser.add_argument("--components", help="a network for pixels, trained on the same data")
parser.add_argument("--gradients", action="store_true", help="regions without learnt edges")
parser.add_argument("--out", default="region-table.json")
chosen = parser.parse_known_args()[0]
SMALLEST = 50  # pixels of a component

# %%
data = datasets.load(chosen.data)
background = background_of(data)
counted = counted_in(data)
names = hold_out(data.names("train"), "sds")[1] if chosen.held_out else data.names("val")
names = evenly(names, chosen.pictures)


def rows_of(network):
    """The ways in which a network can be asked: (classifier, refine)."""
    classifiers = ["softmax", "svm"] if network.has_svms else ["softmax"]
    return list(itertools.product(classifiers, ("no", "yes")))


def components(network, image):
    """The connected regions of each class that a dense network names, as Regions."""
    from scipy.ndimage import label

    probabilities = softmax(network.predict(image))
    labels, masks, classes, scores = probabilities.argmax(axis=0), [], [], []
    for k in range(len(probabilities)):
        if k == background:
            continue
        parts, count = label(labels == k)
        for n in range(1, count + 1):
            mask = parts == n
            if mask.sum() >= SMALLEST:
                masks.append(mask)
                classes.append(k)
                scores.append(probabilities[k][mask].mean())
    if not masks:
        return Regions.none(image.shape[:2])
    return Regions.of_masks(np.array(masks), classes, scores)


def proposer_of(network):
    if not chosen.gradients:
        return load_proposer(network.options["edges"])
    train = (data.read(name) for name in evenly(data.names("train"), 100))
    return fit_proposer(Proposer(gradients, [0] * 16), train, background)


# %%
# What each row finds in each picture; proposals are made once for all networks.
networks = {Path(name).name: load_model(name)[0] for name in chosen.runs}
scores = {
    (name, *row): ObjectScores(data.classes, counted)
    for name, network in networks.items()
    for row in rows_of(network)
}
least = {
    (name, *row): float(network.least.numpy()[int(row[0] == "svm")])
    for name, network in networks.items()
    for row in rows_of(network)
}
keepers = {}
for name, network in networks.items():
    count = chosen.regions or network.options["test_regions"]
    keepers[name] = Keeper(proposer_of(network), count)
if chosen.components:
    dense = load_model(chosen.components)[0]
    row = ("components", "argmax", "no")
    scores[row], least[row] = ObjectScores(data.classes, counted), -1.0
for number, name in enumerate(names):
    picture = data.read(name)
    truth = Regions.of_objects(of_picture(picture, background), picture.labels.shape)
    image = shrunk(picture.image)  # the pictures of this set are small enough
    for run, network in networks.items():
        proposed = keepers[run](image)
        features = network.describe(image, proposed)
        for row in rows_of(network):
            found = detect(network, image, proposed, features, *row)
            scores[(run, *row)].add(found, truth)
            labels = paste(found, least[(run, *row)])
            scores[(run, *row)].pasted.add(picture.labels, labels)
    if chosen.components:
        scores["components", "argmax", "no"].add(components(dense, picture.image), truth)
        labels = dense.predict(picture.image).argmax(axis=0).astype(np.uint8)
        scores["components", "argmax", "no"].pasted.add(picture.labels, labels)
    if number % 20 == 0:
        print(f"{number} of {len(names)} pictures", flush=True)

# %%
print(f"\n{'':34}{'AP^r':>7}{'95 %':>15}{'vol':>7}{'AP^b':>7}{'mean IoU':>10}")
result = {}
for row, found in scores.items():
    low, high = found.interval()
    volume = float(np.nanmean(found.ap_volume))
    numbers = [found.mean_ap(), low, high, volume, found.mean_ap(boxes=True), found.pasted.mean_iou]
    cells = [f"{100 * x:.1f}" for x in numbers]
    what = f"{row[0]}, {row[1]}{', drawn anew' if row[2] == 'yes' else ''}"
    print(f"{what:34}{cells[0]:>7}{f'{cells[1]} to {cells[2]}':>15}", end="")
    print(f"{cells[3]:>7}{cells[4]:>7}{cells[5]:>10}")
    result[what] = found.as_dict() | {"mean_iou": numbers[5], "differences": {}}
for (row, found), (other, beside) in itertools.permutations(scores.items(), 2):
    rounds = found.bootstrap() - beside.bootstrap()
    low, high = np.percentile(rounds, (2.5, 97.5))
    result_of = f"{row[0]}, {row[1]}{', drawn anew' if row[2] == 'yes' else ''}"
    result[result_of]["differences"][" ".join(other)] = [float(low), float(high)]
Path(chosen.out).write_text(json.dumps(result, indent=1) + "\n")
