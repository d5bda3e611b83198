"""Tests of the supernode: whom it admits, what its journal keeps, and how it finds the ring after a restart."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from roundelay.chord.effects import Ask, Request
from roundelay.chord.errors import JoinRefused, NotYet
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import Admit, GetMembers, Grant, Heartbeat, Hello, Retire
from roundelay.chord.ring import Ring
from roundelay.node import identity_journal
from roundelay.node.errors import JournalError
from roundelay.node.identity_journal import IdentityJournal
from roundelay.node.supernode import Supernode
from roundelay.rpc.handlers import compute_node_processor
from roundelay.rpc.peers import Peers
from roundelay.rpc.server import PortInUse, Server
from roundelay.testing.waiting import until

PATIENCE_S = 20.0
RING = Ring()  # ports here are low: nobody listens there on any machine
FIRST, SECOND = NodeRef(5, "127.0.0.1", 1, 1), NodeRef(1 << 159, "127.0.0.1", 2, 7)


@pytest.fixture
def journal_path(tmp_path: Path) -> Path:
    return tmp_path / "supernode.jsonl"


# --- the journal


def test_journal_records_are_read_back_in_order(journal_path: Path) -> None:
    for node in (FIRST, SECOND, replace(FIRST, incarnation=2)):
        IdentityJournal(journal_path, RING).record(node)

    assert IdentityJournal(journal_path, RING).identities() == [FIRST, SECOND, replace(FIRST, incarnation=2)]


def test_a_missing_journal_is_empty(journal_path: Path) -> None:
    assert IdentityJournal(journal_path, RING).identities() == []


@pytest.mark.parametrize("torn", [b'{"bits": 160, "id": "6", "ho', b"{", b"\xff\xfe half a multibyte \xc3"])
def test_a_torn_last_line_is_ignored_and_the_next_record_follows_a_whole_one(torn: bytes, journal_path: Path) -> None:
    journal = IdentityJournal(journal_path, RING)
    journal.record(FIRST)
    whole = journal_path.read_bytes()
    journal_path.write_bytes(whole + torn)

    assert journal.identities() == [FIRST]
    assert journal_path.read_bytes() == whole

    journal.record(SECOND)
    assert journal.identities() == [FIRST, SECOND]


def test_identities_of_a_ring_with_other_bits_are_ignored_and_kept(journal_path: Path) -> None:
    other = IdentityJournal(journal_path, Ring(5))
    other.record(replace(FIRST, id=3))
    IdentityJournal(journal_path, RING).record(SECOND)

    assert IdentityJournal(journal_path, RING).identities() == [SECOND]
    assert other.identities() == [replace(FIRST, id=3)]


@pytest.mark.parametrize(
    "line",
    [
        b"no json",
        b"[]",
        b"7",
        b"{}",
        b'{"bits": 160, "id": "x"}',
        b"\xff\xfe",
        b'{"bits": 160, "id": "5", "host": "h", "port": "p", "incarnation": 1}',
        b'{"bits": 160, "id": "5", "host": "h", "port": 65536, "incarnation": 1}',
        b'{"bits": 160, "id": "5", "host": "\\u001b[2J", "port": 1, "incarnation": 1}',
        b'{"bits": 3, "id": "8", "host": "h", "port": 1, "incarnation": 1}',
        b'{"bits": 1000000000, "id": "5", "host": "h", "port": 1, "incarnation": 1}',
        b'{"bits": 160, "id": "5", "host": "h", "port": 1, "incarnation": 1e99}',
        b'{"bits": 160, "id": "-5", "host": "h", "port": 1, "incarnation": 1}',
        b"[" * 4000,
    ],
)
def test_the_error_for_an_invalid_journal_line_names_it(line: bytes, journal_path: Path) -> None:
    IdentityJournal(journal_path, RING).record(FIRST)
    with journal_path.open("ab") as file:
        file.write(line + b"\n")

    with pytest.raises(JournalError, match=r"supernode\.jsonl, line 2: malformed identity"):
        IdentityJournal(journal_path, RING).identities()


def test_a_flood_of_admissions_does_not_lengthen_the_journal(
    journal_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity_journal, "LINES_MIN", 8)
    IdentityJournal(journal_path, Ring(5)).record(replace(FIRST, id=3))
    journal = IdentityJournal(journal_path, RING)
    assert journal.identities() == []
    journal.record(replace(SECOND, incarnation=9))
    journal.record(SECOND)
    for incarnation in range(1, 50):
        journal.record(replace(FIRST, incarnation=incarnation))

    assert len(journal_path.read_text().splitlines()) <= 16
    assert set(journal.identities()) >= {replace(FIRST, incarnation=49), SECOND, replace(SECOND, incarnation=9)}
    assert [each for each in journal.identities() if each.address == SECOND.address][-1] == SECOND, (
        "the last one counts"
    )
    assert IdentityJournal(journal_path, Ring(5)).identities() == [replace(FIRST, id=3)], "those of other rings stay"


def test_the_error_for_an_unreadable_journal_names_it(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=str(tmp_path)):
        IdentityJournal(tmp_path, RING).identities()
    with pytest.raises(JournalError, match="nowhere"):
        IdentityJournal(tmp_path / "nowhere" / "journal", RING).record(FIRST)


# --- admissions


class Place:
    """A folder with a node list and a journal, the supernodes and nodes that use it, and a client."""

    def __init__(self, folder: Path, opened: ExitStack) -> None:
        self.list = folder / "compute_nodes.txt"
        self.journal = folder / "supernode.jsonl"
        self.said: list[str] = []
        self.peers = Peers()
        self.opened = opened
        opened.callback(self.peers.close)

    def supernode(self, port: int = 0, ring: Ring = RING) -> Supernode:
        made = Supernode(ring, Address("127.0.0.1", port), self.journal, self.list, "balanced", (), self.said.append)
        self.opened.callback(made.stop)
        return made

    def listed(self, *ports: int) -> None:
        self.list.write_text("".join(f"localhost,{port}\n" for port in ports))

    def ask(self, supernode: Supernode, request: Request[Any]) -> Any:
        return self.peers.ask(Ask(supernode.address, request, PATIENCE_S))

    def node(self, hello: Hello | threading.Event, ref: NodeRef) -> NodeRef:
        """Start a process that answers hello, with an event only once that is set."""

        def answer(_: Request[Any]) -> Any:
            if isinstance(hello, Hello):
                return replace(hello, node=here)
            hello.wait(PATIENCE_S)
            return Hello(here, RING, True)

        server = Server(compute_node_processor(lambda: here, answer), "127.0.0.1")
        server.start()
        self.opened.callback(server.stop)
        here = replace(ref, port=server.address[1])
        return here


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as opened:
        yield Place(tmp_path, opened)


def started(supernode: Supernode) -> Supernode:
    supernode.start()
    return supernode


def admit(place: Place, supernode: Supernode, port: int, host: str = "127.0.0.1") -> Grant:
    grant: Grant = place.ask(supernode, Admit(Address(host, port)))
    return grant


def test_the_refusal_of_an_unlisted_node_says_how_to_list_it(place: Place) -> None:
    supernode = started(place.supernode())

    with pytest.raises(JoinRefused, match=r"127\.0\.0\.1:1 is not listed .*127\.0\.0\.1,1.*--register"):
        admit(place, supernode, 1)

    assert place.journal.exists() is False


def test_a_line_added_to_the_list_takes_effect_at_once(place: Place) -> None:
    supernode = started(place.supernode())
    place.listed(1)

    assert admit(place, supernode, 1).bootstrap is None
    assert any("admitted 127.0.0.1:1" in line for line in place.said)


def test_localhost_and_127_0_0_1_are_the_same_node(place: Place) -> None:
    supernode = started(place.supernode())
    place.listed(1)

    first, again = (admit(place, supernode, 1, host).node for host in ("localhost", "127.0.0.1"))

    assert again == replace(first, incarnation=first.incarnation + 1)


def test_a_list_that_becomes_invalid_refuses_nodes_and_names_the_line(place: Place) -> None:
    place.listed(1)
    supernode = started(place.supernode())
    place.list.write_text("localhost,1\nnonsense\n")

    with pytest.raises(JoinRefused, match=r"compute_nodes\.txt, line 2"):
        admit(place, supernode, 1)


def test_an_identity_that_cannot_be_journalled_is_not_granted(place: Place) -> None:
    place.listed(1, 2)
    supernode = started(place.supernode())
    place.journal.mkdir()

    with pytest.raises(JoinRefused, match=r"supernode\.jsonl"):
        admit(place, supernode, 1)

    place.journal.rmdir()
    assert admit(place, supernode, 1).bootstrap is None


def test_the_second_node_waits_until_the_first_has_created_the_ring(place: Place) -> None:
    place.listed(1, 2)
    supernode = started(place.supernode())
    first = admit(place, supernode, 1).node
    with pytest.raises(NotYet):
        admit(place, supernode, 2)

    place.ask(supernode, Heartbeat(first))

    assert admit(place, supernode, 2).bootstrap == first


def test_a_node_that_leaves_is_removed_from_the_members(place: Place) -> None:
    place.listed(1)
    supernode = started(place.supernode())
    node = admit(place, supernode, 1).node
    place.ask(supernode, Heartbeat(node))
    assert place.ask(supernode, GetMembers()).nodes == (node,)

    place.ask(supernode, Retire(node))

    assert place.ask(supernode, GetMembers()).nodes == ()


def test_a_node_that_stops_reporting_is_named_and_again_when_it_reports(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roundelay.chord.registry.NODE_LEASE_S", 0.1)
    monkeypatch.setattr("roundelay.node.supernode.EXPIRE_INTERVAL_S", 0.01)
    place.listed(1)
    supernode = started(place.supernode())
    node = admit(place, supernode, 1).node
    place.ask(supernode, Heartbeat(node))

    until(lambda: any("127.0.0.1:1 has not reported" in line for line in place.said), "it is named")
    place.ask(supernode, Heartbeat(node))

    assert "127.0.0.1:1 reports again" in place.said


def test_sixteen_concurrent_nodes_get_sixteen_identifiers(place: Place) -> None:
    ports = range(1, 18)
    place.listed(*ports)
    supernode = started(place.supernode())
    place.ask(supernode, Heartbeat(admit(place, supernode, ports[0]).node))

    with ThreadPoolExecutor(16) as crowd:
        grants = list(crowd.map(lambda port: admit(place, supernode, port), ports[1:]))

    assert len({grant.node.id for grant in grants}) == 16
    assert len(IdentityJournal(place.journal, RING).identities()) == 17


# --- restarts


def test_a_restarted_supernode_never_assigns_an_identifier_twice(place: Place) -> None:
    ports = list(range(1, 7))
    place.listed(*ports)
    given: dict[int, NodeRef] = {}
    for port in ports:
        supernode = started(place.supernode())
        given[port] = admit(place, supernode, port).node
        supernode.stop()

    again = started(place.supernode())
    assert len({node.id for node in given.values()}) == len(ports)
    for port in ports:
        try:
            same = admit(place, again, port).node
        except NotYet:  # one of them is about to found the ring
            continue
        assert same == replace(given[port], incarnation=given[port].incarnation + 1)


def test_a_restarted_supernode_finds_the_live_nodes_of_its_journal(place: Place) -> None:
    alive = place.node(Hello(FIRST, RING, True), FIRST)
    IdentityJournal(place.journal, RING).record(alive)
    IdentityJournal(place.journal, RING).record(SECOND)  # nobody answers there

    supernode = started(place.supernode())

    assert place.ask(supernode, GetMembers()).nodes == (alive,)
    assert f"found {alive.address} alive" in place.said
    place.listed(3)
    assert admit(place, supernode, 3).bootstrap == alive


def test_a_supernode_without_its_journal_finds_the_live_nodes_of_the_list(place: Place) -> None:
    alive = place.node(Hello(FIRST, RING, True), FIRST)
    place.listed(alive.port, 3)

    supernode = started(place.supernode())

    assert place.ask(supernode, GetMembers()).nodes == (alive,)
    newcomer = admit(place, supernode, 3)
    assert newcomer.bootstrap == alive
    assert newcomer.node.id != alive.id


@pytest.mark.parametrize(
    "hello", [Hello(FIRST, RING, False), Hello(FIRST, Ring(bits=80), True)], ids=["not joined", "another ring"]
)
def test_a_node_that_is_not_a_member_of_this_ring_is_not_counted(hello: Hello, place: Place) -> None:
    place.listed(place.node(hello, FIRST).port)

    assert place.ask(started(place.supernode()), GetMembers()).nodes == ()


def test_no_second_ring_is_created_while_the_supernode_looks_for_live_nodes(place: Place) -> None:
    released = threading.Event()
    slow = place.node(released, FIRST)
    place.listed(slow.port, 3)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    supernode = place.supernode(port)
    starting = threading.Thread(target=supernode.start)
    starting.start()
    try:
        with pytest.raises(NotYet):
            first_answer(place, supernode, Admit(Address("127.0.0.1", 3)))
    finally:
        released.set()
        starting.join(PATIENCE_S)

    assert admit(place, supernode, 3).bootstrap == slow


def first_answer(place: Place, supernode: Supernode, request: Request[Any]) -> Any:
    """Ask as soon as the supernode listens, and return the answer."""
    for _ in range(int(PATIENCE_S / 0.01)):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", supernode.address.port)) == 0:
                return place.ask(supernode, request)
        threading.Event().wait(0.01)
    raise AssertionError("the supernode does not listen")


def test_a_port_in_use_is_reported_before_any_file_is_touched(place: Place) -> None:
    journal = IdentityJournal(place.journal, RING)
    journal.record(FIRST)
    half = place.journal.read_bytes() + b'{"half'  # which the one that runs may be about to finish
    place.journal.write_bytes(half)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(PortInUse, match=str(port)):
            place.supernode(port).start()

    assert place.journal.read_bytes() == half


def test_an_invalid_journal_or_list_stops_the_supernode_at_its_start(place: Place) -> None:
    place.journal.write_text("nonsense\n")
    with pytest.raises(JournalError, match="line 1"):
        place.supernode().start()
