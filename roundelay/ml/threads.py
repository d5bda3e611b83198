"""One BLAS thread per process, and the same bits for the same product.

Imports no numpy: BLAS reads these variables once, when numpy is imported.

With default threads, several trainers on one machine drop to a quarter of their speed, and the number of threads
decides how BLAS splits a product, hence its bits. Bits must not depend either on where in memory the operands lie
(MKL), or on which stream of cuBLAS is free.
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_SET_THREADS = ("scipy_openblas_set_num_threads64_", "scipy_openblas_set_num_threads", "openblas_set_num_threads")
_EQUAL_BITS = {"MKL_CBWR": "AUTO", "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}  # for PyTorch


def one_blas_thread() -> None:
    """Make BLAS use one thread. Has no effect once numpy is imported."""
    for variable in _VARIABLES:
        os.environ[variable] = "1"
    for variable, value in _EQUAL_BITS.items():
        os.environ.setdefault(variable, value)


def limit_loaded_blas() -> None:
    """Make BLAS use one thread, also where a program or notebook has imported numpy already."""
    one_blas_thread()
    numpy = sys.modules.get("numpy")
    if numpy is None or numpy.__file__ is None:
        return
    folder = Path(numpy.__file__).parent  # wheels of numpy bring OpenBLAS: on Linux beside the package, elsewhere in it
    for path in [*folder.parent.glob("numpy.libs/*openblas*"), *folder.glob(".dylibs/*openblas*")]:
        with suppress(OSError):
            library = ctypes.CDLL(str(path))  # the one that is loaded
            for name in _SET_THREADS:
                if hasattr(library, name):
                    getattr(library, name)(1)
