"""State tables: which event leads from which state to which other, as data.

Tests check the tables against what the code does, and the documentation draws its diagrams from them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Transition:
    """In state `source`, `event` leads to state `target`."""

    source: str
    event: str
    target: str


NODE_TRANSITIONS = (
    Transition("outside", "create: it is the first node", "member"),
    Transition("outside", "join: it has a predecessor and a successor list", "receiving"),
    Transition("receiving", "hand-off complete", "member"),
    Transition("receiving", "handoff_on_leave", "leaving"),
    Transition("member", "handoff_on_leave", "leaving"),
    Transition("leaving", "leave: its neighbours know", "left"),
)
"""A node of the ring. `receiving` nodes route lookups but answer Find with NotYet; `leaving` nodes take no items."""

PEER_TRANSITIONS = (
    Transition("alive", "second timeout in a row", "suspect"),
    Transition("alive", "WrongIncarnation or Leaving", "dead"),
    Transition("suspect", "reply", "alive"),
    Transition("suspect", "third timeout in a row", "dead"),
    Transition("suspect", "WrongIncarnation or Leaving", "dead"),
    Transition("dead", "reply", "alive"),
)
"""A peer, as one node's failure detector sees it."""
