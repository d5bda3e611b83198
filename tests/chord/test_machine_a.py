"""Machine A: under the proof's assumptions the invariant, and all that it entails, holds after every step.

It is certain whether a node is dead; requests are answered in the end; notifications are delayed, lost, copied and
reordered; several procedures of several nodes run at once, with other events between a request, its arrival and its
answer. Nodes fail only where the model allows it. When nothing more happens the ring becomes Ideal.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from roundelay.chord.ring import Ring
from tests.chord.ring_actions import Action, end_processes, perform, possible, walk
from tests.chord.ring_harness import World
from tests.hypothesis_profiles import machine, seeds

NODES_MAX = 8
PICK = st.integers(0, 1 << 16)


def world_of(successors: int, identifiers: list[int]) -> World:
    world = World(Ring(bits=4, successors=successors, replicas=1))
    world.place(identifiers)
    return world


def check_step(world: World) -> None:
    """Check what must hold after each step: the predicates, and that no live node is marked dead."""
    assert world.violations() == []
    members = {n.ref for n in world.members}
    for node in world.members:
        assert not members & set(node.failure_detector.dead), "a live node is marked dead"


def settle(world: World) -> int:
    """Settle within one round for each node and each place in a list."""
    return world.settle(len(world.nodes) + world.ring.successors)


class MachineA(RuleBasedStateMachine):
    """Every rule is a kind of action; which action of its kind happens is drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(Ring())
        self.done: list[Action] = []

    @initialize(successors=st.integers(1, 3), identifiers=st.sets(st.integers(0, 15), min_size=4, max_size=7))
    def ideal_ring(self, successors: int, identifiers: set[int]) -> None:
        self.world = world_of(successors, sorted(identifiers)[: successors + 4])

    def happen(self, verb: str, pick: int) -> None:
        actions = possible(self.world, verb, nodes_max=NODES_MAX)
        if actions:
            self.done.append(actions[pick % len(actions)])
            perform(self.world, self.done[-1])
            end_processes(self.world)

    @rule(pick=PICK)
    def join(self, pick: int) -> None:
        self.happen("join", pick)

    @rule(pick=PICK, verb=st.sampled_from(["fail", "fail", "leave"]))
    def fail(self, verb: str, pick: int) -> None:
        self.happen(verb, pick)

    @rule(pick=PICK, verb=st.sampled_from(["stabilize", "stabilize", "stabilize", "unite", "fix_fingers"]))
    def begin(self, verb: str, pick: int) -> None:
        self.happen(verb, pick)

    @rule(pick=PICK)
    def work(self, pick: int) -> None:
        self.happen("work", pick)

    @rule(pick=PICK, verb=st.sampled_from(["step", "step", "ask", "answer"]))
    def go_on(self, verb: str, pick: int) -> None:
        self.happen(verb, pick)

    @rule(pick=PICK, verb=st.sampled_from(["step", "ask", "answer"]))
    def go_on_too(self, verb: str, pick: int) -> None:
        self.happen(verb, pick)

    @rule(pick=PICK, verb=st.sampled_from(["deliver", "deliver", "lose", "copy"]))
    def post(self, verb: str, pick: int) -> None:
        self.happen(verb, pick)

    @invariant()
    def holds(self) -> None:
        check_step(self.world)

    def teardown(self) -> None:
        settle(self.world)


TestMachineA = MachineA.TestCase
TestMachineA.settings = machine(examples=80, steps=80)


@pytest.mark.parametrize("seed", seeds(100))
def test_a_random_run_never_violates_the_invariant_and_ends_ideal(seed: int) -> None:
    """This is longer and faster than the machine above, and not shrunk: 300 steps, each of which applies."""
    rng = random.Random(seed)
    successors = rng.choice((1, 2, 3))
    nodes = rng.randint(successors + 1, successors + 4)
    world = world_of(successors, rng.sample(range(16), nodes))

    for _ in walk(world, rng, 300, nodes_max=NODES_MAX):
        end_processes(world)
        check_step(world)

    settle(world)
