"""The supernode's process: the registry behind a server, and the journal of the identities it grants.

A supernode that starts asks every address that it has admitted, and every listed one, who answers there: it knows the
ring again at once, and does not found a second one.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roundelay.chord.dispatch import Handlers, dispatch
from roundelay.chord.effects import Procedure, Request, Sleep
from roundelay.chord.errors import JoinRefused, NotYet
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.registry import NODE_LEASE_S, Registry, find_members
from roundelay.chord.requests import Admit, GetMembers, Heartbeat, Retire
from roundelay.chord.ring import Ring
from roundelay.node import addresses
from roundelay.node.errors import JournalError
from roundelay.node.identity_journal import IdentityJournal
from roundelay.node.runtime import Runtime
from roundelay.rpc.exchange import Observer
from roundelay.rpc.handlers import supernode_processor
from roundelay.rpc.peers import Peers
from roundelay.rpc.server import Server

if TYPE_CHECKING:
    from roundelay.node.metrics import Gauges
    from roundelay.node.security import Security  # loaded only with certificates

log = logging.getLogger(__name__)

STOP_TIMEOUT_S = 2.0
EXPIRE_INTERVAL_S = 1.0


class Supernode:
    """Serves admissions, from start to stop."""

    def __init__(
        self,
        ring: Ring,
        address: Address,
        journal: Path,
        node_list: Path,
        assign: str,
        chosen: Sequence[int],
        say: Callable[[str], None],
        security: Security | None = None,
    ) -> None:
        self._journal = IdentityJournal(journal, ring)
        self._node_list = node_list
        self._registry = Registry(ring, random.Random(), self._journal.record, assign, chosen)
        self.runtime = Runtime(Peers(security.peers if security else None))
        self._handlers = self._make_handlers()
        self._processor = supernode_processor(self._serve, ring.bits, security.access if security else None)
        self._server = Server(self._processor, address.host, address.port, security.channel if security else None)
        self._say = say
        self._security = security
        self._recalled = False
        self._silent: set[Address] = set()  # of members whose lease has ended; as many as the registry knows, at most

    @property
    def address(self) -> Address:
        return Address(*self._server.address)

    def observe_calls(self, observe: Observer) -> None:
        """Let every call be reported that this process sends or serves."""
        self.runtime.peers.observe = self._processor.observe = observe

    def start(self) -> None:
        """Listen, recall the ring, then admit. Raises JournalError, NodeListError, PortInUse."""
        listed = addresses.read(self._node_list).nodes
        with self.runtime.lock:  # answers wait until the journal is read, after the port was bound
            self._server.start()
            for node in self._journal.identities():
                self._registry.recall(node)
        candidates = dict.fromkeys((*self._registry.addresses(), *listed))
        for node in self.runtime.run(find_members(self._registry, candidates, time.monotonic)):
            self._say(f"found {node.address} alive")
        self._recalled = True
        self.runtime.start("leases", self._watch_leases(), lambda error: log.error("leases are not watched: %s", error))
        if self._security is not None:
            follow = self._security.follow(self._some_member, self._registry.ring, self._say)
            self.runtime.start("revocations", follow, lambda error: self._say(f"revocations are not followed: {error}"))
            watch = self._security.watch_kit(self._say)
            self.runtime.start("kit", watch, lambda error: self._say(f"the kit's file is not watched: {error}"))

    def stop(self) -> None:
        self._server.stop()
        self.runtime.stop(STOP_TIMEOUT_S)

    # --- for monitoring

    def why_not_ready(self) -> str:
        """Return why no node can be admitted now; empty if it can."""
        return "" if self._recalled else "looking for the members of an earlier ring"

    def gauges(self) -> Gauges:
        """Return what monitoring shows of the registry."""
        with self.runtime.lock:
            members = len(self._registry.members(time.monotonic()).nodes)
            known = len(self._registry.addresses())
        return {
            "ready": ("Whether nodes can be admitted", float(self._recalled)),
            "ring_members": ("Nodes with a current lease", float(members)),
            "ring_identities": ("Identities ever granted", float(known)),
        }

    def _watch_leases(self) -> Procedure[None]:
        """Say which members no longer report. Runs until the process stops."""
        while True:
            yield Sleep(EXPIRE_INTERVAL_S)
            with self.runtime.lock:
                silent = self._registry.expire(time.monotonic())
            for node in silent:
                self._silent.add(node.address)
                self._say(f"{node.address} has not reported for {NODE_LEASE_S:.0f} s: it is no longer a member")

    def _report(self, request: Heartbeat) -> Any:
        lease = self._registry.renew(request.node, time.monotonic())
        if request.node.address in self._silent:
            self._silent.discard(request.node.address)
            self._say(f"{request.node.address} reports again")
        return lease

    def _some_member(self) -> NodeRef | None:
        return next(iter(self._registry.members(time.monotonic()).nodes), None)

    # --- what it answers

    def _serve(self, request: Request[Any]) -> Any:
        place = f"handle.{type(request).__name__}"
        return self.runtime.faults.around(place, request, lambda: self._answer(request))

    def _answer(self, request: Request[Any]) -> Any:
        with self.runtime.lock:
            return dispatch(self._handlers, request)

    def _make_handlers(self) -> Handlers:
        now, registry = time.monotonic, self._registry
        return {
            Admit: self._admit,
            Heartbeat: self._report,
            Retire: self._retire,
            GetMembers: lambda _: registry.members(now()),
        }

    def _admit(self, request: Admit) -> Any:
        wanted = addresses.normal(request.address)
        if not self._recalled:
            raise NotYet("the supernode is looking for the members of an earlier ring")
        try:
            if not addresses.read(self._node_list).allows(wanted):
                raise JoinRefused(
                    f"{wanted} is not listed in {self._node_list} on the supernode's side: add the line "
                    f"{wanted.host},{wanted.port} there, or start the node with --register"
                )
            grant = self._registry.admit(wanted, time.monotonic(), request.node_id)
        except (addresses.NodeListError, JournalError) as error:
            raise JoinRefused(f"the supernode cannot admit nodes: {error}") from error
        self._silent.discard(grant.node.address)
        self._say(
            f"admitted {grant.node.address} as {grant.ring.show(grant.node.id)}"
            + (f", to join through {grant.bootstrap.address}" if grant.bootstrap else ", to found the ring")
        )
        return grant

    def _retire(self, request: Retire) -> None:
        self._registry.retire(request.node)
        self._say(f"{request.node.address} has left")
