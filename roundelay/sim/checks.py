"""What is demanded of a scene: safety at every moment, the proof's predicates, and wholeness."""

from __future__ import annotations

from roundelay.chord.invariants import IDEAL, check, view_of
from roundelay.sim.ideal_ring import IdealRing
from roundelay.sim.observed_ring import ObservedRing


def demand_safety(scene: ObservedRing) -> None:
    """What holds at every moment, however bad the world is."""
    members, granted = scene.members, set(scene.supernode.granted)
    ids = [node.ref.id for node in members]
    scene.demand(len(set(ids)) == len(ids), "two living members have one identifier")
    for node in members:
        scene.demand(len(node.successors) == scene.ring.successors, f"{node.ref} has a list of another length")
        strangers = {node.ref, node.predecessor, *node.successors, *dict.fromkeys(node.fingers)} - granted
        scene.demand(all(s.is_vacant for s in strangers), f"{node.ref} knows a node that never was")


def demand_proved(scene: ObservedRing) -> None:
    """Zave's invariant, and all that it entails."""
    views = [view_of(node) for node in scene.members]
    broken = [f for f in check(views, scene.ring.successors) if not f.holds and f.predicate != IDEAL]
    scene.demand(not broken, "; ".join(f"{f.predicate}: {f.detail}" for f in broken))


def lacks(scene: ObservedRing) -> str:
    """What is missing to a whole ring that the supernode knows, in words; nothing if it is whole.

    (What was lost before healing may still cost a node its lease for a moment.)
    """
    known, members = scene.supernode.members, scene.members
    if missing := ring_lacks(scene):
        return missing
    return "" if len(known) == len(members) else f"the supernode holds {len(known)} of {len(members)} for alive"


def ring_lacks(scene: ObservedRing) -> str:
    """What is missing to one Ideal ring of all machines with all fingers right."""
    members = scene.members
    if len(members) < len(scene.machines):
        return f"{len(scene.machines) - len(members)} of {len(scene.machines)} nodes are no members"
    ideal = check([view_of(node) for node in members], scene.ring.successors)[-1]
    assert ideal.predicate == IDEAL
    if not ideal.holds:
        return ideal.detail
    true = IdealRing(scene.ring, (node.ref for node in members))
    wrong = [node.ref for node in members if node.fingers != true.fingers(node.ref)]
    return f"{len(wrong)} finger tables are wrong, the first is that of {wrong[0]}" if wrong else ""
