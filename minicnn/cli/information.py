"""What `minicnn info` tells of this machine, and the choice of the device."""

import os
import platform
from pathlib import Path

from minicnn import datasets, ops
from minicnn.engine import devices
from minicnn.learning import checkpoints

PACKAGES = (
    "numpy numba llvmlite scipy pillow matplotlib tqdm safetensors threadpoolctl cupy-cuda12x"
    " cupy-cuda13x mpi4py"
).split()


def choose_device(name):
    """The device that 'auto', 'cpu', 'gpu' or 'emulated' means. Raises ValueError if one is asked
    for and cannot be used; 'auto' is the GPU if that can be, and else the CPU."""
    if name == "auto":
        return "cpu" if why_no_gpu() else "gpu"
    reason = {"gpu": why_no_gpu, "emulated": why_not_emulated}.get(name, str)()
    if reason:
        raise ValueError(f"--device {name} cannot be used: {reason}")
    return name


def choose_algorithm(tf32, device):
    """The algorithm of convolutions, 'auto' or 'tf32'. Raises ValueError on the CPU, which has no
    tensor cores; a GPU that has none says so at the first convolution (ops/fast/tiled_gpu.py)."""
    if tf32 and device == "cpu":
        raise ValueError(
            "--tf32 is for the tensor cores of a GPU, and this would run on the CPU; leave it away"
        )
    return "tf32" if tf32 else "auto"


def why_no_gpu():
    """One sentence, or "" if there is a GPU that works."""
    usable, reason = devices.gpu_status()
    return "" if usable else reason


def why_not_emulated():
    """One sentence, or "" if the GPU's kernels can be emulated."""
    usable, reason = devices.emulator_status()
    return "" if usable else reason


def facts():
    """Everything that `minicnn info` prints, ready for JSON."""
    import importlib.metadata

    import numba

    versions = {"minicnn": importlib.metadata.version("minicnn")}
    versions["python"] = platform.python_version()
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            if not package.startswith(("cupy", "mpi4py")):
                versions[package] = None
    usable, gpu = devices.gpu_status()
    return {
        "versions": versions,
        "platform": platform.platform(),
        "threads": devices.get_num_threads(),
        "processors": os.cpu_count(),
        "kernels_compiled": not numba.config.DISABLE_JIT,
        "kernel_cache": _kernel_cache(),
        "data_home": str(datasets.data_home()),
        "data_ready": [n for n in (*_drawn(), *_installable()) if _ready(n)],
        "data_missing": [n for n in _installable() if not _ready(n)],
        "networks": checkpoints.shipped_names(),
        "gpu": gpu if usable else None,
        "why_no_gpu": why_no_gpu(),
        "emulator": None if why_not_emulated() else devices.emulator_status()[1],
        "why_not_emulated": why_not_emulated(),
    }


def lines_of(found):
    """The facts as lines of text."""
    versions = ", ".join(f"{name} {v or 'missing'}" for name, v in found["versions"].items())
    cache = found["kernel_cache"]
    size = f"{cache['files']} files, {cache['bytes'] / 1e6:.1f} MB"
    rows = {
        "versions": versions,
        "platform": found["platform"],
        "threads": f"{found['threads']} (of {found['processors']} processors)",
        "kernels": "compiled" if found["kernels_compiled"] else "not compiled (NUMBA_DISABLE_JIT)",
        "kernel cache": f"{', '.join(cache['folders']) or 'nothing yet'} ({size})",
        "data home": found["data_home"],
        "data ready": ", ".join(found["data_ready"]),
        "data missing": ", ".join(found["data_missing"]) or "nothing",
        "networks": f"{', '.join(found['networks'])}: {checkpoints.TERMS}",
        "GPU": found["gpu"] or f"none: {found['why_no_gpu']}",
        "emulator": found["emulator"] or f"none: {found['why_not_emulated']}",
    }
    return [f"{name:14} {value}" for name, value in rows.items()]


def _kernel_cache():
    """Where Numba keeps our compiled kernels: beside the sources, or, where it may not write there
    or NUMBA_CACHE_DIR says so, in folders of its own that bear the name of ours."""
    from numba import config
    from numba.misc.appdirs import AppDirs

    sources = Path(ops.__file__).parent
    places = [sources / "__pycache__", sources / "fast" / "__pycache__"]
    for other in (config.CACHE_DIR, AppDirs(appname="numba", appauthor=False).user_cache_dir):
        if other:
            places += [*Path(other).glob("ops_*"), *Path(other).glob("fast_*")]
    files = [f for place in places for f in place.glob("*.nb[ic]")]
    return {
        "folders": sorted({str(f.parent) for f in files}),
        "files": len(files),
        "bytes": sum(f.stat().st_size for f in files),
    }


def _drawn():
    from minicnn.datasets.registry import DRAWN

    return DRAWN


def _installable():
    from minicnn.datasets.registry import INSTALLABLE

    return tuple(INSTALLABLE)


def _ready(name):
    return name in _drawn() or datasets.is_installed(name)
