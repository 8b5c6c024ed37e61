"""The candidates of a picture: singles, pairs, triplets and 4-tuples of four trees, and what a
forest is told of each of them.

    found = candidates(hierarchies, lengths)
    found.regions      bool (N, L): which leaves belong to each
    found.features     float32 (N, 16)

`lengths` holds 16 numbers, how many of each list are taken: first of the singles of each tree, then
of the pairs, and so on (pareto.py learns them). Holes are filled, and what came twice is kept once.

The features, those of the paper; lengths are divided by the root of the picture's area, so that
they mean the same in pictures of any size:

    1, 2    the lowest altitude at which a member ends, and at which one begins (tuples.py)
    3       the smallest member's area / that of the largest
    4       area of the picture that it takes
    5       perimeter (what lies on the rim of the picture does not count)
    6, 7    strength of the boundary along the perimeter, summed, and its mean
    8, 9    perimeter^2 / area; strength summed / root of the area
    10-13   box: top, left, bottom, right, as shares of the picture
    14-16   area of the box; area / that of the box; width / height

Source: Arbelaez et al. 2014, sections 5 and 6.
"""

from dataclasses import dataclass

import numpy as np

from minicnn.engine.kernel import Kernel
from minicnn.labelling.proposals.tuples import TOP, appearance, connected, inside, relations

SIZES = (1, 2, 3, 4)
LISTS = 4 * len(SIZES)

fill_holes = Kernel(
    "fill_holes",
    "int64 starts[more], int64 beside[pairs], int64 rims[L], uint8 regions[N, L], int64 queue[L], "
    "int64 reached[L]; more == L + 1; highest(starts) <= pairs; highest(beside) < L",
)


@fill_holes.cpu
def fill_holes_cpu(starts, beside, rims, regions, queue, reached):
    """Adds to each region the leaves that are cut off from the rim of the picture by it. Leaf k
    touches beside[starts[k] : starts[k + 1]]; rims (L,) says which lie on the rim."""
    for n in range(regions.shape[0]):
        end = 0
        for k in range(rims.size):
            if rims[k] > 0 and regions[n, k] == 0:
                reached[k] = n + 1
                queue[end] = k
                end += 1
            else:
                reached[k] = 0
        head = 0
        while head < end:
            k = queue[head]
            head += 1
            for place in range(starts[k], starts[k + 1]):
                other = beside[place]
                if reached[other] == 0 and regions[n, other] == 0:
                    reached[other] = n + 1
                    queue[end] = other
                    end += 1
        for k in range(rims.size):
            if reached[k] == 0:
                regions[n, k] = 1


@dataclass(frozen=True)
class Candidates:
    """regions bool (N, L) over the leaves of `hierarchies`; features float32 (N, 16)."""

    hierarchies: object
    regions: np.ndarray
    features: np.ndarray


def lists(h, most):
    """16 lists in order, each (regions bool (n, L), numbers float64 (n, 3): the first three
    features), n at most `most[list]`. h  Hierarchies."""
    found = {}
    for t, tree in enumerate(h.trees):
        order, start, end = appearance(tree)
        below = inside(tree, order)
        areas = below @ h.areas
        top = order[1 : TOP + 1]  # the whole picture is no part of a tuple
        relation = relations(below[1 : TOP + 1], tree, top, h.edges) if len(top) else None
        for size in SIZES:
            row = (size - 1) * len(h.trees) + t
            if size == 1:
                members = np.arange(min(most[row], len(order)))[:, None]
            elif relation is None:
                members = np.zeros((0, size), np.int64)
            else:
                members = connected(relation, size, int(most[row]))[:, :size] + 1
            nodes = order[members]
            area = areas[members]
            numbers = np.stack(
                [
                    end[nodes].min(axis=1),
                    start[nodes].min(axis=1),
                    area.min(axis=1) / np.maximum(area.max(axis=1), 1),
                ],
                axis=1,
            )
            regions = np.zeros((len(members), len(h.areas)), bool)
            for k in range(size):
                regions |= below[members[:, k]]
            found[row] = regions, numbers
    return [found[row] for row in sorted(found)]


def candidates(h, lengths):
    """The Candidates of Hierarchies."""
    parts = lists(h, lengths)
    regions = np.concatenate([regions for regions, _ in parts])
    numbers = np.concatenate([numbers for _, numbers in parts])
    kept = first_ones(regions)
    regions, numbers = regions[kept], numbers[kept]
    filled = without_holes(h, regions)
    kept = first_ones(filled)
    return Candidates(h, filled[kept], features(h, filled[kept], numbers[kept]))


def without_holes(h, regions):
    """The regions, bool (N, L), their holes filled."""
    both = np.concatenate([h.edges, h.edges[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    count = len(h.areas)
    starts = np.searchsorted(both[:, 0], np.arange(count + 1)).astype(np.int64)
    filled = np.ascontiguousarray(regions, bool).view(np.uint8).copy()
    room = np.empty(count, np.int64), np.empty(count, np.int64)
    beside = np.ascontiguousarray(both[:, 1], np.int64)
    fill_holes(starts, beside, h.rims.astype(np.int64), filled, *room)
    return filled.view(bool)


def first_ones(regions):
    """The places of the regions that no earlier one equals. Compared by a sum of random numbers of
    64 bits, one for each leaf."""
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 2**63, regions.shape[1], dtype=np.uint64)
    with np.errstate(over="ignore"):
        sums = np.where(regions, numbers, np.uint64(0)).sum(axis=1, dtype=np.uint64)
    return np.sort(np.unique(sums, return_index=True)[1])


def features(h, regions, numbers):
    """float32 (N, 16) of regions, bool (N, L), whose first three are known."""
    height, width = h.leaves.shape
    unit = np.sqrt(height * width)
    area = regions @ h.areas / unit**2
    outline = (regions[:, h.edges[:, 0]] != regions[:, h.edges[:, 1]]).astype(np.float32)
    perimeter = outline @ (h.lengths / unit).astype(np.float32)
    strength = outline @ (h.lengths * h.strengths / unit).astype(np.float32)
    low = [np.where(regions, h.boxes[:, k], height + width).min(axis=1) for k in (0, 1)]
    high = [np.where(regions, h.boxes[:, k], 0).max(axis=1) for k in (2, 3)]
    top, left, bottom, right = low[0] / height, low[1] / width, high[0] / height, high[1] / width
    box = (bottom - top) * (right - left)
    columns = [
        *numbers.T,
        area,
        perimeter,
        strength,
        strength / np.maximum(perimeter, 1e-6),
        perimeter**2 / area,
        strength / np.sqrt(area),
        top,
        left,
        bottom,
        right,
        box,
        area / box,
        (right - left) * width / ((bottom - top) * height),
    ]
    return np.stack(columns, axis=1).astype(np.float32)
