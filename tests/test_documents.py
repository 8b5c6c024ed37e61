"""What the documents point at is there: links, pictures, and the files named in tables."""

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
