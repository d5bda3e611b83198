"""A question to the ring that does not depend on one node: where the way in is gone, there is another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from chord.effects import Procedure, Sleep
from chord.errors import ChordError, LookupFailed, NodeUnreachable
from chord.refs import NodeRef
from chord.survey import census
from federation.roster import Roster

R = TypeVar("R")

ENTRIES_MAX = 8  # nodes tried as a way in for one question
RETRY_S = 0.2


def through(roster: Roster, make: Callable[[NodeRef], Procedure[R]]) -> Procedure[R]:
    """Run a procedure that begins at some node of the ring. Raises what it raises when no node serves."""
    failure: ChordError = LookupFailed("nobody was asked")
    for _ in range(ENTRIES_MAX):
        entry = roster.entry()
        try:
            result = yield from make(entry)
            return result
        except (LookupFailed, NodeUnreachable) as error:
            failure = error
            roster.lose(entry, str(error))
            yield Sleep(RETRY_S)
    raise failure


def see_ring(roster: Roster) -> Procedure[None]:
    """Walk the ring, so that who has joined gets work and who has left gets none."""
    nodes = yield from through(roster, census)
    roster.see(nodes)
