"""Simpler ways to propose regions, to compare with; each gives masks bool (N, H, W), best first.

    boxes(size, count)             boxes of a fixed grid, of several sizes and proportions
    unions(image, count)           superpixels at two scales, and neighbours two and three together
    selective_search(image, count)

Selective search merges, from the same superpixels, the two neighbours that are most alike, again
and again; each region on the way is proposed. Alike in colour and in texture (what their histograms
have in common), small both (so that small ones are not left over), and filling their common box.
Regions that came last are the largest, and among those of equal rank chance decides.

Source: Uijlings et al., Selective Search for Object Recognition, IJCV 2013 (their «fast» form has
more colour spaces; here two scales of superpixels and two of the four likenesses' subsets).
"""

import numpy as np

from minicnn.images.colour import rgb_to_yuv
from minicnn.labelling.superpixels import colour_steps, neighbours, region_sizes, superpixels

SCALES = (50.0, 150.0)  # of the superpixels
SMALLEST = 20  # pixels of one
BINS = 8
WAYS = ((1, 1, 1, 1), (0, 1, 1, 1))  # of colour, texture, size, fill: those that are summed


def boxes(size, count):
    """Boxes of the grid that covers the picture most densely with at most `count` of them."""
    height, width = size
    found = []
    for share in (0.95, 0.7, 0.5, 0.35, 0.25, 0.18):
        for shape in (1.0, 0.6, 1.6):
            h, w = share * height * np.sqrt(shape), share * width / np.sqrt(shape)
            if h > height or w > width:
                continue
            for y in np.linspace(0, height - h, 1 + round(2 * (height / h - 1))):
                for x in np.linspace(0, width - w, 1 + round(2 * (width / w - 1))):
                    found.append((y, x, y + h, x + w))
    masks = np.zeros((min(count, len(found)), *size), bool)
    for mask, box in zip(masks, found, strict=False):
        top, left, bottom, right = np.rint(box).astype(int)
        mask[top:bottom, left:right] = True
    return masks


def unions(image, count):
    """Superpixels, then pairs, then triplets of neighbours, each from the largest on: a third of
    `count` each, where there are so many."""
    singles, pairs, triplets = [], [], []
    for scale in SCALES:
        regions = superpixels(image, scale=scale, min_size=SMALLEST)
        edges, _, _ = neighbours(regions, colour_steps(image))
        sizes = region_sizes(regions)
        beside = [set() for _ in sizes]
        for a, b in edges:
            beside[a].add(int(b))
            beside[b].add(int(a))
        two = {tuple(sorted((int(a), int(b)))) for a, b in edges}
        large = sorted(two, key=lambda t: -sizes[list(t)].sum())[:count]
        three = {
            tuple(sorted((*pair, c)))
            for pair in large
            for c in (beside[pair[0]] | beside[pair[1]]) - set(pair)
        }
        for found, tuples in (
            (singles, [(k,) for k in range(len(sizes))]),
            (pairs, large),
            (triplets, three),
        ):
            found += [(int(sizes[list(t)].sum()), regions, t) for t in tuples]
    lists = [sorted(found, key=lambda one: -one[0]) for found in (singles, pairs, triplets)]
    third, chosen = -(-count // 3), []
    for k, found in enumerate(lists):
        chosen += found[: third * (k + 1) - len(chosen)]
    chosen = [one for place in range(len(chosen)) for one in _turn(chosen, lists, third, place)]
    return np.stack([np.isin(regions, t) for _, regions, t in chosen[:count]])


def _turn(chosen, lists, third, place):
    """One of each list in turn, so that the first hundred are of all kinds."""
    return [one for found in lists for one in found[place : place + 1]] if place < third else []


def selective_search(image, count, seed=0):
    """Regions of the merging above, four times: two scales, two sets of likenesses."""
    rng, found = np.random.default_rng(seed), []
    for scale in SCALES:
        regions = superpixels(image, scale=scale, min_size=SMALLEST)
        for way in WAYS:
            merged = _merge(image, regions, way)
            ranks = np.arange(len(merged), 0, -1) * rng.random(len(merged))
            found += zip(ranks, [regions] * len(merged), merged, strict=True)
    found.sort(key=lambda one: one[0])
    return np.stack([np.isin(regions, sorted(leaves)) for _, regions, leaves in found[:count]])


def _merge(image, regions, way):
    """[set of leaves, ...] of every region on the way from the leaves to the whole picture."""
    size = regions.size
    colour, texture = _histograms(image, regions)
    areas = region_sizes(regions).astype(float)
    rows, columns = np.indices(regions.shape)
    flat, corners = regions.ravel(), []
    for places, worst, ufunc in (
        (rows, size, np.minimum),
        (columns, size, np.minimum),
        (rows, 0, np.maximum),
        (columns, 0, np.maximum),
    ):
        edge = np.full(len(areas), worst)
        ufunc.at(edge, flat, places.ravel())
        corners.append(edge)
    nodes = {
        k: (colour[k], texture[k], areas[k], np.array([c[k] for c in corners]))
        for k in range(len(areas))
    }
    sets = [{k} for k in range(len(areas))]
    edges, _, _ = neighbours(regions, colour_steps(image))
    alike = {(int(a), int(b)): _alike(nodes[a], nodes[b], size, way) for a, b in edges}
    while alike:
        a, b = max(alike, key=alike.get)
        k = len(sets)
        sets.append(sets[a] | sets[b])
        nodes[k] = _together(nodes[a], nodes[b])
        touching = {x for pair in alike if a in pair or b in pair for x in pair} - {a, b}
        alike = {pair: v for pair, v in alike.items() if a not in pair and b not in pair}
        alike |= {(x, k): _alike(nodes[x], nodes[k], size, way) for x in touching}
    return sets


def _histograms(image, regions):
    """(colour (S, 3 BINS), texture (S, 3 BINS)): shares, for each superpixel."""
    planes = rgb_to_yuv(image) / 256 + np.array([0, 0.5, 0.5], np.float32)[:, None, None]
    colour, texture = [], []
    flat, count = regions.ravel(), int(regions.max()) + 1
    for plane in planes:
        down, right = np.gradient(plane)
        angle = (np.arctan2(down, right) / (2 * np.pi)) % 1
        for values, weights, found in (
            (plane, np.ones_like(plane), colour),
            (angle, np.hypot(down, right), texture),
        ):
            bins = np.clip((values * BINS).astype(int), 0, BINS - 1).ravel()
            sums = np.bincount(flat * BINS + bins, weights.ravel(), count * BINS)
            found.append(sums.reshape(count, BINS))
    pair = (np.concatenate(found, axis=1) for found in (colour, texture))
    return tuple(h / np.maximum(h.sum(axis=1, keepdims=True), 1e-9) for h in pair)


def _alike(one, other, size, way):
    box = np.concatenate(
        [np.minimum(one[3][:2], other[3][:2]), np.maximum(one[3][2:], other[3][2:])]
    )
    area = one[2] + other[2]
    likenesses = (
        np.minimum(one[0], other[0]).sum(),
        np.minimum(one[1], other[1]).sum(),
        1 - area / size,
        1 - ((box[2] - box[0] + 1) * (box[3] - box[1] + 1) - area) / size,
    )
    return float(np.dot(way, likenesses))


def _together(one, other):
    a, b = one[2], other[2]
    mixed = [(a * one[k] + b * other[k]) / (a + b) for k in (0, 1)]
    low, high = np.minimum(one[3][:2], other[3][:2]), np.maximum(one[3][2:], other[3][2:])
    return *mixed, a + b, np.concatenate([low, high])
