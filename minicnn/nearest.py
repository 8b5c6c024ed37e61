"""What somebody may have meant who named a thing that does not exist."""

from difflib import get_close_matches


def did_you_mean(name, known):
    """«; did you mean NAME?» with the nearest of the known names, "" if none is near. Capitals, and
    whether words are joined by _ or -, count for nothing."""
    spelt = {_plain(one): str(one) for one in known}
    near = get_close_matches(_plain(name), spelt, 1)
    return f"; did you mean {spelt[near[0]]}?" if near else ""


def _plain(name):
    return str(name).lower().replace("_", "-")
