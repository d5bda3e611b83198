"""The benchmarks' command line: `python -m bench NAME [options]` prints a table, or with --json one line."""

from __future__ import annotations

import sys
from importlib import import_module

from bench.blas import use_own_choice

NAMES = (
    "trainer",
    "cnn",
    "jobs",
    "messages",
    "wire",
    "round",
    "scale",
    "performance",
    "counts",
    "page",
    "responsiveness",
    "placement",
    "defaults",
    "tables",
    "noniid",
    "personal",
    "topologies",
    "gossip",
    "buffered",
    "private_data",
    "wan",
    "reading",
    "secured",
    "portable",
    "trust",
    "privacy",
    "compression",
    "proof",
    "rules",
    "robust",
    "leaves",
    "large",
)


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in NAMES:
        print(f"python -m bench NAME, one of: {', '.join(NAMES)}", file=sys.stderr)
        return 64
    use_own_choice()
    code: int = import_module(f"bench.{arguments[0]}").main(arguments[1:])
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
