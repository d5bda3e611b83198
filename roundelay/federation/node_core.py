"""What a compute node runs, from its ring to its jobs: the one list of handlers and loops.

Processes (roundelay.node.compute_node) and simulated machines (roundelay.sim.program) run what `assemble` returns, so
that neither can lack a part.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Protocol

from roundelay.chord import maintenance
from roundelay.chord.choices import STABILIZE_INTERVAL_S
from roundelay.chord.dispatch import Handlers, ring_handlers
from roundelay.chord.effects import Procedure
from roundelay.chord.errors import NotOwner
from roundelay.chord.failure_detector import TIMEOUTS_DEAD
from roundelay.chord.node import ChordNode
from roundelay.chord.quarantine import UNCONTAINED, Quarantine
from roundelay.chord.refs import Address
from roundelay.chord.requests import GetStatus, Status
from roundelay.federation.effects import Clocks
from roundelay.federation.failover import JobSupervisor, Start
from roundelay.federation.job_lister import JobLister
from roundelay.federation.leaf_host import LeafHost
from roundelay.federation.orders import Orders
from roundelay.federation.private_data import PrivateFile, publish_loop
from roundelay.federation.requests import DriverHeartbeat, ListJob, Order
from roundelay.ml.plugins import importable
from roundelay.store import replication
from roundelay.store.items import Put, Receipt, WriteDelta
from roundelay.store.names import NAME_BYTES_MAX
from roundelay.store.store import Store

if TYPE_CHECKING:
    from roundelay.federation.record_guard import RecordGuard  # loaded only with certificates

LENGTH_BYTES = 4  # before a text on the wire
STATUS_BYTES_MAX = 1 << 20  # of the names of entries in a status, which is one message

Loops = dict[str, Callable[[], Procedure[Any]]]  # by name, what starts a loop, which ends only with the node


class PrivateData(Protocol):
    """Files that stay on their node, and the name under which it publishes them."""

    name: str
    kind: str
    files: tuple[PrivateFile, ...]


@dataclass(frozen=True)
class Surroundings:
    """The dependencies that the runner of a node provides.

    rng: a random generator for the loop of that name. start: runs a procedure beside the loops. supernode, listed:
    where they are by now; a ring may have no supernode. quarantine: what has failed unexpectedly on this node. guard:
    the rules of a secured ring.
    """

    clocks: Clocks
    rng: Callable[[str], random.Random]
    log: Callable[[str], None]
    start: Start
    supernode: Callable[[], Address] | None
    listed: Callable[[], Sequence[Address]]
    stabilize_every_s: float = STABILIZE_INTERVAL_S
    quarantine: Quarantine = UNCONTAINED
    guard: RecordGuard | None = None


@dataclass(frozen=True)
class NodeCore:
    """One incarnation of a compute node: its handlers, and the loops that run once it has joined."""

    node: ChordNode
    handlers: Handlers
    loops: Loops
    supervisor: JobSupervisor


def assemble(
    node: ChordNode,
    store: Store,
    orders: Orders,
    surroundings: Surroundings,
    private: PrivateData | None = None,
    leaf_host: LeafHost | None = None,
) -> NodeCore:
    """Return a compute node's handlers and loops."""
    store.keep_claimed(orders.claims if leaf_host is None else lambda: orders.claims() | leaf_host.claims())
    supervisor = JobSupervisor(node, surroundings.clocks, surroundings.log, surroundings.start, surroundings.quarantine)
    node.failure_detector.on_death = lambda peer: surroundings.log(
        f"{peer.address} is declared dead: it has not answered {TIMEOUTS_DEAD} requests in a row"
    )
    guard = surroundings.guard
    store.guard = guard

    def heartbeat(request: DriverHeartbeat) -> None:
        if guard is not None:
            guard.claim(request.job, request.driver)
        supervisor.heartbeat(request.job)

    handlers: Handlers = {
        **ring_handlers(node),
        **content_handlers(node, store, orders, supervisor.why_waiting),
        DriverHeartbeat: heartbeat,
        GetStatus: lambda _: _status(node, store, orders, leaf_host),
    }
    loops = {
        **ring_loops(node, surroundings),
        "store": lambda: replication.replication_loop(node, store, surroundings.rng("store")),
        "orders": lambda: orders.run_queue(node, surroundings.clocks.monotonic),
        "order watch": lambda: orders.watch(node, surroundings.clocks.monotonic),
        "jobs": supervisor.supervise,
    }
    return NodeCore(node, handlers, loops | private_loops(node, private, orders, surroundings.clocks), supervisor)


def private_loops(node: ChordNode, private: PrivateData | None, orders: Orders, clocks: Clocks) -> Loops:
    """Return the loop that publishes a node's private data, if it has any."""
    if private is None:
        return {}
    publishing = partial(publish_loop, node, private.name, private.kind, private.files, clocks.version)
    return {"private data": lambda: publishing(importable(), orders.executor.masking_key)}


def content_handlers(
    node: ChordNode, store: Store, orders: Orders, why_waiting: Callable[[str], str] = lambda job: ""
) -> Handlers:
    """Return the handlers of the store and of orders, with what concerns both or the ring as well.

    why_waiting: why a job does not go on, if this node knows; else empty.
    """
    return {
        **store.handlers(),
        **orders.handlers(),
        Put: lambda request: _put(node, store, request),
        Order: lambda order: _accept(store, orders, order),
        ListJob: JobLister(node.ring, store, why_waiting).answer,
    }


def ring_loops(node: ChordNode, surroundings: Surroundings) -> Loops:
    """Return only the loops that maintain the ring."""
    rng, supernode, listed = surroundings.rng, surroundings.supernode, surroundings.listed
    every_s, quarantine = surroundings.stabilize_every_s, surroundings.quarantine
    loops: Loops = {
        "neighbours": lambda: maintenance.stabilize_loop(node, rng("neighbours"), every_s, quarantine),
        "fingers": lambda: maintenance.fix_fingers_loop(node, rng("fingers")),
    }
    if supernode is not None:
        loops["lease"] = lambda: maintenance.heartbeat_loop(node, supernode)
    return loops | {"one ring": lambda: maintenance.merge_rings_loop(node, listed, rng("one ring"))}


def _put(node: ChordNode, store: Store, request: Put) -> tuple[Receipt, ...]:
    """Store items. Raises NotOwner if their writer wrongly takes this node for the owner; what Store.put raises."""
    if request.to_owner and not all(node.owns(parcel.item.entry.key) for parcel in request.parcels):
        raise NotOwner(node.predecessor)
    return store.put_all(request)


def _accept(store: Store, orders: Orders, order: Order) -> str:
    """Stage the weights that have come with an order, then queue it.

    Raises Busy, Malformed, StoreFull, Corrupt; NotFound, if they came as the delta to others that are not here.
    """
    if order.content:
        write = order.staging
        if isinstance(write, WriteDelta):
            store.write_delta(write)
        else:
            store.write_piece(write)
    return orders.accept(order.without_content)


def _status(node: ChordNode, store: Store, orders: Orders, leaf_host: LeafHost | None) -> Status:
    names = store.names
    if len(names) * NAME_BYTES_MAX > STATUS_BYTES_MAX:  # they may not fit
        sizes = accumulate(LENGTH_BYTES + len(name.encode()) for name in names)
        names = tuple(name for name, size in zip(names, sizes, strict=True) if size <= STATUS_BYTES_MAX)
    return Status(
        node.ref,
        node.ring,
        node.predecessor,
        node.successors,
        node.fingers,
        names,
        store.stored_bytes,
        orders.training,
        leaf_host.statuses if leaf_host is not None else (),
    )
