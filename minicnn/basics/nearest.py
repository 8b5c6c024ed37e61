"""What somebody may have meant who named a thing that does not exist."""

from difflib import get_close_matches


def did_you_mean(name, known):
    """«; did you mean NAME?» with the nearest of the known names, or the only one that begins so,
    or "". Capitals, and whether words are joined by _ or -, count for nothing."""
    spelt = {_plain(one): str(one) for one in known}
    begun = [one for one in spelt if len(str(name)) > 2 and one.startswith(_plain(name))]
    near = get_close_matches(_plain(name), spelt, 1) or (begun if len(begun) == 1 else [])
    return f"; did you mean {spelt[near[0]]}?" if near else ""


def _plain(name):
    return str(name).lower().replace("_", "-")
