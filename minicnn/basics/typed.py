"""JSON into dataclasses: every value is looked at, and one that is wrong is named by its place.

    @dataclass
    class Best:
        step: int = number(0, least=0)
        val_accuracy: float = number(0.0, 0, 1)

    read(Best, {"step": 3, "val_accuracy": "good"}, "best")
    Malformed: best.val_accuracy is "good", expected a number

A field may be a str, bool, int, float, `list[...]`, `dict[str, ...]`, another dataclass, one of
these or None, or `object`, for what is looked at elsewhere. A field whose name ends in an
underscore has none in JSON: `from_` is "from".
"""

import json
import math
from dataclasses import MISSING, field, fields, is_dataclass
from types import UnionType
from typing import get_args, get_origin, get_type_hints

WORDS = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
WORDS |= {list: "a list", dict: "an object {...}"}


class Malformed(ValueError):
    """A value of another kind than it should be; the message names its place."""


def number(default=MISSING, least=-math.inf, most=math.inf):
    """A field of a dataclass that `read` refuses outside of least .. most."""
    return field(default=default, metadata={"range": (least, most)})


def word(default, choices):
    """A field of a dataclass that is one of these texts."""
    return field(default=default, metadata={"choices": choices})


def read(kind, value, place="", complete=False):
    """`value`, as json.loads gives it, as a `kind`. Raises Malformed. `complete`: of a dataclass no
    key may be missing; else one that has a default may."""
    if kind is object:
        return value
    if get_origin(kind) is UnionType:  # X | None
        return None if value is None else read(get_args(kind)[0], value, place, complete)
    if is_dataclass(kind):
        return _read_fields(kind, value, place, complete)
    inner = get_args(kind)
    kind = get_origin(kind) or kind
    if kind is float and type(value) is int and abs(value) < 1e300:
        value = float(value)
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        raise Malformed(f"{place or 'it'} is {shown(value)}, expected {WORDS[kind]}")
    if kind is list:
        return [read(inner[0], v, f"{place}[{k}]", complete) for k, v in enumerate(value)]
    if kind is dict:
        return {k: read(inner[1], v, f"{place}.{named(k)}", complete) for k, v in value.items()}
    return value


def _read_fields(kind, value, place, complete):
    if type(value) is not dict:
        raise Malformed(f"{place or 'it'} is {shown(value)}, expected {WORDS[dict]}")
    hints, known = get_type_hints(kind), {in_json(f): f for f in fields(kind)}
    inside = f"{place}." if place else ""
    for key in value:
        if key not in known:
            raise Malformed(f"{inside}{named(key)} is a key that is not known")
    given = {}
    for key, f in known.items():
        if key not in value:
            if complete or f.default is MISSING and f.default_factory is MISSING:
                raise Malformed(f"{inside}{key} is missing")
            continue
        given[f.name] = read(hints[f.name], value[key], inside + key, complete)
        check(given[f.name], inside + key, **f.metadata)
    return kind(**given)


def check(value, place, range=None, choices=None):
    """Malformed if a value is outside of `range`, (least, most), or none of `choices`."""
    if value is None:
        return
    if range is not None and not range[0] <= value <= range[1]:
        expected = f"{range[0]:g} to {range[1]:g}" if range[1] < math.inf else f"{range[0]:g} on"
        raise Malformed(f"{place} is {shown(value)}, expected {expected}")
    if choices is not None and value not in choices:
        raise Malformed(f"{place} is {shown(value)}, expected {' or '.join(choices)}")


def write(value):
    """What json.dumps takes: dataclasses become dicts that `read` makes the same of."""
    if is_dataclass(value):
        return {in_json(f): write(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {key: write(v) for key, v in value.items()}
    return [write(v) for v in value] if isinstance(value, list | tuple) else value


def in_json(f):
    """The name in JSON of a dataclass's field."""
    return f.name.rstrip("_")


def shown(value):
    """A value as a message shows it: in JSON, not longer than a few words."""
    if isinstance(value, list | dict):
        return f"{WORDS[type(value)]} of {len(value)}"
    if type(value) is int and abs(value) >= 10**30:
        return "a number of more than 30 digits"
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:60]}..."


def named(key):
    """A key as a message shows it."""
    return key if key.isprintable() and 0 < len(key) <= 60 else shown(key)
