"""What all tests share: a core for each worker of pytest-xdist, pictures drawn without a screen."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # before numpy and Numba are imported and start threads
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
