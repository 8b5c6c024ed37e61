"""The count of lines in chapter 01."""

from minicnn.course.counting import _lines, lines_of_code, table

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
    assert by_hand[1] > 2 * scales[1] and scales[1] > patch[1]
    assert by_hand[2] < scales[2]  # but a network has more options
