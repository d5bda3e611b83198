"""Proximity neighbour selection: each finger is the nearest of the first few nodes of its interval.

A finger may be any node of its interval, at the cost of at most one more hop (K. Gummadi et al., The impact of DHT
routing geometry on resilience and proximity, SIGCOMM 2003). Lookups then pass through near nodes, and a tree over the
fingers has near edges. Off by default: see `ChordNode.finger_candidates`.
"""

from __future__ import annotations

from collections.abc import Sequence

from roundelay.chord.effects import CALL_TIMEOUT_S, Procedure, ask_all, round_trips_to
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours


def choose_near_finger(node: ChordNode, number: int, known: Sequence[NodeRef]) -> Procedure[NodeRef]:
    """Return the nearest of the first nodes of a finger's interval, by measured round trips.

    known: the owner of the interval's start, and nodes after it. Nodes that were never measured are asked once.
    """
    ring, me = node.ring, node.ref
    start, length = ring.finger_start(me.id, number), 1 << number
    inside = [peer for peer in dict.fromkeys(known) if ring.distance(start, peer.id) < length]
    live = [peer for peer in inside if not node.failure_detector.is_dead(peer)][: node.finger_candidates]
    if len(live) < 2:
        return known[0]
    trips = yield from round_trips_to(live)
    unknown = [peer for peer in live if peer not in trips]
    if unknown:
        yield from ask_all([(peer, GetNeighbours()) for peer in unknown], deadline_s=CALL_TIMEOUT_S)
        trips = yield from round_trips_to(live)
    return min(live, key=lambda peer: trips.get(peer, float("inf")))
