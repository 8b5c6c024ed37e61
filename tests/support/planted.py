"""A mistake planted into the source of a module."""

import inspect
from types import ModuleType


def planted(module, right, wrong):
    """A copy of `module` in which the text `right`, found once, is `wrong`."""
    source = inspect.getsource(module)
    assert source.count(right) == 1
    broken = ModuleType("broken")
    exec(source.replace(right, wrong), broken.__dict__)
    return broken
