"""Nobody imports from a higher stair of house.md, not even inside a function."""

import ast
import graphlib
from pathlib import Path

import minicnn

ROOT = Path(minicnn.__file__).parent
STAIRS = (
    "emulator forking devices launching kernel_cache kernel op tensor randomness cases profiling",
    "ops functional checking evidence diagnosis misplaced factors layers",
    "nn module optim images init tables",
    "datasets grouping models writing",
    "checkpoints covers cover_training training evaluation progress interrupts run confusion "
    "segmenting showing feeding benching figures published baselines",
    # `import minicnn` itself takes everything
    "cli information demo exercising lecturing book minicnn",
)
LEVEL = {name: level for level, names in enumerate(STAIRS, 1) for name in names.split()}


def unit(path):
    """The file or folder right in minicnn/ to which a source file belongs."""
    return path.relative_to(ROOT).with_suffix("").parts[0]


UNITS = {unit(path) for path in ROOT.rglob("*.py")} - {"__init__"}


def imported(tree):
    """The units that a syntax tree imports, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            paths = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            paths = [alias.name for alias in node.names]
        else:
            continue
        for package, *rest in (path.split(".") for path in paths):
            if package == "minicnn":
                yield rest[0] if rest and rest[0] in UNITS else "minicnn"


def test_stairs_go_up_and_never_round():
    assert not UNITS - set(LEVEL), "these have no level in STAIRS yet"
    needs = {}
    for path in ROOT.rglob("*.py"):
        if unit(path) != "__init__":
            found = set(imported(ast.parse(path.read_text()))) - {unit(path)}
            higher = {name for name in found if LEVEL[name] > LEVEL[unit(path)]}
            assert not higher, f"{path} (level {LEVEL[unit(path)]}) imports {higher}"
            needs.setdefault(unit(path), set()).update(found)
    list(graphlib.TopologicalSorter(needs).static_order())  # raises where two need each other


def test_no_module_carries_the_name_of_a_public_function():
    functions = {name for name in minicnn.__all__ if callable(getattr(minicnn, name))}
    assert not functions & UNITS
