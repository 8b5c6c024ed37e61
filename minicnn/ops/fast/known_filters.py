"""Transforms of filters, remembered beside a copy of the filters, for fourier.py and winograd.py.

They serve again as long as the filters are the same, number by number: in the next prediction, and
where several scales share a layer. Filters that a training has changed are transformed anew; that
is found out by comparing, so whoever writes into an array of filters has to tell nobody.
"""

import threading

import numpy as np

from minicnn.engine.devices import get_num_threads
from minicnn.engine.kernel import Kernel, prange
from minicnn.engine.rehearsal import rehearsing

KNOWN = 1 << 24  # numbers in the transforms that are remembered: 64 MB
SOME = 256  # numbers that are compared first

count_differences = Kernel("count_differences", "a[...], b[...], int64 counts[parts]")
_kept = threading.local()  # each thread of a program has its own


@count_differences.cpu
def count_differences_cpu(a, b, counts):
    """How many numbers differ, in each of len(counts) equal parts of two arrays."""
    a, b = a.ravel(), b.ravel()
    for part in prange(len(counts)):
        first, end = part * a.size // len(counts), (part + 1) * a.size // len(counts)
        one, other, count = a[first:end], b[first:end], 0
        for i in range(end - first):
            count += one[i] != other[i]
        counts[part] = count


def equal(a, b):
    """Whether two arrays of one shape hold the same numbers: numpy's answer, on all threads. A
    training changes all numbers, so a few of them tell soon."""
    if not np.array_equal(a.reshape(-1)[:SOME], b.reshape(-1)[:SOME]):
        return False
    counts = np.empty(4 * get_num_threads(), np.int64)
    count_differences(a, b, counts)
    return not counts.any()


def transform_of(name, w, groups, transform):
    """transform(), or what it gave when the filters w were the same; `name` says which one it
    is."""
    if rehearsing():
        return transform()
    known = vars(_kept).setdefault("filters", {})
    place = name, w.ctypes.data, w.shape, groups
    copy, found = known.pop(place, (None, None))
    if copy is None or not equal(copy, w):
        found, copy = transform(), w.copy()
    known[place] = copy, found
    while sum(kept.size for _, kept in known.values()) > KNOWN:
        del known[next(iter(known))]  # the one that nobody asked for longest
    return found


def forget():
    """Forgets the filters, so that the next call transforms them anew; for whoever measures."""
    vars(_kept).pop("filters", None)
