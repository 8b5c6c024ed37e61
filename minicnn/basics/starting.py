"""One of our modules in a Python of its own, wherever it is started from.

`python -m minicnn.x` looks for modules in the current folder first. Beside a checkout, which is a
folder `minicnn` too, or among files that are called random.py or copy.py, it would start something
else or nothing. So the child (-P) has neither the current folder nor that of a script among the
places where it looks, and is told where the package lies that started it.
"""

import os
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
# PYTHONPATH may name the current folder all the same; what is meant by it is other programs.
_BOOT = """
import importlib.util, os, runpy, sys
package, module = sys.argv[1:3]
del sys.argv[1:3]
sys.path = [p for p in sys.path if p and not (os.path.isdir(p) and os.path.samefile(p, "."))]
spec = importlib.util.spec_from_file_location(
    "minicnn", os.path.join(package, "__init__.py"), submodule_search_locations=[package]
)
sys.modules["minicnn"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["minicnn"])
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def command(module, *arguments):
    """What to give subprocess: runs a module of ours as a program, with these arguments."""
    return [sys.executable, "-P", "-c", _BOOT, str(PACKAGE), module, *map(str, arguments)]


def forget_folder(folder):
    """From now on nothing is imported from `folder`."""
    here = os.path.realpath(folder)
    sys.path[:] = [place for place in sys.path if os.path.realpath(place) != here]
