"""The count of lines in chapter 01."""

import re

from minicnn.course.counting import _lines, lines_of_code, table
from minicnn.course.lecturing import ROOT

CHAPTER = ROOT / "lectures/01_segmentation_by_hand.py"

TEXT = '''"""Words,
more words."""

import numpy as np  # code, and a comment

# a comment
def f(
    x,
):
    """Words."""
    text = """one
    two"""

    return x, text
'''


def test_code_is_counted_and_words_are_not():
    assert _lines(TEXT) == 1 + 3 + 2 + 1
    assert _lines("") == _lines("# nothing\n") == _lines('"""Nothing."""\n') == 0


def test_modules_are_added():
    one, other = lines_of_code("images.integral"), lines_of_code("models.patch")
    assert 0 < one < other and lines_of_code("images.integral", "models.patch") == one + other


def test_by_hand_is_more_work_for_whoever_writes_it():
    by_hand, scales, patch = table()
    said = int(re.search(r"(\d+) lines of code", CHAPTER.read_text())[1])
    assert abs(said - by_hand[1]) <= 10, "chapter 01 and the results say how many lines"
    assert by_hand[1] > 2 * scales[1] and scales[1] > patch[1]
    assert by_hand[2] < scales[2]  # but a network has more options
