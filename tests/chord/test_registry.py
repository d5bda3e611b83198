"""The registry: identifiers, incarnations, bootstraps and leases."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.chord.effects import AskAll, run
from roundelay.chord.errors import JoinRefused, NodeUnreachable, NotYet
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.registry import NODE_LEASE_S, Registry, find_members
from roundelay.chord.requests import Grant, Hello
from roundelay.chord.ring import Ring
from tests.hypothesis_profiles import examples


def address(port: int) -> Address:
    return Address("host", port)


def membership(bits: int = 160, assign: str = "balanced", chosen: Sequence[int] = ()) -> tuple[Registry, list[NodeRef]]:
    journal: list[NodeRef] = []
    ring = Ring(bits=bits, successors=8, replicas=3)
    return Registry(ring, random.Random(0), journal.append, assign, chosen), journal


def enter(supernode: Registry, port: int, now: float = 0.0) -> Grant:
    """Admit a node and let it join."""
    grant = supernode.admit(address(port), now)
    supernode.renew(grant.node, now)
    return grant


def arcs(identifiers: Iterable[int], size: int) -> list[int]:
    ordered = sorted(identifiers)
    return [b - a for a, b in pairwise((*ordered, ordered[0] + size))]


# --- identifiers


@pytest.mark.parametrize("assign", ["balanced", "hash"])
@pytest.mark.parametrize("bits", [5, 160])
def test_no_two_addresses_have_one_identifier(assign: str, bits: int) -> None:
    supernode, _ = membership(bits, assign)

    identifiers = {enter(supernode, 8000 + i).node.id for i in range(32)}

    assert len(identifiers) == 32
    assert all(0 <= i < 1 << bits for i in identifiers)


@examples(60)
@given(st.integers(1, 100))
def test_balanced_arcs_stay_within_a_factor_of_two_while_nodes_only_join(nodes: int) -> None:
    supernode, _ = membership(bits=32)

    lengths = arcs((enter(supernode, i).node.id for i in range(nodes)), 1 << 32)

    assert max(lengths) <= 2 * min(lengths)


def test_a_full_ring_refuses_another_node_and_records_nothing() -> None:
    supernode, journal = membership(bits=3, assign="hash")
    for i in range(8):
        enter(supernode, i)

    with pytest.raises(JoinRefused, match="all 8 identifiers"):
        supernode.admit(address(8), 0.0)
    assert len(journal) == 8
    assert address(8) not in supernode.addresses()


def test_hash_is_the_key_of_the_address_or_the_next_free_one() -> None:
    supernode, _ = membership(assign="hash")
    assert enter(supernode, 8001).node.id == supernode.ring.key("host:8001")

    small, _ = membership(bits=3, assign="hash")
    wanted = [small.ring.key(str(address(i))) for i in range(8)]
    got = [enter(small, i).node.id for i in range(8)]
    assert sorted(got) == list(range(8))
    assert got[0] == wanted[0]


def test_chosen_identifiers_are_assigned_in_order_and_then_the_usual_ones() -> None:
    supernode, _ = membership(bits=3, chosen=(0, 1, 3))

    identifiers = [enter(supernode, i).node.id for i in range(4)]
    assert identifiers[:3] == [0, 1, 3]
    assert identifiers[3] == 5, "the middle of the largest gap, from 3 to 0"


# --- lives


def test_an_address_keeps_its_identifier_and_each_start_is_a_new_incarnation() -> None:
    supernode, journal = membership()
    first = enter(supernode, 8001).node
    enter(supernode, 8002)

    again = enter(supernode, 8001).node

    assert (again.id, again.incarnation) == (first.id, first.incarnation + 1)
    assert [n.incarnation for n in journal if n.address == first.address] == [1, 2]


def test_a_grant_is_recorded_before_it_is_returned() -> None:
    def refuse(_: NodeRef) -> None:
        raise OSError("disk full")

    supernode = Registry(Ring(), random.Random(0), refuse)
    with pytest.raises(OSError, match="disk full"):
        supernode.admit(address(8001), 0.0)
    assert supernode.addresses() == []


def test_an_earlier_incarnation_is_refused() -> None:
    supernode, _ = membership()
    old = enter(supernode, 8001).node
    new = supernode.admit(address(8001), 1.0).node

    with pytest.raises(JoinRefused, match="later incarnation: 2"):
        supernode.renew(old, 1.0)
    supernode.retire(old)
    supernode.renew(new, 1.0)
    assert supernode.members(1.0).nodes == (new,)


def test_a_living_node_gets_its_address_back_when_an_incarnation_that_a_stranger_asked_for_has_lapsed() -> None:
    supernode, _ = membership()
    alive = enter(supernode, 8001).node
    stranger = supernode.admit(address(8001), 1.0).node

    supernode.renew(alive, 1.0 + NODE_LEASE_S)

    assert supernode.members(1.0 + NODE_LEASE_S).nodes == (alive,)
    assert supernode.admit(address(8001), 30.0).node.incarnation == stranger.incarnation + 1


def test_a_restarted_supernode_grants_no_incarnation_twice() -> None:
    supernode, journal = membership()
    alive = enter(supernode, 8001).node
    stranger = supernode.admit(address(8001), 1.0).node
    supernode.renew(alive, 1.0 + NODE_LEASE_S)

    restarted, _ = membership()
    for node in journal:
        restarted.recall(node)

    assert restarted.admit(address(8001), 30.0).node.incarnation == stranger.incarnation + 1


def test_a_node_that_left_is_not_a_member_but_keeps_its_identifier() -> None:
    supernode, _ = membership(bits=4)
    gone = enter(supernode, 8001).node
    supernode.retire(gone)

    assert supernode.members(0.0).nodes == ()
    others = {enter(supernode, 8100 + i).node.id for i in range(15)}
    assert gone.id not in others
    assert supernode.admit(address(8001), 0.0).node.id == gone.id


# --- the way in


def test_the_second_node_waits_until_the_first_has_created_the_ring() -> None:
    supernode, journal = membership()
    founder = supernode.admit(address(8001), 0.0)
    assert founder.bootstrap is None

    with pytest.raises(NotYet, match="host:8001 is founding the ring"):
        supernode.admit(address(8002), 0.1)
    assert len(journal) == 1, "who is put off has been promised nothing"

    supernode.renew(founder.node, 0.2)
    assert supernode.admit(address(8002), 0.3).bootstrap == founder.node


def test_a_founder_without_heartbeats_is_replaced() -> None:
    supernode, _ = membership()
    supernode.admit(address(8001), 0.0)

    assert supernode.admit(address(8002), NODE_LEASE_S + 0.1).bootstrap is None


def test_a_founder_that_starts_again_founds_again() -> None:
    supernode, _ = membership()
    supernode.admit(address(8001), 0.0)

    again = supernode.admit(address(8001), 0.1)
    assert again.bootstrap is None
    assert again.node.incarnation == 2


def test_the_bootstrap_is_any_other_live_member() -> None:
    supernode, _ = membership()
    nodes = [enter(supernode, 8000 + i).node for i in range(4)]

    ways = {supernode.admit(address(9000 + i), 0.0).bootstrap for i in range(60)}
    assert ways == set(nodes)
    assert supernode.admit(address(8000), 0.0).bootstrap != nodes[0]


def test_a_lease_that_is_not_renewed_ends() -> None:
    supernode, _ = membership()
    silent, talking = enter(supernode, 8001).node, enter(supernode, 8002).node
    supernode.renew(talking, NODE_LEASE_S - 1)

    assert supernode.members(NODE_LEASE_S - 0.1).nodes == tuple(sorted((silent, talking), key=lambda n: n.id))
    assert supernode.members(NODE_LEASE_S + 0.1).nodes == (talking,)
    assert supernode.renew(talking, NODE_LEASE_S + 0.1).other is None


def test_a_heartbeat_is_answered_with_another_member() -> None:
    supernode, _ = membership()
    nodes = [enter(supernode, 8000 + i).node for i in range(3)]

    told = {supernode.renew(nodes[0], 0.0).other for _ in range(30)}
    assert told == {nodes[1], nodes[2]}


# --- after a restart


def test_a_restarted_supernode_learns_the_ring_from_heartbeats() -> None:
    before, journal = membership()
    nodes = [enter(before, 8000 + i).node for i in range(3)]
    after, _ = membership()
    for node in journal:
        after.recall(node)
    assert after.members(0.0).nodes == ()

    for node in nodes:
        after.renew(node, 1.0)
    assert {n.id for n in after.members(1.0).nodes} == {n.id for n in nodes}
    newcomer = after.admit(address(8009), 1.0)
    assert newcomer.bootstrap in nodes
    assert newcomer.node.id not in {n.id for n in nodes}


def test_without_its_journal_the_supernode_records_every_node_that_reports() -> None:
    supernode, journal = membership(bits=4)
    stranger = NodeRef(9, "host", 8001, incarnation=4)

    supernode.renew(stranger, 0.0)

    assert journal == [stranger]
    assert supernode.admit(address(8001), 0.1).node == NodeRef(9, "host", 8001, incarnation=5)


def test_a_heartbeat_with_another_nodes_identifier_is_refused() -> None:
    supernode, journal = membership(bits=4, chosen=(9,))
    enter(supernode, 8001)

    with pytest.raises(JoinRefused, match="identifier 9 belongs to host:8001"):
        supernode.renew(NodeRef(9, "host", 8002), 0.0)
    assert len(journal) == 1


# --- after a restart of the supernode


def test_the_members_of_the_ring_are_found_at_their_addresses() -> None:
    ring, other = Ring(bits=8), Ring(bits=9)
    members = Registry(ring, random.Random(0), lambda node: None)
    refs = [NodeRef(i, "host", i) for i in range(1, 5)]
    members.recall(NodeRef(4, "host", 4, incarnation=2))  # was granted, but another process answers
    hellos: dict[Address, Hello | NodeUnreachable] = {
        refs[0].address: Hello(refs[0], ring, joined=True),
        refs[1].address: Hello(refs[1], ring, joined=False),
        refs[2].address: Hello(refs[2], other, joined=True),
        refs[3].address: Hello(refs[3], ring, joined=True),
        Address("host", 9): NodeUnreachable("silent"),
    }

    def perform(effect: AskAll) -> list[Hello | NodeUnreachable]:
        return [hellos[ask.to] for ask in effect.asks if isinstance(ask.to, Address)]

    assert run(find_members(members, hellos, lambda: 10.0), perform) == [refs[0], refs[3]]
    assert members.members(10.0).nodes == (refs[0], refs[3])
    assert run(find_members(members, [], lambda: 10.0), perform) == []


def test_a_flood_of_addresses_ends_at_a_budget_and_the_known_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roundelay.chord.registry.ADDRESSES_MAX", 2)
    registry = Registry(Ring(), random.Random(1), lambda node: None)
    known = registry.admit(Address("a", 1), 0.0).node
    registry.renew(known, 0.0)
    registry.admit(Address("b", 1), 0.0)

    with pytest.raises(JoinRefused, match="2 addresses"):
        registry.admit(Address("c", 1), 0.0)
    with pytest.raises(JoinRefused, match="2 addresses"):
        registry.renew(NodeRef(5, "d", 1), 0.0)
    registry.renew(known, 0.0)
    registry.admit(Address("b", 1), 0.0)
