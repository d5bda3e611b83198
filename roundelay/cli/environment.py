"""Is everything installed, and how is it imported? Standard library only: this comes before all other imports."""

from __future__ import annotations

import gc
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager

REQUIRED = ("thrift", "numpy", "rich")


def require() -> None:
    """Say in one line what to type, and end, unless the packages are there."""
    missing = [name for name in REQUIRED if importlib.util.find_spec(name) is None]
    if missing:
        print(
            f"{', '.join(missing)} not installed for {sys.executable}: type  make install && . .venv/bin/activate",
            file=sys.stderr,
        )
        sys.exit(69)


@contextmanager
def importing() -> Iterator[None]:
    """Nothing that is imported is ever garbage: looking for it takes a twentieth of a start, and goes on later."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
