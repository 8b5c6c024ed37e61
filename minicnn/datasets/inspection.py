"""What is in a data set, and what is wrong with it: `survey` reads every picture once."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from minicnn.basics.printing import printable
from minicnn.datasets.dataset import DataError
from minicnn.datasets.pairing import AS_UPRIGHT, TURNED
from minicnn.datasets.registry import load
from minicnn.datasets.splits import SPLITS
from minicnn.images.labels import VOID

GOOD = "every file is good"


@dataclass
class Survey:
    """What `survey` found.

    name, classes   of the data set
    counts          {"train": number of pictures, ...}
    sizes           Counter of (height, width)
    kind            of the data set: what has a label, pixels or pictures
    pixels          int64 (K,): labelled pixels (or pictures) of every class, over all splits
    by_split        {"train": int64 (K,), ...}: the same in each
    void            number of void pixels
    several         number of pixels of one of several classes
    mean_colour     float64 (3,): RGB, 0 .. 255
    all_void        [(split, name), ...] of pictures without a labelled pixel
    bad             [(split, name, message), ...] of pictures that cannot be read
    notes           sentences on what was decided though it might be otherwise
    passed_over     sentences on files that belong to no picture
    objects         Counter of instances by class, those that are ignored under None
    with_objects    number of pictures that have one
    """

    name: str
    classes: tuple
    kind: str = "pixels"
    counts: dict = field(default_factory=dict)
    sizes: Counter = field(default_factory=Counter)
    pixels: np.ndarray = None
    by_split: dict = field(default_factory=dict)
    void: int = 0
    several: int = 0
    mean_colour: np.ndarray = None
    all_void: list = field(default_factory=list)
    bad: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    passed_over: list = field(default_factory=list)
    objects: Counter = field(default_factory=Counter)
    with_objects: int = 0

    @property
    def shares(self):
        """float64 (K,): the share of every class among the labelled pixels."""
        return self.pixels / max(self.pixels.sum(), 1)

    def add(self, split, picture):
        """Counts the labels and the objects of a picture."""
        if self.kind == "boundaries":
            return
        labels = picture.labels if self.kind == "pixels" else np.array(picture.label)
        count = len(self.classes)
        pixels = np.bincount(labels.ravel(), minlength=max(VOID + 1, count))
        self.by_split[split] += pixels[:count]
        if self.kind == "pixels":
            self.void += int(pixels[VOID])
            self.several += int(pixels[count:VOID].sum())
            self.notes += picture.notes
            if pixels[VOID] == labels.size:
                self.all_void.append((split, picture.name))
            self.objects.update(None if o.ignored else o.label for o in picture.objects)
            self.with_objects += any(not one.ignored for one in picture.objects)

    def lines(self, most=None):
        """The report as lines of text, what is wrong last, where it is seen; of the notes, `most`
        at most."""
        counts = ", ".join(f"{split} {count}" for split, count in self.counts.items())
        lines = [f"{self.name}: {sum(self.counts.values())} pictures ({counts})"]
        common = [f"{w} x {h} ({n})" for (h, w), n in self.sizes.most_common(5)]
        more = f" and {len(self.sizes) - 5} other sizes" if len(self.sizes) > 5 else ""
        lines.append(f"width x height (pictures): {', '.join(common) or 'none'}{more}")
        total = self.pixels.sum() + self.void + self.several
        if self.kind == "pixels":
            lines.append(f"void pixels: {100 * self.void / max(total, 1):.2f} %")
        if self.several:
            share = 100 * self.several / total
            lines.append(f"pixels of one of several classes, in no share below: {share:.2f} %")
        if self.objects:
            ignored = self.objects[None]
            more = f", and {ignored} that are ignored" if ignored else ""
            count = self.objects.total() - ignored
            lines.append(f"objects: {count} in {self.with_objects} pictures{more}")
        red, green, blue = self.mean_colour
        lines.append(f"mean colour: red {red:.1f}, green {green:.1f}, blue {blue:.1f}")
        lines += self._table() if self.kind != "boundaries" else [""]
        for split, name in self.all_void:
            lines.append(f"note: {name} ({split}) is void all over and will be passed over")
        for kind, what in (
            (TURNED, "turned with their photographs"),
            (AS_UPRIGHT, "taken as upright"),
        ):
            if count := sum(kind in text for text in self.notes):
                lines.append(f"note: label pictures without EXIF that were {what}: {count}")
        lines += [f"note: {text}" for text in self.notes[:most]]
        if more := len(self.notes) - len(self.notes[:most]):
            lines.append(f"note: and {more} more; minicnn data check {self.name} says all of them")
        lines += [f"PASSED OVER: {text}" for text in self.passed_over]
        lines += [f"BAD ({split}): {message}" for split, _, message in self.bad]
        return [printable(str(line)) for line in [*lines, self.verdict()]]

    def _table(self):
        """The shares of the classes, and the number of their objects, as lines."""
        width = max(len(name) for name in self.classes) + 2
        head = f"{'class':{width}} {'all':>8}" + "".join(f" {s:>8}" for s in self.by_split)
        lines = ["", head + "  objects" * bool(self.objects)]
        for k, name in enumerate(self.classes):
            row = [self.pixels, *self.by_split.values()]
            cells = "".join(f" {100 * pixels[k] / max(pixels.sum(), 1):6.2f} %" for pixels in row)
            objects = f" {self.objects[k]:8}" if self.objects else ""
            lines.append(f"{name:{width}}{cells}{objects}")
        lines.append("")
        for name, pixels in zip(self.classes, self.by_split["train"], strict=True):
            if not pixels:
                lines.append(f"note: no training picture shows {name!r}, so it cannot be learnt")
        return lines

    def verdict(self):
        """The last line: what is wrong, or that every file is good."""
        wrong = []
        if not sum(self.counts.values()):
            wrong.append("there is no picture in this data set")
        elif not self.counts["train"]:
            wrong.append("there is no picture for training")
        if self.bad:
            wrong.append(f"{len(self.bad)} bad file" + "s" * (len(self.bad) > 1))
        if self.passed_over:
            wrong.append(f"{len(self.passed_over)} passed over")
        return "; ".join(wrong) or GOOD


def survey(dataset, progress=None):
    """Reads every picture of every split; returns a Survey. Does not raise for a bad file.

    `progress`, if given, wraps the list of (split, name) pairs, as tqdm does.
    """
    found = Survey(dataset.name, tuple(dataset.classes), dataset.kind)
    count = len(dataset.classes)
    found.by_split = {split: np.zeros(count, np.int64) for split in SPLITS}
    found.passed_over, notes = dataset.passed_over()
    found.notes += notes
    found.counts = {split: len(dataset.names(split)) for split in SPLITS}
    colour, area = np.zeros(3), 0
    pairs = [(split, name) for split in SPLITS for name in dataset.names(split)]
    for split, name in progress(pairs) if progress else pairs:
        try:
            picture = dataset.read(name)
        except DataError as error:
            found.bad.append((split, name, str(error)))
            continue
        found.add(split, picture)
        found.sizes[picture.image.shape[:2]] += 1
        colour += picture.image.sum(axis=(0, 1), dtype=np.int64)
        area += picture.image[..., 0].size
    found.pixels = sum(found.by_split.values())
    found.mean_colour = colour / max(area, 1)
    return found


def check(name_or_path, say=print, progress=None, /, **options):
    """`minicnn data check`: surveys a data set and says the report line by line. Returns the exit
    status: 0, or 1 if anything is bad. A data set that cannot even be opened raises DataError."""
    found = survey(load(name_or_path, **options), progress)
    for line in found.lines():
        say(line)
    return 0 if found.verdict() == GOOD else 1
