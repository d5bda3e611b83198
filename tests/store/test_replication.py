"""Replica maintenance: all copies of all items are in their places after joins, leaves, crashes and restarts."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.chord import protocol
from roundelay.chord.effects import Ask, SleepUntil, resume
from roundelay.chord.errors import ChordError, Corrupt, NodeUnreachable, NotAllowed, NotYet, StoreFull
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.chord.states import NODE_TRANSITIONS
from roundelay.store import anti_entropy, replication
from roundelay.store.blobs import digest_of
from roundelay.store.items import LIST_MAX, CollectGarbage, Find, GetRangeDigest, Item, ListRange, Put, Write
from roundelay.store.store import Store
from tests.chord.ring_harness import owner, refusing
from tests.hypothesis_profiles import examples
from tests.store.store_harness import Clock, StoreWorld, item_of, keep, listen_to, silent, world_of

CONTENT = b"rows of numbers"
TEN = range(0, 250, 25)  # 0, 25, 50, ..., 225
ROUNDS_MAX = 12


def settle(world: StoreWorld) -> None:
    """The ring is Ideal, and then everybody cares until nothing is left to do."""
    world.settle(len(world.nodes) + world.ring.successors + 2)
    for _ in range(ROUNDS_MAX):
        before = [world.store(n.ref.id).range_digest(0, 0) for n in world.members]
        done = world.sync_all()
        if done and before == [world.store(n.ref.id).range_digest(0, 0) for n in world.members]:
            return
    raise AssertionError(f"still not in order after {ROUNDS_MAX} rounds")


def join(world: StoreWorld, identifier: int, through: int) -> Store:
    """Becomes a member; nobody else has noticed yet."""
    joiner = world.start(identifier)
    world.run(joiner.ref, "join", protocol.join(joiner, world.member(through)))
    return world.stores[joiner.ref]


def right_places(world: StoreWorld, key: int) -> list[int]:
    refs = [n.ref for n in world.members]
    first = refs.index(owner(refs, key))
    return sorted(r.id for r in (refs[first:] + refs[:first])[: world.ring.replicas])


def fill(world: StoreWorld, count: int = 40, seed: int = 0) -> dict[str, tuple[int, bytes]]:
    """So many items all over the ring: name -> key, content."""
    rng = random.Random(seed)
    items = {f"file {i}": (rng.randrange(world.ring.size), f"rows of {i}".encode()) for i in range(count)}
    for name, (key, content) in items.items():
        world.put(world.members[0].ref.id, name, content, key=key)
    return items


def check(world: StoreWorld, items: dict[str, tuple[int, bytes]]) -> None:
    """Everything is found from anywhere, and lies exactly where it should."""
    for number, (name, (key, content)) in enumerate(items.items()):
        assert world.copies(name) == right_places(world, key), name
        node = world.members[number % len(world.members)]
        assert world.get(node.ref.id, name, key=key) == content


# --- those who come


def test_a_joiner_receives_what_it_owns_and_answers_not_yet_until_then() -> None:
    world = world_of(TEN)
    items = fill(world)
    store = join(world, 60, through=0)
    with pytest.raises(NotYet):
        store.find(55)

    world.sync(60)

    assert {i.entry.name for i in store.list_range(50, 60)} == {n for n, (key, _) in items.items() if 50 < key <= 60}
    assert store.find(55) is not None


def test_after_a_join_everything_is_where_it_belongs_and_nowhere_else() -> None:
    world = world_of(TEN)
    items = fill(world)
    join(world, 60, through=0)

    settle(world)

    check(world, items)


@pytest.mark.parametrize("first_cares", ["the first", "the last"])
@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_of_many_joiners_in_one_arc_none_denies_an_item(replicas: int, first_cares: str) -> None:
    """Each of them meets others who know as little; who owned the arc stands behind them all."""
    world = world_of(TEN, successors=6, replicas=replicas)
    items = fill(world, 80)
    joiners = [51, 54, 57, 60, 63]
    for identifier in joiners:
        join(world, identifier, through=0)
    world.settle(20)

    for caring in [*(joiners if first_cares == "the first" else reversed(joiners)), *TEN] * 2:
        try:
            world.sync(caring)
        except ChordError:
            continue
        finally:
            for name, (key, content) in items.items():
                if 50 < key <= 75:
                    with suppress(NotYet):  # it says that it cannot say
                        assert world.get(0, name, key=key) == content
    settle(world)
    check(world, items)


def test_more_joiners_than_a_list_holds_wait_for_the_last_of_them() -> None:
    world = world_of([0, 200], successors=3, replicas=3)
    items = fill(world)
    for identifier in range(10, 150, 10):
        join(world, identifier, through=0)
    world.settle(30)

    with pytest.raises(NotYet):
        world.sync(10)
    assert not world.store(10).handoff_complete
    settle(world)

    check(world, items)


def test_in_a_small_ring_without_a_complete_node_all_complete_each_other() -> None:
    world = world_of([0, 50, 100])
    for node in world.members:
        world.store(node.ref.id).handoff_complete = False
    keep(world.store(100), CONTENT, key=40)

    settle(world)

    assert all(world.store(i).handoff_complete for i in (0, 50, 100)) and world.copies("a") == [0, 50, 100]


def test_in_a_large_ring_without_a_complete_node_patience_ends() -> None:
    world = world_of(TEN)
    for member in world.members:
        world.store(member.ref.id).handoff_complete = False
    node = world.live(0)
    assert node is not None

    with pytest.raises(NotYet):
        world.sync(0)
    world.run(node.ref, "sync", replication.sync_once(node, world.store(0), patient=False))

    assert world.store(0).handoff_complete


def test_a_joiner_that_cannot_reach_its_successor_keeps_waiting() -> None:
    world = world_of(TEN)
    fill(world)
    store = join(world, 60, through=0)
    listen_to(world, 75, {GetRangeDigest: refusing(NodeUnreachable("silent")), Find: refusing(NodeUnreachable("!"))})

    with pytest.raises(NodeUnreachable):
        world.sync(60)

    assert not store.handoff_complete


def test_a_joiner_without_room_leaves_the_rest_on_the_other_nodes() -> None:
    world = world_of(TEN)
    items = fill(world)
    store = join(world, 60, through=0)
    world.disks[60].blobs.bytes_max = 20
    world.settle(20)

    for _ in range(4):
        world.sync_all()

    assert store.handoff_complete and store.stored_bytes <= 20
    for name, (key, content) in items.items():
        assert len(world.copies(name)) >= 3
        assert world.get(0, name, key=key) == content


class Refusing:
    """Rules by which a node refuses the item with one name."""

    def __init__(self, name: str, error: ChordError) -> None:
        self.name, self.error = name, error

    def check(self, item: Item, named: object, caller: int | None) -> None:
        if item.entry.name == self.name:
            raise self.error

    def check_content(self, item: Item, content: object) -> None:
        return


@pytest.mark.parametrize(
    "error", [NotAllowed("not here"), NotYet("its spec is not here yet")], ids=["never", "not yet"]
)
def test_a_joiner_that_must_refuse_an_item_receives_the_others_and_answers(error: ChordError) -> None:
    world = world_of(TEN)
    items = fill(world)
    refused = next(name for name, (key, _) in items.items() if 50 < key <= 60)
    store = join(world, 60, through=0)
    store.guard = Refusing(refused, error)
    world.settle(20)

    for _ in range(4):
        world.sync_all()

    assert store.handoff_complete
    for name, (key, content) in items.items():
        places = world.copies(name)
        assert set(right_places(world, key)) - {60} <= set(places) and (name == refused or len(places) >= 3)
        assert world.get(0, name, key=key) == content


# --- those who go


@pytest.mark.parametrize("replicas", [2, 3])
def test_after_deaths_the_copies_are_restored(replicas: int) -> None:
    world = world_of(TEN, replicas=replicas)
    items = fill(world)
    for dead in TEN[2 : 1 + replicas]:
        world.crash(world.member(dead))

    settle(world)

    check(world, items)


@pytest.mark.parametrize("replicas", [1, 2, 3])
@pytest.mark.parametrize("nodes", [2, 3, 4, 10])
def test_after_a_leave_nothing_is_lost_and_no_copy_is_missing(replicas: int, nodes: int) -> None:
    world = world_of(TEN[:nodes], replicas=replicas)
    items = fill(world)

    world.leave(25)
    world.settle(20)

    for name, (key, _) in items.items():
        assert set(right_places(world, key)) <= set(world.copies(name)), "before anybody has cared"
    settle(world)
    check(world, items)


@pytest.mark.parametrize("replicas", [2, 3])
def test_a_leave_and_deaths_at_once_lose_nothing(replicas: int) -> None:
    """A leave is not a death: what the leaver held copies of has as many copies as before."""
    for first in TEN[::3]:
        world = world_of(TEN, replicas=replicas)
        items = fill(world)
        world.leave(first)
        before = sorted(world.members, key=lambda n: (first - n.ref.id) % 256)
        for dead in before[: replicas - 1]:
            world.crash(dead.ref)

        settle(world)

        check(world, items)


def test_an_item_put_while_a_node_leaves_is_not_lost() -> None:
    world = world_of(TEN, replicas=1)
    leaver = world.live(75)
    assert leaver is not None
    world.run(leaver.ref, "hand off", replication.handoff_on_leave(leaver))

    assert world.put(0, "late", CONTENT, key=60) == (100,)

    world.depart(leaver)
    settle(world)
    check(world, {"late": (60, CONTENT)})


def test_a_leaving_node_copies_an_item_only_to_the_node_that_replaces_it() -> None:
    world = world_of(TEN)
    world.put(0, "a", CONTENT, key=20)
    assert world.copies("a") == [25, 50, 75]

    world.leave(75)

    assert world.copies("a") == [25, 50, 100]


def test_a_node_that_can_hand_off_to_no_other_reports_it() -> None:
    world = world_of([0, 100])
    keep(world.store(0), CONTENT)
    world.overrides[world.member(100)] = silent
    leaver = world.live(0)
    assert leaver is not None

    with pytest.raises(NodeUnreachable):
        world.run(leaver.ref, "hand off", replication.handoff_on_leave(leaver))


def test_a_lone_node_leaves_without_a_handoff() -> None:
    world = world_of([7])

    world.leave(7)

    assert not world.members


def test_a_leaving_node_hands_off_items_that_only_it_has() -> None:
    world = world_of(TEN)
    keep(world.store(0), CONTENT, key=120)  # from when there was another ring

    world.leave(0)

    assert world.copies("a") == [125, 150, 175]


def test_a_leaving_node_skips_a_successor_that_is_full_or_silent() -> None:
    for trouble in (StoreFull("full"), NodeUnreachable("silent")):
        world = world_of(TEN)
        items = fill(world)
        listen_to(world, 50, {Put: refusing(trouble), GetRangeDigest: refusing(trouble)})

        world.leave(25)

        mine = [name for name, (key, _) in items.items() if 0 < key <= 25]
        assert mine and all(set(world.copies(name)) >= {75, 100, 125} for name in mine)


def test_two_neighbours_that_leave_at_once_hand_nothing_off_to_each_other() -> None:
    world = world_of(TEN, replicas=1)
    items = fill(world)
    leavers = [world.live(25), world.live(50)]
    tasks = [
        world.begin(node.ref, "hand off", replication.handoff_on_leave(node)) for node in leavers if node is not None
    ]
    for _ in range(3):
        for task in tasks:
            world.step(task)

    for task, node in zip(tasks, leavers, strict=True):
        world.finish(task)
        assert node is not None
        world.depart(node)
    settle(world)

    check(world, items)


# --- what lies in the wrong place


def test_a_misplaced_item_is_released_only_after_the_right_nodes_have_it() -> None:
    world = world_of(TEN)
    keep(world.store(0), CONTENT, key=120)
    listen_to(world, 175, {Put: refusing(StoreFull("full"))})

    with pytest.raises(StoreFull):
        world.sync(0)
    assert world.copies("a") == [0, 125, 150], "the third has not got it"

    world.overrides.clear()
    world.sync(0)
    assert world.copies("a") == [125, 150, 175]


def test_many_misplaced_items_move_in_one_round_and_one_that_cannot_delays_none() -> None:
    world = world_of(TEN)
    for number in range(3 * LIST_MAX):
        keep(world.store(0), CONTENT, key=101 + number % 70, name=f"{number}")
    keep(world.store(0), b"too large", key=102, name="stuck")
    refused = digest_of(b"too large")

    def full_for_one(request: Put) -> Any:
        if any(parcel.content and parcel.item.entry.digest == refused for parcel in request.parcels):
            raise StoreFull("full")
        return world.store(125).put_all(request)

    listen_to(world, 125, {Put: full_for_one})

    with pytest.raises(StoreFull):
        world.sync(0)

    assert [i.entry.name for i in world.store(0).list_range(0, 0)] == ["stuck"]
    assert world.copies("stuck") == [0, 150, 175], "the others have it all the same"


def test_a_later_version_that_arrives_while_an_item_moves_stays() -> None:
    world = world_of(TEN)
    keep(world.store(0), CONTENT, key=120, version=1)

    def renewed_meanwhile(request: Put) -> Any:
        world.store(0).put(item_of(CONTENT, key=120, version=2))
        return world.store(125).put_all(request)

    listen_to(world, 125, {Put: renewed_meanwhile})
    world.sync(0)

    (kept,) = world.store(0).list_range(0, 0)
    assert kept.version == 2


def test_nothing_is_released_when_the_ring_seems_too_small() -> None:
    world = world_of(TEN)
    keep(world.store(0), CONTENT, key=120)
    for node in world.members:
        if node.ref.id in (100, 125, 0):
            alone = world.member(125)
            node.set_successors(alone if node.ref.id != 125 else node.ref, ())
            node.set_fingers((alone,) * world.ring.bits)

    world.sync(0)

    assert 0 in world.copies("a")


def test_an_item_that_becomes_corrupt_while_it_moves_delays_nothing() -> None:
    world = world_of(TEN)
    keep(world.store(0), b"rotten", key=120, name="rotten")
    keep(world.store(0), CONTENT, key=121, name="sound")
    world.corrupt(0, b"rotten")
    world.store(0).collect_garbage = lambda scrub: 0  # type: ignore[method-assign]  # not noticed before
    node = world.live(0)
    assert node is not None

    with pytest.raises(Corrupt):  # the taker has looked at it
        world.run(node.ref, "sync", replication.sync_once(node, world.store(0)))

    assert world.copies("sound") == [125, 150, 175]


# --- comparing


def calls(world: StoreWorld, run: Callable[[], object]) -> list[Any]:
    world.sent.clear()
    run()
    return [request for _, _, request in world.sent]


def test_equal_stores_cost_two_requests_per_replica() -> None:
    world = world_of(TEN)
    fill(world)

    asked = calls(world, lambda: world.sync(75))

    assert sum(isinstance(r, GetRangeDigest) for r in asked) == 2 * 2
    assert not any(isinstance(r, Put | Write) for r in asked)
    assert sum(isinstance(r, ListRange) for r in asked) == 1, "its own, for what is misplaced"


def two_stores(bits: int = 8) -> tuple[StoreWorld, Store, Store]:
    world = world_of([0, 1 << (bits - 1)], bits=bits)
    return world, world.store(0), world.store(1 << (bits - 1))


def reconcile(world: StoreWorld, one: int, other: int, start: int, end: int) -> None:
    comparison = anti_entropy.reconcile(world.ring, world.member(one), world.member(other), start, end)
    world.run(world.member(one), "reconcile", comparison)


@pytest.mark.parametrize("bits", [3, 8, 160])
@pytest.mark.parametrize("count", [LIST_MAX, LIST_MAX + 1, 3 * LIST_MAX])
@pytest.mark.parametrize("keys", [1, 3, 1000])
def test_reconcile_copies_both_ways_however_many_items_share_a_key(bits: int, count: int, keys: int) -> None:
    world, one, other = two_stores(bits)
    rng = random.Random(count)
    places = [rng.randrange(world.ring.size) for _ in range(keys)]
    for number in range(count):
        keep((one, other)[number % 2], CONTENT, name=f"{number}", key=places[number % keys])

    reconcile(world, 0, 1 << (bits - 1), 5, 5)

    assert one.range_digest(0, 0) == other.range_digest(0, 0) and one.range_digest(0, 0).count == count


def test_one_difference_among_thousands_of_items_is_found_with_few_requests() -> None:
    world, one, other = two_stores(160)
    rng = random.Random(1)
    for number in range(4000):
        item = item_of(b"", name=f"{number}", key=rng.randrange(world.ring.size))
        for store in (one, other):
            store.write(item.entry.digest, 0, 0, b"")
            store.put(item)
    keep(one, CONTENT, key=rng.randrange(world.ring.size))

    asked = calls(world, lambda: reconcile(world, 0, 1 << 159, 0, 0))

    assert one.range_digest(0, 0) == other.range_digest(0, 0)
    assert sum(isinstance(r, GetRangeDigest) for r in asked) < 30
    assert sum(isinstance(r, ListRange) for r in asked) == 2


ITEMS = st.lists(st.tuples(st.integers(0, 7), st.sampled_from("ab"), st.integers(1, 3), st.booleans()), max_size=8)


@examples(60)
@given(ITEMS, ITEMS, st.integers(0, 7), st.integers(0, 7))
def test_after_reconcile_both_nodes_have_the_items_of_either(ours: Any, theirs: Any, start: int, end: int) -> None:
    world, one, other = two_stores(3)
    both = Store(Clock())
    for store, items in ((one, ours), (other, theirs), (both, ours + theirs)):
        for key, name, version, deleted in items:
            keep(store, name.encode(), name=name, key=key, version=version)
            if deleted:
                store.put(item_of(name.encode(), name=name, key=key, version=version, deleted=True))
    beyond = one.range_digest(end, start) if start != end else None

    reconcile(world, 0, 4, start, end)

    assert one.range_digest(start, end) == other.range_digest(start, end) == both.range_digest(start, end)
    assert beyond is None or one.range_digest(end, start) == beyond, "and no more"


def test_push_missing_copies_in_one_direction_only() -> None:
    world, ours, theirs = two_stores()
    keep(ours, b"ours", key=10, name="ours")
    keep(theirs, b"theirs", key=10, name="theirs")

    push = anti_entropy.push_missing(world.ring, world.member(0), world.member(128), 0, 100)
    world.run(world.member(0), "push", push)

    assert ours.names == ("ours",) and theirs.names == ("ours", "theirs")


def test_reconcile_with_a_full_node_still_copies_from_it() -> None:
    world, one, other = two_stores()
    for number in range(2 * LIST_MAX):
        keep(other if number % 2 else one, f"{number}".encode(), name=f"{number}", key=number % 256)
    listen_to(world, 128, {Put: refusing(StoreFull("full"))})

    with pytest.raises(StoreFull):
        reconcile(world, 0, 128, 0, 0)

    assert one.range_digest(0, 0).count == 2 * LIST_MAX


def test_reconcile_with_a_node_that_dies_meanwhile_ends_at_once() -> None:
    world, one, _ = two_stores(160)
    rng = random.Random(1)
    for number in range(20 * LIST_MAX):
        item = item_of(b"", name=f"{number}", key=rng.randrange(world.ring.size), deleted=True)
        one.put(item)
    asked = iter(range(1000))

    def dies(request: Any) -> Any:
        assert next(asked) < 10, "asked again and again"
        raise NodeUnreachable("dead")

    world.overrides[world.member(1 << 159)] = dies
    with pytest.raises(NodeUnreachable):
        reconcile(world, 0, 1 << 159, 0, 0)


# --- those who come back


def test_a_node_with_old_state_revives_no_deleted_item_and_loses_no_new_one() -> None:
    for identifier in TEN[::3]:
        world = world_of(TEN)
        items = fill(world)
        world.crash(world.member(identifier))
        settle(world)
        deleted = [name for name in items if name.endswith("3")]
        for name in deleted:
            key, content = items.pop(name)
            tombstone = item_of(content, name=name, key=key, version=2, deleted=True)
            for place in right_places(world, key):
                world.store(place).put(tombstone)
        for name in [name for name in items if name.endswith("4")]:
            key = items[name][0]
            items[name] = key, b"new " + name.encode()
            world.put(100 if identifier != 100 else 0, name, items[name][1], version=2, key=key)

        join(world, identifier, through=100 if identifier != 100 else 0)
        settle(world)

        for name, (key, content) in items.items():
            assert all(world.get(node.ref.id, name, key=key) == content for node in world.members[::3])
        assert not any(world.copies(name) for name in deleted)


def test_a_ring_that_restarts_node_by_node_has_everything() -> None:
    world = world_of(TEN)
    items = fill(world)
    for identifier in TEN:
        world.crash(world.member(identifier))

    order = random.Random(3).sample(list(TEN), len(TEN))
    world.create(order[0])
    for identifier in order[1:]:
        join(world, identifier, through=order[0])
        if identifier % 2:
            world.settle(30)
            world.sync_all()
    settle(world)

    check(world, items)


def test_two_rings_that_merge_have_the_items_of_both() -> None:
    world = world_of(TEN)
    world.clock.now += 1.0
    other = {f"other {i}": (i * 9 % 256, f"of the other ring, {i}".encode()) for i in range(20)}
    items = fill(world) | other
    for identifier in (10, 60, 110, 160, 210):
        node = world.start(identifier)
        store = world.stores[node.ref]
        if identifier == 10:
            protocol.create(node)
        else:
            world.run(node.ref, "join", protocol.join(node, world.member(10)))
        store.handoff_complete = True
    for name, (key, content) in other.items():
        keep(world.store(10), content, name=name, key=key)

    world.settle(60, unite=random.Random(0))
    settle(world)

    check(world, items)


# --- the loop without end


class LoopInTime:
    """The replication loop of node 0, run in virtual time."""

    def __init__(self, world: StoreWorld, node: ChordNode) -> None:
        self.world, self.node, self.troubled = world, node, False
        self.rounds = self.waits = 0
        self.loop = replication.replication_loop(node, world.store(0), random.Random(0))
        self.now = self.since = 0.0
        self.effect: Any = next(self.loop)

    def run(self, seconds: float) -> tuple[int, int]:
        """Return the number of rounds, and of waits that have ended, within this time."""
        until, rounds, waits = self.now + seconds, self.rounds, self.waits
        while self.now <= until:
            if isinstance(self.effect, Ask):
                outcome = self._ask(self.effect)
            else:
                is_over = isinstance(self.effect, SleepUntil) and self.effect.is_true()
                self.now = self.now if is_over else max(self.now, self.since + self.effect.seconds)
                if self.now > until:
                    break
                self.waits, outcome = self.waits + 1, None
            self.effect, self.since = resume(self.loop, outcome), self.now
        self.now = until
        return self.rounds - rounds, self.waits - waits

    def _ask(self, ask: Ask) -> Any:
        self.rounds += isinstance(ask.request, CollectGarbage)
        is_silent = self.troubled and ask.to != self.node.ref
        return NodeUnreachable("silent") if is_silent else self.world._answer(self.node.ref, ask)


def test_rounds_run_when_neighbours_change_periodically_and_with_backoff_after_failures() -> None:
    world = world_of([0, 100])
    node = world.live(0)
    assert node is not None
    loop = LoopInTime(world, node)

    assert loop.run(1.0)[0] == 1, "at first"
    rounds, waits = loop.run(replication.SYNC_INTERVAL_S * 10)
    assert rounds in range(8, 13) and waits <= 2 * rounds, "nothing is polled"
    node.predecessor = NodeRef(50, "new", 1)
    assert loop.run(0.0)[0] == 1, "at once"
    loop.troubled = True
    node.predecessor = NodeRef(60, "newer", 1)
    assert loop.run(10.0)[0] >= 3, "soon again"
    assert loop.run(600.0)[0] < 90, "but not for ever as often"


def test_neighbours_that_change_all_the_time_do_not_make_rounds_follow_at_once() -> None:
    world = world_of([0, 100])
    node = world.live(0)
    assert node is not None
    loop = LoopInTime(world, node)
    for number in range(100):
        node.predecessor = NodeRef(50, "new", number)
        loop.run(replication.SYNC_GAP_S / 10)

    assert loop.rounds <= 11


def test_a_node_begins_its_rounds_once_it_has_joined() -> None:
    world = world_of([0, 100])
    node = world.live(0)
    assert node is not None
    node.joined = False
    loop = LoopInTime(world, node)
    assert loop.run(100.0)[0] == 0

    node.joined = True

    assert loop.run(0.0)[0] == 1


def test_a_node_that_left_runs_no_more_rounds() -> None:
    world = world_of([0, 100])
    node = world.live(0)
    assert node is not None
    node.joined = False

    assert all(
        isinstance(e, SleepUntil)
        for e in islice(replication.replication_loop(node, world.store(0), random.Random(0)), 50)
    )


def test_a_lone_node_runs_its_rounds() -> None:
    world = StoreWorld(Ring(bits=8, successors=4, replicas=3))
    world.create(7)
    world.put(7, "a", CONTENT)

    world.sync(7)

    assert world.get(7, "a") == CONTENT


# --- the states of a node


def state(node: ChordNode, store: Store) -> str:
    if node.joined:
        return "leaving" if store._accepting_stopped else "member" if store.handoff_complete else "receiving"
    return "left" if store._accepting_stopped else "outside"


def test_a_node_passes_through_the_states_of_the_table_and_no_others() -> None:
    """A node may leave before or after its hand-off is complete."""
    seen: set[tuple[str, str, str]] = set()
    alone = StoreWorld(Ring(8, 4, 3))
    founder = alone.start(7)
    alone.stores[founder.ref].handoff_complete = True  # as node/ sets it for the first node of a ring
    before = state(founder, alone.stores[founder.ref])
    protocol.create(founder)
    seen.add((before, "create", state(founder, alone.stores[founder.ref])))

    for events in (["join", "handoff_on_leave", "leave"], ["join", "hand-off complete", "handoff_on_leave", "leave"]):
        world = world_of([0, 100])
        node = world.start(50)
        store = world.stores[node.ref]
        procedures = {
            "join": protocol.join(node, world.member(0)),
            "hand-off complete": replication.sync_once(node, store),
            "handoff_on_leave": replication.handoff_on_leave(node),
            "leave": protocol.leave(node),
        }
        for event in events:
            before = state(node, store)
            world.run(node.ref, event, procedures[event])
            seen.add((before, event, state(node, store)))

    assert seen == {(each.source, each.event.split(":")[0], each.target) for each in NODE_TRANSITIONS}
