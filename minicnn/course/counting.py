"""How many lines of code a system has: what the lecture's «less manual work» can be measured by."""

import ast
import io
import tokenize
from importlib import import_module
from inspect import getsource

_WORDLESS = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
_WORDLESS |= {tokenize.ENDMARKER}


def lines_of_code(*modules):
    """int: the lines of these modules of minicnn ("images.integral", ...) on which code stands: no
    comment, no docstring, nothing empty."""
    return sum(_lines(getsource(import_module(f"minicnn.{name}"))) for name in modules)


def _lines(text):
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    code = {k for t in tokens if t.type not in _WORDLESS for k in range(t.start[0], t.end[0] + 1)}
    for node in ast.walk(ast.parse(text)):  # a string that stands alone
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            code -= set(range(node.lineno, node.end_lineno + 1))
    return len(code)


def table():
    """Rows (system, lines of code that it has for itself, options of its network): what all systems
    share is not counted, nor what grows the trees (scikit-learn)."""
    from minicnn import models

    def row(what, model, *modules):
        return what, lines_of_code(*modules), len(models.find(model)[0].DEFAULTS)

    seen = ("images.normalise", "images.colour")
    learnt = ("models.boosted_trees", "learning.boosting", "learning.hand_made")
    learnt += ("learning.drawn_pixels",)
    graphical = ("labelling.potts", "labelling.alpha_expansion")
    described = ("images.filter_bank", "images.integral", "models.pixel_features", "models.shallow")
    return [
        row("features by hand, trees, a Potts model", "shallow", *described, *learnt, *graphical),
        row("three scales", "multi-scale", "models.multi_scale", "images.pyramid", *seen),
        row("one label for each patch", "patch", "models.patch", *seen),
    ]


if __name__ == "__main__":  # python -m minicnn.course.counting
    for what, lines, options in table():
        print(f"{what:40}{lines:4} lines of code{options:4} options")
