"""Rings of at most successors + 1 nodes, which the proof excludes: every interleaving is tried.

A state is what the nodes believe, where each procedure stands (its frames and their variables) and
the mail. From the first state every possible next step is taken, each state once: nodes join, each
stabilises as often as its budget allows, notifications overtake one another, one node may fail at
any moment. Each end must lead to Ideal; the help of `unite` is needed only where the one node fails
through which others have just joined, so that these do not know of each other.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import GeneratorType
from typing import Any

import pytest

from roundelay.chord.errors import ChordError
from roundelay.chord.node import ChordNode
from roundelay.chord.ring import Ring
from tests.chord.ring_actions import Action, end_processes, perform
from tests.chord.ring_harness import World
from tests.hypothesis_profiles import IS_FULL

STATES_MAX = 200_000
ROUNDS_MAX = 8


@dataclass
class Case:
    """The initial ring, the joiners, how often each node stabilizes meanwhile, and how many fail."""

    successors: int
    founders: tuple[int, ...]
    joiners: tuple[int, ...] = ()
    turns: int = 1
    failures: int = 0
    idle: tuple[int, ...] = ()  # who does not stabilise before the end

    def __str__(self) -> str:
        idle = f" ({len(self.idle)} idle)" if self.idle else ""
        return (
            f"lists of {self.successors}: {len(self.founders)} nodes{idle}, {len(self.joiners)} joins, "
            f"{self.turns} turns, {self.failures} failures"
        )


CASES = [
    *[Case(r, (4,), turns=3) for r in (1, 3)],
    *[Case(r, (4,), (9,), turns=2, failures=1) for r in (1, 2, 3)],
    *[Case(r, (4,), (9, 1)) for r in (1, 2, 3)],
    *[Case(r, (4, 9), (1,)) for r in (1, 2, 3)],
    Case(1, (4, 9), turns=2, failures=1),
    *[Case(r, (4, 9), (6,), failures=1, idle=(9,)) for r in (1, 2)],
    Case(2, (4, 9, 14), failures=1, idle=(14,)),
    *[Case(r, (4, 9, 14), (1,), idle=(9,)) for r in (2, 3)],
    *[Case(3, (1, 4, 9, 14), failures=1, idle=idle) for idle in ((9, 14), (4, 14))],
]
CASES_FULL = [
    *[Case(r, (4,), (9, 1), failures=1) for r in (1, 2, 3)],
    *[Case(r, (4,), (9, 1, 14)) for r in (1, 2, 3)],
    *[Case(r, (4, 9), (1,), turns=2) for r in (1, 2, 3)],
    *[Case(r, (4, 9), (1,), failures=1) for r in (1, 2, 3)],
    *[Case(r, (4, 9, 14), (1,), failures=1) for r in (2, 3)],
    *[Case(r, (1, 4, 9, 14), failures=1) for r in (3, 4)],
]


@dataclass
class State:
    """A world, and the actions that may still happen in it."""

    case: Case
    world: World = field(init=False)
    joiners: list[int] = field(init=False)
    turns: dict[int, int] = field(init=False)
    failures: int = field(init=False)

    def __post_init__(self) -> None:
        self.world = World(Ring(bits=4, successors=self.case.successors, replicas=1))
        self.world.place(self.case.founders)
        self.joiners = list(self.case.joiners)
        self.turns = dict.fromkeys((*self.case.founders, *self.case.joiners), self.case.turns)
        self.failures = self.case.failures

    def actions(self) -> list[Action]:
        world = self.world
        members = [n.ref.id for n in world.members]
        busy = {t.node.id for t in world.tasks if t.name == "stabilize"}
        return [
            *[("join", j, members[0]) for j in self.joiners if members],
            *[("step", t.node.id, t.name) for t in world.tasks],
            *[("stabilize", m) for m in members if self.turns[m] and m not in busy and m not in self.case.idle],
            *[("deliver", m.to.id, m.source.id) for m in dict.fromkeys(world.mail)],
            *[("fail", n.id) for n in world.nodes if self.failures],
        ]

    def take(self, action: Action) -> None:
        """Take one step; a join is one step, since only its last answer counts."""
        perform(self.world, action)
        verb, identifier = str(action[0]), int(action[1])
        if verb == "join":
            self.joiners.remove(identifier)
            self._finish_join()
        elif verb == "stabilize":
            self.turns[identifier] -= 1
        self.failures -= verb == "fail"
        for node in list(self.world.nodes.values()):
            while len(node.pending):
                self.world.begin_pending(node)
        end_processes(self.world)

    def _finish_join(self) -> None:
        for task in [t for t in self.world.tasks if t.name == "join"]:
            try:
                self.world.finish(task)
            except ChordError:
                continue

    def fingerprint(self) -> int:
        world = self.world
        nodes = sorted(
            (
                n.ref.id,
                n.ref.incarnation,
                n.joined,
                _frozen(n.predecessor),
                _frozen(n.successors),
                _frozen(vars(n.failure_detector)),
            )
            for n in world.nodes.values()
        )
        tasks = sorted((t.node.id, t.name, repr(tuple(_frames(t.procedure)))) for t in world.tasks)
        mail = sorted(repr(m) for m in world.mail)
        return hash(
            (tuple(nodes), tuple(tasks), tuple(mail), tuple(self.joiners), tuple(self.turns.items()), self.failures)
        )


def explore(case: Case) -> int:
    """Visit every reachable state, and run each to its end once. Return how many there are."""
    seen: set[int] = set()
    paths: list[tuple[Action, ...]] = [()]
    while paths:
        path = paths.pop()
        state = State(case)
        for action in path:
            state.take(action)
        for further, others in _descend(state, seen):
            paths.extend((*path, *further, other) for other in others)
        assert len(seen) < STATES_MAX
    return len(seen)


def _descend(state: State, seen: set[int]) -> Iterator[tuple[list[Action], list[Action]]]:
    """Take the first action to the end; yield, on the way, the alternatives at each state."""
    gone: list[Action] = []
    while (mark := state.fingerprint()) not in seen:
        seen.add(mark)
        actions = state.actions()
        if not actions:
            apart = state.case.failures and state.case.joiners
            state.world.settle(ROUNDS_MAX, unite=random.Random(0) if apart else None)
            return
        yield list(gone), actions[1:]
        gone.append(actions[0])
        state.take(actions[0])


def _frames(procedure: Any) -> Iterator[tuple[str, int, Any]]:
    """Return where a procedure is: the position and the variables of each generator in it."""
    while isinstance(procedure, GeneratorType):
        frame = procedure.gi_frame
        assert frame is not None
        yield (
            frame.f_code.co_name,
            frame.f_lasti,
            _frozen({k: v for k, v in frame.f_locals.items() if not isinstance(v, ChordNode)}),
        )
        procedure = procedure.gi_yieldfrom


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple((_frozen(k), _frozen(v)) for k, v in value.items())
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    return tuple(map(_frozen, vars(value).values())) if hasattr(value, "__dict__") else repr(value)


@pytest.mark.parametrize("case", [*CASES, *(CASES_FULL if IS_FULL else [])], ids=str)
def test_every_interleaving_of_a_small_ring_ends_ideal(case: Case) -> None:
    assert explore(case) > 0


def test_the_exploration_takes_every_branch() -> None:
    """There are two joins, one turn each; the count changes if steps are merged or forgotten."""
    assert explore(Case(1, (4,), (9, 1))) > explore(Case(1, (4,), (9,))) > 10
