"""Exercises that name the mistake: what a file of an exercise, and a student's answer, need.

An exercise is one file in `lectures/exercises/`. Above a mark stands what the student gets: the
task, the formula, one blank function. Below it stands what checks the answer (exercise.py lists the
parts). Adding an exercise is adding such a file.

`checking.py` holds the levels, `worker.py` runs an answer in a process of its own, `commands.py` is
what `minicnn exercise` does.
"""

from minicnn.course.exercises.parts import NotDone, replaced, todo

__all__ = ["NotDone", "replaced", "todo"]
