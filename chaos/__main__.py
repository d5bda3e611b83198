"""The fault suite's command line: `python -m chaos NAME [options]`."""

from __future__ import annotations

import sys
from importlib import import_module

NAMES = (
    "faults",
    "matrix",
    "rows",
    "history",
    "hostile",
    "intruder",
    "liars",
    "sites",
    "soak",
    "slurm",
    "containers",
    "ray",
    "report",
)


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in NAMES:
        print(f"python -m chaos NAME, one of: {', '.join(NAMES)}", file=sys.stderr)
        return 64
    code: int = import_module(f"chaos.{arguments[0]}").main(arguments[1:])
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
