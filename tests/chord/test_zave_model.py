"""The core agrees, step by step, with an executable statement of Zave's model that was written apart from it.

Compared after each step are every list, every predecessor and every predicate. The model knows no
messages: what it does in one step the core does here between one interruption and the next. It may
notify more often than the core, which goes on at once where the model waits for its next turn; a
notification that the core does not send counts as lost, and so does the word of a node that the core
has found dead. Identifiers are used once and lie apart, because the model takes a placeholder for
whoever comes to live at its identifier.
"""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from roundelay.chord import protocol
from roundelay.chord.effects import Ask, Sleep
from roundelay.chord.invariants import ENTAILED, INVARIANT, check
from roundelay.chord.node import ChordNode
from roundelay.chord.requests import Notify
from roundelay.chord.ring import Ring
from tests.chord.ring_harness import Task, World
from tests.hypothesis_profiles import seeds

MODEL = Path(__file__).parents[3] / "shared" / "reference" / "zave_model.py"
APART = 4  # between identifiers: room for placeholders
BITS = 10
NODES_MAX = 8
ROUNDS_MAX = 30
THEIR_NAMES = {"PrincipalsAreRingMembers": "PrincipalsInRing"}

pytestmark = pytest.mark.skipif(not MODEL.exists(), reason="the reference model is not here")


def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("zave_model", MODEL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Both:
    """The core and the model, taken through the same steps."""

    def __init__(self, rng: random.Random, successors: int) -> None:
        self.rng = rng
        self.compared = ""
        self.unused = list(range(0, 1 << BITS, APART))
        rng.shuffle(self.unused)
        first = [self.unused.pop() for _ in range(rng.randint(successors + 1, successors + 4))]
        self.world = World(Ring(bits=BITS, successors=successors, replicas=1))
        self.world.place(first)
        self.model: Any = reference().Net(first, successors, 1 << BITS)

    # --- the steps

    def join(self) -> None:
        if len(self.world.members) >= NODES_MAX:
            return
        joiner = self.world.start(self.unused.pop())
        through = self.rng.choice(self.world.members)
        task = self.world.begin(joiner.ref, "join", protocol.join(joiner, through.ref))
        while task in self.world.tasks and not isinstance(task.effect, Sleep):
            self.world.step(task)
        if joiner.joined:
            assert self.model.join(joiner.ref.id, joiner.predecessor.id)
        else:
            self.world.crash(joiner.ref)  # no place just now: nothing has happened

    def fail(self) -> None:
        node = self.rng.choice(self.world.members)
        if self.model.fail_ok(node.ref.id) and self.world.may_fail(node.ref):
            self.world.crash(node.ref)
            self.model.fail(node.ref.id)

    def stabilize(self) -> None:
        """To the question that a candidate is asked, or from there on."""
        node = self.rng.choice(self.world.members)
        task = next((t for t in self.world.tasks if t.node == node.ref), None)
        if task is None:
            task = self.world.begin(node.ref, "stabilize", protocol.stabilize(node))
        if self._is_at_candidate(node, task):
            self.world.step(task)
            self.model.stab_prdc(node.ref.id)
        else:
            self._from_successor(node, task)
        self._sweep(node, task)

    def deliver(self) -> None:
        if not self.world.mail:
            return
        mail = self.rng.choice(self.world.mail)
        receiver = self.world.nodes.get(mail.to)
        self.world.deliver(mail, keep=self.rng.random() < 0.2)
        if receiver is None or not isinstance(mail.request, Notify):
            return
        while (task := self.world.work_off(receiver)) is not None:
            self.world.finish(task)
        if not receiver.failure_detector.is_dead(mail.source):
            self.model.notes = [(mail.to.id, mail.source.id)]
            self.model.rectify(0)

    # --- what must be equal

    def compare(self) -> None:
        members = {n.ref.id: n for n in self.world.members}
        assert {i: [s.id for s in n.successors] for i, n in members.items()} == self.model.succ
        assert {i: n.predecessor.id for i, n in members.items()} == self.model.prdc
        state = repr((self.model.succ, self.model.prdc))
        if state == self.compared:
            return
        self.compared = state
        ours = {name: holds for name, holds, _ in check(self.world.views, self.world.ring.successors)}
        theirs = self.model.derived()
        assert {n: ours[n] for n in ENTAILED} == {n: bool(theirs[THEIR_NAMES.get(n, n)]) for n in ENTAILED}
        assert all(ours[n] for n in INVARIANT) == self.model.invariant()
        assert ours["Ideal"] == self.model.ideal()

    # --- helpers

    def _from_successor(self, node: ChordNode, task: Task) -> None:
        while task in self.world.tasks and not self._is_at_candidate(node, task):
            self.world.step(task)
        while self.model.succ[node.ref.id][0] not in self.model.succ:
            assert self.model.stab_succ(node.ref.id)
        assert self.model.stab_succ(node.ref.id)

    def _sweep(self, node: ChordNode, task: Task) -> None:
        """Let the core ask the doubted again, and see that it told nobody whom the model does not tell."""
        while task in self.world.tasks and not isinstance(task.effect, Ask):
            self.world.step(task)
        told = {(m.to.id, m.source.id) for m in self.world.mail if isinstance(m.request, Notify)}
        if task not in self.world.tasks:
            assert (node.successor.id, node.ref.id) in told
            assert (node.successor.id, node.ref.id) in self.model.notes
        self.model.notes = []

    @staticmethod
    def _is_at_candidate(node: ChordNode, task: Task) -> bool:
        return isinstance(task.effect, Ask) and task.effect.to != node.successor


@pytest.mark.parametrize("successors", [1, 2, 3])
@pytest.mark.parametrize("seed", seeds(8))
def test_the_core_agrees_with_the_model_after_every_step(seed: int, successors: int) -> None:
    both = Both(random.Random(f"{seed} {successors}"), successors)
    steps = [both.join, both.fail, both.stabilize, both.stabilize, both.stabilize, both.deliver, both.deliver]

    both.compare()
    for _ in range(200):
        both.rng.choice(steps)()
        both.compare()

    for _ in range(ROUNDS_MAX * NODES_MAX):
        both.stabilize()
        while both.world.mail:
            both.deliver()
        both.compare()
    assert both.model.ideal()


def test_agreement_is_about_something() -> None:
    """In such a trace many more nodes have joined than are left."""
    both = Both(random.Random(3), 2)
    before = len(both.unused)

    for _ in range(200):
        for step in (both.join, both.fail, both.stabilize, both.deliver):
            step()

    assert before - len(both.unused) > 3 * NODES_MAX
