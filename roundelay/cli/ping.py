"""client.py ping: does a process serve? One line, and exit code 0 or 69: for health checks and for people.

A node serves when it has joined and has been handed over what it owns; a supernode when it answers.
"""

from __future__ import annotations

from roundelay.chord.effects import Procedure, ask
from roundelay.chord.errors import ChordError, NotYet, PeerFault
from roundelay.chord.refs import Address
from roundelay.chord.requests import GetMembers, SayHello
from roundelay.cli import exits, options
from roundelay.cli.entry import client_runtime, enter
from roundelay.store.items import Find

ANSWER_TIMEOUT_S = 2.0
STOP_TIMEOUT_S = 1.0


def run(chosen: options.Namespace) -> int:
    runtime = client_runtime()
    try:
        address = chosen.address or (Address("127.0.0.1", chosen.port) if chosen.port else None)
        if address is None:
            address = enter(runtime, chosen).node.address
        print(runtime.run(state(address)))
    except ChordError as error:
        raise exits.Exit(exits.UNAVAILABLE, f"{address} does not serve: {error}") from error
    finally:
        runtime.stop(STOP_TIMEOUT_S)
    return 0


def state(address: Address) -> Procedure[str]:
    """Who serves there. Raises ChordError where nobody does, or not yet."""
    try:
        hello = yield from ask(address, SayHello(), ANSWER_TIMEOUT_S)
    except PeerFault:  # it knows no such question: then it is no node
        members = yield from ask(address, GetMembers(), ANSWER_TIMEOUT_S)
        few = f"{len(members.nodes)} node{'s' * (len(members.nodes) != 1)}"
        return f"supernode at {address}: {few}"
    if not hello.joined:
        raise NotYet("it has not joined the ring yet")
    yield from ask(hello.node, Find(hello.node.id), ANSWER_TIMEOUT_S)
    return f"node {hello.ring.show(hello.node.id)} at {address}: joined, and serving what it owns"
