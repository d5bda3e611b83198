"""Retries: a request to the ring goes through another node if its entry node is lost, and is repeated while it heals.

A ring that has just lost nodes, or gets them back, needs some seconds until it can store and find everything again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from roundelay.chord.crawl import list_members
from roundelay.chord.effects import CALL_TIMEOUT_S, Procedure, Sleep, ask_all, round_trips_to
from roundelay.chord.errors import ChordError, LookupFailed, Malformed, NodeUnreachable
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours
from roundelay.federation.roster import Roster

R = TypeVar("R")

TRIES_MAX = 60  # 15 s and more: three times as long as a ring needs to heal
RETRY_S = 0.25
MEASURED_MAX = 64  # members asked at a time for their round trips


def with_entry_failover(
    roster: Roster, make: Callable[[NodeRef], Procedure[R]], tries: int = TRIES_MAX
) -> Procedure[R]:
    """Run a procedure with an entry node, and retry with others. Raises its last error."""
    failure: ChordError = LookupFailed("no node was asked")
    for _ in range(tries):
        entry = roster.entry()
        try:
            result = yield from make(entry)
            return result
        except Malformed:
            raise
        except (LookupFailed, NodeUnreachable) as error:
            failure = error
            roster.mark_lost(entry, str(error))
        except ChordError as error:  # too few copies, or a hand-off: the same entry node will do a little later
            failure = error
        yield Sleep(RETRY_S)
    raise failure


def refresh_members(roster: Roster, tries: int = TRIES_MAX) -> Procedure[None]:
    """Crawl the ring, so that new members get work and former members do not."""
    nodes = yield from with_entry_failover(roster, lambda entry: list_members(entry, roster.nodes), tries)
    roster.update_members(nodes)
    yield from _measure_round_trips(roster)


def _measure_round_trips(roster: Roster) -> Procedure[None]:
    """Take over the round trips that have been measured; ask the members whose round trip has not."""
    measured_s = yield from round_trips_to(roster.nodes)
    unknown = [node for node in roster.nodes if node not in measured_s and node not in roster.round_trips]
    unknown = unknown[:MEASURED_MAX]
    yield from ask_all([(node, GetNeighbours()) for node in unknown], deadline_s=CALL_TIMEOUT_S)
    roster.update_round_trips((yield from round_trips_to(roster.nodes)))
