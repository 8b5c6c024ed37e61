"""The page of the book that lists what a user calls: signature, docstring and place in the source,
read from the modules as they are."""

import html
import inspect
from pathlib import Path

import minicnn
from minicnn import checking, datasets, figures, functional, nn, optim
from minicnn.course.lecturing import ROOT

ROOMS = (minicnn, functional, nn, nn.init, nn.tables, optim, datasets, checking, figures)


def names_of(module):
    """The public names of a module that can be called, in alphabetical order."""
    listed = getattr(module, "__all__", None)
    if listed is None:  # those that the file defines itself
        own = vars(module).items()
        listed = [n for n, v in own if getattr(v, "__module__", None) == module.__name__]
    found = (name for name in listed if not name.startswith("_"))
    return sorted(name for name in found if callable(getattr(module, name)))


def api_page():
    """The body of the page, HTML."""
    parts = ["<h1>What one calls</h1>", _contents()]
    for module in ROOMS:
        said = html.escape(inspect.getdoc(module).split("\n\n")[0])
        parts.append(f'<h2 id="{module.__name__}"><code>{module.__name__}</code></h2><p>{said}</p>')
        parts += [_entry(module, name) for name in names_of(module)]
    return "\n".join(parts)


def _contents():
    links = (f'<li><a href="#{m.__name__}"><code>{m.__name__}</code></a></li>' for m in ROOMS)
    return f"<ul>{''.join(links)}</ul>"


def _entry(module, name):
    thing = getattr(module, name)
    return (
        f'<h3 id="{module.__name__}.{name}"><code>{html.escape(name + _signature(thing))}</code>'
        f'</h3><p class="place">{_place(thing)}</p>'
        f"<pre>{html.escape(inspect.getdoc(thing) or '')}</pre>"
    )


def _signature(thing):
    try:
        return str(inspect.signature(thing))
    except ValueError:  # of a class of numpy's making
        return ""


def _place(thing):
    """«minicnn/ops/relu.py, line 60», or "" for what is no text of ours."""
    try:
        path = Path(inspect.getsourcefile(inspect.unwrap(thing))).relative_to(ROOT)
        return f"{path}, line {inspect.getsourcelines(thing)[1]}"
    except (TypeError, OSError, ValueError):
        return ""
