"""After any random run every acknowledged put is found with its bytes: a set checker over real nodes and stores.

Puts and gets by clients, joins, leaves, deaths, restarts with an old state or with none, rounds of
care and of stabilising: all of them procedures under way at once, stepped in any order. Nodes fail
as the ring's proof allows (machine A) and, before the copies are restored, at most replicas - 1 of
them. A get may say that it cannot say; it never says *not found* of what was acknowledged, nor
gives other bytes. A walk that fails names its seed:

    ROUNDELAY_STORE_SEED=SEED python -m pytest tests/store/test_store_machine.py -k walk
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from roundelay.chord import protocol
from roundelay.chord.errors import ChordError, NodeUnreachable, NotFound
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.store import read_path, replication, write_path
from tests.chord.ring_harness import Task, owner
from tests.hypothesis_profiles import machine, seeds
from tests.store.store_harness import item_of, world_of

NODES_MAX = 9
NAMES = 12
STEPS_MAX = 100_000  # of everything under way, to its end
ROUNDS_MAX = 15  # of care, until nothing is left to do
PICK = st.integers(0, 1 << 16)


@dataclass(eq=False)
class Client:
    """A put or a get that is under way."""

    task: Task
    name: str
    contents: set[bytes]  # that is put; of a get, those that may be found
    is_put: bool


class Schedule:
    """One world, what clients were told, and the actions that may happen next."""

    def __init__(self, successors: int, replicas: int, identifiers: list[int]) -> None:
        self.world = world_of(identifiers, bits=5, successors=successors, replicas=replicas)
        self.budget = replicas - 1  # deaths before the copies are restored
        self.version = 0
        self.clients: list[Client] = []
        self.acknowledged: dict[str, set[bytes]] = {}  # any of these counts: several puts may have been under way
        self.written: dict[str, set[bytes]] = {}  # each is an entry of its own
        self.deleted: set[str] = set()
        self.leaving: dict[NodeRef, Task] = {}
        self.fates: dict[str, int] = {}  # of clients: how their questions ended

    # --- what may happen

    def happen(self, verb: str, pick: int) -> None:
        """The action, if it applies now; then what has come to its end is judged."""
        getattr(self, verb)(pick)
        self.judge()

    def put(self, pick: int) -> None:
        name = f"name {pick % NAMES}"
        if name in self.deleted or any(c.name == name for c in self.clients):
            return
        self.version += 1
        content = f"{name} as of {self.version}".encode()
        self.written.setdefault(name, set()).add(content)
        start, ring = self._anybody(pick), self.world.ring
        procedure = write_path.put(start.ref, ring, ring.key(name), name, content, self.version)
        self.clients.append(Client(self.world.begin(start.ref, "put", procedure), name, {content}, True))

    def get(self, pick: int) -> None:
        known = sorted(self.acknowledged)
        if not known:
            return
        name = known[pick % len(known)]
        start, ring = self._anybody(pick), self.world.ring
        procedure = read_path.get(start.ref, ring, ring.key(name), name)
        allowed = self.acknowledged[name].union(*(c.contents for c in self.clients if c.is_put and c.name == name))
        self.clients.append(Client(self.world.begin(start.ref, "get", procedure), name, allowed, False))

    def delete(self, pick: int) -> None:
        """By tombstone, on every node that should have it and is not leaving; of what nobody is writing."""
        known = [n for n in sorted(self.acknowledged) if all(c.name != n for c in self.clients)]
        if not known:
            return
        name = known[pick % len(known)]
        key = self.world.ring.key(name)
        for content in self.written[name]:
            self.version += 1
            item = item_of(content, name=name, key=key, version=self.version, deleted=True)
            for ref in self._holders(key):
                self.world.stores[ref].put(item)
        del self.acknowledged[name]
        self.deleted.add(name)

    def join(self, pick: int) -> None:
        free = [i for i in range(self.world.ring.size) if self.world.live(i) is None]
        if len(self.world.nodes) >= NODES_MAX:
            return
        known = [i for i in free if i in self.world.disks]
        identifier = (known or free)[pick % len(known or free)] if pick % 3 else free[pick % len(free)]
        if pick % 5 == 0:
            self.world.wipe(identifier)
        through = self._anybody(pick).ref
        joiner = self.world.start(identifier)
        self.world.begin(joiner.ref, "join", protocol.join(joiner, through))

    def crash(self, pick: int) -> None:
        victims = [n.ref for n in self.world.members if self.world.may_fail(n.ref)]
        if self.budget and victims and self._can_spare_one():
            self.budget -= 1
            victim = victims[pick % len(victims)]
            self.leaving.pop(victim, None)
            self.world.crash(victim)

    def leave(self, pick: int) -> None:
        """It goes as soon as it has handed over and the ring can do without it."""
        stay = [n for n in self.world.members if n.ref not in self.leaving]
        if self._can_spare_one() and len(self.leaving) < 2:
            node = stay[pick % len(stay)]
            self.leaving[node.ref] = self.world.begin(node.ref, "hand off", replication.handoff_on_leave(node))

    def sync(self, pick: int) -> None:
        idle = [n for n in self.world.members if all(t.node != n.ref or t.name != "sync" for t in self.world.tasks)]
        if idle:
            node = idle[pick % len(idle)]
            self.world.begin(node.ref, "sync", replication.sync_once(node, self.world.stores[node.ref]))

    def stabilize(self, _: int) -> None:
        """Ring time goes on for everybody, while what clients and caretakers do waits."""
        for node in self.world.members:
            self._finish(self.world.begin(node.ref, "stabilize", protocol.stabilize(node)))
        while self.world.mail:
            self.world.deliver(self.world.mail[0])
        for node in list(self.world.nodes.values()):
            while (task := self.world.begin_pending(node)) is not None:
                self._finish(task)
            if node.joined:
                self.world.run(node.ref, "fix_fingers", protocol.fix_fingers(node))
        for ref, task in self.leaving.items():
            if task not in self.world.tasks and task.error is not None:
                self.leaving[ref] = self.world.begin(
                    ref, "hand off", replication.handoff_on_leave(self.world.nodes[ref])
                )

    def step(self, pick: int) -> None:
        """Some question of those under way is asked and answered."""
        if self.world.tasks:
            self.world.step(self.world.tasks[pick % len(self.world.tasks)])

    def restore(self, _: int) -> None:
        """Time enough for everything under way, and then for care until all is in order."""
        self.finish()
        for _ in range(ROUNDS_MAX):
            self.stabilize(0)
            self.finish()
            before = self._picture()
            if self.world.sync_all() and before == self._picture() and self.world.is_ideal() and not self.leaving:
                break
        else:
            raise AssertionError(f"not in order after {ROUNDS_MAX} rounds\n{self.picture('name 0')}")
        self.budget = self.world.ring.replicas - 1

    # --- what must hold

    def judge(self) -> None:
        """Of clients that have their answer, and leavers that are ready to go."""
        for client in [c for c in self.clients if c.task not in self.world.tasks]:
            self.clients.remove(client)
            self._judge(client)
        for ref, task in list(self.leaving.items()):
            if task not in self.world.tasks and task.error is None and self.world.may_fail(ref):
                del self.leaving[ref]
                self.world.depart(self.world.nodes[ref])

    def _judge(self, client: Client) -> None:
        error, allowed = client.task.error, self.acknowledged.get(client.name, set())
        if client.task.node not in self.world.nodes:
            error = NodeUnreachable("whoever asked has died")
        fate = f"{'put' if client.is_put else 'get'} {type(error).__name__ if error else 'done'}"
        self.fates[fate] = self.fates.get(fate, 0) + 1
        if client.is_put:
            if error is None:
                self.acknowledged[client.name] = client.contents
            elif allowed:  # it may have left copies: from now on either is right
                self.acknowledged[client.name] = allowed | client.contents
            return
        if client.name in self.deleted:
            return
        assert not isinstance(error, NotFound), f"{client.name} was acknowledged: {error}\n{self.picture(client.name)}"
        later = {content for c in self.clients if c.is_put and c.name == client.name for content in c.contents}
        assert error is not None or client.task.result in client.contents | allowed | later

    def judge_all(self) -> None:
        """In the end: everything acknowledged is found from everywhere in its latest version, in all copies."""
        self.restore(0)
        for name, contents in self.acknowledged.items():
            for node in self.world.members:
                assert self.world.get(node.ref.id, name) in contents, self.picture(name)
            assert len(self.world.copies(name)) == min(self.world.ring.replicas, len(self.world.members))
        for name in self.deleted:
            assert self.world.copies(name) == [], self.picture(name)

    def finish(self) -> None:
        """Everything under way comes to its end."""
        for _ in range(STEPS_MAX):
            self.judge()
            if not self.world.tasks:
                return
            self.step(0)
        raise AssertionError(f"still under way: {[(t.node.id, t.name) for t in self.world.tasks]}")

    # --- helpers

    def picture(self, name: str) -> str:
        key = self.world.ring.key(name)
        about = [f"{name}, key {key}; copies at {self.world.copies(name)}"]
        about += [
            f"{v.node.id}: after {v.predecessor.id}, {[s.id for s in v.successors]}, "
            f"{'settled' if self.world.stores[v.node].handoff_complete else 'unsettled'}"
            for v in self.world.views
        ]
        return "\n".join(about)

    def _picture(self) -> list[Any]:
        return [(n.ref.id, self.world.stores[n.ref].range_digest(0, 0)) for n in self.world.members]

    def _can_spare_one(self) -> bool:
        """Is it a ring that is large enough for the proof, when all that leave have left and one more?"""
        return len(self.world.members) - len(self.leaving) > self.world.ring.successors + 1

    def _anybody(self, pick: int) -> ChordNode:
        return self.world.members[pick % len(self.world.members)]

    def _holders(self, key: int) -> list[Any]:
        refs = [n.ref for n in self.world.members if n.ref not in self.leaving]
        first = refs.index(owner(refs, key))
        return (refs[first:] + refs[:first])[: self.world.ring.replicas]

    def _finish(self, task: Task) -> None:
        try:
            self.world.finish(task)
        except ChordError:
            return  # the next turn tries again


WEIGHTS = {
    "put": 6,
    "get": 6,
    "delete": 1,
    "join": 3,
    "crash": 2,
    "leave": 2,
    "sync": 8,
    "stabilize": 4,
    "step": 60,
    "restore": 1,
}


def rings(rng: random.Random) -> Schedule:
    successors = rng.choice((2, 3))
    replicas = rng.choice((1, 2, 3))
    return Schedule(successors, replicas, rng.sample(range(32), rng.randint(successors + 2, 7)))


def walk(seed: int, steps: int) -> Schedule:
    rng = random.Random(seed)
    schedule = rings(rng)
    weights = {verb: weight * rng.choice((0.3, 1.0, 3.0)) for verb, weight in WEIGHTS.items()}
    try:
        for verb in rng.choices(list(weights), list(weights.values()), k=steps):
            schedule.happen(verb, rng.randrange(1 << 16))
        schedule.judge_all()
    except AssertionError as error:
        replay = f"ROUNDELAY_STORE_SEED={seed} python -m pytest tests/store/test_store_machine.py -k walk"
        raise AssertionError(f"{error}\nreplay: {replay}") from error
    return schedule


def chosen_seeds() -> list[int]:
    chosen = os.environ.get("ROUNDELAY_STORE_SEED")
    return [int(chosen)] if chosen else seeds(120)


@pytest.mark.parametrize("seed", chosen_seeds())
def test_every_acknowledged_put_is_found_after_any_run(seed: int) -> None:
    walk(seed, steps=400)


class StoreMachine(RuleBasedStateMachine):
    """The same actions drawn by Hypothesis, which makes a failure small."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule = Schedule(2, 2, [1, 9, 17, 25])

    @initialize(
        successors=st.integers(2, 3),
        replicas=st.integers(1, 3),
        identifiers=st.sets(st.integers(0, 31), min_size=5, max_size=7),
    )
    def ring(self, successors: int, replicas: int, identifiers: set[int]) -> None:
        self.schedule = Schedule(successors, replicas, sorted(identifiers))

    @rule(verb=st.sampled_from(["put", "get", "delete", "put"]), pick=PICK)
    def ask(self, verb: str, pick: int) -> None:
        self.schedule.happen(verb, pick)

    @rule(verb=st.sampled_from(["join", "crash", "leave"]), pick=PICK)
    def change(self, verb: str, pick: int) -> None:
        self.schedule.happen(verb, pick)

    @rule(verb=st.sampled_from(["sync", "stabilize", "restore"]), pick=PICK)
    def keep(self, verb: str, pick: int) -> None:
        self.schedule.happen(verb, pick)

    @rule(pick=PICK, times=st.integers(1, 12))
    def step(self, pick: int, times: int) -> None:
        for _ in range(times):
            self.schedule.happen("step", pick)

    def teardown(self) -> None:
        self.schedule.judge_all()


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = machine(examples=30, steps=30)


def test_the_random_runs_do_put_get_and_kill() -> None:
    """A checker that checks nothing would be content with anything."""
    schedules = [walk(seed, steps=400) for seed in range(4)]

    fates: dict[str, int] = {}
    for schedule in schedules:
        for fate, count in schedule.fates.items():
            fates[fate] = fates.get(fate, 0) + count
    assert fates["put done"] > 20 and fates["get done"] > 20
    assert fates["put done"] > 3 * sum(c for fate, c in fates.items() if fate.startswith("put") and fate != "put done")
    assert sum(len(s.world.disks) for s in schedules) > 4 * 5, "nodes came"
