"""docs/results/: what was measured, as the benches write it themselves."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence

import numpy as np

from roundelay.node.subprocesses import ROOT

RESULTS = ROOT / "docs" / "results"


def write(name: str, text: str) -> None:
    """One document or picture. Raises OSError."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / name).write_text(text)


def machine() -> str:
    """What it was measured on, for the head of a document."""
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores shared with others, "
        f"Python {platform.python_version()}, numpy {np.__version__}"
    )


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """A Markdown table, line by line."""
    lines = [headings, ["---"] * len(headings), *rows]
    return [f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |" for line in lines]
