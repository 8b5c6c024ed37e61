"""What all tests share: a core for each worker of pytest-xdist, pictures without a screen, on what
CUDA kernels are tested, and how many of them ran."""

import collections
import functools
import gc
import os
import sys

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # before numpy and Numba are imported and start threads
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

launched = collections.Counter()  # CUDA kernel -> launches, in all workers


def pytest_addoption(parser):
    parser.addoption(
        "--gpu", action="store_true", help="CUDA kernels are tested on a GPU, not on the emulator"
    )


def pytest_configure(config):
    if config.getoption("--gpu"):
        from minicnn.engine.devices import gpu_status

        usable, reason = gpu_status()
        if not usable:
            raise pytest.UsageError(f"--gpu: {reason}")
        import cupy

        cupy.cuda.set_allocator(None)  # from a pool, compute-sanitizer sees no end of an array


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A worker takes tests that follow one another, and at the end from what others have left: so
    the kernels of a file are compiled, and what its tests share is made, in one worker."""
    if config.getvalue("dist") == "load":  # what -n means if nothing else is said
        from xdist.scheduler import WorkStealingScheduling

        return WorkStealingScheduling(config, log)


def pytest_collection_finish(session):
    """Thousands of tests are no garbage: who looks for some need not look through them each time,
    least of all while kernels are compiled, which makes many small objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(autouse=True, scope="module")
def scenes_are_drawn_once(request):
    """A scene of the same number and size is drawn once by each worker, since that takes as long as
    a training step; but where the drawing itself is tested (tests/datasets), each time."""
    with pytest.MonkeyPatch.context() as patch:
        if request.path.parent.name != "datasets":
            from minicnn.datasets.scenes import dataset

            patch.setattr(dataset, "draw_scene", _drawn(dataset.draw_scene))
        yield


@functools.cache
def _drawn(draw_scene):
    return functools.lru_cache(500)(draw_scene)


@pytest.fixture(scope="session")
def kernel_device(request):
    """'emulated', or 'gpu' with --gpu. Without g++ a skip, in CI (.ci/run) a failure."""
    from support.emulated import REQUIRED

    from minicnn import emulator

    if request.config.getoption("--gpu"):
        return "gpu"
    if reason := emulator.why_not():
        (pytest.fail if REQUIRED else pytest.skip)(reason)
    return "emulated"


def pytest_sessionfinish(session):
    if "minicnn.engine.launching" in sys.modules:
        launched.update(sys.modules["minicnn.engine.launching"].launches)
    if hasattr(session.config, "workeroutput"):  # a worker tells the process that prints
        session.config.workeroutput["launched"] = dict(launched)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    launched.update(getattr(node, "workeroutput", {}).get("launched", {}))


def pytest_terminal_summary(terminalreporter, config):
    if launched:
        where = "on the GPU" if config.getoption("--gpu") else "on the emulator"
        terminalreporter.write_line(
            f"CUDA kernels {where}: {len(launched)} kernels, {launched.total()} launches"
        )
