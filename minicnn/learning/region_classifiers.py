"""What `sds` learns after its network: support vector machines on what describes regions, a
refinement of masks, and from which score on a region is shown. Each is kept as soon as it is done.

    describe    1,024 numbers of each region, float16, in RUN/features, if there shall be SVMs
    machines    positives are the objects themselves, then of each object the region that scores
                best among those that fit it; negatives are looked for
    refinement  from regions that fit their object by 0.7
    least       about two regions of a picture shall be shown, on the pictures that are held out

Source: Hariharan et al. 2014, and the program that came with it.
"""

import itertools
import shutil

import numpy as np

from minicnn.basics.notebooks import say
from minicnn.datasets.instances import counted_in
from minicnn.engine import randomness
from minicnn.labelling.regions.paste import background_threshold
from minicnn.labelling.regions.refine import enlarged, fit_refinement, to_cells
from minicnn.labelling.regions.regions import Regions, boxes_of
from minicnn.learning import checkpoints
from minicnn.learning.instance_scores import InstanceScores
from minicnn.learning.interrupts import defer_interrupt
from minicnn.learning.progress import Line
from minicnn.learning.region_features import Features
from minicnn.learning.samples import FIT
from minicnn.learning.svm import LENGTH, Machines
from minicnn.models.detection import detect

FAR = 0.2  # overlap with objects of a class below which a region is a negative
CLOSE = 0.7  # overlap from which on a region teaches how to draw it anew
OF_AN_OBJECT = 4  # such regions, at most
PASSES = ("the objects themselves", "the regions that fit them best")


def finish(run, task):
    """Learns what is not learnt yet, and keeps it."""
    network, said = task.network, Line("sds", run.quiet)
    svms = network.options["classifier"] == "svm"
    features = Features(network, task.samples, run.folder, said)
    try:
        if svms and not network.has_svms:
            machines = learn_machines(network, task.samples, features, run.config.seed, said)
            _keep(run, svm=machines)
        if network.refinement is None:
            found = learn_refinement(network, task.samples, features if svms else None, said)
            if found is not None:
                cells = np.concatenate([found.weight, found.bias[:, None]], axis=1)
                _keep(run, cells=cells, vote=found.vote)
        if not network.least.numpy().any():
            _keep(run, least=choose_least(run, task, said))
    except KeyboardInterrupt as stop:
        where = f"; go on with: minicnn resume {run.folder}" if run.folder else ""
        raise type(stop)(f"stopped behind the last step{where}") from None
    if run.folder is not None:
        shutil.rmtree(run.folder / "features", ignore_errors=True)


def learn_machines(network, samples, features, seed, said):
    """float32 (classes, F + 1): support vector machines for features as they come."""
    features.make()
    scale = LENGTH / features.mean_length()
    machines = Machines(network.classes, network.units, seed)
    present = sorted({int(label) for one in samples for label in one.classes})
    for turn, what in enumerate(PASSES):
        for k in present:
            chosen = _positives(k, samples, features, scale, machines, turn)
            machines.replace_positives(k, np.concatenate(chosen))
        order = randomness.generator(seed, 12, turn).permutation(len(samples))
        for seen, place in enumerate(order):
            said(f"support vector machines, {what}: picture {seen} of {len(samples)}")
            sample, x = samples[place], scale * features[place]
            scores = machines.scores(x)
            for k in present:
                far = sample.with_class(k) < FAR
                machines.offer(k, x[far].astype(np.float16), scores[far, k])
        machines.learn_all()
    return machines.of(scale)


def _positives(k, samples, features, scale, machines, turn):
    """[float16 (n, F)] of class k: the objects; in the second turn the best region of each."""
    found = []
    for place, sample in enumerate(samples):
        mine = np.flatnonzero(sample.classes == k)
        if not len(mine):
            continue
        x = scale * features[place]
        if turn == 0:
            found.append(x[sample.count + mine].astype(np.float16))
            continue
        scores = x @ machines.weight[k, :-1]
        for o in mine:
            fits = np.flatnonzero(sample.overlaps["regions"][: sample.count, o] >= FIT)
            if len(fits):
                best = fits[scores[fits].argmax()]
                found.append(x[best : best + 1].astype(np.float16))
    return found or [np.zeros((0, features.width), np.float16)]


def learn_refinement(network, samples, features, said):
    """The Refinement, one for all classes; None if no region comes close to an object."""
    examples = []
    for place, sample in enumerate(samples):
        said(f"refinement: picture {place} of {len(samples)}")
        pairs = _close(sample)
        if not pairs:
            continue
        chosen = np.array([k for k, _ in pairs])
        known = features[place][chosen] if features is not None else None
        x = network.describe(sample.image, sample.proposed, chosen) if known is None else known
        examples.append((sample, pairs, x))
    if not examples:
        return None
    cells, targets = [], []
    for sample, pairs, _ in examples:
        masks, objects = _masks(sample, pairs)
        boxes = enlarged(boxes_of(masks))
        cells.append(to_cells(masks, boxes))
        targets.append(to_cells(objects, boxes) >= 0.5)
    x = np.concatenate([x for *_, x in examples])
    found = fit_refinement(x, np.concatenate(cells), np.concatenate(targets))
    votes = []
    for sample, pairs, x in examples:
        said("refinement: superpixels")
        masks, objects = _masks(sample, pairs)
        votes.append(found.votes(x, masks, sample.proposed.leaves, objects))
    return found.with_votes(votes)


def _close(sample):
    """[(region, object)]: of each object some of the regions that fit it by CLOSE, not only the
    best, for they are those that will be drawn anew."""
    j, pairs = sample.overlaps["regions"][: sample.count], []
    for o in range(len(sample.classes)):
        fits = np.flatnonzero(j[:, o] >= CLOSE)
        step = max(1, len(fits) // OF_AN_OBJECT)
        pairs += [(int(k), o) for k in fits[::step][:OF_AN_OBJECT]]
    return pairs


def _masks(sample, pairs):
    """(bool (n, H, W) of the regions, of their objects)."""
    masks = np.stack([sample.proposed.mask(k) for k, _ in pairs])
    return masks, sample.proposed.masks[[o for _, o in pairs]]


def choose_least(run, task, said):
    """float32 (2,): the scores of softmax and of SVMs from which on a region is shown. On the way
    each way of asking is scored on the pictures that are held out, and logged: there choices are
    made."""
    network, least = task.network, np.zeros(2, np.float32)
    held, refines = list(task.others) or list(task.samples), ["no"]
    refines += ["yes"] if network.refinement is not None else []
    ways = list(itertools.product(["softmax", "svm"][: 1 + network.has_svms], refines))
    scores = {way: InstanceScores(run.config.classes, counted_in(task.dataset)) for way in ways}
    found = {way: [] for way in ways}
    for place, sample in enumerate(held):
        said(f"the score to be shown by: picture {place} of {len(held)}")
        proposed = sample.proposed.first(sample.count)
        x = network.describe(sample.image, proposed)
        truth = Regions.of_masks(sample.proposed.masks, sample.classes)
        for way in ways:
            regions = detect(network, sample.image, proposed, x, *way)
            scores[way].add(regions, truth)
            found[way].append(regions)
    for way in ways:
        name = f"held_{way[0]}{'_refined' * (way[1] == 'yes')}"
        value = scores[way].mean_ap()
        if np.isfinite(value):
            run.log.write(step=run.steps_done, **{name: round(value, 6)})
            if not run.quiet:
                say(f"sds: mean AP^r of {len(held)} pictures held out, {name}: {value:.1%}")
        least[int(way[0] == "svm")] = background_threshold(found[way])
    return np.where(least == 0, 1e-3, least)  # 0 means that it was not chosen


def _keep(run, **arrays):
    """Gives these to the network, and to its checkpoints."""
    state = run.network.state()
    for name, array in arrays.items():
        state[name].data[...] = run.task.tensor(array).data
    with defer_interrupt():
        for name in (checkpoints.LAST, checkpoints.BEST) if run.folder else ():
            kept, about = checkpoints.load(run.folder / name)
            kept |= {path: a.astype(np.float32) for path, a in arrays.items()}
            checkpoints.save(run.folder / name, kept, about)
