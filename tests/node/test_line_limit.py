"""Tests of the limit on a console's lines about progress."""

from __future__ import annotations

from roundelay.node.line_limit import LINES_AT_ONCE, LINES_PER_S, LineLimit


def test_lines_beyond_the_limit_are_left_out_and_counted() -> None:
    shown: list[str] = []
    now = [0.0]
    limit = LineLimit(shown.append, lambda: now[0])

    for number in range(LINES_AT_ONCE + 7):
        limit(str(number))
    assert len(shown) == LINES_AT_ONCE

    now[0] += 2 / LINES_PER_S
    limit("later")
    limit("and more")
    assert shown[LINES_AT_ONCE:] == ["7 lines about epochs are left out", "later", "and more"]
