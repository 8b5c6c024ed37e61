"""Splits that stay the same for ever: pictures are dealt by a digest of their names.

A shuffle by a random generator would change with the generator's version; SHA-256 will not. A
digest has nothing to do with what the picture shows, so the order is as good as random.

Which pictures are in `val` each data set decides with these: folder.py (`_make_splits`),
image_folder.py (`_deal`), stanford_background.py; scenes number theirs.
"""

from hashlib import sha256

SPLITS = ("train", "val", "test")


def evenly(names, count):
    """`count` of these names, evenly spread over them; all for None, or if there are no more."""
    total = len(names)
    count = total if count is None else min(count, total)
    return [names[k * total // count] for k in range(count)]


def by_digest(names, purpose):
    """The names in the order of SHA-256("purpose:name"). Another purpose gives another order."""

    def place(name):  # a name that is not UTF-8 has its bytes as surrogates
        text = f"{purpose}:{name}".encode("utf-8", "surrogateescape")
        return sha256(text).digest(), name

    return sorted(names, key=place)


def deal(names, hands, purpose):
    """Deals the names, in the order of their digests, like cards: the first to hand 1, the second
    to hand 2, and so on, round after round. Returns `hands` sorted lists; their lengths differ by
    at most one."""
    order = by_digest(names, purpose)
    return [sorted(order[hand::hands]) for hand in range(hands)]


def hold_out(names, purpose, share=0.1):
    """Takes a tenth of the names away, those of the smallest digests; at least one if there are two
    names. Returns (the rest, the tenth), both sorted."""
    count = max(round(share * len(names)), 1) if len(names) > 1 else 0
    taken = set(by_digest(names, purpose)[:count])
    return sorted(set(names) - taken), sorted(taken)
