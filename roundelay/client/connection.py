"""A client's connection to a ring: through any node that answers, and through another when that one has gone.

A ring that has lost nodes needs seconds to heal, and one whose nodes all restart needs longer. Requests are
retried meanwhile, and the observer is told.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from roundelay.chord.crawl import list_members
from roundelay.chord.effects import Ask, AskAll, Procedure, ask
from roundelay.chord.errors import ChordError, JoinRefused, Malformed, NodeUnreachable, NotAllowed, PeerNotTrusted
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import GetMembers, Hello, SayHello
from roundelay.chord.ring import Ring as RingParameters
from roundelay.client.errors import BadInput, MissingExtra, RequestRefused, RingUnavailable
from roundelay.client.progress import SILENT, Progress
from roundelay.client.requests import RingAddress
from roundelay.federation.effects import OpenBuffer
from roundelay.node.files import buffer_for
from roundelay.node.runtime import Runtime
from roundelay.rpc.peers import Peers
from roundelay.trust.errors import KitError

if TYPE_CHECKING:
    from roundelay.node.security import Security

R = TypeVar("R")

ANSWER_TIMEOUT_S = 1.0
FRESH_S = 1.0  # members are asked for again after this
TRIES_MAX = 300
RETRY_S = 1.0
SILENT_TRIES = 3  # before the observer is told


@dataclass(frozen=True)
class RingEntry:
    """A member that answered, and the parameters of its ring."""

    node: NodeRef
    ring: RingParameters


@dataclass(frozen=True)
class KnownRing:
    """A ring's parameters, and the members that were named: some of them may have gone."""

    ring: RingParameters
    members: tuple[NodeRef, ...]  # by identifier
    is_complete: bool = False  # the supernode has named them


def client_runtime(kit: Path | None = None) -> Runtime:
    """Return a runtime for a process that is not a node. Raises BadInput if its kit cannot be used, MissingExtra."""
    runtime = Runtime(Peers(_security(kit).peers if kit is not None else None))
    runtime.perform_with(OpenBuffer, lambda effect: buffer_for(effect.size_bytes))
    return runtime


def _security(kit: Path) -> Security:
    """Read a kit. Raises BadInput, MissingExtra."""
    if find_spec("cryptography") is None:
        raise MissingExtra("--kit needs the extra `secure`: python3 -m pip install 'roundelay[secure]'")
    from roundelay.node.security import open_security

    try:
        return open_security(kit)
    except KitError as error:
        raise BadInput(str(error)) from error


def find_member(supernode: Address | None, listed: Iterable[Address]) -> Procedure[RingEntry]:
    """Find a live member: the first to answer of those the supernode and the list name. Raises NodeUnreachable."""
    known = yield from _ask_supernode(supernode)
    members = known.members if known is not None else ()
    return (yield from _first_to_answer([*(node.address for node in members), *listed]))


def find_ring(supernode: Address | None, listed: Iterable[Address]) -> Procedure[KnownRing]:
    """Return the members that the supernode names or, if it does not answer, the listed ones that answer.

    One round trip. Raises NodeUnreachable.
    """
    known = yield from _ask_supernode(supernode)
    if known is not None and known.members:
        return known
    candidates = tuple(dict.fromkeys(listed))
    answers = yield AskAll([Ask(address, SayHello(), ANSWER_TIMEOUT_S) for address in candidates])
    hellos = [hello for hello in answers if isinstance(hello, Hello) and hello.joined]
    if not hellos:
        raise _no_member(answers)
    rings = Counter(hello.ring for hello in hellos)
    ring = rings.most_common(1)[0][0]
    members = {hello.node for hello in hellos if hello.ring == ring}
    return KnownRing(ring, tuple(sorted(members, key=lambda node: node.id)))


def _ask_supernode(supernode: Address | None) -> Procedure[KnownRing | None]:
    """Return the members that the supernode names; None if it does not answer. Raises NotAllowed, PeerNotTrusted."""
    try:
        if supernode is not None:
            members = yield from ask(supernode, GetMembers(), ANSWER_TIMEOUT_S)
            return KnownRing(members.ring, members.nodes, is_complete=True)
    except (NotAllowed, PeerNotTrusted):
        raise
    except ChordError:
        pass
    return None


def _first_to_answer(addresses: Iterable[Address]) -> Procedure[RingEntry]:
    """Return the first member that answers. Raises NodeUnreachable."""
    candidates = tuple(dict.fromkeys(addresses))
    asks = [Ask(address, SayHello(), ANSWER_TIMEOUT_S) for address in candidates]
    for need in (1, None):  # the first to answer may not have joined yet
        answers = yield AskAll(asks, need)
        for hello in answers:
            if isinstance(hello, Hello) and hello.joined:
                return RingEntry(hello.node, hello.ring)
    raise _no_member(answers)


def _no_member(answers: Sequence[Any]) -> ChordError:
    """Return why none of the addresses that were asked is a member's: a refusal, if there is one."""
    refusals = [answer for answer in answers if isinstance(answer, NotAllowed | PeerNotTrusted)]
    return refusals[0] if refusals else NodeUnreachable(f"none of {len(answers)} addresses answers")


def find_members(entry: RingEntry) -> Procedure[tuple[RingEntry, tuple[NodeRef, ...]]]:
    """Return the entry, whose node still answers, and the ring's members. Raises ChordError."""
    members = yield from list_members(entry.node)
    return entry, members


class Connection:
    """One client's access to the ring; it remembers the node that answered last, and for a moment all members."""

    def __init__(self, runtime: Runtime, address: RingAddress, progress: Progress = SILENT) -> None:
        self.runtime = runtime
        self.address = address
        self.progress = progress
        self._entry: RingEntry | None = None
        self._known: KnownRing | None = None
        self._known_at = 0.0
        self._members: tuple[Address, ...] = ()  # that were known last: ways in when the supernode is away

    def enter(self) -> None:
        """Find the ring. Raises RingUnavailable, BadInput."""
        try:
            self.known()
        except (NotAllowed, PeerNotTrusted) as error:
            raise RequestRefused(str(error)) from error
        except ChordError:
            supernode, listed = self.address.entry_points()
            if self.runtime.run(_ask_supernode(supernode)) is not None:
                raise RingUnavailable(f"no node has joined the ring of the supernode at {supernode} yet") from None
            if supernode is None:
                raise RingUnavailable(f"no node of a ring answers at {listed[0]}") from None
            if not listed:
                raise RingUnavailable(
                    f"the supernode at {supernode} does not answer; enter the ring through one of its nodes "
                    "(--bootstrap HOST:PORT), or name its node list (--nodes FILE)"
                ) from None
            raise RingUnavailable(
                f"no node of a ring found: the supernode at {supernode} does not answer, nor does any of "
                f"the {len(listed)} addresses in {self.address.nodes}"
            ) from None

    def known(self) -> KnownRing:
        """Return the ring with its members, as they were named within the last second. Raises ChordError."""
        if self._known is None or time.monotonic() - self._known_at > FRESH_S:
            supernode, listed = self.address.entry_points()
            self._known = self.runtime.run(find_ring(supernode, (*listed, *self._members)))
            self._known_at = time.monotonic()
            self._members = tuple(node.address for node in self._known.members)
            self.runtime.peers.bits = self._known.ring.bits
        return self._known

    def members(self) -> tuple[NodeRef, ...]:
        """Return all members, as the supernode has named them within the last second, or nothing."""
        known = self._known
        is_fresh = known is not None and time.monotonic() - self._known_at <= FRESH_S
        return known.members if known is not None and known.is_complete and is_fresh else ()

    def entry(self) -> RingEntry:
        """Return a member that answered when it was last asked. Raises ChordError."""
        if self._entry is None:
            _, listed = self.address.entry_points()
            members = [node.address for node in self.known().members]
            self._entry = self.runtime.run(_first_to_answer([*members, *listed]))
        return self._entry

    def ask_known(self, make: Callable[[KnownRing], Procedure[R]]) -> R:
        """Run a procedure that starts from all known members; retry once. Raises ChordError."""
        try:
            return self.runtime.run(make(self.known()))
        except ChordError:
            time.sleep(RETRY_S)
            self._known = None
            return self.runtime.run(make(self.known()))

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
