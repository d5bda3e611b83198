"""Each aggregation rule compared with one written from its paper, and with Flower's: `python -m bench rules [--json]`.

The references (rule_references) are plain numpy in float64. Flower's own functions are a second reference for the rules
that it computes in the same way, where `make bench-peers` has installed it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from bench import report, scaffold_check, scaffold_skew
from bench.compare import Peer, PeerMissing
from bench.figures import Limit, Line, Table
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
    lines.append(_line("scaffold with its training", "its paper in numpy", scaffold_check.largest_difference(ROUNDS)))
    missing = ""
    try:
        lines += _beside_flower()
    except PeerMissing as error:
        missing = f"Flower: {error}."
    notes = (
        f"{ROUNDS} rounds of {FILES} random updates, two of which pull the other way, from the same weights.",
        f"SCAFFOLD's line with its training: {ROUNDS} rounds of {scaffold_check.EPOCHS} steps on each of "
        f"{scaffold_check.FILES} files of generated rows.",
        "The largest difference of a weight, as a share of the largest weight; the product keeps float32.",
        missing,
    )
    return [Table(f"Rules after {ROUNDS} rounds", tuple(lines), tuple(filter(None, notes))), scaffold_skew.measure()]


def _beside_flower() -> list[Line]:
    """Compare rules with Flower's own functions. Raises PeerMissing."""
    with ExitStack() as stack:
        flower = Peer("flower_rules", stack)
        path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roundelay-rules-"))) / "round.npz"
        return [
            _line(rule, "Flower", largest_difference(rule, ROUNDS, reference=_of_flower(flower, rule, path)))
            for rule in OF_FLOWER
        ]


def _of_flower(flower: Peer, rule: str, path: Path) -> Reference:
    """Return one of Flower's rules in the form of the other references. path: of a file for the updates."""

    def step(base: Doubles, updates: Doubles, rows: Doubles, memory: Memory) -> Doubles:
        np.savez(path, base=base, updates=updates, rows=rows)
        return np.array(flower.ask(path=str(path), rule=rule, malicious=int(MALICIOUS * FILES)))

    return step


def _line(rule: str, reference: str, difference: float) -> Line:
    return Line(f"{rule}, beside {reference}", "of a weight", difference, limit=Limit(DIFFERENCE_MAX, at_least=False))
