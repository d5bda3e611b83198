"""Is everything installed? Standard library only: this runs before anything else is imported."""

from __future__ import annotations

import importlib.util
import sys

REQUIRED = ("thrift", "numpy", "rich")


def require() -> None:
    """Say in one line what to type, and end, unless the packages are there."""
    missing = [name for name in REQUIRED if importlib.util.find_spec(name) is None]
    if missing:
        print(f"{', '.join(missing)} not installed for {sys.executable}: type  make install && . .venv/bin/activate",
              file=sys.stderr)
        sys.exit(69)
