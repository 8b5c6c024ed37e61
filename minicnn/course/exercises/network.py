"""`minicnn exercise network`: what a student has solved works together in one network."""

import contextlib
import json
import time
from pathlib import Path

import numpy as np

from minicnn import functional as F
from minicnn import get_num_threads, manual_seed, optim, set_num_threads
from minicnn.basics.printing import print_lines
from minicnn.course.exercises.compiling import Quickened
from minicnn.course.exercises.exercise import all_exercises, find, load
from minicnn.course.exercises.playing import ELSEWHERE, GRAPH, Scenes, playing
from minicnn.course.exercises.progress import DONE, checked, state
from minicnn.engine.tensor import Tensor

SIZE, BATCH, SEEN, NEW = (32, 40), 4, 200, 40  # of the scenes: rows and columns; how many
RATE, MOMENTUM, DECAY = 0.1, 0.9, 1e-4
SLOW = 0.2  # seconds in plain Python after which loops are compiled
LONG = 20  # seconds of a training of which one is told beforehand
SETTLED = 10  # steps after which what is to be compiled is compiled
COMPARED, ALIKE = 20, 1e-3  # so many losses, against those of the framework's own code
WHOLE = (GRAPH, "ex20", "ex21")  # what they are given is not for a compiler


class Mine:
    """An answer that counts its calls."""

    def __init__(self, exercise, path):
        function = getattr(load(path), exercise.function)
        self.calls = 0
        whole = exercise.number in WHOLE
        self.function = function if whole else Quickened(function, path, SLOW)

    def __call__(self, *args):
        self.calls += 1
        return self.function(*args)


def network(o):
    """Trains with the answers that are right, says which are used, and shows that the framework's
    own code comes to the same."""
    exercises = [find(name) for name in o.names] or all_exercises()
    folder = Path(o.folder)
    checked(exercises, folder, o.limit)
    right = [e for e in exercises if state(e, folder / e.path.name) == DONE]
    if not right:
        raise ValueError(
            f"none of these exercises is right in {folder} yet, so all of the network would be the "
            f"framework's own; minicnn exercise --in {folder} says what comes next"
        )
    mine, left_out = {}, {}
    for e in right:
        answer = Mine(e, (folder / e.path.name).resolve())
        if reason := e.part("why_not") and e.parts.why_not():
            left_out[e.number] = reason
        elif e.number == GRAPH and not carries_arrays(answer):
            left_out[e.number] = "it keeps single numbers, and here the gradients are arrays"
        else:
            mine[e] = answer
            answer.calls = 0
    told = (lambda line: None) if o.json else print_lines
    told(f"yours: {', '.join(e.number for e in mine) or 'nothing'}")
    scenes = drawn(o.steps)
    trained({}, 1, scenes)  # kernels are compiled before the time is taken
    found = trained(mine, o.steps, scenes, told)
    own = trained({}, o.steps, scenes)
    picture = folder / "network.png"
    draw(found, picture)
    used = {e.number: answer.calls for e, answer in mine.items()}
    first, theirs = (np.array(run["losses"][:COMPARED]) for run in (found, own))
    same = np.abs(first - theirs).max() <= ALIKE * theirs[0]
    result = {"yours": used, "left out": left_out, "losses": found["losses"]}
    result |= {"the framework's": own["losses"], "same": bool(same)}
    result |= {name: found[name] for name in ("accuracy", "commonest", "seconds")}
    result |= {"picture": str(picture)}
    if o.json:
        print(json.dumps(result, indent=1))
    else:
        print_lines(in_words(result, mine, exercises, own["seconds"]))
    return 0 if same else 1


def carries_arrays(answer):
    """Whether an answer to ex01 works where gradients are arrays."""
    a, b = (Tensor(np.arange(2.0) + k, requires_grad=True) for k in (1, 2))
    try:
        with playing({find(GRAPH): answer}):
            c = a * b
            (c * c + a * 3.0).sum().backward()
        return np.allclose(a.grad, 2 * a.data * b.data**2 + 3) and b.grad.shape == (2,)
    except Exception:  # whatever an answer makes of what it was not written for
        return False


@contextlib.contextmanager
def one_thread():
    """Inside, kernels use one: for arrays as small as these, more of them wait for each other."""
    before = get_num_threads()
    set_num_threads(1)
    try:
        yield
    finally:
        set_num_threads(before)


def drawn(steps):
    """(data set, scenes to learn from, others): as many as so many steps can use."""
    from minicnn import datasets

    scenes = datasets.load("scenes", size=SIZE)
    seen = [scenes.split("train")[k] for k in range(min(SEEN, BATCH * steps))]
    return scenes, seen, [scenes.split("val")[k] for k in range(NEW)]


def trained(mine, steps, data, told=None):
    """{"losses", "accuracy", ...} of a training with these answers."""
    scenes, seen, new = data
    manual_seed(1)
    with playing(mine), one_thread():
        net = Scenes(len(scenes.classes))
        falling = {"weight_decay": DECAY, "schedule": optim.cosine(steps)}
        optimiser = optim.SGD(net.parameters(), RATE, MOMENTUM, **falling)
        random, losses, begun = np.random.default_rng(0), [], time.monotonic()
        for step in range(steps):
            x, labels = batch([seen[k] for k in random.choice(len(seen), BATCH, replace=False)])
            loss = F.cross_entropy(net(Tensor(x)), labels)
            losses.append(float(loss.item()))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if told and (step in (0, steps - 1) or (step + 1) % 20 == 0):
                told(f"  step {step + 1:3}  loss {losses[-1]:.4f}")
            if told and step == SETTLED:
                begun_anew = time.monotonic()
            if told and step == 2 * SETTLED:
                left = (time.monotonic() - begun_anew) / SETTLED * (steps - step)
                if left > LONG:
                    told(f"  about {left:.0f} s are left")
        x, labels = batch(new)
        predictions = net.stitched(x).argmax(1)
    known = labels < len(scenes.classes)  # void is 255
    counts = np.bincount(labels[known])
    return {
        "losses": losses,
        "accuracy": float((predictions == labels)[known].mean()),
        "commonest": float(counts.max() / counts.sum()),
        "seconds": round(time.monotonic() - begun, 1),
        "shown": (new[:4], predictions[:4], scenes.classes, scenes.colours),
    }


def batch(pictures):
    x = np.stack([p.image for p in pictures]).transpose(0, 3, 1, 2).astype(np.float32)
    return x / 64 - 2, np.stack([p.labels for p in pictures]).astype(int)


def draw(found, path):
    from minicnn.figures.sheets import prediction_sheet

    pictures, predictions, classes, colours = found["shown"]
    sheet = prediction_sheet(pictures, list(predictions), classes, colours, "the network of yours")
    sheet.savefig(path, dpi=100)


def in_words(result, mine, exercises, seconds):
    lines = []
    width = max(len(e.title) for e in exercises)
    for e in exercises:
        what = f"  {e.number}  {e.title:{width}}"
        if e.number in result["left out"]:
            lines.append(f"{what}  the framework's: {result['left out'][e.number]}")
        elif e.number in ELSEWHERE or e in mine and not mine[e].calls:
            owner = "yours, but " if e in mine else ""
            lines.append(f"{what}  {owner}this network has no such operation")
        elif e not in mine:
            lines.append(f"{what}  the framework's")
        else:
            compiled = getattr(mine[e].function, "note", "")
            note = ", compiled" if compiled.startswith("compiled by Numba it") else ""
            lines.append(f"{what}  YOURS, asked {mine[e].calls} times{note}")
    first, last = result["losses"][0], result["losses"][-1]
    own = result["the framework's"][-1]
    alike = "alike" if result["same"] else "NOT alike, from the first steps on"
    return [
        *lines,
        f"loss {first:.4f} -> {last:.4f} in {len(result['losses'])} steps, {result['seconds']} s; "
        f"with the framework's own code {first:.4f} -> {own:.4f}, {alike}, {seconds} s",
        f"{100 * result['accuracy']:.1f} % of the pixels of {NEW} scenes never seen are right (the "
        f"commonest class alone: {100 * result['commonest']:.1f} %)",
        f"picture: {result['picture']}",
    ]
