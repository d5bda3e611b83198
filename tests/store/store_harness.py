"""The World of ring_harness with a store in every node, a clock set by hand, and disks that outlive their nodes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from roundelay.chord.dispatch import dispatch
from roundelay.chord.effects import Request
from roundelay.chord.errors import ChordError, NodeUnreachable, StoreFull
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import Leaving
from roundelay.chord.ring import Ring
from roundelay.store import replication
from roundelay.store.blobs import MemoryBlobs, digest_of
from roundelay.store.items import ITEM_LEASE_S, Entry, Item
from roundelay.store.read_path import get
from roundelay.store.store import Store
from roundelay.store.write_path import put
from tests.chord.ring_harness import World


@dataclass
class Clock:
    """A clock that tests set."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Disk:
    """What outlives a node: its blobs and index log, in memory. `room` is how many more records fit."""

    clock: Clock
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    rows: dict[Entry, tuple[Item, float]] = field(default_factory=dict)
    room: int = 1 << 30
    writes: int = 0

    def record(self, item: Item) -> None:
        if self.room <= 0:
            raise StoreFull("the index log is full")
        self.room -= 1
        self.writes += 1
        self.rows[item.entry] = item, self.clock() + item.lease_s

    def erase(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.rows.pop(entry, None)

    def items(self) -> list[Item]:
        return [
            Item(i.entry, i.version, until - self.clock(), i.deleted)
            for i, until in self.rows.values()
            if until > self.clock()
        ]


@dataclass
class StoreWorld(World):
    """Nodes with stores, whose requests are recorded."""

    clock: Clock = field(default_factory=Clock)
    stores: dict[NodeRef, Store] = field(default_factory=dict)
    disks: dict[int, Disk] = field(default_factory=dict)
    sent: list[tuple[NodeRef, NodeRef, Any]] = field(default_factory=list)  # sender, receiver, request

    def start(self, identifier: int) -> ChordNode:
        """Start a node with the disk of its earlier incarnation, if it has one; its hand-off is incomplete."""
        node = super().start(identifier)
        disk = self.disks.setdefault(identifier, Disk(self.clock))
        store = self.stores[node.ref] = Store(self.clock, disk.blobs, disk)
        store.restore(disk.items())
        store.handoff_complete = False
        self._handlers[node.ref] |= store.handlers()
        return node

    def form(self, identifiers: Iterable[int]) -> list[ChordNode]:
        """Make an ideal ring with correct fingers and complete hand-offs."""
        nodes = self.place(identifiers, fingers=True)
        for node in nodes:
            self.store(node.ref.id).handoff_complete = True
        return nodes

    def create(self, identifier: int) -> ChordNode:
        node = super().create(identifier)
        self.stores[node.ref].handoff_complete = True
        return node

    def crash(self, ref: NodeRef) -> None:
        super().crash(ref)
        self.stores.pop(ref, None)

    def store(self, identifier: int) -> Store:
        node = self.live(identifier)
        assert node is not None
        return self.stores[node.ref]

    def wipe(self, identifier: int) -> None:
        """Remove a disk: the next incarnation starts with nothing."""
        self.disks.pop(identifier, None)

    # --- what clients do

    def put(
        self,
        through: int,
        name: str,
        content: bytes,
        version: int = 1,
        key: int | None = None,
        lease_s: float = ITEM_LEASE_S,
    ) -> tuple[int, ...]:
        """Put an item; return the identifiers of its holders."""
        start = self.member(through)
        key = self.ring.key(name) if key is None else key
        holders = self.run(start, "put", put(start, self.ring, key, name, content, version, lease_s))
        return tuple(h.id for h in holders)

    def get(self, through: int, name: str, key: int | None = None, digest: str = "") -> bytes:
        start = self.member(through)
        key = self.ring.key(name) if key is None else key
        content: bytes = self.run(start, "get", get(start, self.ring, key, name, digest))
        return content

    def member(self, identifier: int) -> NodeRef:
        node = self.live(identifier)
        assert node is not None
        return node.ref

    # --- what nodes do

    def sync(self, identifier: int) -> None:
        node = self.live(identifier)
        assert node is not None
        self.run(node.ref, "sync", replication.sync_once(node, self.stores[node.ref]))

    def sync_all(self) -> bool:
        """Run one round of every member. Return True if none failed."""
        done = True
        for node in self.members:
            try:
                self.sync(node.ref.id)
            except ChordError:
                done = False
        return done

    def leave(self, identifier: int) -> None:
        """Leave as a process does: hand off, tell the neighbours, end."""
        node = self.live(identifier)
        assert node is not None
        self.run(node.ref, "hand off", replication.handoff_on_leave(node))
        self.depart(node)

    def depart(self, node: ChordNode) -> None:
        """Tell the neighbours of a node that it leaves, and end it."""
        node.joined = False
        for neighbour in dict.fromkeys((node.predecessor, node.successor)):
            if neighbour in self.nodes and neighbour != node.ref:
                self._reply(neighbour, Leaving(node.ref))
        self.crash(node.ref)

    def copies(self, name: str) -> list[int]:
        """Return the identifiers of the nodes that have an item with its content."""
        return [n.ref.id for n in self.members if name in self.stores[n.ref].names]

    def corrupt(self, identifier: int, content: bytes) -> None:
        """Flip a bit of a content that a node keeps."""
        blobs, digest = self.disks[identifier].blobs, digest_of(content)
        kept = blobs._contents[digest]
        blobs._contents[digest] = bytes([kept[:1][0] ^ 1]) + kept[1:]

    # --- helpers

    def _reply(self, to: NodeRef, request: Any) -> Any:
        self.sent.append((to, to, request))
        return super()._reply(to, request)


def world_of(identifiers: Iterable[int], bits: int = 8, successors: int = 4, replicas: int = 3) -> StoreWorld:
    """Return an ideal ring of these nodes, with empty stores."""
    world = StoreWorld(Ring(bits, successors, replicas))
    world.form(identifiers)
    return world


def listen_to(world: StoreWorld, identifier: int, instead: dict[type[Request[Any]], Any]) -> None:
    """Replace how a node answers some requests."""
    ref = world.member(identifier)
    handlers = world._handlers[ref]

    def answer(request: Request[Any]) -> Any:
        act = instead.get(type(request))
        return act(request) if act is not None else dispatch(handlers, request)

    world.overrides[ref] = answer


def silent(_: Any) -> Any:
    """Never answer."""
    raise NodeUnreachable("silent")


def item_of(
    content: bytes,
    name: str = "a",
    key: int = 1,
    version: int = 1,
    lease_s: float = ITEM_LEASE_S,
    deleted: bool = False,
) -> Item:
    return Item(Entry(key, name, digest_of(content), len(content)), version, lease_s, deleted)


def keep(store: Store, content: bytes, **about: Any) -> Item:
    """Store a content as an item."""
    item = item_of(content, **about)
    if not store.put(item).stored:
        store.write(item.entry.digest, len(content), 0, content)
        assert store.put(item).stored
    return item
