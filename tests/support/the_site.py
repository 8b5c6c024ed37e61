"""Tests that build pages need what the extra [lectures] brings; without it they are skipped."""

import pytest


def needed():
    for module in ("jupytext", "nbconvert", "latex2mathml"):
        pytest.importorskip(module, reason='the site needs pip install -e ".[lectures]"')
