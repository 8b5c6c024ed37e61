"""What the documents point at is there: links, pictures, and the files named in tables."""

import configparser
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(p for p in ROOT.rglob("*.md") if not set(p.parts) & {".venv", "node_modules"})


def broken(text, folder):
    """The relative links of a Markdown text to which there is no file."""
    links = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.S))
    files = [link.split("#")[0] for link in links if not re.match(r"\w+:|#", link)]
    return [link for link in files if not (folder / link).exists()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(document):
    assert broken(document.read_text(encoding="utf-8"), document.parent) == []


def test_a_broken_link_would_be_seen():
    text = "[a](README.md#start) ![b](nowhere.png) [c](https://x.org) ```[d](e)```"
    assert broken(text, ROOT) == ["nowhere.png"]


def test_readme_names_files_that_exist():
    names = re.findall(
        r"`((?:minicnn|examples|lectures|tests)/[\w/.-]+)`", (ROOT / "README.md").read_text()
    )
    assert len(names) > 10
    assert [name for name in names if not (ROOT / name).exists()] == []


# --------------------------------------------------------------------------------- what travels
WEIGHTS = ROOT / "minicnn" / "weights"


def test_every_shipped_network_has_its_line_in_the_licence_and_all_are_small():
    text = (WEIGHTS / "LICENCE.md").read_text(encoding="utf-8")
    files = sorted(WEIGHTS.glob("*.safetensors"))
    assert files and all(f"| `{path.stem}` |" in text for path in files)
    assert sum(path.stat().st_size for path in files) <= 30e6


def test_besides_the_weights_the_package_is_small():
    """What a wheel holds: the Python files and what setup.cfg names."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    patterns = config["options.package_data"]["minicnn"].split()
    package = ROOT / "minicnn"
    named = {p for pattern in patterns for p in package.glob(pattern)}
    assert all(any(package.glob(pattern)) for pattern in patterns), "a pattern names nothing"
    travels = named | set(package.rglob("*.py"))
    sizes = [p.stat().st_size for p in travels if p.suffix != ".safetensors"]
    assert sum(sizes) <= 5e6
    assert set(package.rglob("*.cu")) <= named, "a kernel's text would be missing in a wheel"
