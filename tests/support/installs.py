"""`datasets.install` as its tests look at it: what it says, refuses and leaves."""

import pytest

from minicnn import datasets
from minicnn.datasets import DataError


def refused(text, *arguments):
    with pytest.raises(DataError) as caught:
        datasets.install(*arguments)
    assert text in str(caught.value) and "\n" not in str(caught.value), str(caught.value)


def left(home):
    """What lies in the folder of installed data sets, besides the lock."""
    return sorted(p.name for p in home.iterdir() if p.name != ".lock") if home.exists() else []


def install(*arguments):
    said = []
    datasets.install(*arguments, say=said.append)
    return "\n".join(said)
