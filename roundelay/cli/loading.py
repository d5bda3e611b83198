"""How the programs are loaded: from a checkout or an installed package, and without garbage collection."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

PARENT = __file__.rsplit(os.sep, 3)[0]  # the folder of the package: a checkout, or site-packages


@contextmanager
def importing() -> Iterator[None]:
    """Import without garbage collection: modules are never garbage, and searching them costs 5 % of a start."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def is_checkout() -> bool:
    """Return whether this package lies in a checkout, beside its scripts."""
    return os.access(f"{PARENT}{os.sep}client.py", os.F_OK)
