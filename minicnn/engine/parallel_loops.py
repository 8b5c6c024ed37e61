"""How a loop over `prange` of a CPU body comes to run on all threads.

Numba can do that itself (`parallel=True`), but types and compiles such a body twice, a third of all
the time that compiling takes; and it gives each thread one long part, so that all wait for a thread
that another program holds up. Here the rounds of a loop become a function of their own,

    for i in prange(count): ...    ->    run(count, (x, y, ...))    and
                                         def part(x, y, ..., first, last):
                                             for i in range(first, last): ...

where x, y, ... are captured: variables from before the loop that its rounds (iterations) read. It
is compiled once, and loop_runner.py calls it for short ranges, from whichever thread is free.

That asks of the rounds that they stand alone, as gathering kernels do. A loop that may hand on a
variable, to the next round or to what comes behind it, or may end early, is left to Numba.
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
    if (tree := _source(body)) is None:
        return None
    function, names = tree.body[0], dict(body.__globals__)
    loops = [node for node in ast.walk(function) if _is_parallel(node)]
    calls = {}
    for number, loop in enumerate(loops):
        captured = _captured(function, loop, loops)
        if not captured:
            return None
        run = f"_run_{number}"
        names[run] = runner(_part(loop, captured, body))
        call = _placed(ast.parse(f"{run}(count, ({', '.join(captured)},))"), loop).body[0]
        call.value.args[0] = loop.iter.args[0]
        calls[loop] = call
    if not calls:
        return None
    found = _compiled(_Replaced(calls).visit(tree), body, names)
    found.__defaults__ = body.__defaults__
    return found


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
    arguments = found.args
    if arguments.posonlyargs or arguments.kwonlyargs or arguments.vararg or arguments.kwarg:
        return None
    tree = ast.Module([copy.deepcopy(found)], [])
    tree.body[0].decorator_list = []
    return tree


@functools.lru_cache(8)
def _of_file(text, file):
    """({(name, first line): tree}, set of code objects) of all functions in a file."""
    try:
        tree = ast.parse(text, file)
        todo, codes = [compile(tree, file, "exec", dont_inherit=True)], set()
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
        return self.calls[node] if node in self.calls else self.generic_visit(node)


def _is_parallel(node):
    called = getattr(node.iter, "func", None) if isinstance(node, ast.For) else None
    return isinstance(called, ast.Name) and called.id == "prange"


def _rounds(loop):
    """All nodes of what a loop repeats."""
    return [node for line in loop.body for node in ast.walk(line)]


def _captured(function, loop, loops):
    """The variables from before a loop that its rounds read, sorted; None if the rounds may not
    stand alone: if they write to what is read behind the loop, in another one or by themselves
    from before, or if the loop is of another form than the one above."""
    rounds = _rounds(loop)
    early = (ast.Return, ast.Break, ast.Raise, ast.Assert)  # a break of a loop within, too
    plain = len(loop.iter.args) == 1 and not loop.iter.keywords and not loop.orelse
    if not plain or any(isinstance(node, early) for node in rounds):
        return None
    within = {id(node) for one in loops for node in _rounds(one)}
    others = [n for n in ast.walk(function) if id(n) not in within and hasattr(n, "lineno")]
    before = [n for n in others if n.lineno < loop.lineno]
    behind = [n for n in others if n.lineno > loop.end_lineno]
    around = [n for n in others if isinstance(n, (ast.For, ast.While)) and n is not loop]
    if any(loop in ast.walk(n) for n in around):
        before = behind = others  # the loop around it comes round again
    known = {a.arg for a in function.args.args} | _names(before, ast.Store)
    written, read = _names(rounds, ast.Store), _names(rounds, ast.Load)
    elsewhere = _names(behind, ast.Load)
    for nodes in ([*ast.walk(other)] for other in loops if other is not loop):
        elsewhere |= _names(nodes, ast.Load) - _names(nodes, ast.Store)
    handed_on = (written | _names([loop.target], ast.Store)) & elsewhere
    if handed_on or written & read & known:
        return None
    return sorted((read & known) - {loop.target.id})


def _names(nodes, kind):
    """The names that nodes load, or store; x += 1 does both."""
    found = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, kind)}
    added = [n.target for n in nodes if isinstance(n, ast.AugAssign)]
    return found | {t.id for t in added if isinstance(t, ast.Name)}


def _part(loop, captured, body):
    """The function (captured..., first, last) of some rounds of a loop."""
    text = f"def {body.__name__}_part({', '.join([*captured, '_first', '_last'])}):\n"
    tree = _placed(ast.parse(f"{text}    for _ in range(_first, _last): pass"), loop)
    rounds = tree.body[0].body[0]
    rounds.target, rounds.body = loop.target, loop.body
    return _compiled(tree, body, body.__globals__)


def _placed(tree, where):
    """The tree, every node at the line of `where`."""
    for node in ast.walk(tree):
        ast.copy_location(node, where)
    return tree


def _compiled(tree, body, names):
    """The function of a tree, in the file in which `body` stands: for the cache, and for whoever
    looks for its lines."""
    found = {}
    exec(compile(ast.fix_missing_locations(tree), body.__code__.co_filename, "exec"), names, found)
    (function,) = found.values()
    function.__module__ = body.__module__
    return function
