"""Scale: rings of real nodes on this machine, thousands in the simulator, and what is stored on them.

Real nodes are processes on loopback. Simulated ones run the same code in one thread, over links of 50 ms and
100 Mbit/s.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import report, scale_real, scale_simulated, scale_stored
from bench.figures import Table

ABOUT = "The scale: rings of many nodes"


def main(arguments: Sequence[str]) -> int:
    return report.main("scale", ABOUT, measure, arguments)


def measure() -> list[Table]:
    with tempfile.TemporaryDirectory(prefix="roundelay-bench-") as folder:
        return [
            *scale_real.measure(Path(folder) / "real"),
            *scale_simulated.measure(),
            *scale_stored.measure(Path(folder) / "stored"),
        ]
