"""Looking at a ring: everybody is met, also in a ring that has fallen in two; silence is told from absence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from roundelay.chord.crawl import crawl_reachable
from roundelay.chord.effects import Ask, AskAll, Procedure, Sleep, resume
from roundelay.chord.errors import NodeUnreachable, NotYet
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetMembers, GetStatus, Members, Status
from roundelay.dashboard.poll import thrifty
from roundelay.dashboard.watcher import JOBS_EVERY_S, SILENT_MAX_S, Watcher, jobs_every_s
from tests.dashboard.sights import RING, SUPERNODE, job, node, sights


class World:
    """Nodes that answer from what they are given here."""

    def __init__(self, *identifiers: int) -> None:
        self.statuses: dict[NodeRef, Status] = {}
        self.supernode = True
        self.heard: list[NodeRef] = []
        self.now = 0.0
        self.form(*identifiers)

    def form(self, *identifiers: int) -> None:
        """These become a ring of their own, beside those that are there."""
        self.statuses |= {sight.ref: sight.status for sight in sights(*identifiers)}

    def answer(self, ask: Ask) -> Any:
        if isinstance(ask.to, NodeRef):
            self.heard.append(ask.to)
        if isinstance(ask.request, GetMembers) and self.supernode:
            return Members(RING, tuple(self.statuses))
        if isinstance(ask.request, GetStatus) and ask.to in self.statuses:
            return self.statuses[ask.to]  # type: ignore[index]
        return NodeUnreachable("nobody is there") if not isinstance(ask.to, NodeRef) else NotYet("not now")

    def run(self, procedure: Procedure[Any], until: Callable[[Any], bool] = lambda effect: False) -> Any:
        """To its end, or to the effect that is waited for."""
        outcome: Any = None
        try:
            while not until(effect := resume(procedure, outcome)):
                if isinstance(effect, AskAll):
                    outcome = [self.answer(ask) for ask in effect.asks]
                else:
                    outcome = self.answer(effect) if isinstance(effect, Ask) else None
        except StopIteration as end:
            return end.value
        return effect


def test_from_one_node_everybody_is_met() -> None:
    world = World(0, 40, 80, 120, 160, 200)

    found = world.run(crawl_reachable([node(0)], 1.0))

    assert set(found) == set(world.statuses)
    assert None not in found.values()


def test_both_halves_of_a_ring_that_has_fallen_in_two_are_met() -> None:
    world = World(0, 80, 160)
    world.form(40, 120, 200)

    assert len(world.run(crawl_reachable([node(0), node(40)], 1.0))) == 6


def watcher(world: World) -> tuple[Watcher, Callable[..., None]]:
    """A watcher, and a function that lets it look once more after some seconds."""
    made = Watcher(SUPERNODE, tuple, lambda: world.now, lambda: world.now)
    watching = made.watch()

    def look(seconds: float = 1.0) -> None:
        world.now += seconds
        world.run(watching, lambda effect: isinstance(effect, Sleep))

    return made, look


def test_a_node_that_is_still_named_is_silent_and_then_gone() -> None:
    world = World(0, 64, 128, 192)
    made, look = watcher(world)
    look()
    del world.statuses[node(64)]

    look()
    assert [sight.answers for sight in made.ring_state.nodes] == [True, False, True, True]

    world.form(0, 128, 192)  # the ring has healed
    look()
    assert [sight.ref.id for sight in made.ring_state.nodes] == [0, 128, 192]
    assert [line.event.kind for line in made.log] == ["joined", "silent", "gone"]


def test_a_silent_node_delays_no_look_and_is_shown_again_when_it_answers() -> None:
    world = World(0, 64, 128, 192)
    made, look = watcher(world)
    asking = made.watch_silent()
    look()
    lost = world.statuses.pop(node(64))
    look()
    asked: list[NodeRef] = []
    world.heard = asked

    look()
    assert node(64) not in asked and [sight.answers for sight in made.ring_state.nodes] == [True, False, True, True]

    world.statuses[node(64)] = lost
    world.run(asking, lambda effect: isinstance(effect, Sleep))
    look()
    assert all(sight.answers for sight in made.ring_state.nodes)
    assert [line.event.kind for line in made.log] == ["joined", "silent", "back"]


def test_a_node_of_which_nothing_is_heard_is_not_shown_for_ever() -> None:
    world = World(0, 128)
    made, look = watcher(world)
    look()
    del world.statuses[node(128)]

    look()
    look(SILENT_MAX_S)

    assert [sight.ref.id for sight in made.ring_state.nodes] == [0]


def test_a_ring_is_seen_without_its_supernode() -> None:
    world = World(0, 128)
    made, look = watcher(world)
    look()
    world.supernode = False

    look()

    assert len(made.ring_state.nodes) == 2
    assert not made.ring_state.supernode_answers


def test_a_look_that_sees_nothing_new_changes_nothing() -> None:
    made, look = watcher(World(0, 128))
    look()
    version = made.version

    look()

    assert made.version == version


def test_of_a_long_job_only_the_last_round_keeps_who_trained_what() -> None:
    seen = thrifty(job(9))

    assert [number for number, report in seen.reports.items() if report.placement] == [9]
    assert seen.results == job(9).results
    assert thrifty(job(0)).reports == {}


def test_a_longer_job_is_looked_at_less_often_and_one_that_has_ended_not_at_all() -> None:
    assert jobs_every_s([job(0)]) == jobs_every_s([job(10, "done")]) == jobs_every_s([]) == JOBS_EVERY_S
    assert jobs_every_s([job(3), job(10, "done")]) < jobs_every_s([job(9)])
