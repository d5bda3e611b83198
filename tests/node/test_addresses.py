"""Tests of compute_nodes.txt: its syntax, and its safety when many processes write it at once."""

from __future__ import annotations

import socket
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from roundelay.chord.refs import Address
from roundelay.cli.exits import Exit
from roundelay.cli.run_compute_node import advertised
from roundelay.node import addresses
from roundelay.node.addresses import NodeList, NodeListError
from roundelay.node.options import SUPERNODE_PORT

ROOT = Path(__file__).resolve().parents[2]
WRITERS, LINES = 6, 12
TIMEOUT_S = 60.0
WRITER = """
import sys
from pathlib import Path
from roundelay.chord.refs import Address
from roundelay.node import addresses
for number in range(int(sys.argv[2])):
    addresses.register(Path(sys.argv[1]), Address(f"host-{sys.argv[3]}", 1 + number))
    addresses.register_supernode(Path(sys.argv[1]), Address("127.0.0.1", 9000 + number))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "compute_nodes.txt"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9091", Address("127.0.0.1", 9091)),
        ("localhost:9091", Address("127.0.0.1", 9091)),
        ("LOCALHOST:1", Address("127.0.0.1", 1)),
        ("Ring.Example:65535", Address("ring.example", 65535)),
        ("[::1]:8001", Address("::1", 8001)),
        ("host", Address("host", 7)),
        ("::1", Address("::1", 7)),
        ("[::1]", Address("::1", 7)),
    ],
)
def test_an_address_is_parsed(text: str, address: Address) -> None:
    assert addresses.parse_address(text, default_port=7) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        ":80",
        "host:",
        "host:0",
        "host:65536",
        "host:-1",
        "host:http",
        "a b:80",
        "host:" + "9" * 5000,
        "host\n:80",
        "host:80:90",
        "a..b:80",
        "a" * 64 + ".b:80",
    ],
)
def test_an_invalid_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not HOST:PORT"):
        addresses.parse_address(text)


def test_a_host_alone_needs_a_default_port() -> None:
    with pytest.raises(ValueError, match="is not HOST:PORT"):
        addresses.parse_address("host")


def test_a_missing_node_list_is_empty(path: Path) -> None:
    assert addresses.read(path) == NodeList()


def test_the_list_may_hold_comments_and_blank_lines(path: Path) -> None:
    path.write_text(
        "# supernode 10.0.0.9, 9091\n\n  # a comment\n127.0.0.1,8001\n localhost , 8002  # mine\nring.example,8003\r\n"
    )

    assert addresses.read(path) == NodeList(
        (Address("127.0.0.1", 8001), Address("127.0.0.1", 8002), Address("ring.example", 8003)),
        Address("10.0.0.9", 9091),
    )


def test_localhost_and_127_0_0_1_are_the_same_host(path: Path) -> None:
    path.write_text("localhost,8001\n127.0.0.1,8002\n")
    listed = addresses.read(path)

    assert all(
        listed.allows(Address(host, port)) for host in ("localhost", "127.0.0.1", "LocalHost") for port in (8001, 8002)
    )
    assert not listed.allows(Address("localhost", 8003))
    assert not listed.allows(Address("127.0.0.2", 8001))


@pytest.mark.parametrize(
    "line",
    [
        "8001",
        "127.0.0.1",
        "127.0.0.1:8001",
        "127.0.0.1,",
        ",8001",
        "127.0.0.1,http",
        "127.0.0.1,0",
        "127.0.0.1,65536",
        "127.0.0.1,-1",
        "two words,8001",
        "127.0.0.1," + "9" * 5000,
        "# supernode nowhere",
    ],
)
def test_the_error_for_an_invalid_line_names_its_number(line: str, path: Path) -> None:
    path.write_text(f"# a comment\n127.0.0.1,8001\n\n{line}\n127.0.0.1,8002\n")

    with pytest.raises(NodeListError, match=r"compute_nodes\.txt, line 4: expected host,port"):
        addresses.read(path)


def test_the_error_for_a_binary_list_names_the_file(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(NodeListError, match=r"compute_nodes\.txt"):
        addresses.read(path)
    with pytest.raises(NodeListError, match=r"compute_nodes\.txt"):
        addresses.register(path, Address("h", 1))
    assert path.read_bytes() == b"\xff\xfe\x00"


def test_the_error_for_a_folder_in_place_of_the_list_names_it(path: Path) -> None:
    path.mkdir()

    with pytest.raises(NodeListError, match=r"compute_nodes\.txt"):
        addresses.read(path)


def test_the_list_that_ships_admits_every_port_of_this_machine_and_stays_as_it_is(path: Path) -> None:
    shipped = (Path(__file__).resolve().parents[2] / "compute_nodes.txt").read_text()
    path.write_text(shipped)

    assert addresses.read(path).allows(Address("127.0.0.1", 5001))
    for port in (8001, 5001):
        addresses.register(path, Address("127.0.0.1", port))
    addresses.register_supernode(path, Address("127.0.0.1", SUPERNODE_PORT))
    assert path.read_text() == shipped


def test_a_node_of_another_machine_is_registered_also_where_a_pattern_admits_it(path: Path) -> None:
    path.write_text("10.0.0.*,*\n")

    addresses.register(path, Address("10.0.0.7", 8001))

    assert addresses.read(path).nodes == (Address("10.0.0.7", 8001),)


def test_the_usual_supernode_is_written_where_the_list_names_another(path: Path) -> None:
    for port in (9092, SUPERNODE_PORT):
        addresses.register_supernode(path, Address("127.0.0.1", port))

    assert addresses.read(path).supernode == Address("127.0.0.1", SUPERNODE_PORT)


def test_registering_adds_a_line_once_and_keeps_the_rest(path: Path) -> None:
    path.write_text("# who may join\n10.0.0.1,8001 # the first\n127.0.0.1,8002")  # no end of the last line

    for _ in range(2):
        addresses.register(path, Address("127.0.0.1", 8003))

    assert path.read_text() == "# who may join\n10.0.0.1,8001 # the first\n127.0.0.1,8002\n127.0.0.1,8003\n"


def test_the_supernodes_line_replaces_the_previous_one(path: Path) -> None:
    path.write_text("# supernode 10.0.0.1,9091\n127.0.0.1,8001\n# a comment\n")

    addresses.register_supernode(path, Address("10.0.0.2", 9092))

    assert path.read_text() == "# supernode 10.0.0.2,9092\n127.0.0.1,8001\n# a comment\n"


def test_concurrent_registrations_lose_no_line(path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, path, str(LINES), str(writer)], cwd=ROOT)
        for writer in range(WRITERS)
    ]
    counts = [0]
    while any(writer.poll() is None for writer in writers):
        counts.append(len(addresses.read(path).nodes))  # a reader never meets half a list

    assert [writer.wait(TIMEOUT_S) for writer in writers] == [0] * WRITERS
    assert counts == sorted(counts)
    assert set(addresses.read(path).nodes) == {
        Address(f"host-{writer}", 1 + number) for writer in range(WRITERS) for number in range(LINES)
    }
    assert len(path.read_text().splitlines()) == WRITERS * LINES + 1


@pytest.mark.parametrize(
    ("line", "allowed", "refused"),
    [
        (
            "node-*.ring.local,8001",
            ["node-1.ring.local:8001", "NODE-x.Ring.Local:8001", "node-.ring.local:8001"],
            [
                "node-1.ring.local:8002",
                "node-1.ring.local.evil:8001",
                "node-1xring.local:8001",
                "anode-1.ring.local:8001",
            ],
        ),
        (
            "10.0.0.*,*",
            ["10.0.0.1:1", "10.0.0.254:65535"],
            ["10.0.1.1:1", "110.0.0.1:1", "10.0.0.evil:1", "10.0.0.1.evil.example:1", "10a0.0.1:1"],
        ),
        ("10.*,8001", ["10.0.0.1:8001", "10.255.1.2:8001"], ["11.0.0.1:8001", "10.evil:8001", "10.0.0.1:8002"]),
        ("[fd00::*],*", ["[fd00::1]:80", "[FD00:0::0:2]:81"], ["[fd01::1]:80", "[::1]:80", "fd00.evil:80"]),
        ("fd00::*,*", ["[fd00::1]:80"], ["[fd01::1]:80"]),
        ("*,8001", ["10.0.0.1:8001", "a.b:8001", "[::1]:8001"], ["10.0.0.1:8002"]),
        ("*,*  # anybody", ["10.0.0.1:1", "[::1]:2", "a.b:3"], []),
        ("127.0.0.1,*", ["localhost:1", "127.0.0.1:2"], ["127.0.0.2:1"]),
        ("localhost,*", ["localhost:1", "127.0.0.1:2"], ["[::1]:1"]),
        ("::1,8001", ["[::1]:8001", "[0:0:0:0:0:0:0:1]:8001"], ["[::1]:8002", "127.0.0.1:8001"]),
    ],
)
def test_a_pattern_admits_the_addresses_that_it_matches(
    line: str, allowed: list[str], refused: list[str], path: Path
) -> None:
    path.write_text(line + "\n")
    listed = addresses.read(path)

    assert [a for a in allowed if not listed.allows(addresses.parse_address(a))] == []
    assert [a for a in refused if listed.allows(addresses.parse_address(a))] == []


def test_a_pattern_is_not_an_address_to_contact(path: Path) -> None:
    path.write_text("10.0.0.*,*\n10.0.0.1,8001\n")

    assert addresses.read(path).nodes == (Address("10.0.0.1", 8001),)


@pytest.mark.parametrize(
    "line",
    [
        "*",
        "10.0.0.*",
        "10.0.0.*,80*",
        "10.0.0.*,0",
        "two *,8001",
        ",*",
        "# supernode 10.0.0.*,9091",
        "# supernode ring,*",
    ],
)
def test_the_error_for_an_invalid_pattern_names_its_line(line: str, path: Path) -> None:
    path.write_text(f"127.0.0.1,8001\n{line}\n")

    with pytest.raises(NodeListError, match=r"compute_nodes\.txt, line 2: expected host,port"):
        addresses.read(path)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("[::1]", "::1"),
        ("0::0:1", "::1"),
        ("LocalHost", "127.0.0.1"),
        ("Node-1.Ring", "node-1.ring"),
        ("::", "::"),
        ("10.0.0.1", "10.0.0.1"),
    ],
)
def test_a_host_is_normalised_to_one_spelling(text: str, host: str) -> None:
    assert addresses.parse_host(text) == host


@pytest.mark.parametrize("text", ["", "a b", "10.0.0.*", "a\nb"])
def test_an_invalid_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a host"):
        addresses.parse_host(text)


def test_the_node_list_is_reread_and_kept_while_it_is_unreadable(path: Path) -> None:
    listed = addresses.ListedNodes(path)
    assert listed() == ()

    addresses.register(path, Address("127.0.0.1", 8001))
    assert listed() == (Address("127.0.0.1", 8001),)

    path.write_text("rubbish in the middle of a li")
    assert listed() == (Address("127.0.0.1", 8001),)


def test_a_name_that_the_hosts_file_gives_another_loopback_address_is_not_advertised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("127.0.1.1", 0))])  # as Debian has it
    way_in = Address("127.0.0.1", 9091)

    with pytest.raises(Exit, match=r"--advertise myhost is 127\.0\.1\.1 on this machine .*listens at 127\.0\.0\.1"):
        advertised(Namespace(advertise="myhost", host="127.0.0.1"), way_in)

    for host in ("0.0.0.0", "127.0.1.1"):
        assert advertised(Namespace(advertise="myhost", host=host), way_in) == "myhost"
