"""What `pytest` in a folder of answers needs."""

from minicnn.course.exercises.checking import RIGHT
from minicnn.course.exercises.commands import in_words
from minicnn.course.exercises.exercise import find
from minicnn.course.exercises.process import check
from minicnn.course.exercises.progress import remember


def answers_in(folder):
    """The answers in a folder, in the order of their numbers."""
    return sorted(folder.glob("ex[0-9][0-9]_*.py"))


def complaint(path):
    """What is wrong with the answer in a file; "" if nothing is."""
    exercise = find(path.name)
    verdict = check(exercise, path, str(path.with_name(f"{exercise.number}-difference.png")))
    remember(exercise, path, verdict)
    return "" if verdict["state"] == RIGHT else in_words(exercise, path, verdict)
