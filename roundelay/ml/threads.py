"""One BLAS thread per process, and the same bits for the same product.

Imports no numpy: BLAS reads these variables once, when numpy is imported.

With default threads, several trainers on one machine drop to a quarter of their speed, and the number of threads
decides how BLAS splits a product, hence its bits. Bits must not depend either on where in memory the operands lie
(MKL), or on which stream of cuBLAS is free.
"""

from __future__ import annotations

import os

_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_EQUAL_BITS = {"MKL_CBWR": "AUTO", "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}  # for PyTorch


def one_blas_thread() -> None:
    """Make BLAS use one thread. Has no effect once numpy is imported."""
    for variable in _VARIABLES:
        os.environ[variable] = "1"
    for variable, value in _EQUAL_BITS.items():
        os.environ.setdefault(variable, value)
