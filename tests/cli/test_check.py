"""client.py status --check: what it prints of what was found, and its exit code. (What is found: tests/chord.)"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from roundelay.chord.dispatch import dispatch, ring_handlers
from roundelay.chord.effects import Request
from roundelay.chord.invariants import PREDICATES
from roundelay.chord.node import ChordNode
from roundelay.chord.protocol import create
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.ring import Ring
from roundelay.cli import check as status_check
from roundelay.rpc.handlers import compute_node_processor
from roundelay.rpc.server import Server
from tests.processes import Outcome, run_here

RING = Ring(bits=8, successors=2, replicas=1)


@pytest.fixture
def nodes() -> Iterator[list[ChordNode]]:
    """Four nodes that answer from this process, each alone on its ring."""
    made: list[ChordNode] = []
    servers = []

    def server_of(number: int) -> Server:
        return Server(compute_node_processor(lambda: made[number].ref, lambda r: reply(made[number], r)), "127.0.0.1")

    for number in range(4):
        server = server_of(number)
        server.start()
        servers.append(server)
        made.append(ChordNode(NodeRef(50 * number, *server.address), RING))
        create(made[-1])
    yield made
    for server in servers:
        server.stop()


def reply(node: ChordNode, request: Request[Any]) -> Any:
    return dispatch(ring_handlers(node), request)


def unite(nodes: list[ChordNode]) -> None:
    for place, node in enumerate(nodes):
        refs = [n.ref for n in nodes[place + 1 :] + nodes[:place]]
        node.set_successors(refs[0], tuple(refs[1:]))
        node.predecessor = refs[-1]


def check(nodes: list[ChordNode], folder: Path, as_json: bool = False) -> Outcome:
    """Without a supernode: the way in is the first node of the list."""
    listed = folder / "compute_nodes.txt"
    listed.write_text("".join(f"127.0.0.1,{node.ref.port}\n" for node in nodes))
    chosen = argparse.Namespace(supernode=Address("127.0.0.1", 1), bootstrap=None, nodes=listed, kit=None, json=as_json)
    return run_here(lambda _: status_check.run(chosen))


def test_a_ring_in_order_says_yes_to_every_predicate(nodes: list[ChordNode], tmp_path: Path) -> None:
    unite(nodes)

    outcome = check(nodes, tmp_path)

    assert outcome.code == 0 and "a ring of 4 nodes" in outcome.out
    assert all(name in outcome.out for name in PREDICATES) and "NO" not in outcome.out.split()
    assert outcome.out.split().count("yes") == len(PREDICATES)


def test_a_broken_predicate_is_named_with_its_place_and_ends_with_1(
    nodes: list[ChordNode], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roundelay.chord.crawl.RECHECK_PAUSE_S", 0.01)
    unite(nodes)
    nodes[1].successors = (nodes[0].ref, nodes[2].ref)

    outcome = check(nodes, tmp_path, as_json=True)

    assert outcome.code == 1 and outcome.out.count("\n") == 1
    shown = json.loads(outcome.out)
    assert shown["nodes"] == 4 and shown["holds"] is False
    found = {each["predicate"]: each for each in shown["predicates"]}
    assert set(found) == set(PREDICATES)
    assert not found["OrderedSuccessorLists"]["holds"] and found["OneLiveSuccessor"]["holds"]
    assert str(nodes[1].ref.address) in found["OrderedSuccessorLists"]["detail"]
    assert found["OneLiveSuccessor"]["detail"] == ""


def test_as_a_table_the_broken_one_says_no(
    nodes: list[ChordNode], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roundelay.chord.crawl.RECHECK_PAUSE_S", 0.01)
    unite(nodes)
    nodes[3].predecessor = nodes[0].ref

    outcome = check(nodes, tmp_path)

    assert outcome.code == 1
    assert [line.split()[:2] for line in outcome.out.splitlines() if "NO" in line.split()] == [["Ideal", "NO"]]


def test_what_is_not_evaluated_on_a_small_ring_is_not_answered_with_yes(nodes: list[ChordNode], tmp_path: Path) -> None:
    unite(nodes[:2])

    outcome = check(nodes[:2], tmp_path)

    assert outcome.code == 0
    assert ["SufficientPrincipals", "-", "not"] in [line.split()[:3] for line in outcome.out.splitlines()]


def test_without_a_ring_it_says_what_to_start(tmp_path: Path) -> None:
    outcome = check([], tmp_path)

    assert outcome.code == 69 and "python3 supernode.py" in outcome.err
