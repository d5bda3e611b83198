"""The ring predicates: each is violated by the state that it names, and agrees with its definition."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.chord.invariants import ENTAILED, IDEAL, INVARIANT, check
from roundelay.chord.refs import NodeRef, vacant
from roundelay.chord.ring import Ring, between
from roundelay.chord.snapshot import NodeView, Snapshot, view_of
from tests.chord.ring_harness import World
from tests.hypothesis_profiles import examples


def ref(identifier: int, incarnation: int = 1) -> NodeRef:
    return NodeRef(identifier, "host", identifier, incarnation)


def views(lists: dict[int, list[int]], predecessors: dict[int, int] | None = None) -> list[NodeView]:
    """Return views by identifiers; a node that is not a key is dead."""
    return [
        NodeView(ref(m), ref((predecessors or {}).get(m, m)), tuple(map(ref, successors)))
        for m, successors in lists.items()
    ]


def broken(snapshot: list[NodeView], successors: int) -> set[str]:
    return {name for name, holds, _ in check(snapshot, successors) if not holds and name != IDEAL}


@pytest.mark.parametrize("nodes", range(1, 12))
@pytest.mark.parametrize("successors", [1, 2, 3, 8])
def test_an_ideal_ring_of_any_size_satisfies_every_predicate(nodes: int, successors: int) -> None:
    world = World(Ring(bits=8, successors=successors, replicas=1))
    world.place(range(3, 20 * nodes, 20))

    assert [f for f in check(world.views, successors) if not f.holds] == []


def test_a_ring_too_small_for_the_proof_is_reported_as_such() -> None:
    world = World(Ring(bits=8, successors=8))
    world.place([3, 70, 140, 200])

    assert check(world.views, 8)[1] == ("SufficientPrincipals", True, "not evaluated: the proof requires 9 nodes")


IDEAL_5 = {0: [2, 4], 2: [4, 6], 4: [6, 8], 6: [8, 0], 8: [0, 2]}


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({0: [1, 3]}, "OneLiveSuccessor"),
        ({0: [4, 6], 2: [6, 8], 4: [8, 0]}, "SufficientPrincipals"),
        ({0: [2, 2]}, "NoDuplicates"),
        ({0: [4, 2]}, "OrderedSuccessorLists"),
        ({8: [9, 10]}, "PrincipalsAreRingMembers"),
        ({0: [1, 3], 2: [1, 3], 4: [1, 3], 6: [1, 3], 8: [1, 3]}, "AtLeastOneRing"),
        ({0: [4, 8], 4: [0, 4], 2: [6, 8], 6: [2, 4], 8: [2, 4]}, "AtMostOneRing"),
        ({0: [4, 6], 4: [2, 6], 2: [6, 8]}, "OrderedRing"),
        ({1: [3, 5]}, "ConnectedAppendages"),
    ],
)
def test_each_predicate_reports_its_own_violation(changed: dict[int, list[int]], wanted: str) -> None:
    assert broken(views(IDEAL_5), 2) == set()

    assert wanted in broken(views(IDEAL_5 | changed), 2)


def test_a_wrong_predecessor_violates_only_ideal() -> None:
    world = World(Ring(bits=4, successors=2, replicas=1))
    world.place(IDEAL_5)
    world.nodes[ref(4)].predecessor = ref(0)

    name, holds, detail = check(world.views, 2)[-1]
    assert (name, holds, detail) == (IDEAL, False, "host:4 has host:0 for predecessor")
    assert broken(world.views, 2) == set()


def test_a_result_names_the_nodes_and_stays_short() -> None:
    everybody_lost = views({m: [1, 3] for m in range(0, 40, 2)})

    finding = check(everybody_lost, 2)[0]
    assert finding.detail.startswith("host:0 has no live successor; host:2 has")
    assert finding.detail.endswith("; and 16 more")


def test_a_list_that_names_an_earlier_incarnation_of_a_member_passes_over_it() -> None:
    restarted = [NodeView(ref(m, 2 if m == 4 else 1), ref(m), tuple(map(ref, s))) for m, s in IDEAL_5.items()]

    assert ref(4, 2) not in Snapshot(restarted, 2).principals
    assert len(Snapshot(restarted, 2).principals) == 4


def test_a_placeholder_at_a_members_identifier_does_not_pass_over_it() -> None:
    padded = [
        NodeView(v.node, v.predecessor, (v.successors[0], vacant(4)) if v.node.id == 0 else v.successors)
        for v in views(IDEAL_5)
    ]

    assert len(Snapshot(padded, 2).principals) == 5


def test_a_small_ring_is_judged_up_to_where_its_lists_close() -> None:
    formed = views({0: [2, 4, 0, 0], 2: [4, 0, 2, 2], 4: [0, 2, 4, 4]})
    assert broken(formed, 4) == set()

    unaware = views({0: [2, 0, 0, 0], 2: [0, 2, 2, 2], 4: [0, 2, 4, 4]})
    assert Snapshot(unaware, 4).principals == {ref(0), ref(2)}

    apart = views({0: [0, 0, 0, 0], 2: [4, 2, 2, 2], 4: [2, 4, 4, 4]})
    assert broken(apart, 4) == {"AtMostOneRing", "OrderedRing"}


def test_two_lone_nodes_are_two_rings_and_one_is_one() -> None:
    assert broken(views({3: [3, 3]}), 2) == set()
    assert "AtMostOneRing" in broken(views({3: [3, 3], 5: [5, 5]}), 2)


IDS = st.integers(0, 11)
LISTS = st.dictionaries(IDS, st.lists(IDS, min_size=3, max_size=3), min_size=4, max_size=7)


@examples(200)
@given(LISTS)
def test_the_linear_time_checks_agree_with_the_definitions(lists: dict[int, list[int]]) -> None:
    """Each predicate is spelt out as in Zave's model, over arbitrary states of 4 to 7 members."""
    extended = {m: [m, *tail] for m, tail in lists.items()}
    best = {m: next((x for x in tail if x in lists), None) for m, tail in lists.items()}
    reach = {m: _reachable(m, best) for m in lists}
    in_ring = {m for m in lists if m in reach[m]}
    skipping_none = {p for p in lists if not any(between(a, p, b) for e in extended.values() for a, b in pairwise(e))}

    reported = {name: holds for name, holds, _ in check(views(lists), 3)}

    assert reported["OneLiveSuccessor"] == all(b is not None for b in best.values())
    assert reported["SufficientPrincipals"] == (len(skipping_none) >= 4)
    assert reported["NoDuplicates"] == all(len(set(e)) == 4 for e in extended.values())
    assert reported["OrderedSuccessorLists"] == all(
        between(x, y, z) for e in extended.values() for x, y, z in combinations(e, 3)
    )
    assert reported["PrincipalsAreRingMembers"] == (skipping_none <= in_ring)
    assert reported["AtLeastOneRing"] == bool(in_ring)
    assert reported["AtMostOneRing"] == all(a in reach[b] for a in in_ring for b in in_ring)
    assert reported["OrderedRing"] == all(
        not between(a, c, b) for a in in_ring if (b := best[a]) is not None for c in in_ring if c not in (a, b)
    )
    assert reported["ConnectedAppendages"] == all(reach[m] & in_ring for m in lists if m not in in_ring)


def _reachable(start: int, best: dict[int, int | None]) -> set[int]:
    seen: set[int] = set()
    here = best[start]
    while here is not None and here not in seen:
        seen.add(here)
        here = best[here]
    return seen


def test_all_predicates_are_evaluated_on_a_ring_of_a_thousand() -> None:
    world = World(Ring(bits=32, successors=8))
    world.place(range(0, 1 << 32, (1 << 32) // 1000))

    findings = check([view_of(n) for n in world.members], 8)

    assert all(f.holds for f in findings)
    assert [f.predicate for f in findings] == [*INVARIANT, *ENTAILED, IDEAL]
