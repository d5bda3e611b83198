"""The benchmark of aggregation rules, where Flower is not installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import compare, rules, scaffold_skew


def test_a_peer_that_ends_before_it_is_ready_counts_as_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "PEERS_PYTHON", Path("/bin/false"))
    monkeypatch.setattr(rules, "RULES", {})
    monkeypatch.setattr(scaffold_skew, "CASES", ())

    table, _ = rules.measure()

    assert not any("Flower" in line.what for line in table.lines)
    assert table.notes[-1] == "Flower: not installed: make bench-peers."
