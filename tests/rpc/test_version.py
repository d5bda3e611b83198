"""Processes that speak different versions of the protocol refuse one another by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from roundelay.chord.errors import JoinRefused, OtherProtocol
from roundelay.chord.refs import Address
from roundelay.chord.requests import Admit
from roundelay.chord.ring import Ring
from roundelay.client.connection import client_runtime, find_member
from roundelay.node.joining import Entry, join
from roundelay.node.runtime import Runtime
from roundelay.node.supernode import Supernode
from roundelay.rpc import calls, ring_codec
from roundelay.rpc.gen import ttypes as wire
from roundelay.rpc.gen.constants import PROTOCOL
from roundelay.rpc.handlers import supernode_processor

NEWER = PROTOCOL + 1


@pytest.fixture
def supernode(tmp_path: Path) -> Iterator[Supernode]:
    node_list = tmp_path / "compute_nodes.txt"
    node_list.write_text("127.0.0.1,8001\n")
    here, journal = Address("127.0.0.1", 0), tmp_path / "supernode.jsonl"
    made = Supernode(Ring(), here, journal, node_list, "balanced", (), lambda _: None)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    made = client_runtime()
    yield made
    made.stop(timeout_s=5.0)


def test_a_process_does_not_enter_a_ring_of_another_version(
    supernode: Supernode, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ring_codec, "PROTOCOL", NEWER)  # the supernode says so; we decode with our own

    with pytest.raises(OtherProtocol, match=f"{supernode.address} speaks protocol {NEWER}, and this process"):
        runtime.run(find_member(supernode.address, []))


def test_a_node_does_not_join_a_ring_of_another_version(
    supernode: Supernode, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ring_codec, "PROTOCOL", NEWER)
    entry = Entry(Address("127.0.0.1", 8001), lambda: supernode.address, None, log=lambda _: None)

    with pytest.raises(JoinRefused, match=f"speaks protocol {NEWER}, and this process protocol {PROTOCOL}"):
        runtime.run(join(entry, lambda grant: pytest.fail("a node was made of the grant")))


def test_a_ring_does_not_admit_a_node_of_another_version(
    supernode: Supernode, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "PROTOCOL", NEWER)  # the node says so
    entry = Entry(Address("127.0.0.1", 8001), lambda: supernode.address, None, log=lambda _: None)

    with pytest.raises(JoinRefused, match=f"this ring speaks protocol {PROTOCOL}, and the node protocol {NEWER}"):
        runtime.run(join(entry, lambda grant: pytest.fail("a node was made of the grant")))


def test_releases_that_do_not_name_their_version_are_told_apart() -> None:
    with pytest.raises(OtherProtocol, match="speaks protocol 1"):
        ring_codec.ring_from_wire(wire.Ring(160, 8, 3))
    with pytest.raises(wire.Malformed, match=f"lacks an argument of protocol {PROTOCOL}"):
        unnamed = calls.SUPERNODE[Admit]
        supernode_processor(lambda request: request).serve(unnamed, ("127.0.0.1", 8001, None), is_targeted=False)
