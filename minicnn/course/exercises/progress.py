"""How far a student is, and what comes next. The verdicts are kept beside the answers, each with
the digest of what it was about: an answer, or an exercise, that has changed is checked again."""

import contextlib
import hashlib
import json
from pathlib import Path

from minicnn.basics.printing import print_lines
from minicnn.basics.writing import write_atomically
from minicnn.course.exercises.checking import NO_VERDICT, NOT_DONE, RIGHT, WRONG
from minicnn.course.exercises.exercise import FIRST, all_exercises
from minicnn.course.exercises.process import Worker

KEPT = ".minicnn-exercises.json"
DONE, BEGUN, OPEN = "done", "begun", "open"
WIDTH = 20  # characters of the bar


# ---------------------------------------------------------------------------- what is remembered
def digest(exercise, path):
    """Of an answer together with what checks it; "" where it cannot be read."""
    try:
        return hashlib.sha256(exercise.text.encode() + Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""


def kept(folder):
    """{number: {"digest", "state", ...}} of a folder; what cannot be understood is forgotten."""
    try:
        found = json.loads((Path(folder) / KEPT).read_text())
        return {number: v for number, v in found.items() if isinstance(v, dict)}
    except (OSError, ValueError, AttributeError):
        return {}


def remember(exercise, path, verdict):
    """Keeps a verdict on the answer that is called as it was handed out. Where nothing may be
    written, nothing is kept."""
    path = Path(path)
    if path.name != exercise.path.name or verdict["state"] not in (
        RIGHT,
        WRONG,
        NOT_DONE,
        NO_VERDICT,
    ):
        return
    names = ("state", "level", "mutant", "seconds")
    found = kept(path.parent)
    found[exercise.number] = {"digest": digest(exercise, path)}
    found[exercise.number] |= {name: verdict[name] for name in names if verdict.get(name)}
    with contextlib.suppress(OSError):
        write_atomically(path.parent / KEPT, json.dumps(found, indent=1) + "\n")


def remembered(exercise, path):
    """The verdict on an answer as it stands now, or None."""
    found = kept(Path(path).parent).get(exercise.number, {})
    return found if found.get("digest") and found["digest"] == digest(exercise, path) else None


def is_blank(exercise, path):
    with contextlib.suppress(OSError, ValueError):
        return Path(path).read_text().strip() == exercise.head.strip()
    return False


def state(exercise, path):
    """done, begun or open, without running anything."""
    found = remembered(exercise, path)
    if found and found["state"] == RIGHT:
        return DONE
    return BEGUN if Path(path).exists() else OPEN


def checked(exercises, folder, limit):
    """Checks the answers in a folder that have changed since they were looked at."""
    paths = [(e, Path(folder) / e.path.name) for e in exercises]
    new = [
        (e, path)
        for e, path in paths
        if path.exists() and not remembered(e, path) and not is_blank(e, path)
    ]
    if not new:
        return
    with Worker() as worker:
        for e, path in new:
            remember(e, path, worker.check(e, path.resolve(), None, limit))


# --------------------------------------------------------------------------------- what is shown
def progress(o):
    """What is done, begun and open, how many minutes are left, and the next step."""
    exercises, folder = all_exercises(), Path(o.folder)
    checked(exercises, folder, o.limit)
    states = {e.number: state(e, folder / e.path.name) for e in exercises}
    left = sum(e.minutes for e in exercises if states[e.number] != DONE)
    step, command = next_step(exercises, states, folder)
    if o.json:
        rows = [
            {"exercise": e.number, "chapter": e.chapter, "minutes": e.minutes}
            | {"state": states[e.number]}
            for e in exercises
        ]
        found = {"folder": str(folder), "minutes left": left, "next": command, "exercises": rows}
        return print(json.dumps(found, indent=1))
    count = {s: list(states.values()).count(s) for s in (DONE, BEGUN, OPEN)}
    bar = "#" * round(WIDTH * count[DONE] / len(exercises))
    told = ", ".join(f"{count[s]} {s}" for s in (DONE, BEGUN, OPEN) if count[s])
    time = f"; about {spoken(left)} left" if left else ""
    print_lines(f"{folder}  [{bar:.<{WIDTH}}]  {told}{time}")
    for chapter in sorted({e.chapter for e in exercises}):
        own = (f"{e.number} {states[e.number]}" for e in exercises if e.chapter == chapter)
        print_lines(f"  chapter {chapter}   {'   '.join(own)}".rstrip())
    print_lines([step, f"next: {command}"])


def spoken(minutes):
    return f"{minutes} minutes" if minutes < 100 else f"{minutes / 60:.0f} hours"


def next_step(exercises, states, folder):
    """(a sentence, a command)"""
    by_number = {e.number: e for e in exercises}

    def about(e):
        return f"{e.number}, «{e.title}», about {e.minutes} minutes, chapter {e.chapter}"

    begun = [e for e in exercises if states[e.number] == BEGUN]
    for e in begun:
        if not is_blank(e, folder / e.path.name):
            found = remembered(e, folder / e.path.name) or {}
            where = f" at «{found['level']}»" if found.get("level") else ""
            what = "cannot be checked yet" if not found else f"is {found['state']}{where}"
            return f"{about(e)}: it {what}", f"minicnn exercise hint {e.number} --in {folder}"
    if begun:
        e = by_number[FIRST] if states[FIRST] == BEGUN else begun[0]
        return f"{about(e)}: fill in its blank", f"minicnn exercise check {e.number} --in {folder}"
    left = [e for e in exercises if states[e.number] == OPEN]
    if not left:
        return "all are done: see them work together", f"minicnn exercise network --in {folder}"
    chapters = {e.chapter for e in exercises if states[e.number] == DONE}
    near = [e for e in left if e.chapter in chapters]
    e = by_number[FIRST] if states[FIRST] == OPEN else (near or left)[0]
    return about(e), f"minicnn exercise start {e.number} --to {folder}"
