"""Wrong variants of the answers in plain Python, drawn with a fixed seed: what the check of an
exercise must reject, beside the typical wrong answers that its file lists.

An operator changes one place of the function `key`: a sign, an axis, one off, a missing or a wrong
term, a stride or another factor. For CUDA C the mistakes are those of `cuda_mutants.py`.
"""

import ast
import copy
import random
import textwrap

COUNT = 20
EQUIVALENT = {  # (exercise, variant): why it is no mistake
    (
        "ex17",
        "sign, line 11: loss += np.log(total) - s[t] -> loss += abs(np.log(total) - s[t])",
    ): "minus the logarithm of a probability is never below 0",
    (
        "ex25",
        "one off, line 6: scores[r] > scores[best] -> scores[r] >= scores[best]",
    ): "no two scores are alike",
}


def places(tree):
    """Every node of the function's body with a way to put another one in its place."""
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if isinstance(value, ast.AST):
                yield parent, field, None, value
            elif isinstance(value, list):
                for k, item in enumerate(value):
                    if isinstance(item, ast.AST):
                        yield parent, field, k, item


def changes(node):
    """(operator, another node) for every way to change this one."""
    if isinstance(node, ast.BinOp):
        other = {ast.Add: ast.Sub, ast.Sub: ast.Add}.get(type(node.op))
        if other:
            yield "sign", ast.BinOp(node.left, other(), node.right)
            yield "term", node.left
            yield "term", node.right
        if isinstance(node.op, ast.Mult):
            yield "stride", node.left
            yield "stride", node.right
        if isinstance(node.op, ast.Div | ast.FloorDiv | ast.Pow):
            yield "term", node.left
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "sign", node.operand
    elif isinstance(node, ast.Assign | ast.AugAssign) and isinstance(
        node.value, ast.BinOp | ast.Subscript | ast.Constant
    ):
        target, value = getattr(node, "target", None) or node.targets[0], node.value
        for operator, other in wrong_values(value):
            changed = copy.copy(node)
            changed.value = other
            yield operator, changed
        if isinstance(node, ast.AugAssign):
            yield "term", ast.Assign([target], value)
            yield "term", ast.Pass()
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        flipped = {ast.Lt: ast.LtE, ast.Gt: ast.GtE, ast.LtE: ast.Lt, ast.GtE: ast.Gt}
        other = flipped.get(type(node.ops[0]))
        if other:
            yield "one off", ast.Compare(node.left, [other()], node.comparators)
            yield "sign", ast.Compare(node.comparators[0], node.ops, [node.left])
        end = node.comparators[0]
        if isinstance(end, ast.Constant) and type(end.value) in (int, float):
            for other in (end.value + 1, end.value - 1):
                yield "one off", ast.Compare(node.left, node.ops, [ast.Constant(other)])
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        others = {"gy": ("y", "x", "gv"), "x": ("gy",), "y": ("gy",), "v": ("gy", "g", "w")}
        for other in others.get(getattr(node.value, "id", ""), ()):
            yield "term", ast.Subscript(ast.Name(other, ast.Load()), node.slice, node.ctx)
        if isinstance(node.slice, ast.Name):
            yield "one off", ast.Subscript(node.value, ast.Constant(0), node.ctx)
    elif isinstance(node, ast.Call) and name(node) in ("range", "ndindex"):
        for k, end in enumerate(node.args):
            if not isinstance(end, ast.Attribute):  # ndindex(y.shape)
                less = ast.BinOp(end, ast.Sub(), ast.Constant(1))
                yield "one off", ast.Call(node.func, replaced(node.args, k, less), [])
    elif isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load):
        for k in range(len(node.elts) - 1):
            swapped = list(node.elts)
            swapped[k], swapped[k + 1] = swapped[k + 1], swapped[k]
            yield "axis", ast.Tuple(swapped, node.ctx)
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value:
        yield "one off", ast.Constant(node.value + 1)


def wrong_values(value):
    """(operator, expression) for what may be assigned in the place of an expression."""
    yield "one off", ast.BinOp(value, ast.Add(), ast.Constant(1))
    yield "one off", ast.BinOp(value, ast.Sub(), ast.Constant(1))
    if not isinstance(value, ast.Constant):
        yield "sign", ast.UnaryOp(ast.USub(), value)
        yield "sign", ast.Call(ast.Name("abs", ast.Load()), [value], [])
        yield "stride", ast.BinOp(ast.Constant(2), ast.Mult(), value)
        yield "stride", ast.BinOp(value, ast.Div(), ast.Constant(2))
        yield "term", ast.BinOp(value, ast.Pow(), ast.Constant(2))


def name(call):
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def replaced(items, k, item):
    return [*items[:k], item, *items[k + 1 :]]


def variants(source):
    """Every (description, source) of a function's source, each once."""
    tree = ast.parse(textwrap.dedent(source))
    seen = {ast.unparse(tree)}
    for parent, field, k, node in places(tree):
        for operator, other in changes(node):
            before = getattr(parent, field)
            other = copy.deepcopy(other)
            setattr(parent, field, other if k is None else replaced(before, k, other))
            try:
                text = ast.unparse(ast.fix_missing_locations(tree))
            finally:
                setattr(parent, field, before)
            if text not in seen:
                seen.add(text)
                was = ast.unparse(node).split("\n")[0]
                now = ast.unparse(ast.fix_missing_locations(other)).split("\n")[0]
                yield f"{operator}, line {node.lineno}: {was} -> {now}", text


def drawn(number, found):
    """COUNT of them, the operators in turn as far as there are enough of each."""
    generator, by_operator = random.Random(f"variants {number}"), {}
    for variant in found:
        by_operator.setdefault(variant[0].split(",")[0], []).append(variant)
    for of in by_operator.values():
        generator.shuffle(of)
    chosen = []
    while len(chosen) < COUNT and any(by_operator.values()):
        chosen += [of.pop() for of in by_operator.values() if of]
    return chosen[:COUNT]
