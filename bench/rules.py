"""Each aggregation rule compared with one written from its paper, and with Flower's: `python -m bench rules [--json]`.

The references (rule_references) are plain numpy in float64. Flower's own functions are a second reference for the rules
that it computes in the same way, where `make bench-peers` has installed it.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from bench import report
from bench.figures import Limit, Line, Table
from bench.machine import PEERS_PYTHON, ROOT
from bench.rule_check import FILES, largest_difference
from bench.rule_references import MALICIOUS, Doubles, Memory, Reference
from roundelay.federation.rules import RULES

ROUNDS = 10
DIFFERENCE_MAX = 1e-6
OF_FLOWER = ("fedavg", "median", "trimmed-mean", "krum", "bulyan")


def main(arguments: Sequence[str]) -> int:
    return report.main("rules", "Aggregation rules compared with references", measure, arguments)


def measure() -> list[Table]:
    lines = [_line(rule, "its paper in numpy", largest_difference(rule, ROUNDS)) for rule in RULES]
    if PEERS_PYTHON.exists():
        with Flower() as flower:
            lines += [
                _line(rule, "Flower", largest_difference(rule, ROUNDS, reference=flower.reference(rule)))
                for rule in OF_FLOWER
            ]
    notes = (
        f"{ROUNDS} rounds of {FILES} random updates, two of which pull the other way, from the same weights.",
        "The largest difference of a weight, as a share of the largest weight; the product keeps float32.",
        "" if PEERS_PYTHON.exists() else "Flower is not installed here (make bench-peers).",
    )
    return [Table(f"Rules after {ROUNDS} rounds", tuple(lines), tuple(filter(None, notes)))]


def _line(rule: str, reference: str, difference: float) -> Line:
    return Line(f"{rule}, beside {reference}", "of a weight", difference, limit=Limit(DIFFERENCE_MAX, at_least=False))


class Flower:
    """Flower's functions, in a process of the peers' environment."""

    def __enter__(self) -> Flower:
        self._folder = tempfile.TemporaryDirectory(prefix="roundelay-rules-")
        command = (str(PEERS_PYTHON), "-m", "bench.peers.flower_rules")
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._read()  # it is ready
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _opened(self._process.stdin).close()
        self._process.wait()
        self._folder.cleanup()

    def reference(self, rule: str) -> Reference:
        """Return one of Flower's rules in the form of the other references."""

        def step(base: Doubles, updates: Doubles, rows: Doubles, memory: Memory) -> Doubles:
            path = Path(self._folder.name) / "round.npz"
            np.savez(path, base=base, updates=updates, rows=rows)
            request = {"path": str(path), "rule": rule, "malicious": int(MALICIOUS * FILES)}
            stdin = _opened(self._process.stdin)
            stdin.write(json.dumps(request) + "\n")
            stdin.flush()
            return np.array(self._read())

        return step

    def _read(self) -> object:
        return json.loads(_opened(self._process.stdout).readline())


def _opened(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream
