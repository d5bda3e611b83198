"""What the bench of scale counts is really counted."""

from __future__ import annotations

from bench.scale import _join_cost


def test_a_join_costs_questions() -> None:
    assert _join_cost(100) > 10
