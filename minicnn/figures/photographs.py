"""Sheets of whole pictures that have one class each."""

from minicnn.basics.printing import printable
from minicnn.datasets.dataset import DataError
from minicnn.datasets.splits import evenly

RIGHT, WRONG = "#00664d", "#b03000"  # told apart by every eye, and by the sign in front, too
COLUMNS, SIDE = 6, 1.75  # inches
LONGEST = 24  # letters of a name


def class_sheet(dataset, split="train", count=24):
    """A Figure of `count` pictures of an image folder, evenly spread over a split (which lists them
    class after class), each under its class. Those that cannot be read are shown as their error.
    Raises DataError if the split is empty."""
    names = dataset.names(split)
    if not names:
        raise DataError(f"{dataset.name} has no pictures in its split {split!r} to show")
    shown = []
    for name in evenly(names, count):
        try:
            picture = dataset.read(name)
            shown.append((picture.image, _short(dataset.classes[picture.label]), "black"))
        except DataError as error:
            shown.append((None, str(error), WRONG))
    title = f"{printable(dataset.name)}: {len(shown)} of {len(names)} pictures of {split}"
    return photograph_sheet(shown, title)


def answer_sheet(photographs, answers, classes):
    """A Figure of photographs under what a network called them, and what they are where that is
    another class. answers: the number of a class for each."""
    shown = []
    for picture, answer in zip(photographs, answers, strict=True):
        if answer == picture.label:
            shown.append((picture.image, f"✓ {_short(classes[answer])}", RIGHT))
        else:
            said, true = _short(classes[answer]), _short(classes[picture.label])
            shown.append((picture.image, f"✗ {said}\nis {true}", WRONG))
    right = sum(colour == RIGHT for _, _, colour in shown)
    return photograph_sheet(shown, f"{right} of {len(shown)} named rightly")


def photograph_sheet(shown, title):
    """A Figure of [(uint8 (H, W, 3) or None, text, colour of the text), ...]; without a picture the
    text takes its place."""
    from matplotlib.figure import Figure

    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    size = (SIDE * max(columns, 2), (SIDE + 0.45) * rows + 0.4)
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    cells = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in cells:
        axes.axis("off")
    for axes, (image, text, colour) in zip(cells, shown, strict=False):
        style = {"color": colour, "parse_math": False}
        if image is None:
            axes.text(0.5, 0.5, printable(text), ha="center", wrap=True, fontsize=6, **style)
            continue
        axes.imshow(image)
        lines = "\n".join(_short(line, LONGEST + len("✓ is ")) for line in text.split("\n"))
        axes.set_title(lines, fontsize=8, pad=3, **style)
    figure.suptitle(title, fontsize=11, parse_math=False)
    return figure


def _short(name, longest=LONGEST):
    """A name, so that it fits above its picture."""
    text = printable(name)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
