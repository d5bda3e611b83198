"""The access table: every call by every role, and every way to speak for another."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from roundelay.chord.errors import NotAllowed, PeerNotTrusted
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import Admit, GetMembers, GetNeighbours, Heartbeat, Hello, Leaving, Notify, Retire
from roundelay.chord.ring import Ring
from roundelay.federation.requests import DriverHeartbeat, Order, Push
from roundelay.federation.tasks import MixTask
from roundelay.rpc.access import TABLE, Caller, _object_of, bind, check_call, check_hello, check_peer
from roundelay.rpc.calls import COMPUTE_NODE, SAY_HELLO, SUPERNODE
from roundelay.store.items import Entry, Item, Put
from roundelay.trust.errors import NotTrusted
from roundelay.trust.identity import ROLES, Identity
from tests.processes import ROOT

MINE, OTHERS = 7, 8
HOSTS = ("127.0.0.1", "10.0.0.1", "n1.ring.local")
ME, OTHER = NodeRef(MINE, "127.0.0.1", 1), NodeRef(OTHERS, "127.0.0.1", 1)


def identity(role: str, hosts: tuple[str, ...] = HOSTS) -> Identity:
    return Identity("00" * 8, role, "n1", MINE if role == "node" else None, hosts, 1, 0.0, 1e12)


def caller(role: str, address: str = "127.0.0.1") -> Caller:
    return Caller(identity(role), address)


def documented() -> dict[tuple[str, str], bool]:
    """Return the table of docs/security.md: by call and role, whether a cell allows it."""
    found = {}
    rows = [line.split("|")[1:-1] for line in Path(ROOT / "docs/security.md").read_text().splitlines() if "|" in line]
    for calls, *cells in (row for row in rows if len(row) == 1 + len(ROLES) and "`" in row[0]):
        for call, (role, cell) in itertools.product(re.findall(r"`(\w+)`", calls), zip(ROLES, cells, strict=True)):
            found[call, role] = bool(cell.strip())
    return found


def accept(_: Identity) -> None:
    return


def test_the_audit_log_names_the_records_of_a_put_and_the_job_of_an_order() -> None:
    items = [Item(Entry(1, f"r{number}", "ab" * 32, 1), 1, deleted=number == 1) for number in range(5)]

    assert _object_of(Put.of(*items[:2])) == "r0, delete r1"
    assert _object_of(Put.of(*items)) == "r0, delete r1, r2, and 2 more"
    assert _object_of(Order("compare 12ab", 0, (), MixTask(1), "", 0, False)) == "compare 12ab"


def test_the_table_has_every_call_and_no_other() -> None:
    calls = {call.method for call in (SAY_HELLO, *COMPUTE_NODE.values(), *SUPERNODE.values())}

    assert TABLE.keys() == calls


@pytest.mark.parametrize(("call", "role"), list(itertools.product(TABLE, ROLES)))
def test_each_call_is_allowed_to_the_roles_in_the_documents(call: str, role: str) -> None:
    if documented()[call, role]:
        check_call(accept, caller(role), call)
    else:
        with pytest.raises(NotAllowed, match=f"{role} n1 may not call {call}: its role must be"):
            check_call(accept, caller(role), call)


def test_a_caller_without_a_certificate_may_call_nothing() -> None:
    with pytest.raises(NotAllowed, match="give a kit with --kit"):
        check_call(accept, None, "hello")


def test_a_certificate_that_is_not_valid_is_refused_with_its_reason() -> None:
    def refuse(_: Identity) -> None:
        raise NotTrusted("the certificate of node n1 was revoked")

    with pytest.raises(NotAllowed, match="was revoked"):
        check_call(refuse, caller("node"), "hello")


@pytest.mark.parametrize(("address", "allowed"), [("127.0.0.1", True), ("::ffff:10.0.0.1", True), ("10.0.0.9", False)])
def test_a_stolen_kit_does_not_work_on_another_host(address: str, allowed: bool) -> None:
    if allowed:
        check_call(accept, caller("node", address), "hello")
    else:
        with pytest.raises(NotAllowed, match=r"is for 127.0.0.1, 10.0.0.1, n1.ring.local, not for 10.0.0.9"):
            check_call(accept, caller("node", address), "hello")


def test_a_kit_without_hosts_or_with_names_works_anywhere() -> None:
    check_call(accept, Caller(identity("submitter", ()), "10.0.0.9"), "put")
    check_call(accept, Caller(identity("node", ("n1.ring.local", "127.0.0.1")), "10.0.0.9"), "put")


def test_a_kit_for_this_machine_works_nowhere_else() -> None:
    with pytest.raises(NotAllowed, match="not for 10"):
        check_call(accept, Caller(identity("node", ("localhost", "127.0.0.1")), "10.0.0.9"), "put")


@pytest.mark.parametrize("make", [Notify, Leaving, Heartbeat, Retire])
def test_a_node_speaks_only_for_itself(make: type[Notify]) -> None:
    assert bind(identity("node"), make(ME)) == make(ME)
    with pytest.raises(NotAllowed, match="node n1 speaks only for itself"):
        bind(identity("node"), make(OTHER))
    with pytest.raises(NotAllowed, match=r"is for 127.0.0.1, 10.0.0.1, n1.ring.local, not for 10.0.0.9"):
        bind(identity("node"), make(NodeRef(MINE, "10.0.0.9", 1)))


def test_a_push_comes_from_its_sender() -> None:
    with pytest.raises(NotAllowed, match="speaks only for itself"):
        bind(identity("node"), Push("j", 1, 1, 1, OTHER, "00" * 32, 1))


def test_an_operator_may_retire_any_node() -> None:
    assert bind(identity("operator"), Retire(OTHER)) == Retire(OTHER)


def test_admission_grants_the_identifier_of_the_certificate_at_its_hosts_only() -> None:
    assert bind(identity("node"), Admit(Address("n1.ring.local", 1))) == Admit(Address("n1.ring.local", 1), MINE)
    with pytest.raises(NotAllowed, match=r"not for 10.0.0.9"):
        bind(identity("node"), Admit(Address("10.0.0.9", 1)))


def test_a_drivers_heartbeat_names_its_driver() -> None:
    assert bind(identity("submitter"), DriverHeartbeat("j")) == DriverHeartbeat("j", identity("submitter"))


def test_a_put_names_the_node_that_asks_and_nobody_else() -> None:
    assert bind(identity("node"), Put((), caller=OTHER.id)) == Put((), caller=MINE)
    assert bind(identity("submitter"), Put((), caller=MINE)) == Put(())


def test_the_answering_side_must_be_the_one_that_was_meant() -> None:
    check_peer(identity("node"), ME, GetNeighbours())
    with pytest.raises(PeerNotTrusted, match="not of the node that was found there"):
        check_peer(identity("node"), OTHER, GetNeighbours())
    with pytest.raises(PeerNotTrusted, match="not of the node that was found there"):
        check_peer(identity("operator"), ME, GetNeighbours())
    with pytest.raises(PeerNotTrusted, match="not of a supernode"):
        check_peer(identity("node"), Address("127.0.0.1", 1), GetMembers())


def test_a_node_presents_itself_only() -> None:
    check_hello(identity("node"), Hello(ME, Ring(), True))
    with pytest.raises(PeerNotTrusted, match="not of that node"):
        check_hello(identity("node"), Hello(OTHER, Ring(), True))
