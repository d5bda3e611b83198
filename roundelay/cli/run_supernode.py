"""What supernode.py runs: a supernode that listens until it is stopped."""

from __future__ import annotations

from typing import NoReturn

from roundelay.chord.refs import Address
from roundelay.chord.ring import Ring
from roundelay.cli import exits, monitoring, parser_base
from roundelay.cli.node_list import register
from roundelay.cli.security import security_of, warn_if_open
from roundelay.node import addresses, operating_system, server_process
from roundelay.node.errors import JournalError
from roundelay.node.options import journal_of
from roundelay.node.parent import end_with_parent, ready_line
from roundelay.node.supernode import Supernode
from roundelay.rpc.server import PortInUse
from roundelay.trust.identity import ID_BITS, SUPERNODE


def run(chosen: parser_base.Namespace) -> NoReturn:
    """Admit nodes until Ctrl-C. Raises Exit."""
    server_process.tune()
    if chosen.end_with_parent:
        end_with_parent()
    supernode = build(chosen)
    try:
        monitoring.start(chosen, supernode)
        listen(supernode, chosen)
        warn_if_open(chosen)
        exits.say(f"supernode listening at {supernode.address}, admitting the nodes listed in {chosen.nodes}")
        if chosen.end_with_parent:
            exits.say(ready_line("supernode", supernode.address))
        operating_system.wait_for_signals()
    finally:
        supernode.stop()


def listen(supernode: Supernode, chosen: parser_base.Namespace) -> None:
    try:
        supernode.start()
    except (JournalError, addresses.NodeListError) as error:
        raise exits.Exit(exits.DATA, str(error)) from error
    except PortInUse as error:
        raise exits.Exit(exits.UNAVAILABLE, f"{error}: is another supernode running? Try --port") from error
    except OSError as error:
        raise exits.Exit(exits.UNAVAILABLE, f"cannot listen at {chosen.host}: {error}") from error
    if chosen.register:
        here = Address(chosen.advertise or chosen.host, supernode.address.port)
        register(addresses.register_supernode, chosen.nodes, here)


def build(chosen: parser_base.Namespace) -> Supernode:
    if chosen.register and not chosen.advertise and addresses.is_everywhere(chosen.host):
        raise exits.Exit(
            exits.USAGE,
            f"supernode.py: --register at {chosen.host} needs --advertise HOST, by which nodes and clients reach it",
        )
    try:
        ring = Ring(chosen.bits, chosen.successors, chosen.replicas)
        if any(not 0 <= number < ring.size for number in chosen.ids):
            raise ValueError(f"--id: identifiers of {ring.bits} bits are 0 to {ring.size - 1}")
    except ValueError as error:
        raise exits.Exit(exits.USAGE, f"supernode.py: {error}") from error
    security = security_of(chosen, SUPERNODE)
    if security is not None and (ring.bits != ID_BITS or chosen.ids):
        raise exits.Exit(
            exits.USAGE, f"supernode.py: with --kit, identifiers have {ID_BITS} bits and stand in the certificates"
        )
    exits.make_folder(chosen.state_dir, "--state-dir")
    journal = journal_of(chosen.state_dir, chosen.port)
    listen = Address(chosen.host, chosen.port)
    return Supernode(ring, listen, journal, chosen.nodes, chosen.assign, chosen.ids, exits.say, security)
