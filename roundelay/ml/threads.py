"""One BLAS thread a process, and equal bits of equal products.

Imports no numpy: BLAS reads these variables once, when numpy is imported.

Several trainers with default threads on one machine drop to a quarter of their speed, and the number of threads
decides how BLAS splits a product, hence its bits. Nor shall bits depend on where in memory a product's operands lie,
or on which of cuBLAS's streams is free.
"""

from __future__ import annotations

import os

_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_EQUAL_BITS = {"MKL_CBWR": "AUTO", "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}  # for equal products; torch needs them


def one_blas_thread() -> None:
    """Tell BLAS to use one thread; has no effect once numpy is imported."""
    for variable in _VARIABLES:
        os.environ[variable] = "1"
    for variable, value in _EQUAL_BITS.items():
        os.environ.setdefault(variable, value)
