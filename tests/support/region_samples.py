"""A tiny BSDS500, and a tiny VOC, on disk: random colours, no photograph of anybody's."""

import numpy as np
from PIL import Image

SIZE = (6, 8)
REGIONS = np.repeat([[1, 1, 1, 2, 2, 2, 2, 300]], 6, axis=0)
BORDERS = np.repeat([[0, 0, 1, 0, 0, 0, 1, 0]], 6, axis=0).astype(bool)


def make_bsds(root, splits=("val", "test"), count=10, scale=1):
    """`count` pictures for each split, `scale` times as large as SIZE, each drawn by two people, of
    whom the second sees the opposite at scale 1; returns root."""
    wide = np.ones((scale, scale), int)
    borders = BORDERS if scale == 1 else np.diff(np.kron(REGIONS, wide), append=300) != 0
    for split in splits:
        images, drawn = root / "images" / split, root / "groundTruth" / split
        images.mkdir(parents=True)
        drawn.mkdir(parents=True)
        for k in range(count):
            rng = np.random.default_rng(k)
            colours = rng.integers(0, 256, (301, 3)).astype(np.uint8)
            image = colours[np.kron(REGIONS, wide)]
            Image.fromarray(image).save(images / f"{split}{k}.jpg", quality=95)
            for person in range(2):
                start = drawn / f"{split}{k}_{person}"
                regions = np.kron(REGIONS, wide).astype(np.uint16)
                Image.fromarray(regions).save(f"{start}_seg.png")
                other = borders ^ bool(person) if scale == 1 else borders
                Image.fromarray(other).save(f"{start}_bdry.png")
    return root


def make_voc(root, train=5, val=1, labels=(1,)):
    """A VOCdevkit of pictures with a bright square each, of one of these classes; returns its
    year."""
    root = root / "VOC2012"
    for folder in ("JPEGImages", "SegmentationClass", "SegmentationObject"):
        (root / folder).mkdir(parents=True)
    lists = root / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    for k in range(train + val):
        rng = np.random.default_rng(k)
        image, where = rng.integers(60, 90, (40, 56, 3), np.uint8), np.zeros((40, 56), np.uint8)
        top, left = rng.integers(2, 20, 2)
        place = np.s_[top : top + 14, left : left + 18]
        label = labels[k % len(labels)]
        image[place] += 120
        where[place] = 1
        Image.fromarray(image).save(root / f"JPEGImages/p{k}.jpg", quality=95)
        Image.fromarray(where * np.uint8(label)).save(root / f"SegmentationClass/p{k}.png")
        Image.fromarray(where).save(root / f"SegmentationObject/p{k}.png")
    for split, first, last in (("train", 0, train), ("val", train, train + val)):
        (lists / f"{split}.txt").write_text("".join(f"p{k}\n" for k in range(first, last)))
    return root
