"""The access rules of a secured ring: which role may make which call. They are enforced here and nowhere else.

A server checks each call before it is answered: the caller's certificate, its role, and that it speaks only for itself.
A caller checks that the process that answers is the one that it means. docs/security.md shows the table.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any

from roundelay.chord import requests as ring
from roundelay.chord.effects import Request
from roundelay.chord.errors import NotAllowed, PeerNotTrusted
from roundelay.chord.refs import Address, NodeRef
from roundelay.federation import requests
from roundelay.store.items import Put
from roundelay.trust.errors import NotTrusted
from roundelay.trust.identity import NODE, OPERATOR, ROLES, SUBMITTER, SUPERNODE, Identity

if TYPE_CHECKING:
    from roundelay.rpc.audit_log import AuditLog
    from roundelay.rpc.secure_channel import SecureChannel

EVERYBODY = frozenset(ROLES)
WRITERS = frozenset({NODE, OPERATOR, SUBMITTER})
NODES = frozenset({NODE})

# By call: the roles that may make it.
TABLE: dict[str, frozenset[str]] = {
    "hello": EVERYBODY,
    "next_hop": EVERYBODY,
    "neighbours": EVERYBODY,
    "status": EVERYBODY,
    "find": EVERYBODY,
    "read": EVERYBODY,
    "list_job": EVERYBODY,
    "members": EVERYBODY,
    "put": WRITERS,
    "write": WRITERS,
    "driving": WRITERS,
    "order": WRITERS,
    "collect": WRITERS,
    "notify": NODES,
    "nudge": NODES,
    "leaving": NODES,
    "range_digest": NODES,
    "list_range": NODES,
    "push": NODES,
    "attach": NODES,
    "admit": NODES,
    "report": NODES,
    "retire": NODES | {OPERATOR},
}
NAMED_MAX = 3  # records of a put, in a line of the audit log
AUDITED = frozenset({"put", "order", "driving", "leaving", "admit", "retire"})  # besides all that is refused
# Requests that speak for a process, or are judged by their caller.
BOUND = (
    ring.Notify,
    ring.Leaving,
    ring.Heartbeat,
    ring.Retire,
    ring.Admit,
    requests.Push,
    requests.Attach,
    requests.DriverHeartbeat,
    Put,
)
SUPERNODES_CALLS = (ring.Admit, ring.Heartbeat, ring.Retire, ring.GetMembers)


@dataclass(frozen=True)
class Caller:
    """The process at the other end of an accepted connection."""

    identity: Identity
    address: str  # its address, as the connection shows it

    def __str__(self) -> str:
        return f"{self.identity} from {self.address}"

    @cached_property
    def is_at_its_host(self) -> bool:
        """Whether its kit may be used at its address: at its own, if it names any, and on its own machine.

        Names are not resolved: a kit whose hosts are names may call from anywhere.
        """
        hosts = self.identity.hosts
        here, known = _ip(self.address), [each for each in map(_ip, hosts) if each is not None]
        far = [each for each in known if not each.is_loopback]
        has_names = any(_ip(host) is None and host != "localhost" for host in hosts)
        if here is not None and here.is_loopback:
            return True
        return here in far if far else has_names or not hosts


class Access:
    """The access rules at a server. `channel` knows what is revoked, `audit` keeps what was done and refused."""

    def __init__(self, channel: SecureChannel, audit: AuditLog | None = None) -> None:
        self._check = channel.check
        self._audit = audit

    def check_call(self, caller: Caller | None, call: str) -> None:
        """Raise NotAllowed unless the caller's certificate and role allow a call."""
        try:
            check_call(self._check, caller, call)
        except NotAllowed as error:
            self._note(caller, call, None, f"refused: {error}")
            raise

    def bind(self, caller: Caller, call: str, request: Request[Any]) -> Request[Any]:
        """Return a request with its caller's identity filled in. Raises NotAllowed if it speaks for another process."""
        try:
            bound = bind(caller.identity, request)
        except NotAllowed as error:
            self._note(caller, call, request, f"refused: {error}")
            raise
        if call in AUDITED:
            self._note(caller, call, request, "allowed")
        return bound

    def refused(self, caller: Caller, call: str, request: Request[Any], why: str) -> None:
        """Note a call that the handler itself has refused."""
        self._note(caller, call, request, why)

    def _note(self, caller: Caller | None, call: str, request: Request[Any] | None, outcome: str) -> None:
        if self._audit is not None:
            about = _object_of(request) if request is not None else ""
            self._audit.note(str(caller or "unknown"), call, about, outcome)


def check_call(check: Callable[[Identity], None], caller: Caller | None, call: str) -> None:
    """Raise NotAllowed unless a certificate, a role and an address allow a call."""
    if caller is None:
        raise NotAllowed("this ring needs certificates: give a kit with --kit")
    identity = caller.identity
    try:
        check(identity)
    except NotTrusted as error:
        raise NotAllowed(str(error)) from error
    allowed = TABLE.get(call, frozenset())
    if identity.role not in allowed:
        raise NotAllowed(
            f"{identity} may not call {call}: its role must be {' or '.join(sorted(allowed)) or 'another'}"
        )
    if not caller.is_at_its_host:
        hosts = ", ".join(identity.hosts)
        raise NotAllowed(f"the kit of {identity} is for {hosts}, not for {caller.address}: issue one with --host")


def bind(caller: Identity, request: Request[Any]) -> Request[Any]:
    """Return a request with the identity of its caller. Raises NotAllowed if it speaks for another process."""
    if type(request) not in BOUND:
        return request
    match request:
        case ring.Notify(sender) | ring.Leaving(sender) | ring.Heartbeat(sender):
            _require_own(caller, sender)
        case ring.Retire(node) if caller.role != OPERATOR:
            _require_own(caller, node)
        case requests.Push():
            _require_own(caller, request.sender)
        case requests.Attach():
            _require_own(caller, request.leaf)
        case ring.Admit(address):
            _require_host(caller, address.host)
            return replace(request, node_id=caller.node_id)
        case requests.DriverHeartbeat():
            return replace(request, driver=caller)
        case Put():
            return replace(request, caller=caller.node_id)
    return request


def check_peer(peer: Identity, to: NodeRef | Address, request: Request[Any]) -> None:
    """Raise PeerNotTrusted unless the process at the other end is the one that a request is meant for."""
    if isinstance(to, NodeRef) and peer.node_id != to.id:
        raise PeerNotTrusted(f"{to.address} has the certificate of {peer}, not of the node that was found there")
    if isinstance(request, SUPERNODES_CALLS) and peer.role != SUPERNODE:
        raise PeerNotTrusted(f"{to} has the certificate of {peer}, not of a supernode")


def check_hello(peer: Identity, hello: ring.Hello) -> None:
    """Raise PeerNotTrusted unless a node that presents itself owns the identifier."""
    if peer.node_id != hello.node.id:
        raise PeerNotTrusted(f"{hello.node.address} has the certificate of {peer}, not of that node")


def _require_own(caller: Identity, node: NodeRef) -> None:
    if node.id != caller.node_id:
        raise NotAllowed(f"{caller} speaks only for itself, not for the node {node.id:040x} at {node.address}")
    _require_host(caller, node.host)


def _require_host(caller: Identity, host: str) -> None:
    ip = _ip(host)
    if host not in caller.hosts and (ip is None or ip not in map(_ip, caller.hosts)):
        raise NotAllowed(f"the kit of {caller} is for {', '.join(caller.hosts)}, not for {host}: issue one with --host")


def _ip(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address, with IPv4 in its own form also where it came through an IPv6 socket; None for a name."""
    with suppress(ValueError):
        found = ip_address(text.partition("%")[0])
        return getattr(found, "ipv4_mapped", None) or found
    return None


def _object_of(request: Request[Any]) -> str:
    """Return what a request is about, for the audit log."""
    match request:
        case ring.Notify(node) | ring.Leaving(node) | ring.Heartbeat(node) | ring.Retire(node):
            return f"{node.id:040x} at {node.address}"
        case ring.Admit(address):
            return str(address)
        case requests.DriverHeartbeat() | requests.Order():
            return request.job
        case Put(parcels):
            named = [f"{'delete ' * each.item.deleted}{each.item.entry.name}" for each in parcels[:NAMED_MAX]]
            more = len(parcels) - len(named)
            return ", ".join(named) + f", and {more} more" * (more > 0)
    return ""
