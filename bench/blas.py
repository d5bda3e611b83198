"""BLAS as an ordinary user has it: its own choice of a kernel for this processor, with one thread.

A shell may set OPENBLAS_CORETYPE for other purposes. It would slow down ours alone, as torch brings another library.
"""

from __future__ import annotations

import ctypes
import os
from importlib.util import find_spec
from pathlib import Path

ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_KERNEL = ("scipy_openblas_get_corename64_", "openblas_get_corename64_", "openblas_get_corename")


def use_own_choice() -> None:
    """Let OpenBLAS choose its kernel, and use one thread. Call it before numpy is imported."""
    for name in [name for name in os.environ if name.startswith("OPENBLAS_")]:
        del os.environ[name]
    os.environ.update(ONE_THREAD)


def kernel() -> str:
    """Return the kernel that numpy's OpenBLAS has chosen; empty if it is another library."""
    numpy = find_spec("numpy")
    if numpy is None or numpy.origin is None:
        return ""
    for path in (Path(numpy.origin).parent.parent / "numpy.libs").glob("*openblas*"):
        library = ctypes.CDLL(str(path))
        for name in _KERNEL:
            if hasattr(library, name):
                function = getattr(library, name)
                function.restype = ctypes.c_char_p
                return bytes(function()).decode()
    return ""
