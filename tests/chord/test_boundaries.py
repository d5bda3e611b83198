"""Boundaries in Chord: how many violations a result names, whom a leaver tells, and one line on a node's training."""

from __future__ import annotations

from typing import Any

import pytest

from roundelay.chord.crawl import WALK_LENGTH_MIN, list_members
from roundelay.chord.effects import Ask, AskAll, Effect, Gather, Procedure, run
from roundelay.chord.errors import ChordError, NodeUnreachable
from roundelay.chord.invariants import VIOLATIONS_SHOWN_MAX, check
from roundelay.chord.node import ChordNode
from roundelay.chord.protocol import leave
from roundelay.chord.refs import NodeRef, vacant
from roundelay.chord.requests import Leaving, TrainingStatus
from roundelay.chord.ring import Ring
from tests.chord.ring_harness import World
from tests.chord.test_invariants import views


@pytest.mark.parametrize("violations", [VIOLATIONS_SHOWN_MAX, VIOLATIONS_SHOWN_MAX + 1])
def test_a_result_counts_only_the_violations_that_it_does_not_name(violations: int) -> None:
    lost = views({member: [1, 3] for member in range(0, 2 * violations, 2)})

    _, holds, detail = check(lost, 2)[0]

    assert not holds
    assert detail.count("has no live successor") == VIOLATIONS_SHOWN_MAX
    assert detail.endswith("; and 1 more") == (violations > VIOLATIONS_SHOWN_MAX)
    assert "and 0 more" not in detail


def told(node: ChordNode) -> list[NodeRef]:
    """Return the nodes that a leaving node tells."""
    asked: list[NodeRef] = []

    def answer(effect: Effect) -> list[None]:
        assert isinstance(effect, AskAll)
        assert all(ask.request == Leaving(node.ref) for ask in effect.asks)
        asked.extend(ask.to for ask in effect.asks if isinstance(ask.to, NodeRef))
        return [None for _ in effect.asks]

    run(leave(node), answer)
    return asked


def test_a_leaver_tells_each_neighbour_once_and_neither_itself_nor_a_placeholder() -> None:
    one, other = NodeRef(8, "eight", 1), NodeRef(12, "twelve", 1)
    node = ChordNode(NodeRef(4, "four", 1), Ring(bits=4, successors=2, replicas=1))

    assert told(node) == []

    node.predecessor, node.successors = one, (other, one)
    assert told(node) == [one, other]

    node.predecessor, node.successors = one, (one, one)
    assert told(node) == [one]

    node.predecessor, node.successors = one, (vacant(6), one)
    assert told(node) == [one]
    assert not node.joined


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (TrainingStatus("job", 2, "train", 1), "round 2: training 1 file"),
        (TrainingStatus("job", 2, "train", 3), "round 2: training 3 files"),
        (TrainingStatus("job", 2, "moments", 0), "round 2: summing the features of 0 files"),
        (TrainingStatus("job", 2, "train", 1, "a", 3, 0.5, 0.75), "round 2, a, epoch 3: accuracy 0.500, loss 0.7500"),
    ],
)
def test_a_training_status_is_one_line(status: TrainingStatus, line: str) -> None:
    assert str(status) == line


def test_before_the_first_epoch_a_training_status_has_no_scores() -> None:
    assert TrainingStatus("job", 1, "train", 1) == TrainingStatus("job", 1, "train", 1, "", 0, 0.0, 0.0)


def list_from(known: list[NodeRef], nodes: dict[NodeRef, ChordNode]) -> tuple[list[NodeRef], int]:
    """List the members of a ring of `nodes`; return them, and how many walks ran side by side."""
    walks = 0

    def perform(effect: Effect) -> Any:
        nonlocal walks
        if isinstance(effect, Gather):
            walks += len(effect.procedures)
            return [attempt(procedure) for procedure in effect.procedures]
        assert isinstance(effect, Ask) and isinstance(effect.to, NodeRef)
        if effect.to not in nodes:
            raise NodeUnreachable(str(effect.to))
        return nodes[effect.to].neighbours()

    def attempt(procedure: Procedure[Any]) -> Any:
        try:
            return run(procedure, perform)
        except ChordError as error:
            return error

    return list(run(list_members(known[0], known), perform)), walks


def test_a_long_known_ring_is_listed_by_several_walks_and_by_one_if_a_walk_fails() -> None:
    world = World(Ring(bits=10, successors=4, replicas=1))
    known = [node.ref for node in world.place(range(0, 6 * WALK_LENGTH_MIN, 2))]
    nodes = dict(world.nodes)

    assert list_from(known, nodes) == (known, 3)

    gone = known[WALK_LENGTH_MIN]  # where the second walk begins
    del nodes[gone]
    members, walks = list_from(known, nodes)
    assert walks == 3
    assert set(members) >= set(known) - {gone}
