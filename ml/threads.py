"""One BLAS thread a process. Imports no numpy: BLAS reads these variables once, when numpy is imported.

Several trainers with default threads on one machine drop to a quarter of their speed, and the number of threads
decides how BLAS splits a product, hence its bits.
"""

import os

_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def one_blas_thread() -> None:
    """Tell BLAS to use one thread; has no effect once numpy is imported."""
    for variable in _VARIABLES:
        os.environ[variable] = "1"
