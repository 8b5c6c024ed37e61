"""Kernels in a process that was forked (multiprocessing's way on Linux up to Python 3.13).

A forked child has one thread, whatever its parent had. GNU's OpenMP, which runs the loops over
`prange`, does not notice: it waits for the others for ever, for which reason Numba ends such a
child at its first kernel, and a Pool starts the next one. A loop on one thread waits for nobody. So
a child is told to use one, and Numba that it is a process of its own. Children that shall have more
threads must be started by «forkserver» or «spawn».
"""

import os
import sys

_one_thread = False  # whether this process was forked from one that had run kernels


def only_one_thread():
    """Whether kernels of this process have to stay on one thread."""
    return _one_thread


def _in_the_child():
    global _one_thread
    parallel = sys.modules.get("numba.np.ufunc.parallel")
    if parallel is None or not parallel._is_initialized:
        return  # no kernel ran before: this process is as good as a new one
    _one_thread = True
    import ctypes

    import numba

    if numba.threading_layer() == "omp":  # the one layer that wants to be told
        from numba.np.ufunc import omppool

        ctypes.CFUNCTYPE(None, ctypes.c_int)(omppool.launch_threads)(1)
    numba.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_the_child)
