"""Listing the members of a large ring over slow links: known members are starting points of concurrent walks."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from roundelay.chord.crawl import list_members
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation.node_core import Loops
from roundelay.sim.ideal_ring import IdealRing, random_ring
from roundelay.sim.journal import EventJournal
from roundelay.sim.machine import Machine, RingProgram
from roundelay.sim.options import CALM
from roundelay.sim.world import World

NODES = 300
CLIENT = Address("client", 1)


class Answering(RingProgram):
    """A node that only answers."""

    def loops(self) -> Loops:
        return {}


class Large:
    """A ring of NODES, and a client that takes a census."""

    def __init__(self) -> None:
        self.world = World(CALM, EventJournal())
        self.true: IdealRing = random_ring(Ring(160, 8, 3), NODES, random.Random(1))
        self.machines = {
            node.ref: Machine(self.world, node.ref.address, Address("nobody", 1), Answering)
            for node in self.true.nodes()
        }
        for node in self.true.nodes():
            self.machines[node.ref].adopt(node)
        self.client = self.world.start(CLIENT)

    def census(self, known: Sequence[NodeRef] = ()) -> tuple[list[NodeRef], float]:
        """Whom it has met, and the seconds that it took."""
        ended: list[Any] = []
        living = next(ref for ref in self.true.refs if self.machines[ref].is_up)
        began = self.world.clock.now
        self.world.run(self.client, "census", list_members(living, known), ended.append)
        self.world.clock.run_while(lambda: not ended, began + 600.0)
        assert isinstance(ended[0], tuple), ended
        return list(ended[0]), self.world.clock.now - began


def test_known_members_let_concurrent_walks_list_the_ring_in_a_fraction_of_the_time() -> None:
    ring = Large()

    first, alone_s = ring.census()
    again, seconds = ring.census(first)

    assert first == again == ring.true.refs
    assert seconds < alone_s / 5


def test_members_that_are_not_yet_known_are_listed() -> None:
    ring = Large()

    met, _ = ring.census(ring.true.refs[::3])

    assert met == ring.true.refs


def test_a_dead_starting_point_does_not_hide_other_members() -> None:
    ring = Large()
    gone = ring.true.refs[0]
    ring.machines[gone].crash()

    met, _ = ring.census(ring.true.refs)

    assert set(ring.true.refs) - set(met) <= {gone}


def test_a_node_that_died_within_a_walk_is_skipped() -> None:
    ring = Large()
    for ref in ring.true.refs[3:6]:
        ring.machines[ref].crash()

    met, seconds = ring.census(ring.true.refs)

    assert set(met) >= set(ring.true.refs) - set(ring.true.refs[3:6])
    assert seconds < 3.0
