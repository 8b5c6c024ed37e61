"""Integral images: the sum over any rectangle, from four numbers.

About 15 minutes; chapter 01.

The traditional way asks for means over hundreds of rectangles around each pixel. Each sum costs the
same, however large the rectangle is, if one table was made before:

    S[y, x] = sum of p[i, j] over all i < y and j < x        for y = 0 .. H and x = 0 .. W

so S has a row and a column more than p, and the first of each is 0. Each number of it comes from
three that are known already, and one pixel. Then the sum over a rectangle is four numbers of S:
what lies above and what lies to the left has to go, and what lies above *and* to the left would go
twice.

    p         array (H, W)
    windows   whole numbers (n, 4): top, left, bottom, right of each rectangle. Its rows are top ..
              bottom - 1 and its columns left .. right - 1, as in p[top:bottom, left:right]

Returns S, an array (H + 1, W + 1), and the sums over the rectangles, an array (n,). Sums with
p[top:bottom, left:right].sum() would be right, and take the time that S saves: use S.

By hand:

    p   1 2 3      S   0  0  0  0      rows 0 .. 1, columns 1 .. 2 (windows 0 1 2 3):
        4 5 6          0  1  3  6      S[2, 3] - S[0, 3] - S[2, 1] + S[0, 1]
                       0  5 12 21      = 21 - 0 - 5 + 0 = 16 = 2 + 3 + 5 + 6
"""

import numpy as np

from minicnn.course.exercises import todo


def integral(p, windows):
    todo("the integral image and the sums over the windows")


# ---- below: what checks the answer ---------------------------------------------------------------
import minicnn
from minicnn.course.exercises import replaced
from minicnn.images.integral import integral_image, window_sum
from minicnn.models import pixel_features

RETURNS = ("the integral image", "the sums")
HINTS = (
    "In S[y + 1, x + 1] the pixel p[y, x] comes anew. Which numbers of S hold all the others?",
    "S[y, x + 1] holds what is above, S[y + 1, x] what is to the left. What do both hold?",
    "Of a rectangle: S[bottom, right] less S[top, right] less S[bottom, left]. What is missing?",
)
OWN = integral_image


def truth(p, windows):
    s = OWN(p)
    sums = [window_sum(s, *(int(edge) for edge in window)) for window in windows]
    return s.astype(p.dtype), np.array(sums, p.dtype)


def by_hand():
    p = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    s = np.array([[0, 0, 0, 0], [0, 1, 3, 6], [0, 5, 12, 21]], float)
    windows = np.array([[0, 1, 2, 3], [1, 0, 2, 1]])
    return (p, windows), (s, np.array([16.0, 4.0]))


def draw(seed, height, width, count):
    rng = np.random.default_rng(seed)
    corners = [np.sort(rng.integers(0, n + 1, (count, 2)), axis=1) for n in (height, width)]
    pixels = rng.integers(-9, 10, (height, width)).astype(float)  # sums in any order are the same
    return pixels, np.concatenate(corners, axis=1)[:, [0, 2, 1, 3]]


def cases():
    yield "4 x 5 pixels, 6 windows", draw(0, 4, 5, 6)
    yield "one row", draw(1, 1, 7, 4)
    yield "one column", draw(2, 6, 1, 4)
    yield (
        "the whole picture, and nothing",
        (draw(3, 3, 4, 1)[0], np.array([[0, 0, 3, 4], [1, 2, 1, 2]])),
    )
    yield "one pixel", (np.array([[2.5]]), np.array([[0, 0, 1, 1]]))


def plug(answer):
    none = np.zeros((0, 4), np.int64)

    def integral_image(planes):
        return np.stack([np.asarray(answer(plane, none)[0], np.float64) for plane in planes])

    return replaced(pixel_features, integral_image=integral_image)


def train():
    """The loss of a logistic regression on features that come from such sums."""
    run = minicnn.train(
        "shallow",
        "scenes",
        data_options={"size": (16, 16), "train": 3, "val": 0, "test": 1},
        settings={"classifier": "logistic", "patches": 40, "batch": 40},
        steps=60,
        quiet=True,
    )
    return [r["loss"] for r in run.log.records if "loss" in r]


def key(p, windows):
    height, width = p.shape
    s = np.zeros((height + 1, width + 1), p.dtype)
    for y in range(height):
        for x in range(width):
            s[y + 1, x + 1] = p[y, x] + s[y, x + 1] + s[y + 1, x] - s[y, x]
    sums = np.zeros(len(windows), p.dtype)
    for k, (top, left, bottom, right) in enumerate(windows):
        sums[k] = s[bottom, right] - s[top, right] - s[bottom, left] + s[top, left]
    return s, sums


def without_zeros(p, windows):
    s, sums = key(p, windows)
    return s[1:, 1:], sums


MUTANTS = {
    "the corner counts twice": (
        "+ s[y + 1, x] - s[y, x]",
        "+ s[y + 1, x]",
        "What lies above and to the left is in two of your three numbers of S.",
    ),
    "the corner is not put back": (
        "- s[bottom, left] + s[top, left]",
        "- s[bottom, left]",
        "What lies above and to the left of the rectangle has gone twice.",
    ),
    "the corner goes once more": (
        "- s[bottom, left] + s[top, left]",
        "- s[bottom, left] - s[top, left]",
        "The corner above and to the left has gone twice already. Which sign does it need?",
    ),
    "only what is to the left": (
        "p[y, x] + s[y, x + 1] + s[y + 1, x] - s[y, x]",
        "p[y, x] + s[y + 1, x]",
        "Each row of S begins anew: the rows above are missing in it.",
    ),
    "only what is above": (
        "p[y, x] + s[y, x + 1] + s[y + 1, x] - s[y, x]",
        "p[y, x] + s[y, x + 1]",
        "Each column of S stands alone: the columns to the left are missing in it.",
    ),
    "the pixel is left out": (
        "= p[y, x] + s[y, x + 1]",
        "= s[y, x + 1]",
        "No pixel ever gets into S, so it stays 0.",
    ),
    "the rows above stay": (
        "s[bottom, right] - s[top, right] - s[bottom, left]",
        "s[bottom, right] - s[bottom, left]",
        "What lies above the rectangle is still in your sum.",
    ),
    "the last row and column are left out": (
        "s[bottom, right] - s[top, right] - s[bottom, left]",
        "s[bottom - 1, right - 1] - s[top, right - 1] - s[bottom - 1, left]",
        "S[bottom, right] ends before row `bottom` and column `right`, as the rectangle does.",
    ),
    "top and left are mixed up": (
        "(top, left, bottom, right) in",
        "(left, top, right, bottom) in",
        "The first number of a window is a row, the second a column.",
    ),
    "a mean": (
        "+ s[top, left]\n",
        "+ s[top, left]\n        sums[k] /= max((bottom - top) * (right - left), 1)\n",
        "That is the mean over the rectangle. The sum is asked for.",
    ),
    "no row and column of zeros": (
        without_zeros,
        "S has one row and one column more than p: before the first there is nothing, which is 0.",
    ),
}
