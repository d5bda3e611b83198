"""Machine B: outside the assumptions of the proof only recovery is promised.

Any number of nodes from one on; any of them fails, leaves, restarts; messages are lost, so that live nodes are marked
dead; partitions split the ring, and some nodes create rings of their own. Once the network loses nothing and each node
now and then merges with the ring of another (`unite`, as after a heartbeat), there is one Ideal ring again with correct
fingers, and every lookup from every node finds the owner.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from roundelay.chord import protocol
from roundelay.chord.lookup import find_successor
from roundelay.chord.ring import Ring
from tests.chord.ring_actions import end_processes, perform, possible
from tests.chord.ring_faults import Faults
from tests.chord.ring_harness import World, owner
from tests.hypothesis_profiles import machine, seeds

NODES_MAX = 9
PICK = st.integers(0, 1 << 16)


def heal(world: World, rng: random.Random) -> int:
    """No more faults: Ideal within two rounds for each node and one for each place in a list."""
    end_processes(world)
    world.network = lambda _asker, _asked: ""
    world.drain()
    end_processes(world)
    return world.settle(2 * len(world.nodes) + world.ring.successors + 2, unite=rng)


def judge(world: World) -> None:
    """What a ring that has healed must show. (What it keeps is judged with the store.)"""
    refs = [n.ref for n in world.members]
    for node in world.members:
        assert not {node.predecessor, *node.successors} & set(node.failure_detector.dead), (
            "the false deaths are forgotten"
        )
        world.run(node.ref, "fix_fingers", protocol.fix_fingers(node))
        starts = [world.ring.finger_start(node.ref.id, i) for i in range(world.ring.bits)]
        assert list(node.fingers) == [owner(refs, start) for start in starts]
        for key in range(world.ring.size):
            route = world.run(node.ref, "lookup", find_successor(node.ref, key))
            assert route.owner == owner(refs, key)
    assert world.is_ideal()
    for node in world.members:
        world.unite(node, random.Random(0))
    assert world.is_ideal(), "one ring is not torn apart by looking for another"


class MachineB(RuleBasedStateMachine):
    """As machine A, but anything may fail, and the network as well."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(Ring())
        self.faults = Faults(random.Random(0))

    @initialize(
        successors=st.integers(1, 4),
        loss=st.sampled_from([0.05, 0.3, 0.5]),
        seed=PICK,
        identifiers=st.sets(st.integers(0, 15), min_size=1, max_size=7),
    )
    def ideal_ring(self, successors: int, loss: float, seed: int, identifiers: set[int]) -> None:
        self.faults = Faults(random.Random(seed), loss)
        self.world = World(Ring(bits=4, successors=successors, replicas=1), self.faults)
        self.world.place(identifiers)

    def happen(self, verb: str, pick: int) -> None:
        actions = possible(self.world, verb, guard=False, nodes_max=NODES_MAX)
        if actions:
            perform(self.world, actions[pick % len(actions)])
            end_processes(self.world)

    @rule(pick=PICK)
    def join(self, pick: int) -> None:
        self.happen("join", pick)

    @rule(pick=PICK)
    def join_too(self, pick: int) -> None:
        self.happen("join", pick)

    @rule(pick=PICK, verb=st.sampled_from(["fail", "leave"]))
    def fail(self, verb: str, pick: int) -> None:
        self.happen(verb, pick)

    @rule(identifier=st.integers(0, 15), always=st.booleans())
    def create(self, identifier: int, always: bool) -> None:
        """Create a ring if no node is left; sometimes also beside another, which the supernode does not know."""
        if not self.world.nodes or (always and self.world.live(identifier) is None):
            self.world.create(identifier)

    @rule(island=st.frozensets(st.integers(0, 15)))
    def split(self, island: frozenset[int]) -> None:
        self.faults.island = island

    @rule()
    def come_together(self) -> None:
        self.faults.island = frozenset()

    @rule(pick=PICK, verb=st.sampled_from(["stabilize", "stabilize", "stabilize", "unite", "fix_fingers"]))
    def begin(self, verb: str, pick: int) -> None:
        self.happen(verb, pick)

    @rule(pick=PICK, verb=st.sampled_from(["step", "step", "ask", "answer"]))
    def go_on(self, verb: str, pick: int) -> None:
        self.happen(verb, pick)

    @rule(pick=PICK, verb=st.sampled_from(["step", "work"]))
    def go_on_too(self, verb: str, pick: int) -> None:
        self.happen(verb, pick)

    @rule(pick=PICK, verb=st.sampled_from(["deliver", "deliver", "lose", "copy"]))
    def post(self, verb: str, pick: int) -> None:
        self.happen(verb, pick)

    @rule(turns=st.integers(1, 3))
    def go_round(self, turns: int) -> None:
        """Let time pass, with the faults as they are."""
        for _ in range(turns):
            for node in self.world.members:
                self.world.begin(node.ref, "stabilize", protocol.stabilize(node))
            self.world.drain()
            end_processes(self.world)

    def teardown(self) -> None:
        heal(self.world, random.Random(0))
        judge(self.world)


TestMachineB = MachineB.TestCase
TestMachineB.settings = machine(examples=70, steps=50)


@pytest.mark.parametrize("seed", seeds(100))
def test_the_ring_heals_after_any_run(seed: int) -> None:
    rng = random.Random(seed)
    machine_b = MachineB()
    machine_b.ideal_ring(
        rng.randint(1, 4), rng.choice((0.05, 0.3, 0.5)), seed, set(rng.sample(range(16), rng.randint(1, 8)))
    )
    verbs = [
        *["join"] * 6,
        *["fail"] * 2,
        "leave",
        *["go_round"] * 3,
        "split",
        "come_together",
        "found",
        *["stabilize"] * 6,
        "unite",
        "fix_fingers",
        *["step"] * 40,
        *["work"] * 4,
        *["ask", "answer"] * 4,
        *["deliver"] * 4,
        "lose",
        "copy",
    ]

    for verb in rng.choices(verbs, k=300):
        if verb == "found":
            machine_b.create(rng.randrange(16), rng.random() < 0.2)
        elif verb == "split":
            machine_b.split(frozenset(rng.sample(range(16), rng.randint(1, 8))))
        elif verb == "come_together":
            machine_b.come_together()
        elif verb == "go_round":
            machine_b.go_round(1)
        else:
            machine_b.happen(verb, rng.randrange(1 << 16))

    heal(machine_b.world, rng)
    judge(machine_b.world)
