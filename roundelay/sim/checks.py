"""Checks of a simulated ring: safety at every moment, the predicates of the proof, and convergence."""

from __future__ import annotations

from roundelay.chord.invariants import IDEAL, check, view_of
from roundelay.sim.ideal_ring import IdealRing
from roundelay.sim.observed_ring import ObservedRing


def check_safety(observed: ObservedRing) -> None:
    """Check what must hold at every moment, whatever the faults."""
    members, granted = observed.members, set(observed.supernode.granted)
    ids = [node.ref.id for node in members]
    observed.require(len(set(ids)) == len(ids), "two live members have the same identifier")
    for node in members:
        has_length = len(node.successors) == observed.ring.successors
        observed.require(has_length, f"{node.ref} has a successor list of the wrong length")
        strangers = {node.ref, node.predecessor, *node.successors, *dict.fromkeys(node.fingers)} - granted
        observed.require(all(s.is_vacant for s in strangers), f"{node.ref} knows a node that never existed")


def check_proved(observed: ObservedRing) -> None:
    """Check Zave's invariant and all that it entails."""
    views = [view_of(node) for node in observed.members]
    broken = [f for f in check(views, observed.ring.successors) if not f.holds and f.predicate != IDEAL]
    observed.require(not broken, "; ".join(f"{f.predicate}: {f.detail}" for f in broken))


def find_deviation(observed: ObservedRing) -> str:
    """Return how the ring or the supernode's list of members deviates from the ideal, or "".

    The list may deviate for a moment: a heartbeat lost before healing may cost a node its lease.
    """
    known, members = observed.supernode.members, observed.members
    if deviation := find_ring_deviation(observed):
        return deviation
    return "" if len(known) == len(members) else f"the supernode knows {len(known)} of {len(members)} members"


def find_ring_deviation(observed: ObservedRing) -> str:
    """Return how the members deviate from one Ideal ring of all machines with correct fingers, or ""."""
    members = observed.members
    if len(members) < len(observed.machines):
        return f"{len(observed.machines) - len(members)} of {len(observed.machines)} nodes are not members"
    ideal = check([view_of(node) for node in members], observed.ring.successors)[-1]
    assert ideal.predicate == IDEAL
    if not ideal.holds:
        return ideal.detail
    true = IdealRing(observed.ring, (node.ref for node in members))
    wrong = [node.ref for node in members if node.fingers != true.fingers(node.ref)]
    return f"{len(wrong)} finger tables are wrong, the first is that of {wrong[0]}" if wrong else ""
