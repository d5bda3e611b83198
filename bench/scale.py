"""Scale: rings of real nodes on this machine, thousands in the simulator, and what is stored on them.

Real nodes are processes on loopback. Simulated ones run the same code in one thread, over links of 50 ms and
100 Mbit/s.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import report, scale_real, scale_simulated, scale_stored

ABOUT = "The scale: rings of many nodes"


def main(arguments: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="roundelay-bench-") as folder:
        return report.main("scale", ABOUT, sections(Path(folder)), arguments)


def sections(folder: Path) -> report.Sections:
    """Return the tables that can be measured alone."""
    return {
        "small": lambda: scale_real.measure(folder / "small", scale_real.SMALL),
        "large": lambda: scale_real.measure(folder / "large", scale_real.LARGE),
        "simulated": scale_simulated.measure,
        "stored": lambda: scale_stored.measure(folder / "stored"),
    }
