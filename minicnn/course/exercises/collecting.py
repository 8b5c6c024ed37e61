"""Answers that were collected from a class: which file is the answer to what, and how far everybody
is. What students hand in is not always called as it was handed out, and lies in folders of folders.
"""

import collections
import json
import os
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from minicnn.basics.printing import print_lines, printable
from minicnn.course.exercises.checking import NOT_DONE, RIGHT
from minicnn.course.exercises.exercise import all_exercises
from minicnn.course.exercises.process import Worker

NOT_BEGUN = "not begun"
NAME = re.compile(r"ex[ _-]?0?(\d{1,2})(?!\d).*\.py(\.txt)?$", re.IGNORECASE)
DEEP = 3  # folders in folders
ROW = ("state", "level", "passed", "message", "mutant", "seconds")


def processors():
    """How many processors this program may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


# ------------------------------------------------------------------------------- which file is what
def handed_in(folder, exercises):
    """({number: path}, [what is to be said]) of a folder of answers."""
    folder, said = Path(folder), []
    found, others = in_folder(folder, exercises)
    if not found:
        below = {place: in_folder(place, exercises) for place in folders_in(folder)}
        place = max(below, key=lambda place: len(below[place][0]), default=None)
        if place is None or not below[place][0]:
            return {}, ["there is no answer in it"]
        found, others = below[place]
        said.append(f"its answers are those in {place.relative_to(folder)}")
    names = {e.number: e.path.name for e in exercises}
    for number, path in found.items():
        if path.name != names[number]:
            said.append(f"{path.name} is taken for {names[number]}")
    said += [f"{path.name} is left out, beside {found[number].name}" for number, path in others]
    return found, said


def in_folder(folder, exercises):
    """({number: path}, [(number, path) that are left out]): of several files for one exercise the
    one with the name that was handed out, or else the one that was saved last."""
    candidates = collections.defaultdict(list)
    names = {e.number: e.path.name for e in exercises}
    for path in listed(folder):
        known = NAME.match(path.name)
        number = f"ex{int(known[1]):02}" if known else None
        if number in names and (path.name == names[number] or path.is_file()):
            candidates[number].append((path.name == names[number], saved(path), path.name, path))
    found = {number: max(ones)[-1] for number, ones in sorted(candidates.items())}
    others = [
        (number, path)
        for number, ones in candidates.items()
        for *_, path in sorted(ones)
        if path != found[number]
    ]
    return found, others


def saved(path):
    try:
        return path.stat().st_mtime
    except OSError:  # a link that leads nowhere
        return 0.0


def listed(folder):
    try:
        return sorted(folder.iterdir())
    except OSError:  # no folder any more, or none of ours
        return []


def folders_in(folder, deep=DEEP):
    """The folders below, those that hold others first; not what computers put beside files."""
    for place in listed(folder) if deep else ():
        if place.is_dir() and not place.is_symlink() and not place.name.startswith((".", "__")):
            yield place
            yield from folders_in(place, deep - 1)


# -------------------------------------------------------------------------------------- the report
def report(o):
    """How far each folder is: for oneself, or for a class whose answers were collected."""
    places = [Path(place) for place in o.folders or [o.folder]]
    for place in places:
        if not place.exists() and not place.is_symlink():  # a slip of the pen: said at once
            raise ValueError(f"{place}: no such folder")
    for place in [place for place in places if not place.is_dir()]:
        warn(f"{place}: no {'' if place.exists() else 'such '}folder, left out")
        places.remove(place)
    if not places:
        raise ValueError("there is no folder among these: report takes folders of answers")
    exercises, found = all_exercises(), []
    for place, rows, said in rows_of(places, exercises, o.limit, o.jobs or processors()):
        found += rows
        if o.json:
            for line in said:
                warn(f"{place}: {line}")
        else:
            print_lines(in_words(place, rows, said))
    if o.json:
        print(json.dumps(found, indent=1))
    elif len(places) > 1:
        print_lines(of_class(found, len(places)))


def warn(line):
    print(printable(line), file=sys.stderr, flush=True)


def rows_of(places, exercises, limit, jobs):
    """(folder, its rows, what is to be said), in the order of the folders; so many at once."""
    judges, of_thread, stop = [], threading.local(), threading.Event()

    def begin():
        of_thread.judge = Worker()
        judges.append(of_thread.judge)

    def judged(place):
        files, said = handed_in(place, exercises)
        rows = []
        for e in exercises:
            row = {"folder": str(place), "exercise": e.number, "minutes": e.minutes}
            verdict = {"state": NOT_BEGUN}
            if e.number in files and not stop.is_set():
                verdict = of_thread.judge.check(e, files[e.number].absolute(), None, limit)
                if files[e.number] != place / e.path.name:
                    row["file"] = str(files[e.number].relative_to(place))
            rows.append(row | {name: verdict[name] for name in ROW if verdict.get(name)})
        return place, rows, said

    with ThreadPoolExecutor(min(jobs, len(places)), initializer=begin) as pool:
        try:
            yield from pool.map(judged, places)
        finally:  # also after Ctrl-C
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            for judge in judges:
                judge.close()


def in_words(place, rows, said):
    """The lines on one folder."""
    right = sum(r["state"] == RIGHT for r in rows)
    lines = [f"{place}: {right} of {len(rows)} right", *(f"  {line}" for line in said)]
    for r in rows:
        if r["state"] in (NOT_BEGUN, RIGHT):
            continue
        why = f"at «{r['level']}»" if r.get("level") else ""
        what = r.get("mutant") or (r.get("message") or "").partition("\n")[0]
        what = "" if what == NOT_DONE else what
        lines.append(f"  {r['exercise']}  {r['state']} {why} {what}".rstrip())
    return lines


def of_class(rows, folders):
    """The lines on all folders: what is right how often, and what is wrong in the same way."""
    lines = [f"all {folders} folders:"]
    for number in dict.fromkeys(r["exercise"] for r in rows):
        own = [r for r in rows if r["exercise"] == number and r["state"] != NOT_BEGUN]
        if not own:
            continue
        states = collections.Counter(r["state"] for r in own)
        mistakes = collections.Counter(r["mutant"] for r in own if r.get("mutant"))
        counts = ", ".join(f"{count} {state}" for state, count in states.most_common())
        often = ", ".join(f"{name} {count}" for name, count in mistakes.most_common(3))
        lines.append(f"  {number}  {counts}" + (f" ({often})" if often else ""))
    return lines
