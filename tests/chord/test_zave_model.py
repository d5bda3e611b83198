"""The core agrees, step by step, with an executable statement of Zave's model (zave_model.py).

After each step every list, every predecessor and every predicate is compared. The model knows no messages: what it
does in one step, the core does between one interruption and the next. The model may notify more often than the core,
which continues at once where the model waits for its next turn; a notification that the core does not send counts as
lost, and so does one from a node that the core has marked dead. Identifiers are used once and lie apart, because the
model cannot tell a placeholder from a node that joins later under the same identifier.
"""

from __future__ import annotations

import random

import pytest

from roundelay.chord import protocol
from roundelay.chord.effects import Ask, Sleep
from roundelay.chord.invariants import ENTAILED, INVARIANT, check
from roundelay.chord.node import ChordNode
from roundelay.chord.requests import Notify
from roundelay.chord.ring import Ring
from tests.chord.ring_harness import Task, World
from tests.chord.zave_model import Network
from tests.hypothesis_profiles import seeds

APART = 4  # between identifiers: room for placeholders
BITS = 10
NODES_MAX = 8
ROUNDS_MAX = 30


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
        self.model = Network(first, successors, 1 << BITS)

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
        if self.model.may_fail(node.ref.id) and self.world.may_fail(node.ref):
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
            self.model.stabilize_from_predecessor(node.ref.id)
        else:
            self._from_successor(node, task)
        self._probe_dead(node, task)

    def deliver(self) -> None:
        if not self.world.mail:
            return
        mail = self.rng.choice(self.world.mail)
        receiver = self.world.nodes.get(mail.to)
        self.world.deliver(mail, keep=self.rng.random() < 0.2)
        if receiver is None or not isinstance(mail.request, Notify):
            return
        while (task := self.world.begin_pending(receiver)) is not None:
            self.world.finish(task)
        if not receiver.failure_detector.is_dead(mail.source):
            self.model.notifications = [(mail.to.id, mail.source.id)]
            self.model.rectify(0)

    # --- what must be equal

    def compare(self) -> None:
        members = {n.ref.id: n for n in self.world.members}
        assert {i: [s.id for s in n.successors] for i, n in members.items()} == self.model.successors
        assert {i: n.predecessor.id for i, n in members.items()} == self.model.predecessor
        state = repr((self.model.successors, self.model.predecessor))
        if state == self.compared:
            return
        self.compared = state
        ours = {name: holds for name, holds, _ in check(self.world.views, self.world.ring.successors)}
        theirs = self.model.entailed()
        assert {n: ours[n] for n in ENTAILED} == theirs
        assert all(ours[n] for n in INVARIANT) == self.model.invariant()
        assert ours["Ideal"] == self.model.is_ideal()

    # --- helpers

    def _from_successor(self, node: ChordNode, task: Task) -> None:
        while task in self.world.tasks and not self._is_at_candidate(node, task):
            self.world.step(task)
        while not self.model.is_live(self.model.successors[node.ref.id][0]):
            assert self.model.stabilize_from_successor(node.ref.id)
        assert self.model.stabilize_from_successor(node.ref.id)

    def _probe_dead(self, node: ChordNode, task: Task) -> None:
        """Let the core probe those that it has marked dead.

        It notifies the node that the model notifies, unless that names it as its predecessor already.
        """
        while task in self.world.tasks and not isinstance(task.effect, Ask):
            self.world.step(task)
        notified = {(m.to.id, m.source.id) for m in self.world.mail if isinstance(m.request, Notify)}
        if task not in self.world.tasks:
            if (node.successor.id, node.ref.id) not in notified:
                assert self.world.nodes[node.successor].predecessor == node.ref
            assert (node.successor.id, node.ref.id) in self.model.notifications
        self.model.notifications = []

    @staticmethod
    def _is_at_candidate(node: ChordNode, task: Task) -> bool:
        return isinstance(task.effect, Ask) and task.effect.to != node.successor


@pytest.mark.parametrize("successors", [1, 2, 3])
@pytest.mark.parametrize("seed", seeds(24))
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
    assert both.model.is_ideal()


def test_many_more_nodes_join_than_remain() -> None:
    both = Both(random.Random(3), 2)
    before = len(both.unused)

    for _ in range(200):
        for step in (both.join, both.fail, both.stabilize, both.deliver):
            step()

    assert before - len(both.unused) > 3 * NODES_MAX
