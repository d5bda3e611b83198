"""The outcomes on real engines: the table in docs/results/engines.md, one row for each engine."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from roundelay.ml.readers import saved_model
from roundelay.node.subprocesses import ROOT

PAGE = ROOT / "docs" / "results" / "engines.md"
HEAD = """# The deployment files on real engines

Each row is written by its command, which runs the files of `deploy/` as they ship, on one machine. The model must be
the one that the same job gives undisturbed.

| engine | version | command | what was done | same model | seconds | date |
| --- | --- | --- | --- | --- | --- | --- |
"""


@dataclass(frozen=True)
class Outcome:
    """What one engine did."""

    engine: str
    version: str
    command: str
    what: str
    held: bool
    seconds: float

    def __str__(self) -> str:
        return f"{self.engine} ({self.version}): {self.what}: {'same model' if self.held else 'ANOTHER MODEL'}"

    @property
    def row(self) -> str:
        """The row of the table."""
        cells = self.engine, self.version, f"`{self.command}`", self.what, "yes" if self.held else "NO"
        return f"| {' | '.join(cells)} | {self.seconds:.0f} | {date.today()} |\n"


def record(outcome: Outcome, page: Path = PAGE) -> None:
    """Write an engine's row in the place of its last one."""
    text = page.read_text() if page.exists() else HEAD
    rows = [row for row in re.findall(r"^\| .*\n", text, re.M)[2:] if not row.startswith(f"| {outcome.engine} |")]
    page.write_text(HEAD + "".join(sorted([*rows, outcome.row])))


def undisturbed(job: Sequence[str], folder: Path) -> str:
    """Return the hash of the model that a job makes on a local ring. Raises CalledProcessError."""
    model = folder / "undisturbed.npz"
    command = [sys.executable, "client.py", *job, "--local", "3", "--out", str(model)]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return saved_model.load(model).sha256


def clean_up_when_terminated() -> None:
    """Have SIGTERM unwind this process, so that what it has started ends."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
