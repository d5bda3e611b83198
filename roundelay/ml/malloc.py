"""Keep freed memory in the process, for the next training to reuse.

By default malloc returns large blocks to the system at once. Every training fills the same few megabytes again, and
mapping and zeroing their pages took a third of the time of a short training (decision 11).
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

KEPT_BYTES = 1 << 25  # the most free memory kept at the end of the heap; larger blocks are never kept
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h


def keep_freed_memory() -> None:
    """Change malloc's thresholds for this process; do nothing if libc has no mallopt."""
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, KEPT_BYTES)
