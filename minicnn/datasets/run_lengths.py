"""Masks as COCO writes them: run lengths, plain or as text, and polygons.

Run lengths go down the columns, one after the other: so many pixels of 0, so many of 1, so many of
0 ... They add up to the picture. As text each number takes as many characters as it needs: groups
of five bits, the lowest first, each + 48; bit 5 says that another group follows, and the highest
bit of the last one is a sign. From the fourth number on it is the difference to the number two
before, for neighbouring columns look alike.

A polygon is filled as follows: its corners are rounded on a grid five times as fine, its sides are
walked along on that grid, and wherever a side passes from one column to the next, the column
changes from 0 to 1 or back at the row where that happens.

Source: T.-Y. Lin et al., Microsoft COCO, ECCV 2014, and the interface that came with it.
"""

import numpy as np

FINE = 5  # times as fine a grid for polygons


def decode(run_lengths):
    """bool (H, W) of {"size": [H, W], "counts": [numbers] or text}. Raises ValueError for what is
    no such thing, and for runs that do not add up to the picture."""
    try:
        height, width = (int(side) for side in run_lengths["size"])
        counts = run_lengths["counts"]
        counts = from_text(counts) if isinstance(counts, str | bytes) else counts
        counts = [int(n) for n in counts]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"is no mask of run lengths with size and counts ({error})") from None
    total = sum(counts)  # in whole numbers of any size: those of numpy would begin anew
    if min(height, width) < 1 or min(counts, default=0) < 0 or total != height * width:
        raise ValueError(
            f"has run lengths that add up to {total}, and its size {width} x {height} is "
            f"{height * width} pixels"
        )
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(width, height).T


def from_text(text):
    """The numbers in a text of run lengths. Raises ValueError for one that ends within a number, or
    holds other characters."""
    data = text.encode("ascii", "replace") if isinstance(text, str) else text
    counts, number, shift = [], 0, 0
    for byte in data:
        group = byte - 48
        if not 0 <= group < 64 or shift > 60:
            raise ValueError(f"the character {chr(byte)!r} belongs to no run length")
        number |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            number -= 1 << shift
        counts.append(number + (counts[-2] if len(counts) > 2 else 0))
        number = shift = 0
    if shift:
        raise ValueError("the text of the run lengths ends within a number")
    return counts


def to_text(mask):
    """The text of the run lengths of a mask, bool (H, W): what `from_text` reads."""
    flat = np.concatenate([[False], np.asarray(mask, bool).T.ravel()])
    borders = np.flatnonzero(flat[1:] != flat[:-1])
    counts = np.diff(np.concatenate([[0], borders, [flat.size - 1]])).tolist()
    text = ""
    for k, count in enumerate(counts):
        number = count - (counts[k - 2] if k > 2 else 0)
        while True:
            group, number = number & 31, number >> 5
            done = number == (-1 if group & 16 else 0)
            text += chr(48 + group + (0 if done else 32))
            if done:
                break
    return text


def fill(polygons, size):
    """bool (H, W): the pixels inside of any of the polygons, [[x1, y1, x2, y2, ...], ...]. Raises
    ValueError for what is no list of polygons of three corners at least."""
    mask = np.zeros(size, bool)
    for polygon in polygons:
        try:
            corners = np.array(polygon, np.float64).reshape(-1, 2)
        except (TypeError, ValueError):
            raise ValueError("has a polygon that is no list x1, y1, x2, y2, ...") from None
        if len(corners) < 3 or not np.isfinite(corners).all():
            raise ValueError("has a polygon of fewer than three corners, or one that is no number")
        mask |= _filled(corners, size)
    return mask


def _filled(corners, size):
    height, width = size
    far = 10.0 * max(size)  # nothing is lost: what lies beyond is cut off anyway
    fine = np.floor(FINE * np.clip(corners, -far, far) + 0.5).astype(np.int64)
    walked = [_side(a, b) for a, b in zip(fine, np.roll(fine, -1, axis=0), strict=True)]
    u, v = np.concatenate(walked, axis=1)
    step = np.flatnonzero(u[1:] != u[:-1]) + 1
    column = (np.where(u[step] < u[step - 1], u[step], u[step] - 1) + 0.5) / FINE - 0.5
    row = (np.where(v[step] < v[step - 1], v[step], v[step - 1]) + 0.5) / FINE - 0.5
    inside = (np.floor(column) == column) & (column >= 0) & (column < width)
    row = np.ceil(np.clip(row, 0, height))
    places = (column * height + row)[inside].astype(np.int64)
    changes = np.bincount(places, minlength=height * width + 1)[: height * width]
    return (np.cumsum(changes) % 2 == 1).reshape(width, height).T


def _side(a, b):
    """int64 (2, n): the points of the fine grid from corner a to corner b, one for each step along
    the longer direction."""
    (dx, dy), backwards = np.abs(b - a), False
    long = 0 if dx >= dy else 1
    if a[long] > b[long]:  # always walked the same way, whoever the neighbour is
        a, b, backwards = b, a, True
    t = np.arange(max(dx, dy) + 1)
    slope = (b[1 - long] - a[1 - long]) / max(dx, dy, 1)
    other = (a[1 - long] + slope * t + 0.5).astype(np.int64)
    points = np.stack([a[0] + t, other] if long == 0 else [other, a[1] + t])
    return points[:, ::-1] if backwards else points
