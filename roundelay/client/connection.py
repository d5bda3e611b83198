"""A client's connection to a ring: through any node that answers, and through another when that one has gone.

A ring that has lost nodes needs seconds to heal, and one whose nodes all restart needs longer. Requests are
retried meanwhile, and the observer is told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from roundelay.chord.effects import Ask, AskAll, Procedure, ask
from roundelay.chord.errors import ChordError, JoinRefused, Malformed, NodeUnreachable
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import GetMembers, GetNeighbours, Hello, SayHello
from roundelay.chord.ring import Ring as RingParameters
from roundelay.client.errors import RingUnavailable
from roundelay.client.progress import SILENT, Progress
from roundelay.client.requests import RingAddress
from roundelay.federation.effects import Offload
from roundelay.node.runtime import Runtime
from roundelay.rpc.peers import Peers

R = TypeVar("R")

ANSWER_TIMEOUT_S = 1.0
TRIES_MAX = 300
RETRY_S = 1.0
SILENT_TRIES = 3  # before the observer is told


@dataclass(frozen=True)
class RingEntry:
    """A member that answered, and the parameters of its ring."""

    node: NodeRef
    ring: RingParameters


def client_runtime() -> Runtime:
    """Return a runtime for a process that is not a node."""
    runtime = Runtime(Peers())
    runtime.perform_with(Offload, lambda effect: effect.function())
    return runtime


def find_member(supernode: Address | None, listed: Iterable[Address]) -> Procedure[RingEntry]:
    """Find a live member: the first to answer of those the supernode and the list name. Raises NodeUnreachable."""
    known: list[Address] = []
    try:
        if supernode is not None:
            members = yield from ask(supernode, GetMembers(), ANSWER_TIMEOUT_S)
            known = [node.address for node in members.nodes]
    except ChordError:
        pass
    candidates = list(dict.fromkeys([*known, *listed]))
    asks = [Ask(address, SayHello(), ANSWER_TIMEOUT_S) for address in candidates]
    for need in (1, None):  # the first to answer may not have joined yet
        answers = yield AskAll(asks, need)
        for hello in answers:
            if isinstance(hello, Hello) and hello.joined:
                return RingEntry(hello.node, hello.ring)
    raise NodeUnreachable(f"none of {len(candidates)} addresses answers")


def check_entry(entry: RingEntry) -> Procedure[RingEntry]:
    """Return the entry if its node still answers. Raises ChordError."""
    yield from ask(entry.node, GetNeighbours())
    return entry


class Connection:
    """One client's access to the ring; it remembers the node that answered last."""

    def __init__(self, runtime: Runtime, address: RingAddress, progress: Progress = SILENT) -> None:
        self.runtime = runtime
        self.address = address
        self.progress = progress
        self._entry: RingEntry | None = None

    def enter(self) -> RingEntry:
        """Return a live member. Raises RingUnavailable, BadInput."""
        try:
            return self.entry()
        except ChordError:
            supernode, listed = self.address.entry_points()
            if supernode is None:
                raise RingUnavailable(f"no node of a ring answers at {listed[0]}") from None
            raise RingUnavailable(
                f"no node of a ring found: the supernode at {supernode} does not answer, nor does any of "
                f"the {len(listed)} addresses in {self.address.nodes}"
            ) from None

    def entry(self) -> RingEntry:
        """Return a member that answered when it was last asked. Raises ChordError."""
        if self._entry is None:
            self._entry = self.runtime.run(find_member(*self.address.entry_points()))
        return self._entry

    def ask(self, make: Callable[[RingEntry], Procedure[R]], tries: int = TRIES_MAX) -> R:
        """Run a procedure that starts at some node; raise its last error if no node has served after all tries."""
        for attempt in range(1, tries + 1):
            try:
                return self.runtime.run(make(self.entry()))
            except (Malformed, JoinRefused):
                raise
            except ChordError as error:
                failure = error
                self._entry = None
            if attempt == SILENT_TRIES:
                self.progress.note(f"the ring does not serve requests yet, retrying: {failure}")
            if attempt < tries:
                time.sleep(RETRY_S)
        raise failure
