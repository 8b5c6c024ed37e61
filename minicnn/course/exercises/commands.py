"""What `minicnn exercise ...` does. `o` are the options as cli/exercise.py reads them."""

import json
import sys
import time
from pathlib import Path

from minicnn.basics.printing import print_lines, printable
from minicnn.basics.writing import write_atomically
from minicnn.course.exercises.checking import RIGHT, WRONG
from minicnn.course.exercises.collecting import report
from minicnn.course.exercises.exercise import FIRST, all_exercises, find, folder
from minicnn.course.exercises.network import network
from minicnn.course.exercises.process import Worker
from minicnn.course.exercises.progress import OPEN, is_blank, progress, remember, state

TEST = '''"""`pytest` in this folder checks every answer that lies here."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
# what else lies here, as a file random.py, must not be taken for a module of Python's
sys.path[:] = [place for place in sys.path if Path(place).resolve() != HERE]

from minicnn.course.exercises.answers import answers_in, complaint  # noqa: E402


@pytest.mark.parametrize("path", answers_in(HERE), ids=lambda path: path.stem)
def test_answer(path):
    text = complaint(path)
    if text:
        pytest.fail(text, pytrace=False)
'''


def list_all(o):
    """One line an exercise, with its state where it is begun."""
    rows = []
    for e in all_exercises():
        path = Path(o.folder) / e.path.name
        row = {"exercise": e.number, "title": e.title, "minutes": e.minutes, "chapter": e.chapter}
        row["state"] = state(e, path)
        rows.append(row)
    if o.json:
        return print(json.dumps(rows))
    width = max(len(r["title"]) for r in rows)
    for r in rows:
        stage = "" if r["state"] == OPEN else r["state"]
        about = f"{r['minutes']:3} min  chapter {r['chapter']}"
        print(f"{r['exercise']}  {r['title']:{width}} {about}  {stage}".rstrip())
    least = next(r["minutes"] for r in rows if r["exercise"] == FIRST)
    print(f"\nstart with {FIRST}: {least} minutes, one line, and you see how an answer is checked.")
    print("Then take those of the chapter that you read, in the order of their numbers.")
    print_lines(f"next: minicnn exercise start {FIRST} --to {o.folder}")


def start(o):
    """Copies blanks; what is there already stays."""
    to = Path(o.folder)
    if to.resolve() == folder().resolve():
        raise ValueError(f"{to} holds the exercises themselves; --to needs a folder of your own")
    to.mkdir(parents=True, exist_ok=True)
    for e in [find(name) for name in o.names] or all_exercises():
        path = to / e.path.name
        if path.exists():
            print_lines(f"{path} is there already and stays as it is")
            continue
        write_atomically(path, e.head.rstrip() + "\n")
        print_lines(f"{path}: {e.title}, about {e.minutes} minutes")
    if not (to / "test_answers.py").exists():
        write_atomically(to / "test_answers.py", TEST)
    command = f"minicnn exercise check {o.names[0] if o.names else ''}".rstrip()
    print_lines(f"next: fill in the blank, then {command} --in {to}")


def reset(o):
    """Puts blanks back; the answers that were there stay beside them under another name."""
    for e in [find(name) for name in o.names]:
        path = Path(o.folder) / e.path.name
        if is_blank(e, path):
            print_lines(f"{path} is blank already")
            continue
        if path.exists():
            old = unused(path)
            path.rename(old)
            print_lines(f"what was in {path.name} is kept in {old}")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, e.head.rstrip() + "\n")
        print_lines(f"{path}: {e.title}, about {e.minutes} minutes")


def unused(path):
    """A name for what was in a file, which nothing takes for an answer."""
    count, old = 1, path.with_name(f"{path.name}.before")
    while old.exists():
        count += 1
        old = path.with_name(f"{path.name}.before-{count}")
    return old


def answers(o):
    """(Exercise, path) of what the options name: exercises, files, or all in the folder."""
    found = []
    for name in o.names:
        e = find(name)
        found.append((e, Path(name) if name.endswith(".py") else Path(o.folder) / e.path.name))
    if not o.names:
        paths = [(e, Path(o.folder) / e.path.name) for e in all_exercises()]
        found = [(e, path) for e, path in paths if path.exists()]
        if not found:
            raise ValueError(
                f"there is no answer in {o.folder}; minicnn exercise start {FIRST} --to {o.folder}"
            )
    for e, path in found:
        if not path.exists():
            raise ValueError(f"{path}: no such file; minicnn exercise start {e.number} --to ...")
    return found


def verdicts(found, limit, pictures=True, compile=False):
    """The verdict on each answer."""
    with Worker() as worker:
        for e, path in found:
            picture = str(path.with_name(f"{e.number}-difference.png")) if pictures else None
            verdict = worker.check(e, path.resolve(), picture, limit, compile)
            remember(e, path, verdict)
            yield e, path, verdict


def check(o):
    states = []
    for e, path, verdict in verdicts(answers(o), o.limit, compile=o.compile):
        states.append(verdict)
        if not o.json:
            print(in_words(e, path, verdict), flush=True)
    if o.json:
        print(json.dumps(states))
    return 0 if all(v["state"] == RIGHT for v in states) else 1


def in_words(e, path, v):
    """What the student reads."""
    lines = [f"{path}: {e.title}"]
    lines += [f"  {level:10} right" for level in v["passed"]]
    if v["state"] == RIGHT:
        lines += [f"  {note}" for note in v["notes"]]
        lines += [f"  right, in {v['seconds']:.1f} s"]
    elif v["level"]:
        first, *rest = v["message"].splitlines()
        lines += [f"  {v['level']:10} WRONG: {first}", *(f"      {line}" for line in rest)]
        if v["hint"]:
            lines += [f"  hint: {v['hint']}"]
        elif v.get("picture"):
            lines += [f"  picture: {v['picture']}"]
    else:
        lines += [f"  {v['message']}"]
    if v.get("printed"):
        printed = v["printed"].expandtabs().splitlines()[:20]
        lines += ["  your code printed:", *(f"      {x}" for x in printed)]
    return "\n".join(map(printable, lines))


def watch(o):
    """Checks an answer whenever its file is saved, until Ctrl-C or until all are right."""
    found = answers(o)
    seen, right = {}, set()
    print("watching; save a file to check it, Ctrl-C ends", file=sys.stderr)
    with Worker() as worker:
        while len(right) < len(found):
            for e, path in found:
                saved = path.stat().st_mtime_ns if path.exists() else None
                if saved is None or seen.get(path) == saved:
                    continue
                seen[path] = saved
                picture = str(path.with_name(f"{e.number}-difference.png"))
                verdict = worker.check(e, path.resolve(), picture, o.limit)
                remember(e, path, verdict)
                (right.add if verdict["state"] == RIGHT else right.discard)(path)
                print(in_words(e, path, verdict), flush=True)
            time.sleep(0.2)
    print("all are right; nothing left to watch", file=sys.stderr)


def hint(o):
    """The hint for what the answer does wrong, if that is known; else what happens, and the next
    general one."""
    e = find(o.name)
    path = Path(o.folder) / e.path.name
    if path.exists() and o.number is None:
        _, _, verdict = next(verdicts([(e, path)], o.limit, pictures=False))
        if verdict["state"] == RIGHT:
            return print_lines(f"{path} is right already")
        if verdict["hint"]:
            return print_lines(verdict["hint"])
        if verdict["state"] == WRONG:
            print_lines(f"{path}: {verdict['message'].partition(chr(10))[0]}")
    hints, number = e.part("HINTS"), o.number or 1
    if not 1 <= number <= len(hints):
        raise ValueError(f"{e.number} has {len(hints)} hints, from 1 to {len(hints)}")
    print(f"hint {number} of {len(hints)}: {hints[number - 1]}")
    if number < len(hints):
        print(f"the next one: minicnn exercise hint {e.number} --number {number + 1}")


ACTIONS = {
    "progress": progress,
    "list": list_all,
    "start": start,
    "check": check,
    "watch": watch,
    "hint": hint,
    "report": report,
    "reset": reset,
    "network": network,
}
