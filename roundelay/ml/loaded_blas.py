"""One BLAS thread, also where numpy has been imported already.

Apart from `threads`, which every program imports first, because ctypes takes longer to import than the rest of it.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from pathlib import Path

from roundelay.ml.threads import one_blas_thread

_SET_THREADS = ("scipy_openblas_set_num_threads64_", "scipy_openblas_set_num_threads", "openblas_set_num_threads")


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
