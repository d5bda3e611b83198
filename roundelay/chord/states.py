"""State tables: the states of a thing, and which event leads from one to the next, as data.

The tables are checked by tests against what the code does, and drawn as diagrams in the documentation.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Transition:
    """In state `source`, `event` leads to state `target`."""

    source: str
    event: str
    target: str
