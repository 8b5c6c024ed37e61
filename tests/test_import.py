"""`import minicnn` is quick because it leaves to the first use what takes long to load."""

import json
import subprocess
import sys

import minicnn

HEAVY = {"numba", "scipy", "skimage", "matplotlib", "PIL", "cupy", "tqdm", "safetensors"}
HEAVY |= {"threadpoolctl"}


def loaded_after(statement):
    code = f"{statement}; import json, sys; print(json.dumps(list(sys.modules)))"
    output = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    return {name.split(".")[0] for name in json.loads(output.stdout)}


def test_import_pulls_nothing_heavy_and_compiles_nothing():
    assert not loaded_after("import minicnn") & HEAVY


def test_command_line_starts_as_quickly():
    code = "import minicnn.cli; minicnn.cli.main(['train', '--nonsense'])"
    assert not loaded_after(code) & HEAVY


def test_every_public_name_is_there():
    assert all(hasattr(minicnn, name) for name in minicnn.__all__)
    assert minicnn.__all__ == sorted(minicnn.__all__)
