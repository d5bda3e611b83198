"""The leaf's side: a node that only dials out keeps calls open to its hosts, and is given its orders over them.

A leaf does not belong to the ring: nobody can connect to it, and it stores nothing for others. Its hosts are the first
successors of its own identifier that have room for it. It is attached to HOSTS_MAX of them at once, so that drivers
reach it through the second as soon as the first is lost; and then it attaches to the next. Each call is answered within
ATTACH_WAIT_S, so that no device on the way takes the connection for idle.

An order from any host is carried out once. Its result goes to the host that gave the order, to any other that asks for
it, and to all others if that host is lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from roundelay.chord.dispatch import Handlers, ring_handlers
from roundelay.chord.effects import Procedure, Sleep, SleepUntil, ask
from roundelay.chord.errors import Busy, ChordError, JoinRefused, NotAllowed, WrongIncarnation
from roundelay.chord.lookup import find_successor
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.federation.effects import Clocks
from roundelay.federation.large_contents import own_content
from roundelay.federation.leaf_directory import list_loop
from roundelay.federation.leaf_host import TICKETS_MAX
from roundelay.federation.node_core import Loops, PrivateData, content_handlers, private_loops
from roundelay.federation.orders import Orders
from roundelay.federation.requests import Attach, LeafTicket, Order, Progress
from roundelay.federation.roster import RELAYS_MAX
from roundelay.store.items import CHUNK_BYTES, CollectGarbage
from roundelay.store.store import Store
from roundelay.store.transfer import send, transfer_timeout_s, write

HOSTS_MAX = 2  # to which a leaf is attached at once
ATTACH_WAIT_S = 5.0  # a call is answered after this time at the latest, which keeps its connection alive
ANSWER_S = 5.0  # how much longer the answer may take to arrive
AVOID_S, AVOID_FULL_S = 2.0, 30.0  # a host that does not answer, or has no room, is left alone for so long
RETRY_S = 0.2  # before a host is looked for again
LOCATE_INTERVAL_S = 5.0  # nodes that join may be nearer than the hosts
NAP_S = 1.0
INBOX_MAX = 128  # orders that have come and are not queued yet
GARBAGE_INTERVAL_S = 60.0

Enter = Callable[[], Procedure[Sequence[NodeRef]]]  # finds members of the ring when no node that is known answers


class Leaf:
    """One leaf: the hosts that it is attached to, and what they are still to be given.

    node: its identity, and its successors, from which its lookups start. enter: see Enter.
    """

    def __init__(
        self, node: ChordNode, orders: Orders, enter: Enter, clock: Callable[[], float], log: Callable[[str], None]
    ) -> None:
        self._node = node
        self._orders = orders
        self._enter = enter
        self._clock = clock
        self._log = log
        self._number = 0
        self._said = ""
        self.hosts: dict[int, NodeRef] = {}  # attached to, by place
        self._avoided: dict[NodeRef, float] = {}  # until when
        self._inbox: deque[tuple[NodeRef, Order]] = deque()
        self._refused: dict[str, Progress] = {}  # tickets of orders that could not be queued, and why
        self._taken: dict[NodeRef, set[str]] = {}  # by host: tickets that it is still to be told of
        self._givers: dict[str, NodeRef] = {}  # by ticket: the host that its result goes to
        self._wanted: dict[NodeRef, set[str]] = {}  # by host: tickets whose result it asks for
        self._delivered: dict[NodeRef, set[str]] = {}

    # --- loops

    def find_hosts(self) -> Procedure[None]:
        """Keep the list of the ring's nodes after this leaf, forever."""
        while True:
            yield Sleep(LOCATE_INTERVAL_S)
            yield from self.locate()

    def attend(self, place: int) -> Procedure[None]:
        """Stay attached to one host, the one that is due at this place, forever."""
        while True:
            host = self._host_at(place)
            if host is None:
                self.hosts.pop(place, None)
                yield Sleep(RETRY_S)
                yield from self.locate()
                continue
            wait_s = ATTACH_WAIT_S if self.hosts.get(place) == host else 0.0  # at first, only attach
            try:
                request = self._report(host, wait_s)
                errands = yield from ask(host, request, wait_s + ANSWER_S)
            except ChordError as error:
                self._lose(place, host, error)
                continue
            self._attached(place, host)
            self._taken.setdefault(host, set()).difference_update(request.taken)
            for order in errands.orders:
                self._receive(host, order)
            self._want(host, errands.wanted)

    def work(self) -> Procedure[None]:
        """Queue the orders that have come, and deliver results, forever."""
        while True:
            if self._inbox:
                yield from self._queue(*self._inbox[0])
                self._inbox.popleft()
            elif (host := self._next_host()) is not None:
                yield from self._deliver(host)
            else:
                yield SleepUntil(lambda: self.has_work, NAP_S)

    @property
    def has_work(self) -> bool:
        return bool(self._inbox) or self._next_host() is not None

    def locate(self) -> Procedure[None]:
        """Look up the successors of this leaf's identifier, through any node that answers."""
        me, avoided = self._node.ref, self._now_avoided()
        starts: Sequence[NodeRef] = self._near()
        if not starts:
            with suppress(ChordError):  # it is tried again soon
                starts = yield from self._enter()
        for start in starts:
            try:
                route = yield from find_successor(start, me.id, avoided)
            except ChordError:
                continue
            self._node.set_successors(route.nodes[0], route.nodes[1:])
            return
        yield Sleep(RETRY_S)

    # --- hosts

    def _now_avoided(self) -> tuple[NodeRef, ...]:
        self._avoided = {node: until for node, until in self._avoided.items() if until > self._clock()}
        return tuple(self._avoided)

    def _near(self) -> list[NodeRef]:
        """Return the successors that may be hosts and are not avoided, the nearest first."""
        me, avoided = self._node.ref, self._now_avoided()
        known = [n for n in dict.fromkeys(self._node.successors) if n != me and not n.is_vacant]
        return [node for node in known[:RELAYS_MAX] if node not in avoided]

    def _host_at(self, place: int) -> NodeRef | None:
        """Return the node to be attached to at a place."""
        near = self._near()
        return near[place] if place < len(near) else None

    def _attached(self, place: int, host: NodeRef) -> None:
        if host not in self.hosts.values():
            self._say(f"attached to {host.address}")
        self.hosts[place] = host

    def _say(self, line: str) -> None:
        """Log a line, unless it is the same as the last."""
        if line != self._said:
            self._log(line)
        self._said = line

    def _lose(self, place: int, host: NodeRef, error: ChordError) -> None:
        """Give a host up for a while. Raises JoinRefused if the leaf cannot be attached anywhere."""
        if isinstance(error, WrongIncarnation) and error.actual.id == self._node.ref.id:
            raise JoinRefused(
                f"another process has attached as {self._node.ref.address}: give each its own PORT or --advertise"
            )
        if isinstance(error, NotAllowed):
            raise JoinRefused(str(error))
        self._avoided[host] = self._clock() + (AVOID_FULL_S if isinstance(error, Busy) else AVOID_S)
        self.hosts.pop(place, None)
        self._say(f"not attached to {host.address}: {error}")
        for known in (self._taken, self._wanted, self._delivered):
            known.pop(host, None)  # it has forgotten, too, if it is another life that answers next
        self._givers = {ticket: giver for ticket, giver in self._givers.items() if giver != host}

    # --- orders

    def _receive(self, host: NodeRef, order: Order) -> None:
        """Note an order that has come. Its host is told at the next call."""
        if len(self._inbox) >= INBOX_MAX:
            return  # the host offers it again
        ticket = order.ticket
        self._taken[host].add(ticket)
        self._givers[ticket] = host
        for delivered in self._delivered.values():
            delivered.discard(ticket)
        if ticket not in (each.ticket for _, each in self._inbox):
            self._inbox.append((host, order))

    def _queue(self, host: NodeRef, order: Order) -> Procedure[None]:
        """Queue an order here, as a node that is asked directly does. Large weights are read from the host."""
        try:
            if order.weights_bytes > CHUNK_BYTES:
                yield from send(self._node.ref, order.weights, order.weights_bytes, host)
            yield from ask(self._node.ref, order)
        except ChordError as error:
            self._refused[order.ticket] = Progress("unable", str(error))
        else:
            self._refused.pop(order.ticket, None)

    def _tickets(self) -> dict[str, Progress]:
        """Return how all orders are doing that this leaf knows, without their results."""
        queued = {order.ticket: Progress("queued") for _, order in self._inbox}
        known = {ticket: replace(progress, content=b"") for ticket, progress in self._orders.known.items()}
        return dict(list((self._refused | known | queued).items())[-TICKETS_MAX:])

    # --- reports and results

    def _report(self, host: NodeRef, wait_s: float, contents: dict[str, bytes] | None = None) -> Attach:
        tickets, given = self._tickets(), contents or {}
        self._refused = {ticket: why for ticket, why in self._refused.items() if ticket in tickets}
        self._givers = {ticket: giver for ticket, giver in self._givers.items() if ticket in tickets}
        self._wanted[host] = self._wanted.get(host, set()) & tickets.keys()
        self._delivered[host] = self._delivered.get(host, set()) & tickets.keys()
        self._number += 1
        told = tuple(LeafTicket(t, replace(p, content=given.get(t, b""))) for t, p in tickets.items())
        return Attach(self._node.ref, self._number, told, tuple(sorted(self._taken.setdefault(host, set()))), wait_s)

    def _want(self, host: NodeRef, tickets: Sequence[str]) -> None:
        self._wanted.setdefault(host, set()).update(tickets)
        self._delivered.setdefault(host, set()).difference_update(tickets)

    def _due(self, host: NodeRef) -> Iterator[str]:
        """Yield the tickets whose result is to be delivered to a host."""
        delivered, wanted = self._delivered.get(host, set()), self._wanted.get(host, set())
        for ticket, progress in (self._refused | dict(self._orders.known)).items():
            is_due = ticket in wanted or self._givers.get(ticket, host) == host
            if is_due and progress.is_final and ticket not in delivered:
                yield ticket

    def _next_host(self) -> NodeRef | None:
        """Return an attached host to which something is to be delivered."""
        return next((host for host in self.hosts.values() if any(self._due(host))), None)

    def _deliver(self, host: NodeRef) -> Procedure[None]:
        """Deliver results to a host, as many as fit into a message; a large one is written ahead."""
        contents: dict[str, bytes] = {}
        tickets: list[str] = []
        try:
            for ticket in list(self._due(host)):
                progress = self._orders.known.get(ticket) or self._refused.get(ticket)
                if progress is None:  # it was forgotten while the results before it were written
                    continue
                if tickets and sum(map(len, contents.values())) + len(progress.content) > CHUNK_BYTES:
                    break
                tickets.append(ticket)
                if progress.content:
                    contents[ticket] = progress.content
                elif progress.result:
                    yield from self._write_ahead(host, progress)
            timeout_s = max(ANSWER_S, transfer_timeout_s(sum(map(len, contents.values()))))
            request = self._report(host, 0.0, contents)
            errands = yield from ask(host, request, timeout_s)
        except ChordError as error:
            for place in [at for at, each in self.hosts.items() if each == host]:
                self._lose(place, host, error)
            return
        self._delivered.setdefault(host, set()).update(tickets)
        self._taken.setdefault(host, set()).difference_update(request.taken)
        for order in errands.orders:
            self._receive(host, order)

    def _write_ahead(self, host: NodeRef, progress: Progress) -> Procedure[None]:
        """Write a large result to a host, unless it is here no more; if the host needs it, it says so."""
        try:
            content = yield from own_content(self._node.ref, progress.result, progress.size_bytes)
        except ChordError as error:
            self._say(f"the result {progress.result[:8]} cannot be read: {error}")
        else:
            yield from write(host, progress.result, content)


def assemble(
    leaf: Leaf, node: ChordNode, store: Store, orders: Orders, clocks: Clocks, private: PrivateData | None
) -> tuple[Handlers, Loops]:
    """Return a leaf's handlers, which only its own procedures call, and its loops."""
    node.joined = True  # it answers its own lookups: see ChordNode.next_hop
    store.keep_claimed(orders.claims)
    loops: Loops = {
        "hosts": leaf.find_hosts,
        "errands": leaf.work,
        "listing": lambda: list_loop(node, clocks.version),
        "store": lambda: _garbage_loop(node),
        "orders": lambda: orders.run_queue(node, clocks.monotonic),
        "order watch": lambda: orders.watch(node, clocks.monotonic),
        **{f"host {place}": partial(leaf.attend, place) for place in range(HOSTS_MAX)},
    }
    handlers = {**ring_handlers(node), **content_handlers(node, store, orders)}
    return handlers, loops | private_loops(node, private, orders, clocks)


def _garbage_loop(node: ChordNode) -> Procedure[None]:
    while True:
        yield Sleep(GARBAGE_INTERVAL_S)
        yield from ask(node.ref, CollectGarbage())
