"""Only the best of those that overlap: non-maximum suppression of regions.

About 20 minutes; chapter 17.

Of one cat a network finds twenty regions with high scores: the cat, the cat without its tail, the
cat with some carpet. Only one may stay. So take the region with the highest score: it stays, and
all others whose J with it is above `overlap` are struck off,

    J = pixels that are in both / pixels that are in either

Of those that are left take the best, and so on. What was struck off strikes nobody off.

    masks     bool (R, H, W)
    scores    array (R,), no two alike
    overlap   a number from 0, where one common pixel is too much, to 1

Returns whole numbers, an array (n,): the places of the regions that stay, best first.

By hand, pictures of one row of five pixels, overlap = 0:

    1 1 0 0 0   score 0.7      the third is the best and stays; the second has a pixel of it, so it
    0 1 1 0 0   score 0.8      is struck off; the first has one of the second, which is gone: it
    0 0 1 1 0   score 0.9      stays, too. The result is 2, 0. With overlap = 1/3, as large as J
                               of neighbours, all three stay: 2, 1, 0.
"""

import numpy as np

from minicnn.course.exercises import todo


def suppress(masks, scores, overlap):
    todo("the places of the regions that stay")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn.course.exercises import replaced
from minicnn.course.exercises.training import find_squares
from minicnn.labelling.regions import suppression

RETURNS = ("the places",)
HINTS = (
    "One loop over the regions in the order of their scores, and a list of those that stay.",
    "A region stays if it has J at most `overlap` with each of those in the list.",
    "(a & b).sum() counts what is in both, (a | b).sum() what is in either.",
)
OWN = suppression.suppress


def truth(masks, scores, overlap):
    return OWN(masks, scores, overlap)


def masks_of(*rows):
    return np.array([[[int(c) for c in row.split()]] for row in rows], bool)


def by_hand():
    masks = masks_of("1 1 0 0 0", "0 1 1 0 0", "0 0 1 1 0")
    return (masks, np.array([0.7, 0.8, 0.9]), 0.0), np.array([2, 0])


def draw(seed, count, size=(5, 6)):
    """Rectangles, and scores."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((count, *size), bool)
    for mask in masks:
        top, left = rng.integers(0, np.array(size) - 1)
        height, width = rng.integers(1, 4, 2)
        mask[top : top + height, left : left + width] = True
    return masks, (rng.permutation(count) + 1.0) / 4 - 1


def cases():
    yield "12 regions", (*draw(0, 12), 0.2)
    yield "one common pixel is too much", (*draw(1, 15), 0.0)
    yield "J just as large", (by_hand()[0][0], np.array([0.7, 0.8, 0.9]), 1 / 3)
    yield "most may stay", (*draw(2, 15), 0.6)
    yield (
        "one inside the other",
        (
            masks_of("1 1 1 1 1 1", "0 0 1 0 0 0", "0 0 0 1 1 0"),
            np.array([0.1, 0.3, 0.2]),
            0.25,
        ),
    )
    yield "the same twice", (masks_of("0 1 1", "0 1 1", "1 0 0"), np.array([-2.0, -1.0, 3.0]), 0.5)
    yield "one region", (*draw(3, 1), 0.3)
    yield "40 regions", (*draw(4, 40), 0.3)


def plug(answer):
    def suppress(masks, scores, overlap=0.0, areas=None):
        return np.asarray(answer(masks, scores, overlap), np.int64)

    return replaced(suppression, suppress=suppress)


def train():
    """A network learns which squares of a picture are objects; the loss is 1 - AP of those that
    stay."""
    return find_squares(suppression.suppress_each_class)


def key(masks, scores, overlap):
    left, kept = [True] * len(masks), []
    for _ in range(len(masks)):
        best = -1
        for r in range(len(masks)):
            if left[r] and (best == -1 or scores[r] > scores[best]):
                best = r
        if best == -1:
            break
        kept.append(best)
        for r in range(len(masks)):
            both = (masks[r] & masks[best]).sum()
            either = (masks[r] | masks[best]).sum()
            if r == best or both / either > overlap:
                left[r] = False
    return np.array(kept)


def against_all(masks, scores, overlap):
    order = np.argsort(-scores)
    kept = []
    for n, r in enumerate(order):
        j = [(masks[r] & masks[k]).sum() / (masks[r] | masks[k]).sum() for k in order[:n]]
        if not any(one > overlap for one in j):
            kept.append(r)
    return np.array(kept)


def only_the_best(masks, scores, overlap):
    order = np.argsort(-scores)
    best = masks[order[0]]
    return np.array(
        [
            r
            for r in order
            if r == order[0] or (masks[r] & best).sum() <= overlap * (masks[r] | best).sum()
        ]
    )


MUTANTS = {
    "what was struck off strikes": (
        against_all,
        "You compare with all better regions, also with those that were struck off.",
    ),
    "only the best one strikes": (
        only_the_best,
        "Only the very best region strikes others off. Then comes the best of those that are left.",
    ),
    "the worst first": (
        "scores[r] > scores[best]",
        "scores[r] < scores[best]",
        "You take the region with the lowest score. Who stays of two that overlap?",
    ),
    "in the order in which they come": (
        "(best == -1 or scores[r] > scores[best])",
        "best == -1",
        "The scores play no part in your answer.",
    ),
    "sorted by their places": (
        "np.array(kept)",
        "np.sort(np.array(kept))",
        "The right regions stay, and in another order: the best first.",
    ),
    "as large is too large": (
        "> overlap",
        ">= overlap",
        "J above `overlap` is too much; J that is just as large is not.",
    ),
    "sizes added": (
        "(masks[r] | masks[best]).sum()",
        "masks[r].sum() + masks[best].sum()",
        "What lies in both is counted twice below the line.",
    ),
    "share of the region": (
        "(masks[r] | masks[best]).sum()",
        "masks[r].sum()",
        "That is the share of the region that lies in the better one. Below the line stands what "
        "is in either.",
    ),
    "share of the better one": (
        "(masks[r] | masks[best]).sum()",
        "masks[best].sum()",
        "That is the share of the better region that lies in this one. J divides by the pixels of "
        "both.",
    ),
    "share of the smaller one": (
        "(masks[r] | masks[best]).sum()",
        "min(masks[r].sum(), masks[best].sum())",
        "A small region inside a large one has J far below 1. You divide by the smaller of both.",
    ),
    "pixels, not a share": (
        "both / either > overlap",
        "both > overlap",
        "You compare a number of pixels with `overlap`, which is a share: one common pixel is "
        "always more than that.",
    ),
    "nothing is struck off": (
        "r == best or both / either > overlap",
        "r == best",
        "All regions stay: you sort them, and strike none off.",
    ),
}
