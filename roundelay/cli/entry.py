"""The way into the ring: through the supernode or, where it is dead, any node that is listed."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass

from roundelay.chord.effects import Ask, AskAll, Procedure, ask
from roundelay.chord.errors import ChordError, NodeUnreachable
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import GetMembers, Hello, SayHello
from roundelay.chord.ring import Ring
from roundelay.cli import exits
from roundelay.federation.effects import Offload
from roundelay.node import addresses
from roundelay.node.options import SUPERNODE_PORT
from roundelay.node.runtime import Runtime
from roundelay.rpc.peers import Peers

ANSWER_TIMEOUT_S = 1.0


@dataclass(frozen=True)
class RingEntry:
    """A member that answers, and the ring it is of."""

    node: NodeRef
    ring: Ring


def client_runtime() -> Runtime:
    """A runtime for a process that is no node itself."""
    runtime = Runtime(Peers())
    runtime.perform_with(Offload, lambda effect: effect.function())
    return runtime


def supernode_address(options: argparse.Namespace) -> Address:
    """As given, as the node list says, or the default."""
    if options.supernode is not None:
        given: Address = options.supernode
        return given
    listed = node_list(options).supernode
    return listed or Address("127.0.0.1", SUPERNODE_PORT)


def ways_in(options: argparse.Namespace) -> tuple[Address | None, tuple[Address, ...]]:
    """The supernode, if there is one to ask, and the nodes to try."""
    if options.bootstrap is not None:
        return None, (options.bootstrap,)
    return supernode_address(options), tuple(node_list(options).nodes)


def node_list(options: argparse.Namespace) -> addresses.NodeList:
    try:
        return addresses.read(options.nodes)
    except addresses.NodeListError as error:
        raise exits.Exit(exits.DATA, str(error)) from error


def enter(runtime: Runtime, options: argparse.Namespace) -> RingEntry:
    """A live member. Raises Exit with what to start, where there is none."""
    supernode, listed = ways_in(options)
    try:
        return runtime.run(find_member(supernode, listed))
    except ChordError:
        if supernode is None:
            raise exits.Exit(exits.UNAVAILABLE, f"no node of a ring answers at {listed[0]}") from None
        raise exits.Exit(
            exits.UNAVAILABLE,
            f"no node of a ring found: nothing answers for the supernode at {supernode}, nor at the "
            f"{len(listed)} addresses of {options.nodes}. Start  python3 supernode.py  and "
            "python3 compute_node.py 8001  first, or add  --local 4",
        ) from None


def find_member(supernode: Address | None, listed: Iterable[Address]) -> Procedure[RingEntry]:
    """Ask the supernode for its members; the first member that answers is the way in. Raises NodeUnreachable."""
    known: list[Address] = []
    try:
        if supernode is not None:
            members = yield from ask(supernode, GetMembers(), ANSWER_TIMEOUT_S)
            known = [node.address for node in members.nodes]
    except ChordError:
        pass
    candidates = list(dict.fromkeys([*known, *listed]))
    asks = [Ask(a, SayHello(), ANSWER_TIMEOUT_S) for a in candidates]
    for need in (1, None):  # the first to answer may not be a member yet
        answers = yield AskAll(asks, need)
        for hello in answers:
            if isinstance(hello, Hello) and hello.joined:
                return RingEntry(hello.node, hello.ring)
    raise NodeUnreachable(f"none of {len(candidates)} addresses answers")
