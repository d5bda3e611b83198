"""What a check reports."""

from __future__ import annotations


class Violation(Exception):
    """An invariant does not hold."""

    def __init__(self, invariant: str, detail: str) -> None:
        super().__init__(f"{invariant}: {detail}")
        self.invariant = invariant


def require(holds: bool, invariant: str, detail: str) -> None:
    """Raise Violation unless `holds`."""
    if not holds:
        raise Violation(invariant, detail)
