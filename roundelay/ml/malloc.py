"""Freed memory stays with the process, for the next training to use again. Where libc has no mallopt, nothing happens.

malloc gives large blocks back to the system at once. Every training fills the same few megabytes anew, and to have
their pages mapped and zeroed again took a third of a short one's time (decision 11).
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

KEPT_BYTES = 1 << 25  # what is freed beyond that at the end of the heap goes back; larger blocks are never kept
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h


def keep_freed_memory() -> None:
    """For the whole process, from now on."""
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, KEPT_BYTES)
