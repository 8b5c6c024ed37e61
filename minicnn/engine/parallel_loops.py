"""How a loop over `prange` of a CPU body comes to run on all threads.

Numba can do that itself (`parallel=True`), but types and compiles such a body twice, a third of all
the time that compiling takes; and it gives each thread one long part, so that all wait for a thread
that another program holds up. Here the rounds of a loop become a function of their own,

    for i in prange(count): ...    ->    run(count, (x, y, ...))    and
                                         def part(x, y, ..., first, last):
                                             for i in range(first, last): ...

where x, y, ... is what the rounds read of the outside. It is compiled once, and loop_runner.py
calls it for short ranges, from whichever thread is free.

That asks of the rounds that they stand alone, as gathering kernels do. A loop which hands on a
variable, to the next round or to what comes behind it, is left to Numba.
"""

import ast
import copy
import functools
import linecache
import types

from minicnn.engine.loop_runner import runner


def split(body):
    """A function that does what `body` does, for Numba to compile; None if its loops over `prange`
    have to be left to Numba."""
    tree = _source(body)
    if tree is None:
        return None
    function, names = tree.body[0], dict(body.__globals__)
    loops = [node for node in ast.walk(function) if _is_parallel(node)]
    calls = {}
    for number, loop in enumerate(loops):
        outside = _outside(function, loop, loops)
        if not outside:
            return None
        run = f"_run_{number}"
        names[run] = runner(_part(loop, outside, body))
        call = ast.parse(f"{run}(count, ({', '.join(outside)},))").body[0]
        call.value.args[0] = loop.iter.args[0]
        calls[loop] = call
    return _compiled(_Replaced(calls).visit(tree), body, names)


def _source(body):
    """The tree of a function without its decorators; None if its source is not known (typed at a
    prompt), is another by now (the file was edited), or is not all (variables of a function around
    it)."""
    code = body.__code__
    linecache.checkcache(code.co_filename)
    functions, codes = _of_file("".join(linecache.getlines(code.co_filename)), code.co_filename)
    found = functions.get((code.co_name, code.co_firstlineno))
    if found is None or code not in codes or body.__closure__:
        return None
    found = copy.deepcopy(found)
    found.decorator_list = []
    return ast.Module([found], [])


@functools.lru_cache(8)
def _of_file(text, file):
    """({(name, first line): tree}, set of code objects) of all functions in a file."""
    try:
        tree = ast.parse(text, file)
        todo, codes = [compile(text, file, "exec", dont_inherit=True)], set()
    except (SyntaxError, ValueError):
        return {}, set()
    while todo:
        inside = [c for c in todo.pop().co_consts if isinstance(c, types.CodeType)]
        todo += inside
        codes.update(inside)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    lines = [min(n.lineno for n in (f, *f.decorator_list)) for f in functions]
    return {(f.name, line): f for f, line in zip(functions, lines, strict=True)}, codes


class _Replaced(ast.NodeTransformer):
    """Puts a call in the place of each loop."""

    def __init__(self, calls):
        self.calls = calls

    def visit_For(self, node):
        if node in self.calls:
            return ast.copy_location(self.calls[node], node)
        return self.generic_visit(node)


def _is_parallel(node):
    called = getattr(node.iter, "func", None) if isinstance(node, ast.For) else None
    return isinstance(called, ast.Name) and called.id == "prange"


def _outside(function, loop, loops):
    """The names that the rounds of a loop read of what was set before it; None if they write to one
    that is read behind the loop, or that they have from before it."""
    rounds = [node for part in loop.body for node in ast.walk(part)]
    within = {id(node) for one in loops for part in one.body for node in ast.walk(part)}
    others = [node for node in ast.walk(function) if id(node) not in within]
    before = {a.arg for a in function.args.args}
    before |= _names((n for n in others if getattr(n, "lineno", 0) < loop.lineno), ast.Store)
    behind = _names((n for n in others if getattr(n, "lineno", 0) > loop.end_lineno), ast.Load)
    written, read = _names(rounds, ast.Store), _names(rounds, ast.Load)
    if written & behind or written & read & before:
        return None
    return sorted((read & before) - {loop.target.id})


def _names(nodes, kind):
    return {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, kind)}


def _part(loop, outside, body):
    """The function (outside..., first, last) of some rounds of a loop."""
    tree = ast.parse(
        f"def {body.__name__}_part({', '.join([*outside, '_first', '_last'])}):\n"
        "    for _ in range(_first, _last): pass"
    )
    rounds = tree.body[0].body[0]
    rounds.target, rounds.body = loop.target, loop.body
    return _compiled(tree, body, body.__globals__)


def _compiled(tree, body, names):
    """The function of a tree, as if it stood where `body` stands: a debugger finds its lines, and
    the cache its file."""
    file, found = body.__code__.co_filename, {}
    exec(compile(ast.fix_missing_locations(tree), file, "exec"), names, found)
    (function,) = found.values()
    code = function.__code__
    function.__code__ = code.replace(co_firstlineno=body.__code__.co_firstlineno)
    function.__module__ = body.__module__
    return function
