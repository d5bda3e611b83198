"""stabilize, rectify, fix_fingers and probe, one situation at a time."""

from __future__ import annotations

from typing import Any

import pytest

from roundelay.chord import protocol
from roundelay.chord.effects import Ask, AskAll, Sleep, run
from roundelay.chord.errors import Busy, ChordError, NodeUnreachable, NotYet, PeerFault
from roundelay.chord.node import ChordNode
from roundelay.chord.probe import probe
from roundelay.chord.refs import NodeRef, vacant
from roundelay.chord.requests import Leaving, Neighbourhood, Notify, Nudge
from roundelay.chord.ring import Ring
from tests.chord.ring_harness import Mail, World, refusing


def ring_of(*identifiers: int, successors: int = 3) -> World:
    world = World(Ring(bits=5, successors=successors, replicas=1))
    world.place(identifiers)
    return world


def ids(nodes: tuple[NodeRef, ...]) -> list[int]:
    return [n.id for n in nodes]


def member(world: World, identifier: int) -> ChordNode:
    node = world.live(identifier)
    assert node is not None
    return node


def stabilize(world: World, identifier: int) -> Any:
    node = member(world, identifier)
    return world.run(node.ref, "stabilize", protocol.stabilize(node))


def joined_between(world: World, before: ChordNode, identifier: int) -> ChordNode:
    joiner = world.start(identifier)
    world.run(joiner.ref, "join", protocol.join(joiner, before.ref))
    return joiner


# --- stabilize


def test_an_ideal_ring_does_not_change() -> None:
    world = ring_of(0, 8, 16, 24)
    before = world.views

    assert not any(stabilize(world, i) for i in (0, 8, 16, 24))
    world.drain()
    assert world.views == before


def test_the_ring_learns_of_a_joiner_when_it_stabilizes() -> None:
    world = ring_of(0, 8, 16, 24)
    joiner = joined_between(world, member(world, 0), 4)
    assert ids(joiner.successors) == [8, 16, 24]
    assert ids(member(world, 0).successors) == [8, 16, 24]

    stabilize(world, 4)
    world.drain()

    assert member(world, 8).predecessor == joiner.ref
    assert member(world, 0).nudged
    stabilize(world, 0)
    assert ids(member(world, 0).successors) == [4, 8, 16]


def test_a_candidate_that_does_not_answer_is_not_adopted() -> None:
    world = ring_of(0, 8, 16, 24)
    joiner = joined_between(world, member(world, 0), 4)
    stabilize(world, 4)
    world.drain()
    world.crash(joiner.ref)

    stabilize(world, 0)
    assert ids(member(world, 0).successors) == [8, 16, 24]
    world.drain()
    assert member(world, 8).predecessor.id == 0


@pytest.mark.parametrize("candidate", [vacant(4), NodeRef(0, "host", 0, 7), NodeRef(8, "host", 8, 7)])
def test_a_candidate_that_does_not_lie_between_is_not_asked(candidate: NodeRef) -> None:
    world = ring_of(0, 8, 16, 24)
    member(world, 8).predecessor = candidate

    before = world.asked
    stabilize(world, 0)
    assert world.asked == before + 1


def test_one_stabilization_skips_dead_successors_and_notifies_the_next() -> None:
    world = ring_of(0, 4, 8, 12, 16)
    for dead in (4, 8):
        world.crash(member(world, dead).ref)

    assert stabilize(world, 0)
    assert ids(member(world, 0).successors)[:2] == [12, 16]
    assert Mail(member(world, 0).ref, member(world, 12).ref, Notify(member(world, 0).ref)) in world.mail


def test_a_successor_is_notified_only_while_it_names_another_predecessor() -> None:
    world = ring_of(0, 8, 16, 24)
    stabilize(world, 0)
    assert not world.mail, "the ring is ideal"

    member(world, 8).predecessor = member(world, 24).ref
    stabilize(world, 0)
    assert Mail(member(world, 0).ref, member(world, 8).ref, Notify(member(world, 0).ref)) in world.mail


def test_a_successor_list_keeps_its_length_whatever_dies() -> None:
    world = ring_of(0, 4, 8, 12, 16)
    for dead in (4, 8, 12):
        world.crash(member(world, dead).ref)

    stabilize(world, 0)
    assert len(member(world, 0).successors) == 3


def test_a_node_without_live_successors_continues_with_its_nearest_finger() -> None:
    world = World(Ring(bits=10, successors=2, replicas=1))
    world.place(range(0, 1024, 16), fingers=True)
    for dead in (16, 32):
        world.crash(member(world, dead).ref)

    stabilize(world, 0)
    assert ids(member(world, 0).successors) == [48, 64], "found by finger 64, of 64, 128, 256 and 512"
    assert world.settle(12) <= 12


def test_a_node_without_successors_and_fingers_continues_with_its_predecessor() -> None:
    world = ring_of(0, 10, 20, successors=1)
    world.crash(member(world, 10).ref)

    stabilize(world, 0)
    assert ids(member(world, 0).successors) == [20]


def test_the_last_node_is_a_ring_of_its_own() -> None:
    world = ring_of(0, 10)
    world.crash(member(world, 10).ref)

    stabilize(world, 0)
    assert world.is_ideal()
    assert world.mail == [], "it has nobody to tell"


@pytest.mark.parametrize("identifiers", [(5,), (5, 9), (5, 9, 30)])
def test_a_stable_small_ring_asks_each_successor_once_and_itself_nothing(identifiers: tuple[int, ...]) -> None:
    world = ring_of(*identifiers, successors=8)

    before = world.asked
    for i in identifiers:
        stabilize(world, i)
    assert world.asked - before == (len(identifiers) if len(identifiers) > 1 else 0)
    world.drain()
    assert world.is_ideal()


def test_the_answer_of_a_replaced_successor_is_not_applied() -> None:
    world = ring_of(0, 8, 16, 24)
    node = member(world, 0)
    task = world.begin(node.ref, "stabilize", protocol.stabilize(node))
    world.arrive(task)
    node.set_successors(member(world, 16).ref, member(world, 16).successors)

    world.land(task)
    assert node.successor.id == 16
    world.finish(task)
    assert node.successor.id == 8, "and found again as the predecessor of the new one"


def test_the_death_of_a_replaced_successor_does_not_affect_the_new_one() -> None:
    world = ring_of(0, 8, 16, 24)
    node, joiner = member(world, 0), joined_between(world, member(world, 0), 4)
    dead = member(world, 8).ref
    world.crash(dead)
    task = world.begin(node.ref, "stabilize", protocol.stabilize(node))
    while not node.failure_detector.is_suspect(dead):
        world.step(task)
    node.set_successors(joiner.ref, joiner.successors)

    world.finish(task)
    assert node.successor == joiner.ref


def test_a_candidates_answer_is_not_applied_after_the_successor_has_changed() -> None:
    world = ring_of(0, 8, 16, 24)
    joined_between(world, member(world, 0), 4)
    stabilize(world, 4)
    world.drain()
    node = member(world, 0)
    task = world.begin(node.ref, "stabilize", protocol.stabilize(node))
    world.step(task)
    world.arrive(task)
    node.set_successors(member(world, 16).ref, member(world, 16).successors)

    world.land(task)
    assert node.successor.id == 16


def test_a_busy_successor_is_alive() -> None:
    world = ring_of(0, 8, 16, 24)
    world.overrides[member(world, 8).ref] = refusing(Busy("full"))

    assert not stabilize(world, 0)
    assert member(world, 0).successor.id == 8
    assert not member(world, 0).failure_detector.is_suspect(member(world, 8).ref)
    assert len(world.mail) == 1, "it is told all the same"


def test_a_busy_node_further_down_the_list_is_alive() -> None:
    world = ring_of(0, 8, 16, 24)
    world.overrides[member(world, 16).ref] = refusing(Busy("full"))
    world.crash(member(world, 8).ref)

    stabilize(world, 0)
    assert not member(world, 0).failure_detector.is_dead(member(world, 16).ref)
    assert member(world, 0).successor.id == 16


@pytest.mark.parametrize("error", [NodeUnreachable("silent"), PeerFault("broken")])
def test_a_successor_that_never_answers_is_dropped(error: ChordError) -> None:
    world = ring_of(0, 8, 16, 24)
    world.overrides[member(world, 8).ref] = refusing(error)

    stabilize(world, 0)
    assert ids(member(world, 0).successors)[:2] == [16, 24]


def test_a_successor_that_answers_after_two_timeouts_is_kept() -> None:
    world = ring_of(0, 8, 16, 24)
    node, head = member(world, 0), member(world, 8).ref
    world.overrides[head] = refusing(NodeUnreachable("silent"))
    task = world.begin(node.ref, "stabilize", protocol.stabilize(node))
    for _ in range(3):  # question, pause, question
        world.step(task)
    assert node.failure_detector.is_suspect(head)

    world.overrides.clear()
    world.finish(task)
    assert node.successor == head
    assert not node.failure_detector.is_suspect(head)


def test_a_restarted_successor_is_another_node() -> None:
    world = ring_of(0, 8, 16, 24)
    old = member(world, 8).ref
    world.crash(old)
    world.start(8)

    asked = world.asked
    stabilize(world, 0)
    assert member(world, 0).failure_detector.is_dead(old)
    assert ids(member(world, 0).successors) == [16, 24, 0]
    assert world.asked - asked <= 3, "its new life is a death certificate: no second question"


def test_a_node_that_has_left_is_dead_to_its_neighbours() -> None:
    world = ring_of(0, 8, 16, 24)
    leaver = member(world, 8)
    leaver.joined = False

    stabilize(world, 0)
    assert member(world, 0).successor.id == 16
    assert member(world, 0).failure_detector.is_dead(leaver.ref)


def test_a_node_that_left_sends_nothing_more() -> None:
    world = ring_of(0, 8, 16, 24)
    leaver = member(world, 8)
    task = world.begin(leaver.ref, "stabilize", protocol.stabilize(leaver))
    world.run(leaver.ref, "leave", protocol.leave(leaver))

    world.finish(task)
    assert not [m for m in world.mail if isinstance(m.request, Notify)]


def test_both_neighbours_close_the_gap_of_a_leaving_node_without_timeouts() -> None:
    world = ring_of(0, 8, 16, 24)
    leaver = member(world, 8)
    world.run(leaver.ref, "leave", protocol.leave(leaver))
    assert member(world, 0).failure_detector.is_dead(leaver.ref)
    assert member(world, 0).nudged
    world.crash(leaver.ref)

    assert world.settle(3) <= 3
    assert ids(member(world, 0).successors) == [16, 24, 0]


def test_successors_marked_dead_by_mistake_are_probed_again() -> None:
    world = ring_of(0, 8, 16, 24)
    node, third = member(world, 0), member(world, 16).ref
    node.failure_detector.mark_dead(third)
    assert third not in node.live_successors()

    stabilize(world, 0)
    assert third in node.live_successors()


# --- rectify


def rectify(world: World, identifier: int, sender: NodeRef) -> Any:
    node = member(world, identifier)
    return world.run(node.ref, "rectify", protocol.rectify(node, sender))


def test_a_nearer_predecessor_is_adopted_and_the_old_one_nudged() -> None:
    world = ring_of(0, 8, 16, 24)
    joiner = joined_between(world, member(world, 0), 4)

    assert rectify(world, 8, joiner.ref)
    assert [type(m.request) for m in world.mail] == [Nudge]
    assert not rectify(world, 8, joiner.ref), "a second notification changes nothing"


def test_the_first_to_join_a_lone_node_nudges_it() -> None:
    world = ring_of(0)
    joiner = joined_between(world, member(world, 0), 4)

    assert rectify(world, 0, joiner.ref)
    assert member(world, 0).nudged


def test_a_farther_predecessor_is_adopted_only_when_the_old_one_is_dead() -> None:
    world = ring_of(0, 8, 16, 24)
    assert not rectify(world, 16, member(world, 0).ref)
    assert member(world, 16).predecessor.id == 8

    world.crash(member(world, 8).ref)
    assert rectify(world, 16, member(world, 0).ref)
    assert member(world, 16).predecessor.id == 0


def test_a_busy_predecessor_is_alive() -> None:
    world = ring_of(0, 8, 16, 24)
    world.overrides[member(world, 8).ref] = refusing(Busy("full"))

    assert not rectify(world, 16, member(world, 0).ref)
    assert member(world, 16).predecessor.id == 8


def test_a_late_notification_of_a_dead_node_does_not_make_it_the_predecessor() -> None:
    world = ring_of(0, 8, 16, 24)
    dead = member(world, 8).ref
    world.crash(dead)
    stabilize(world, 0)
    world.drain()
    assert member(world, 16).predecessor.id == 0

    assert not rectify(world, 16, dead)
    assert member(world, 16).predecessor.id == 0
    assert member(world, 16).failure_detector.is_dead(dead)


def test_a_node_marked_dead_by_mistake_is_adopted_once_it_answers() -> None:
    world = ring_of(0, 8, 16, 24)
    node, wronged = member(world, 16), member(world, 8).ref
    node.failure_detector.mark_dead(wronged)
    node.predecessor = member(world, 0).ref

    assert rectify(world, 16, wronged)
    assert not node.failure_detector.is_dead(wronged)


def test_a_placeholder_is_not_adopted_as_predecessor() -> None:
    world = ring_of(0, 8, 16, 24)

    assert not rectify(world, 16, vacant(12))
    assert member(world, 16).predecessor.id == 8


def test_a_nearer_predecessor_adopted_meanwhile_stays() -> None:
    world = ring_of(0, 8, 16, 24)
    node = member(world, 16)
    world.crash(member(world, 8).ref)
    task = world.begin(node.ref, "rectify 0", protocol.rectify(node, member(world, 0).ref))
    nearer = world.start(12)
    node.predecessor = nearer.ref

    assert world.finish(task) is False
    assert node.predecessor == nearer.ref


# --- fix_fingers


def test_fingers_are_found_and_found_again_after_a_failure() -> None:
    world = ring_of(0, 8, 16, 24)
    node = member(world, 0)
    assert world.run(node.ref, "fix_fingers", protocol.fix_fingers(node))
    assert ids(node.fingers) == [8, 8, 8, 8, 16]
    assert not world.run(node.ref, "fix_fingers", protocol.fix_fingers(node))

    world.crash(member(world, 16).ref)
    world.settle(8)
    world.run(node.ref, "fix_fingers", protocol.fix_fingers(node))
    assert ids(node.fingers) == [8, 8, 8, 8, 24]


def test_a_finger_that_still_owns_its_start_costs_one_request_and_no_lookup() -> None:
    world = ring_of(0, 4, 8, 12, 16, 20, 24, 28, successors=1)
    node = member(world, 0)
    world.run(node.ref, "fix_fingers", protocol.fix_fingers(node))
    assert ids(node.fingers) == [4, 4, 4, 8, 16]

    before = world.asked
    world.run(node.ref, "fix_fingers", protocol.fix_fingers(node))
    assert world.asked - before == 2, "8 and 16; the successor's fingers cost nothing"


def test_a_finger_that_no_longer_owns_its_start_is_looked_up() -> None:
    world = ring_of(0, 8, 24, successors=1)
    node = member(world, 0)
    world.run(node.ref, "fix_fingers", protocol.fix_fingers(node))
    assert node.fingers[4].id == 24
    joined_between(world, member(world, 8), 18)
    world.settle(5)

    assert world.run(node.ref, "fix_fingers", protocol.fix_fingers(node))
    assert node.fingers[4].id == 18


def test_a_timeout_in_a_finger_lookup_counts() -> None:
    world = ring_of(0, 8, 12, 20, 24, successors=2)
    node, silent = member(world, 0), member(world, 12).ref
    world.overrides[silent] = refusing(NodeUnreachable("silent"))

    for _ in range(2):
        node.set_fingers((node.ref,) * 5)
        world.run(node.ref, "fix_fingers", protocol.fix_fingers(node))
    assert node.failure_detector.is_suspect(silent)


def test_a_finger_that_others_route_to_is_not_dead_forever() -> None:
    world = ring_of(0, 8, 16, 24, successors=1)
    node, wronged = member(world, 0), member(world, 16).ref
    node.failure_detector.mark_dead(wronged)

    world.run(node.ref, "fix_fingers", protocol.fix_fingers(node))
    assert node.fingers[4] == wronged
    assert not node.failure_detector.is_dead(wronged)


# --- question


def test_a_suspect_is_probed_again_together_with_the_whole_list() -> None:
    world = ring_of(0, 8, 16, 24)
    node = member(world, 0)
    procedure = probe(node, member(world, 8).ref)

    first = next(procedure)
    assert isinstance(first, Ask)
    assert first.to == member(world, 8).ref
    assert isinstance(procedure.throw(NodeUnreachable("silent")), Sleep)
    second = procedure.send(None)
    assert isinstance(second, AskAll)
    assert [a.to for a in second.asks] == [member(world, i).ref for i in (8, 16, 24)]


def test_detecting_a_vanished_host_takes_three_timeouts_and_two_pauses() -> None:
    """Its silent neighbours are detected in the same time: 3.2 s with a timeout of 1 s."""
    world = ring_of(0, 8, 16, 24)
    node = member(world, 0)
    silence_s = 0.0

    def perform(effect: Sleep | Ask | AskAll) -> Any:
        nonlocal silence_s
        if isinstance(effect, Sleep):
            silence_s += effect.seconds
            return None
        if isinstance(effect, AskAll):
            silence_s += effect.deadline_s
            return [NodeUnreachable("silent") for _ in effect.asks]
        silence_s += effect.timeout_s
        return NodeUnreachable("silent")

    with pytest.raises(NodeUnreachable):
        run(probe(node, member(world, 8).ref), perform)

    assert silence_s == pytest.approx(3.2)
    assert node.failure_detector.is_suspect(member(world, 16).ref)


def test_a_node_knows_its_own_neighbours_without_asking() -> None:
    node = member(ring_of(0, 8, 16, 24), 0)

    with pytest.raises(StopIteration) as end:
        next(probe(node, node.ref))
    assert end.value.value == Neighbourhood(node.predecessor, node.successors)


def test_a_node_that_has_not_joined_answers_not_yet() -> None:
    node = World(Ring(bits=5, successors=3)).start(3)

    for question in (node.neighbours, lambda: node.next_hop(1, frozenset())):
        with pytest.raises(NotYet):
            question()


def test_a_leaving_node_tells_each_neighbour_once() -> None:
    world = ring_of(0, 8, successors=3)
    effect = next(protocol.leave(member(world, 0)))

    assert isinstance(effect, AskAll)
    assert [(a.to, a.request) for a in effect.asks] == [(member(world, 8).ref, Leaving(member(world, 0).ref))]
