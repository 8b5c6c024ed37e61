"""Three processes that mpiexec has started. Needs the extra [mpi], which [test] does not bring; in
CI it is a failure if it is missing (MINICNN_REQUIRE_MPI=1), elsewhere a skip."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image
from support.shared_runs import SCENES, drawn_once, furthest, one_process

import minicnn
from minicnn import datasets
from minicnn.learning import checkpoints

BESIDE = Path(sys.executable).parent / "mpiexec"
MPIEXEC = str(BESIDE) if BESIDE.exists() else shutil.which("mpiexec")
if not MPIEXEC or not find_spec("mpi4py"):
    if os.environ.get("MINICNN_REQUIRE_MPI"):
        raise RuntimeError("MPI is required here: pip install '.[mpi]'")
    pytest.skip("no MPI to start processes with (pip install -e '.[mpi]')", allow_module_level=True)

SUPPORT = Path(__file__).parents[1] / "support"
# Open MPI wants to be asked before it starts as root, or more processes than there are cores.
ALLOWED = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
}


@pytest.fixture(autouse=True, scope="module")
def quickly():
    with drawn_once():
        yield


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """(folder, the finished process) of by_mpi.py."""
    folder = tmp_path_factory.mktemp("mpi")
    (folder / "pictures").mkdir()
    scenes = datasets.load("scenes", **SCENES).split("test")
    for k, name in enumerate(("a.png", "a.jpg", "b.png", "c.png")):
        Image.fromarray(scenes[k].image).save(folder / "pictures" / name)
    command = [MPIEXEC, "-n", "3", sys.executable, str(SUPPORT / "by_mpi.py"), str(folder)]
    environment = os.environ | ALLOWED | {"PYTHONPATH": str(SUPPORT.parent)}
    how = {"capture_output": True, "text": True, "timeout": 300, "env": environment}
    return folder, subprocess.run(command, **how)


def test_what_each_command_returned(done):
    folder, _ = done
    found = [json.loads((folder / f"status-{rank}.json").read_text()) for rank in range(3)]
    assert found[0][:-1] == found[1][:-1] == [0, 0, 130, 0, 0, 0]
    assert found[2][:-1] == [0, 130, 0, 0]
    cores = len(os.sched_getaffinity(0))
    assert all(status[-1] == max(1, cores // 3) for status in found)  # or each was given its own


@pytest.mark.parametrize(
    "count, name, steps", [(3, "three", 20), (2, "two", 20), (3, "stopped", 8)]
)
def test_they_learn_as_one_with_all_pictures_in_a_batch(done, count, name, steps):
    weights, header = checkpoints.load(done[0] / name / "last.safetensors")
    ours = {k: a for k, a in weights.items() if not k.startswith(checkpoints.VELOCITY)}
    assert header["step"] == header["best"]["step"] == steps and header["processes"] == count
    assert furthest(ours, one_process(count, steps)) < 1e-5


def test_they_score_and_segment_all_pictures_once(done):
    folder, ended = done
    scored = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    assert len(scored) == 1
    alone = minicnn.evaluate(folder / "three")
    assert scored[0]["confusion"] == alone.confusion.matrix.tolist()
    names = {path.name for path in (folder / "segmented").iterdir()}
    stems = ("a", "a-2", "b", "c")
    assert names == {f"{stem}-{part}.png" for stem in stems for part in ("labels", "overlay")}
    assert len(re.findall(r"^\S+pictures/\S+: ", ended.stdout, re.M)) == 4


def test_one_that_fails_ends_all_with_its_sentence(done):
    ended = done[1]
    assert ended.returncode == 2
    said = [line for line in ended.stderr.splitlines() if line.startswith("minicnn: ")]
    assert re.fullmatch(r"minicnn: process 1 of 3 on \S+: p3\.png: is damaged", said[-1])
    assert len(said) == 2 and "stopped after step 4; go on with: minicnn resume" in said[0]
    assert "Traceback" not in ended.stderr
