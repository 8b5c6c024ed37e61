"""The structure of minicnn as it stands: who imports whom, and how many lines each room has.

python tests/support/house.py                  the lines of each room
python tests/support/house.py rooms.png        and a drawing of the imports between rooms
"""

import ast
import sys
from collections import Counter
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "minicnn"
# A room may import from the rows above its own, and in its own row from what stands to the left.
LEVELS = (
    ("basics", "engine", "emulator"),
    ("ops", "functional", "checking"),
    ("nn", "optim", "images"),
    ("datasets", "labelling", "models"),
    ("learning", "inference", "interchange", "figures", "bench"),
    ("course", "cli"),
)
PLACE = {room: (i, j) for i, row in enumerate(LEVELS) for j, room in enumerate(row)}
# What a reader of the mathematics reads, and what a student of the systems does.
CORE = ("engine", "ops", "nn", "checking")
STUDENTS = (*CORE, "images", "datasets", "models", "learning", "labelling", "inference")
APART = ("ops/fast", "datasets/scenes")  # counted by themselves, and in neither of the two


def modules():
    """{dotted name: path} of every module of the package."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def room_of(name):
    """The room of a module; "" for the package itself, whose front is open to nobody inside."""
    room = name.partition(".")[2].partition(".")[0]
    return "cli" if room == "__main__" else room


def imports(tree, known):
    """The modules among `known` that a syntax tree imports, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from {name if name in known else node.module for name in names} & known
        elif isinstance(node, ast.Import):
            yield from {alias.name for alias in node.names} & known


def graph():
    """{module: the modules it imports} for the whole package."""
    found = modules()
    known = set(found)
    return {
        name: set(imports(ast.parse(path.read_text(encoding="utf-8")), known)) - {name}
        for name, path in found.items()
    }


def upward(needs):
    """[(module, module)] of the imports that go against the levels. The front of the package may
    import all, and who stands in the top row may use that front."""
    wrong = []
    for name, targets in needs.items():
        for target in targets:
            room, other = room_of(name), room_of(target)
            if not room or room == other:
                continue
            if not other:
                allowed = room in LEVELS[-1]
            else:
                (row, column), (above, left) = PLACE[room], PLACE[other]
                allowed = above < row or (above == row and left < column)
            if not allowed:
                wrong.append((name, target))
    return sorted(wrong)


def lines():
    """{room: lines of Python}, the rooms of APART by themselves."""
    count = Counter()
    for name, path in modules().items():
        place = path.parent.relative_to(PACKAGE).as_posix()
        apart = next((a for a in APART if place == a or place.startswith(a + "/")), None)
        room = apart or room_of(name) or "minicnn"
        count[room] += len(path.read_text(encoding="utf-8").splitlines())
    return count


def draw(path):
    """The rooms in their rows, an arrow for the imports from one to another, downwards the page as
    in the table of levels: thin for one, thick for many. A red one goes against the levels."""
    from matplotlib.figure import Figure

    needs = graph()
    wrong = {(room_of(a), room_of(b)) for a, b in upward(needs)}
    arrows = Counter(
        (room_of(a), room_of(b)) for a, targets in needs.items() for b in targets if room_of(b)
    )
    size = lines()
    rows = [[room for room in row if size[room]] for row in LEVELS]
    spot = {
        room: ((j + 0.5) / len(row), -i) for i, row in enumerate(rows) for j, room in enumerate(row)
    }
    figure = Figure(figsize=(11, 8.5), layout="constrained")
    axes = figure.subplots()
    for (a, b), count in sorted(arrows.items()):
        if a and a != b:
            axes.annotate(
                "",
                spot[b],
                spot[a],
                arrowprops={
                    "arrowstyle": "-|>",
                    "color": "#D55E00" if (a, b) in wrong else "#7f9fb8",
                    "alpha": 0.75,
                    "linewidth": 0.5 + count**0.5 / 2,
                    "shrinkA": 24,
                    "shrinkB": 24,
                    "connectionstyle": "arc3,rad=0.25" if spot[a][1] == spot[b][1] else "arc3",
                },
            )
    for room, (x, y) in spot.items():
        style = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": "#444444"}
        text = f"{room}\n{size[room]:,}"
        axes.text(x, y, text, ha="center", va="center", fontsize=13, bbox=style)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-len(rows) + 0.4, 0.6)
    axes.set_axis_off()
    axes.set_title("Who imports whom; below each name its lines of Python", fontsize=14)
    figure.savefig(path, dpi=100)


def main():
    size = lines()
    for room in sorted(size, key=lambda r: (*PLACE.get(r.split("/")[0], (-1, 0)), r)):
        print(f"{room:18}{size[room]:7,}")
    print(f"{'the core':18}{sum(size[r] for r in CORE):7,}   {' + '.join(CORE)}")
    print(f"{'students read':18}{sum(size[r] for r in STUDENTS):7,}   {' + '.join(STUDENTS)}")
    if sys.argv[1:]:
        draw(sys.argv[1])


if __name__ == "__main__":
    main()
