"""Mutual TLS between real processes' halves: what connects, what is refused, and what both ends say."""

from __future__ import annotations

import logging
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from roundelay.chord.effects import Ask, Request
from roundelay.chord.errors import ChordError, NodeUnreachable, NotAllowed, PeerNotTrusted
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours, Neighbourhood
from roundelay.node.security import open_security
from roundelay.rpc.audit_log import AuditLog
from roundelay.rpc.handlers import compute_node_processor
from roundelay.rpc.peers import Peers
from roundelay.rpc.secure_channel import SecureChannel
from roundelay.rpc.secure_peers import SecurePeers
from roundelay.rpc.server import Server
from roundelay.testing.kits import Kits
from roundelay.testing.waiting import until
from roundelay.trust.errors import KitError
from tests.processes import ROOT

TIMEOUT_S = 10.0
DAY_S = 24 * 3600.0


class Place:
    """A node that answers, with a kit or without, and callers of it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.kits = Kits(folder / "authority")
        self._stack = stack
        self.node = NodeRef(1, "127.0.0.1", 1)

    def serve(self, kit: Path | None, **options: Any) -> Server:
        security = open_security(kit, "node", **options) if kit is not None else None
        node_id = security.channel.identity.node_id if security else 1
        processor = compute_node_processor(
            lambda: self.node, self._answer, access=security.access if security else None
        )
        server = Server(processor, "127.0.0.1", channel=security.channel if security else None)
        self._stack.enter_context(server)
        self.security = security
        self.node = NodeRef(node_id or 0, *server.address)
        return server

    def peers(self, kit: Path | None) -> Peers:
        peers = Peers(open_security(kit).peers if kit is not None else None)
        self._stack.callback(peers.close)
        return peers

    def ask(self, peers: Peers, node: NodeRef | None = None) -> Any:
        return peers.ask(Ask(node or self.node, GetNeighbours(), TIMEOUT_S))

    def _answer(self, request: Request[Any]) -> Any:
        assert isinstance(request, GetNeighbours)
        return Neighbourhood(self.node, (self.node,))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(tmp_path, stack)


def failure(do: Callable[[], Any]) -> ChordError:
    with pytest.raises(ChordError) as raised:
        do()
    return raised.value


def test_two_processes_with_kits_of_one_ring_talk(place: Place) -> None:
    place.serve(place.kits.issue("node", "n1"))

    assert isinstance(place.ask(place.peers(place.kits.issue("viewer", "v"))), Neighbourhood)


def test_a_connection_is_tls_1_3_and_the_next_one_resumes_its_session(place: Place) -> None:
    server = place.serve(place.kits.issue("node", "n1"))
    peers = place.peers(place.kits.issue("viewer", "v"))
    assert peers.security is not None
    channel = peers.security.channel
    assert place.ask(peers)

    sock = socket.create_connection(server.address, TIMEOUT_S)
    second = channel.connect(sock, server.address, TIMEOUT_S, TIMEOUT_S)
    assert (second.tls.version(), second.tls.session_reused) == ("TLSv1.3", True)
    second.close()


def test_a_downgrade_is_refused(place: Place) -> None:
    server = place.serve(place.kits.issue("node", "n1"))
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_2

    with socket.create_connection(server.address, TIMEOUT_S) as sock, pytest.raises(ssl.SSLError):
        old.wrap_socket(sock)


def test_plain_to_tls_is_one_clear_line_at_both_ends(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    place.serve(place.kits.issue("node", "n1"))
    with caplog.at_level(logging.WARNING):
        error = failure(lambda: place.ask(place.peers(None)))

    assert isinstance(error, NotAllowed)
    assert "this ring needs certificates: give a kit with --kit" in str(error)
    until(lambda: "it does not use TLS, and this ring needs certificates" in caplog.text, "the server's line")


def test_tls_to_plain_is_one_clear_line_at_both_ends(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    place.serve(None)
    with caplog.at_level(logging.WARNING):
        error = failure(lambda: place.ask(place.peers(place.kits.issue("viewer", "v"))))

    assert isinstance(error, PeerNotTrusted)
    assert "does not use TLS: it runs without --kit" in str(error)
    until(lambda: "it uses TLS, and this process runs without --kit" in caplog.text, "the server's line")


def test_a_kit_of_another_ring_is_named_at_both_ends(
    place: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place.serve(place.kits.issue("node", "n1"))
    with caplog.at_level(logging.WARNING):
        error = failure(lambda: place.ask(place.peers(Kits(tmp_path / "other").issue("viewer", "v"))))

    assert isinstance(error, PeerNotTrusted)
    assert "is it a kit of another ring?" in str(error)
    until(lambda: "does not accept this kit: is it a kit of another ring?" in caplog.text, "the server's line")


def test_a_server_at_another_host_than_in_its_kit_is_refused(place: Place) -> None:
    place.serve(place.kits.authority.issue("node", "n1", ["10.0.0.1"]))

    assert "has a kit for another host" in str(failure(lambda: place.ask(place.peers(place.kits.issue("viewer", "v")))))


def test_a_node_cannot_answer_for_another(place: Place) -> None:
    place.serve(place.kits.issue("node", "n1"))
    meant = replace(place.node, id=place.node.id ^ 1)
    error = failure(lambda: place.ask(place.peers(place.kits.issue("viewer", "v")), meant))

    assert isinstance(error, PeerNotTrusted)
    assert "not of the node that was found there" in str(error)


def test_an_expired_certificate_is_refused_on_an_open_connection_too(place: Place, tmp_path: Path) -> None:
    now = [time.time()]
    place.serve(place.kits.issue("node", "n1", days=9))
    assert place.security is not None
    place.security.channel._clock = lambda: now[0]
    peers = place.peers(place.kits.issue("viewer", "v"))
    place.ask(peers)
    now[0] += 3 * DAY_S
    error = failure(lambda: place.ask(peers))

    assert isinstance(error, NotAllowed)
    assert "the certificate of viewer v expired at" in str(error)


def test_a_clock_that_is_behind_is_named(place: Place) -> None:
    place.serve(place.kits.issue("node", "n1"))
    channel = SecureChannel(place.kits.issue("viewer", "v"))
    channel._clock = lambda: time.time() - DAY_S
    error = failure(lambda: place.ask(Peers(SecurePeers(channel))))

    assert isinstance(error, PeerNotTrusted)
    assert "the certificate of node n1 is valid from" in str(error)
    assert "set the clocks" in str(error)


def test_a_revoked_certificate_is_refused_on_an_open_connection_too(place: Place) -> None:
    place.serve(place.kits.issue("node", "n1"))
    peers = place.peers(place.kits.issue("viewer", "v"))
    place.ask(peers)
    place.kits.authority.revoke("v")
    assert place.security is not None
    assert place.security.channel.revoke(place.kits.authority.revocation_list())
    assert not place.security.channel.revoke(place.kits.authority.revocation_list())

    assert "the certificate of viewer v was revoked at" in str(failure(lambda: place.ask(peers)))


def test_a_replaced_kit_is_used_without_a_restart(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roundelay.rpc.secure_channel.RELOAD_INTERVAL_S", 0.0)
    kit = place.kits.issue("node", "n1")
    place.serve(kit)
    assert place.security is not None
    before = place.security.channel.identity
    place.kits.issue("node", "n1")
    after = place.security.channel.identity

    assert after.serial != before.serial
    assert after.node_id == before.node_id
    assert isinstance(place.ask(place.peers(place.kits.issue("viewer", "v"))), Neighbourhood)


def test_a_kit_of_another_name_or_nonsense_does_not_replace_one(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("roundelay.rpc.secure_channel.RELOAD_INTERVAL_S", 0.0)
    kit = place.kits.issue("node", "n1")
    channel = SecureChannel(kit)
    for content in (place.kits.issue("node", "n2").read_bytes(), b"nonsense"):
        kit.write_bytes(content)
        assert channel.identity.name == "n1"
    assert caplog.text.count("going on with the kit that was read before") == 2


def test_a_certificate_that_ends_soon_is_announced(place: Place) -> None:
    assert SecureChannel(place.kits.issue("viewer", "v", days=100)).warning() == ""
    channel = SecureChannel(place.kits.issue("viewer", "v", days=100))
    channel._clock = lambda: time.time() + 90 * DAY_S
    assert "the certificate of viewer v expires at" in channel.warning()


def test_the_end_of_a_certificate_is_announced_once_a_day(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.serve(place.kits.issue("node", "n1", days=100))
    assert place.security is not None
    place.security.channel._clock = lambda: time.time() + 90 * DAY_S
    monkeypatch.setattr("roundelay.node.security.LOOKS_A_DAY", 24)
    said: list[str] = []
    watch = place.security.watch_kit(said.append)
    for _ in range(2 * 24 + 1):
        next(watch)

    assert len(said) == 2
    assert "the certificate of node n1 expires at" in said[0]


def test_the_audit_log_has_refusals_and_changes_but_no_reads(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    place.serve(place.kits.issue("node", "n1"), audit=path)
    place.ask(place.peers(place.kits.issue("viewer", "v")))
    failure(lambda: place.ask(place.peers(None)))

    assert path.read_text() == ""
    assert place.security is not None
    place.security.access._audit.note("viewer v", "put", "x", "refused: no")  # type: ignore[union-attr]
    assert '"call": "put"' in path.read_text()


def test_the_audit_log_is_rotated_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit", bytes_max=400, kept=2, clock=lambda: 0.0)
    for number in range(20):
        log.note("n", "put", f"{number}" * 10, "allowed")

    assert sorted(each.name for each in tmp_path.iterdir()) == ["audit", "audit.1", "audit.2"]
    assert (tmp_path / "audit").stat().st_mode & 0o777 == 0o600
    assert all(each.stat().st_size < 600 for each in tmp_path.iterdir())


def test_silence_is_not_taken_for_a_refusal(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        node = NodeRef(1, *silent.getsockname())
        peers = place.peers(place.kits.issue("viewer", "v"))
        error = failure(lambda: peers.ask(Ask(node, GetNeighbours(), 0.3)))

    assert isinstance(error, NodeUnreachable)
    assert not isinstance(error, PeerNotTrusted)


def test_a_process_loads_the_package_cryptography_with_its_first_record(place: Place) -> None:
    kit = place.kits.issue("node", "n1")
    program = (
        "import sys; from pathlib import Path; from roundelay.node.security import open_security;"
        f"channel = open_security(Path({str(kit)!r})).channel;"
        "assert 'cryptography' not in sys.modules; channel._signatures.sign(b''); assert 'cryptography' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_a_kit_of_parts_that_do_not_belong_together_is_refused(place: Place, tmp_path: Path) -> None:
    mine, theirs = place.kits.issue("viewer", "v"), Kits(tmp_path / "other").issue("viewer", "v")
    (key, *certificates), (other_key, *others) = (
        each.read_text().split("-----BEGIN CERTIFICATE") for each in (mine, theirs)
    )
    for parts, why in (
        ((key, certificates[0], others[1]), "issued by another authority"),
        ((other_key, *certificates), "belong to different kits"),
        ((key, certificates[0]), "a key, its certificate and the authority's"),
    ):
        mine.write_text("-----BEGIN CERTIFICATE".join(parts))
        with pytest.raises(KitError, match=why):
            SecureChannel(mine)
