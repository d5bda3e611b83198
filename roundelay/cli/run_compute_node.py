"""What compute_node.py runs: a member of the ring, from its start until it leaves.

The disk and private data, which few nodes have, are imported only where they are used: a ring starts sooner.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from zlib import crc32

from roundelay.chord.choices import NEAR_FINGER_CANDIDATES
from roundelay.chord.errors import ChordError, JoinRefused
from roundelay.chord.refs import Address
from roundelay.cli import exits, monitoring, parser_base
from roundelay.cli.compute_node import trainer_config
from roundelay.cli.node_list import register
from roundelay.cli.parser_base import PORT_MAX
from roundelay.cli.security import security_of, warn_if_open
from roundelay.federation.errors import BadPolicy, WorkFailed
from roundelay.ml.plugins import allow, import_from_here
from roundelay.ml.readers.limits import limits_of
from roundelay.node import addresses, server_process
from roundelay.node.compute_node import ComputeNode
from roundelay.node.data_directory import DataDirectory
from roundelay.node.errors import DiskError, PrivateFolderError
from roundelay.node.leaf_node import LeafNode
from roundelay.node.options import PRIVATE_NAME
from roundelay.node.parent import end_with_parent, ready_line
from roundelay.node.participant import ComputeNodeOptions
from roundelay.node.runtime import Stopped
from roundelay.rpc.server import PortInUse
from roundelay.rpc.transport import addresses_of, host_towards, machine_name
from roundelay.trust.identity import NODE

if TYPE_CHECKING:
    from roundelay.federation.masker import Masker
    from roundelay.federation.site_gate import SiteGate
    from roundelay.node.disk import Disk
    from roundelay.node.private import Private
    from roundelay.node.security import Security

LEAF_PORT_MIN = 1024
SIGNAL_POLL_S = 2.0  # a signal that the kernel gives to another thread does not end the main thread's wait


def run(chosen: parser_base.Namespace) -> int:
    server_process.tune()
    if chosen.end_with_parent:
        end_with_parent()
    allow(chosen.plugins.split(","))
    member = build(chosen)
    try:
        monitoring.start(chosen, member)
        if isinstance(member, ComputeNode):
            listen(member, chosen)
        else:
            announce(member, chosen)
        return live(member, chosen)
    finally:
        member.leave()


def listen(member: ComputeNode, chosen: parser_base.Namespace) -> None:
    try:
        member.listen()
    except PortInUse as error:
        raise exits.Exit(exits.UNAVAILABLE, f"{error}: choose another port") from error
    except DiskError as error:
        raise exits.Exit(exits.CANNOT_CREATE, str(error)) from error
    except OSError as error:
        raise exits.Exit(exits.UNAVAILABLE, f"cannot listen at {chosen.host}:{chosen.port}: {error}") from error
    if chosen.register:
        register(addresses.register, chosen.nodes, member.address)
    warn_if_open(chosen)
    exits.say(f"compute node listening at {member.address}")
    if chosen.attack:
        exits.say(f"--attack {chosen.attack}: what this node trains is wrong, on purpose")
    if chosen.end_with_parent:
        exits.say(ready_line("compute node", member.address))


def announce(leaf: LeafNode, chosen: parser_base.Namespace) -> None:
    exits.say(f"leaf {leaf.address}: dials out, and accepts no connections")
    if chosen.end_with_parent:
        exits.say(ready_line("leaf", leaf.address))


def live(member: ComputeNode | LeafNode, chosen: parser_base.Namespace) -> int:
    """Join, show the finger table as it changes, and end when the node cannot go on."""
    try:
        node = member.join()
    except Stopped:
        return 0
    except JoinRefused as error:
        raise exits.Exit(exits.REFUSED, str(error)) from error
    except ChordError as error:
        raise exits.Exit(exits.UNAVAILABLE, str(error)) from error
    is_leaf = isinstance(member, LeafNode)
    exits.say(f"{'serves' if is_leaf else 'joined'} the ring as {node.ring.show(node.ref.id)}")
    if not (chosen.quiet or is_leaf) and chosen.log_format == "text":
        from roundelay.node.console import watch  # brings rich, which a quiet node does without

        watch(node, member.runtime.lock, member.runtime.stopping)
    while not member.runtime.stopping.wait(SIGNAL_POLL_S):  # ends with the process
        pass
    failure = member.runtime.failure
    code = exits.REFUSED if isinstance(failure, JoinRefused) else exits.SOFTWARE
    raise exits.Exit(code, f"cannot go on: {failure}")


def build(chosen: parser_base.Namespace) -> ComputeNode | LeafNode:
    if chosen.port is None and not chosen.outbound:
        raise exits.Exit(exits.USAGE, "compute_node.py: no port given. For example: python3 compute_node.py 8001")
    if not 0.05 <= chosen.stabilize_every <= 3600:
        raise exits.Exit(exits.USAGE, "compute_node.py: --stabilize-every takes 0.05 to 3600 seconds")
    if not (0 <= chosen.load <= 1 and 0 <= chosen.load_delay <= 3600):
        raise exits.Exit(exits.USAGE, "compute_node.py: --load takes 0 to 1, --load-delay 0 to 3600 seconds")
    if chosen.bootstrap is not None and chosen.supernode is not None:
        raise exits.Exit(
            exits.USAGE, "--bootstrap cannot be combined with --supernode: a node joins the ring through one of them"
        )
    if chosen.state_dir is not None:
        exits.make_folder(chosen.state_dir, "--state-dir")
    security = security_of(chosen, NODE)
    private, shelf = private_of(chosen), DataDirectory(chosen.data_dir)
    try:
        shelf.scan()
        supernode = None if chosen.bootstrap else _supernode(chosen)
    except OSError as error:
        raise exits.Exit(exits.NO_INPUT, f"--data-dir: cannot read {error.filename}: {error.strerror}") from error
    except addresses.NodeListError as error:
        raise exits.Exit(exits.DATA, str(error)) from error
    here = leaf_address(chosen, security) if chosen.outbound else Address(chosen.host, chosen.port)
    way_in = supernode() if supernode else chosen.bootstrap
    options = ComputeNodeOptions(
        here,
        here.host if chosen.outbound else advertised(chosen, way_in),
        supernode,
        chosen.bootstrap,
        chosen.stabilize_every,
        addresses.ListedNodes(chosen.nodes),
        chosen.load,
        chosen.load_delay,
        NEAR_FINGER_CANDIDATES if chosen.near_fingers else 1,
        gate_of(chosen, private, security),
        chosen.verbose,
        chosen.state_dir / "checkpoints" if chosen.state_dir else None,
        chosen.attack or "",
        masker_of(private),
    )
    if chosen.outbound:
        return LeafNode(options, exits.say, private, security)
    return ComputeNode(options, shelf, exits.say, disk_of(chosen), private, security)


def leaf_address(chosen: parser_base.Namespace, security: Security | None) -> Address:
    """Return the name of a leaf, in the form of an address. Raises Exit.

    It stays the same when the leaf starts again: a job knows private data by it. Leaves on one machine differ in their
    port, which without PORT follows from the private data that they train on.
    """
    for flag in ("data_dir", "register", "near_fingers"):  # with --state-dir it keeps the checkpoints of its orders
        if getattr(chosen, flag):
            name = f"--{flag.replace('_', '-')}"
            raise exits.Exit(
                exits.USAGE, f"--outbound cannot be combined with {name}: a leaf stores and routes nothing"
            )
    hosts = security.channel.identity.hosts if security is not None else ()
    host = chosen.advertise or next(iter(hosts), "") or machine_name()
    if chosen.port:
        return Address(host, chosen.port)
    if chosen.private is None and chosen.trainer is None:
        what = "--outbound needs a PORT without private data: other leaves of this machine would have the same name"
        raise exits.Exit(exits.USAGE, f"{what}. For example: python3 compute_node.py 8001 --outbound")
    data = chosen.private[1].resolve() if chosen.private is not None else f"{chosen.trainer} {chosen.trainer_config}"
    subject = f"{private_name_of(chosen)}={data}"
    return Address(host, LEAF_PORT_MIN + crc32(subject.encode()) % (PORT_MAX + 1 - LEAF_PORT_MIN))


def private_name_of(chosen: parser_base.Namespace) -> str:
    """Return the name under which the node publishes private data."""
    named = chosen.private[0] if chosen.private is not None else ""
    return named or chosen.private_name or PRIVATE_NAME


def gate_of(chosen: parser_base.Namespace, private: Private | None, security: Security | None) -> SiteGate | None:
    """Return the gate before private data: by the policy in a file, in a secured ring also without one. Raises Exit."""
    if chosen.policy is not None and private is None:
        raise exits.Exit(exits.USAGE, "--policy needs private data: --private or --trainer")
    if private is None or (chosen.policy is None and security is None):
        return None
    from roundelay.node.private import open_gate

    try:
        signer_of = security.channel.signer_of if security is not None else None
        return open_gate(chosen.policy, private, signer_of)
    except OSError as error:
        raise exits.Exit(exits.NO_INPUT, f"--policy: cannot read {chosen.policy}: {error.strerror}") from error
    except (BadPolicy, UnicodeDecodeError) as error:
        raise exits.Exit(exits.DATA, f"{chosen.policy}: {error}") from error


def masker_of(private: Private | None) -> Masker | None:
    """Return what masks the updates of private data, where there are any."""
    if private is None:
        return None
    from roundelay.node.private import open_masker

    return open_masker()


def disk_of(chosen: parser_base.Namespace) -> Disk | None:
    """Return the disk that keeps this node's store for its next start, if there is one."""
    if not chosen.state_dir:
        return None
    from roundelay.node.disk import Disk

    return Disk(chosen.state_dir / "store.sqlite")


def private_of(chosen: parser_base.Namespace) -> Private | None:
    """Return this node's private data: files, or a Flower client with its own data. Raises Exit."""
    if chosen.private is not None and chosen.trainer is not None:
        raise exits.Exit(exits.USAGE, "--private cannot be combined with --trainer: a Flower client has its own data")
    if chosen.private_name and chosen.private is None and chosen.trainer is None:
        raise exits.Exit(exits.USAGE, "--private-name needs private data: --private or --trainer")
    if chosen.private_name and chosen.private is not None and chosen.private[0]:
        what = f"--private-name cannot be combined with --private {chosen.private[0]}=DIR"
        raise exits.Exit(exits.USAGE, f"{what}: both name the data")
    if chosen.trainer is not None:
        import_from_here()
    elif chosen.trainer_config or chosen.trainer_rows is not None:
        raise exits.Exit(exits.USAGE, "--trainer-config and --trainer-rows need a --trainer")
    if chosen.max_file_bytes is not None and chosen.private is None:
        raise exits.Exit(exits.USAGE, "--max-file-bytes is for --private: a node reads no other data")
    made = _named_private(chosen)
    if chosen.private is not None and not chosen.private[1].exists():
        advice = "" if chosen.private[0] else "; it is NAME=DIR, or a folder or file that exists"
        raise exits.Exit(exits.NO_INPUT, f"--private: no such file or folder: {chosen.private[1]}{advice}")
    try:
        if made is not None:
            made.scan()
    except PrivateFolderError as error:
        raise exits.Exit(exits.DATA, f"--private: {error}") from error
    except WorkFailed as error:
        raise exits.Exit(exits.DATA, f"--trainer: {error}") from error
    return made


def _named_private(chosen: parser_base.Namespace) -> Private | None:
    if chosen.trainer is not None:
        from roundelay.node.flower import FlowerClient

        config = trainer_config(chosen.trainer_config)
        return FlowerClient(chosen.trainer, config, chosen.trainer_rows, private_name_of(chosen))
    if chosen.private is None:
        return None
    from roundelay.node.private import PrivateFolder

    limits = limits_of(chosen.max_file_bytes)
    return PrivateFolder(chosen.private[1], private_name_of(chosen), exits.say, limits)


def advertised(chosen: parser_base.Namespace, way_in: Address) -> str:
    """Return the host to advertise; listening everywhere, it is the local address of the route to the ring.

    Raises Exit.
    """
    if chosen.advertise:
        _require_listening(chosen.advertise, chosen.host)
    if chosen.advertise or not addresses.is_everywhere(chosen.host):
        return str(chosen.advertise or chosen.host)
    try:
        return host_towards(way_in.host, way_in.port)
    except (OSError, ValueError) as error:
        line = f"no route to {way_in} ({error}): name the host by which others reach this node with --advertise HOST"
        raise exits.Exit(exits.UNAVAILABLE, line) from error


def _require_listening(name: str, host: str) -> None:
    """Raise Exit if a name is an address of this machine at which the node does not listen, as of many hosts files."""
    found, listens = addresses_of(name), "127.0.0.1" if host == "localhost" else host
    if not found or name in found:
        return  # others may know it, or it is an address, as of a proxy
    if all(map(addresses.is_loopback, found)) and not addresses.is_everywhere(host) and listens not in found:
        raise exits.Exit(
            exits.USAGE,
            f"--advertise {name} is {', '.join(sorted(found))} on this machine (see its hosts file), and the node "
            f"listens at {host}: nobody would reach it; name an address, or listen with --host {min(found)}",
        )


def _supernode(chosen: parser_base.Namespace) -> Callable[[], Address]:
    """Return the supernode as given, or from the node list. Raises NodeListError."""
    if chosen.supernode is not None:
        return lambda: chosen.supernode
    addresses.read(chosen.nodes)
    return addresses.ListedSupernode(chosen.nodes)
