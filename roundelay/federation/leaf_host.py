"""The host's side of leaves: nodes that only dial out, and for which a node of the ring answers.

A leaf keeps a call open to each of its hosts (`Attach`), as a leaf of Gnutella 0.6 keeps connections to its ultrapeers.
A host queues the orders for its leaves, hands each over with the answer to that call, and keeps what the leaf says of
its orders, so that it can answer a driver's polls. All of this is a cache: a leaf tells every host of all orders that
it knows, and hands a result to any host that is asked for it, so that nothing is lost with a host.

Everything here answers from memory; the caller holds calls open, in threads of its own.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace

from roundelay.chord.errors import Busy, ChordError, NotFound, NotYet, WrongIncarnation
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import LeafStatus
from roundelay.federation.requests import Attach, Collect, Errands, LeafTicket, Order, Progress
from roundelay.federation.states import RETRIABLE_STATES
from roundelay.store.items import CHUNK_BYTES, Read

LEAVES_MAX = 128  # of a node: also those of a neighbour that is lost
ORDERS_MAX = 64  # of a leaf, that it has not taken yet
ORDERS_BYTES_MAX = 16 << 20  # of these, for all leaves
ERRANDS_MAX = 64  # orders in one answer
TICKETS_MAX = 256  # that a leaf tells of
RESULTS_BYTES_MAX = 64 << 20  # of all leaves; a leaf has them, too
SILENT_S = 5.0  # without a call, after which a leaf counts as away
FORGET_S = 600.0  # without a call, after which nothing is kept for it
POLLS_MAX = 4  # of a leaf, held at a time: some may be of connections that have broken


@dataclass
class AttachedLeaf:
    """What a host knows of one leaf."""

    ref: NodeRef
    heard: float
    number: int = -1  # of its latest call
    polls: int = 0  # held now
    orders: dict[str, Order] = field(default_factory=dict)  # by ticket; it has not taken them yet
    progress: dict[str, Progress] = field(default_factory=dict)  # by ticket, without results
    wanted: dict[str, float] = field(default_factory=dict)  # tickets whose result is asked for: when the leaf was told


class LeafHost:
    """The leaves of one node. has_content: whether the node's store has a content by this digest."""

    def __init__(self, clock: Callable[[], float], has_content: Callable[[str], bool]) -> None:
        self._clock = clock
        self._has_content = has_content
        self._leaves: dict[int, AttachedLeaf] = {}
        self._results: OrderedDict[tuple[int, str], bytes] = OrderedDict()  # by leaf and ticket, the oldest first
        self._results_bytes = 0

    # --- what a leaf calls

    def report(self, request: Attach) -> None:
        """Take in what a leaf says. Raises Busy: no room for another; WrongIncarnation: a later life of it is here."""
        leaf = self._admit(request.leaf)
        leaf.heard = self._clock()
        for each in request.tickets:
            if each.progress.content:
                self._keep_result(leaf, each)
        for ticket in request.taken:
            leaf.orders.pop(ticket, None)
        if request.number > leaf.number:
            leaf.number = request.number
            leaf.progress = {each.ticket: replace(each.progress, content=b"") for each in request.tickets}
        for ticket in [t for t in leaf.wanted if t not in leaf.progress or self._has_result(leaf, t)]:
            del leaf.wanted[ticket]

    def begin_poll(self, ref: NodeRef) -> AttachedLeaf | None:
        """Count a call that is held open, for `end_poll`; return None if it must not be, because many are."""
        leaf = self._leaves.get(ref.id)
        if leaf is None or leaf.ref != ref or leaf.polls >= POLLS_MAX:
            return None
        leaf.polls += 1
        return leaf

    def end_poll(self, leaf: AttachedLeaf) -> None:
        """Count a held call of a leaf as answered; another life of the leaf may be here by now."""
        leaf.polls -= 1
        leaf.heard = self._clock()

    def has_errands(self, ref: NodeRef) -> bool:
        """Return True if a leaf's call need not be held: there is something to do, or the leaf has gone."""
        leaf = self._leaves.get(ref.id)
        return leaf is None or leaf.ref != ref or bool(leaf.orders) or bool(self._untold(leaf))

    def errands(self, ref: NodeRef) -> Errands:
        """Return what a leaf has not taken yet, and which results are asked for."""
        leaf = self._leaves.get(ref.id)
        if leaf is None or leaf.ref != ref:
            return Errands()
        wanted = self._untold(leaf)
        leaf.wanted |= dict.fromkeys(wanted, self._clock())
        return Errands(tuple(leaf.orders.values())[:ERRANDS_MAX], tuple(wanted))

    # --- what a driver calls, with the leaf as its target

    def leaf(self, leaf_id: int, incarnation: int) -> NodeRef | None:
        """Return the leaf with this identifier, if it is known here. Raises WrongIncarnation: it lives another life."""
        leaf = self._leaves.get(leaf_id)
        if leaf is not None and leaf.ref.incarnation != incarnation:
            raise WrongIncarnation(leaf.ref)
        return leaf.ref if leaf is not None else None

    def accept(self, ref: NodeRef, order: Order) -> str:
        """Queue an order for a leaf, once; one that failed is queued again. Raises Busy; NotYet: the leaf is away."""
        leaf, ticket = self._known(ref), order.ticket
        known = leaf.progress.get(ticket)
        if ticket in leaf.orders or (known is not None and known.state not in RETRIABLE_STATES):
            return ticket
        self._require_present(leaf)
        waiting_bytes = sum(each.memory_bytes for other in self._leaves.values() for each in other.orders.values())
        if len(leaf.orders) >= ORDERS_MAX or waiting_bytes + order.memory_bytes > ORDERS_BYTES_MAX:
            raise Busy(f"{len(leaf.orders)} orders wait for {ref.address} already, and {waiting_bytes} bytes for all")
        leaf.orders[ticket] = order
        self._drop_result((ref.id, ticket))
        return ticket

    def is_over(self, ref: NodeRef, ticket: str) -> bool:
        """Return True if a poll of this ticket need not wait: its result is here, or the ticket is unknown."""
        leaf = self._leaves.get(ref.id)
        if leaf is None or ticket in leaf.orders:
            return leaf is None
        progress = leaf.progress.get(ticket)
        return progress is None or (progress.is_final and self._has_result(leaf, ticket))

    def collect(self, ref: NodeRef, poll: Collect) -> Progress:
        """Return how an order is doing. A result that is not here is asked of the leaf, which is still `running` then.

        Raises NotFound: the order is unknown; NotYet: the leaf is away, and its result is not here.
        """
        leaf, ticket = self._known(ref), poll.ticket
        progress = Progress("queued") if ticket in leaf.orders else leaf.progress.get(ticket)
        if progress is None:
            raise NotFound(f"no order {ticket[:8]} of {ref.address} here")
        if progress.is_final and self._has_result(leaf, ticket):
            found = replace(progress, content=self._results.get((ref.id, ticket), b""))
            return found.packed() if poll.packed else found
        self._require_present(leaf)
        if not progress.is_final:
            return progress
        leaf.wanted.setdefault(ticket, -math.inf)
        return Progress("running")

    # --- for its node

    def claims(self) -> Set[str]:
        """Return the digests of weights that leaves will read, and of results that they have written here."""
        leaves = list(self._leaves.values())
        weights = {order.weights for leaf in leaves for order in list(leaf.orders.values())}
        return weights | {progress.result for leaf in leaves for progress in list(leaf.progress.values())}

    @property
    def statuses(self) -> tuple[LeafStatus, ...]:
        """The leaves that have been heard of lately, by identifier."""
        leaves = list(self._leaves.values())  # other threads may add one
        return tuple(self._status(leaf) for leaf in sorted(leaves, key=lambda leaf: leaf.ref.id))

    # --- helpers

    def _status(self, leaf: AttachedLeaf) -> LeafStatus:
        unfinished = [each for each in list(leaf.progress.values()) if not each.is_final]
        training = next((each.training for each in unfinished if each.training is not None), None)
        return LeafStatus(leaf.ref, self._silent_s(leaf), len(leaf.orders) + len(unfinished), training)

    def _admit(self, ref: NodeRef) -> AttachedLeaf:
        known = self._leaves.get(ref.id)
        if known is not None and known.ref == ref:
            return known
        if known is not None and known.ref.incarnation > ref.incarnation:
            raise WrongIncarnation(known.ref)
        if known is not None:
            self._forget(known)
        self._make_room()
        leaf = self._leaves[ref.id] = AttachedLeaf(ref, self._clock())
        return leaf

    def _make_room(self) -> None:
        """Forget leaves that have long been away, or if that is not enough, the one that has been away longest."""
        for leaf in [each for each in self._leaves.values() if self._silent_s(each) > FORGET_S]:
            self._forget(leaf)
        if len(self._leaves) < LEAVES_MAX:
            return
        longest = max(self._leaves.values(), key=self._silent_s)
        if self._silent_s(longest) <= SILENT_S:
            raise Busy(f"{len(self._leaves)} leaves are attached here already")
        self._forget(longest)

    def _forget(self, leaf: AttachedLeaf) -> None:
        del self._leaves[leaf.ref.id]
        for key in [each for each in self._results if each[0] == leaf.ref.id]:
            self._drop_result(key)

    def _untold(self, leaf: AttachedLeaf) -> list[str]:
        """Return the tickets whose result is asked for, unless the leaf was told so a moment ago."""
        return [ticket for ticket, told in leaf.wanted.items() if self._clock() - told > SILENT_S]

    def _silent_s(self, leaf: AttachedLeaf) -> float:
        return 0.0 if leaf.polls else self._clock() - leaf.heard

    def _known(self, ref: NodeRef) -> AttachedLeaf:
        leaf = self._leaves.get(ref.id)
        if leaf is None or leaf.ref != ref:
            raise NotYet(f"the leaf {ref.address} is not attached here")
        return leaf

    def _require_present(self, leaf: AttachedLeaf) -> None:
        if self._silent_s(leaf) > SILENT_S:
            raise NotYet(f"the leaf {leaf.ref.address} has not been heard of for {self._silent_s(leaf):.0f} s")

    def _has_result(self, leaf: AttachedLeaf, ticket: str) -> bool:
        """Return whether all that a finished order has brought is here."""
        result = leaf.progress[ticket].result
        return not result or (leaf.ref.id, ticket) in self._results or self._has_content(result)

    def _keep_result(self, leaf: AttachedLeaf, delivered: LeafTicket) -> None:
        key, content = (leaf.ref.id, delivered.ticket), delivered.progress.content
        self._drop_result(key)
        self._results[key] = content
        self._results_bytes += len(content)
        while self._results_bytes > RESULTS_BYTES_MAX:
            self._drop_result(next(iter(self._results)))

    def _drop_result(self, key: tuple[int, str]) -> None:
        self._results_bytes -= len(self._results.pop(key, b""))


def with_weights(orders: Sequence[Order], read: Callable[[Read], bytes]) -> tuple[Order, ...]:
    """Return orders with the weights that they start from, each content once, as many as one message holds."""
    room, given, made = CHUNK_BYTES, set[str](), []
    for order in orders:
        content = b""
        if order.weights and order.weights not in given and order.weights_bytes <= CHUNK_BYTES:
            if order.weights_bytes > room:
                break  # the leaf calls again when it has taken these
            with suppress(ChordError):  # the leaf then says that it lacks them
                content = read(Read(order.weights, 0, order.weights_bytes))
            room -= len(content)
            given.add(order.weights)
        made.append(replace(order, content=content))
    return tuple(made)
