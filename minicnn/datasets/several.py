"""Several data sets as one: `--data stanford-background+sift-flow+msrc`.

Labels become those of common classes, as a mapping.txt says (mapping.py); of a class that may be
one of several, label K + s stands for `sets[s]`. A picture is called SET/NAME. Every picture keeps
its split, unless the same photograph is in another set, too (same_photograph.py): then nobody
learns from what somebody is tested on, nor from what the best weights are chosen by. The training
pictures of a small set may stand in the list several times.
"""

import numpy as np

from minicnn.datasets.dataset import DataError, Dataset, Picture
from minicnn.datasets.pairing import occurring
from minicnn.datasets.same_photograph import fingerprints, same
from minicnn.datasets.splits import SPLITS


class Several(Dataset):
    """The data sets `parts`, {name: Dataset}, with the classes of a Mapping; `kept_in` as for
    `fingerprints`; `times`, {name: how many times its training pictures stand in the list}, 1 where
    nothing is said. Raises DataError for one whose pixels have no labels, and where the mapping
    does not fit."""

    def __init__(self, parts, mapping, kept_in=None, times=None):
        self.name, self.parts = "+".join(parts), parts
        for name, part in parts.items():
            if part.kind != "pixels":
                raise DataError(f"{name}: its pixels have no labels, so it cannot be joined")
            if part.sets:
                raise DataError(f"{name}: is joined from several data sets already")
        self.classes, self.colours = mapping.classes, mapping.colours
        self.sets, self._tables = mapping.tables({n: p.classes for n, p in parts.items()})
        self.rules = [[n, table.tolist()] for n, table in self._tables.items()]
        self._names = {
            split: [f"{n}/{name}" for n, part in parts.items() for name in part.names(split)]
            for split in SPLITS
        }
        self._twins = _twins(self, kept_in) if len(parts) > 1 else []
        self._left_out = _keep_apart(self._names, self._twins)
        for part, count in (times or {}).items():
            mine = [name for name in self._names["train"] if name.startswith(f"{part}/")]
            self._names["train"] += mine * (count - 1)

    def read(self, name):
        owner, _, own = name.partition("/")
        if owner not in self.parts:
            raise DataError(f"{self.name}: there is no picture {name!r}")
        picture = self.parts[owner].read(own)
        labels = self._tables[owner][picture.labels]
        tags = occurring(labels, self.classes)
        return Picture(name, picture.image, labels, tags=tags, notes=picture.notes)

    def photograph(self, name):
        owner, _, own = name.partition("/")
        return self.parts[owner].photograph(own)

    def check_labels(self, split):
        for part in self.parts.values():
            part.check_labels(split)

    def passed_over(self):
        wrong, notes = [], []
        for part in self.parts.values():
            mistakes, more = part.passed_over()
            wrong, notes = wrong + mistakes, notes + more
        return wrong, notes + [
            f"{name}: is not learnt from, for {other} of {split} is the same photograph"
            for name, (other, split) in self._left_out.items()
        ]


def _twins(dataset, kept_in):
    """[(name, name), ...] of pictures in different sets that are one photograph."""
    names = [name for split in SPLITS for name in dataset.names(split)]
    paths = {name: path for name in names if (path := dataset.photograph(name)) is not None}
    bits = dict(zip(paths, fingerprints(paths.values(), kept_in), strict=True))
    by_set = {}
    for name in paths:
        by_set.setdefault(name.partition("/")[0], []).append(name)
    found, before = [], []
    for mine in by_set.values():
        if before:
            pairs = same(np.array([bits[n] for n in before]), np.array([bits[n] for n in mine]))
            found += [(before[i], mine[j]) for i, j in pairs]
        before = before + mine
    return found


def _keep_apart(names, twins):
    """Takes out of `names`, {split: names}, what would be learnt from though a twin, or a twin of a
    twin, is in `val` or `test`, and out of `val` those with one in `test`. Returns {name: (the
    twin, its split)} of them."""
    groups = {}
    for one, other in twins:
        mine = groups.setdefault(one, {one}) | groups.setdefault(other, {other})
        for name in mine:
            groups[name] = mine
    split_of = {name: split for split in SPLITS for name in names[split]}
    left_out = {}
    for name, group in groups.items():
        ranks = {other: SPLITS.index(split_of[other]) for other in sorted(group)}
        most = max(ranks, key=ranks.get)
        if ranks[name] < ranks[most]:
            left_out[name] = most, SPLITS[ranks[most]]
    for split in SPLITS:
        names[split] = [name for name in names[split] if name not in left_out]
    return left_out
