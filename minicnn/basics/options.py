"""Options with defaults, kinds and ranges: what a user gives is looked at before it is used."""

from minicnn.basics.nearest import did_you_mean


def merge_options(owner, defaults, given, ranges=None):
    """`defaults` overridden by `given`. Raises ValueError for a name that does not exist, a value
    of another kind, and one outside of `ranges`, {name: (least, most)}."""
    merged = dict(defaults)
    for name, value in given.items():
        if name not in defaults:
            known = ", ".join(sorted(defaults))
            hint = did_you_mean(name, defaults)
            raise ValueError(f"{owner} has no option {name!r}; it has {known}{hint}")
        merged[name] = _like(name, value, defaults[name])
    for name, (least, most) in (ranges or {}).items():
        if not least <= merged[name] <= most:
            raise ValueError(f"option {name}={merged[name]:g}: expected {least:g} to {most:g}")
    return merged


def _like(name, value, default):
    """`value` as the type of `default`; text (from the command line) is parsed."""
    try:
        if isinstance(default, bool):
            if str(value).lower() not in ("true", "false", "1", "0"):
                raise ValueError
            return str(value).lower() in ("true", "1")
        if isinstance(default, int) and float(value) != int(float(value)):
            raise ValueError
        return type(default)(value)
    except (TypeError, ValueError, OverflowError):
        kind = {bool: "true or false", int: "a whole number", float: "a number"}
        raise ValueError(
            f"option {name}={value!r}: expected {kind.get(type(default), 'text')}"
        ) from None
