"""A compute node: a member of the ring that keeps training files and trains on them.

    python3 compute_node.py 8001 [SUPERNODE_HOST [SUPERNODE_PORT]]
"""

from cli.environment import require

require()

from ml.threads import one_blas_thread  # noqa: E402 - only where everything is installed

one_blas_thread()  # should this node drive a job: before numpy is imported

import threading  # noqa: E402
from collections.abc import Callable  # noqa: E402

from chord.errors import ChordError, JoinRefused  # noqa: E402
from chord.refs import Address  # noqa: E402
from cli import compute_node as command_line  # noqa: E402
from cli import exits, options, seeds  # noqa: E402
from node import addresses  # noqa: E402
from node.console import Watch, console  # noqa: E402
from node.disk import Disk, DiskError  # noqa: E402
from node.member import Member, MemberOptions  # noqa: E402
from node.parent import end_with_parent  # noqa: E402
from node.private import PrivateFolder, PrivateFolderError  # noqa: E402
from node.runtime import Stopped  # noqa: E402
from node.shelf import Shelf  # noqa: E402
from rpc.server import PortInUse  # noqa: E402


def main(arguments: list[str]) -> int:
    chosen = options.parse(command_line.parser(arguments), seeds.translate_node(arguments))
    if chosen.end_with_parent:
        end_with_parent()
    member = build(chosen)
    try:
        listen(member, chosen)
        return live(member, chosen)
    finally:
        member.leave()


def listen(member: Member, chosen: "options.Namespace") -> None:
    try:
        member.listen()
    except PortInUse as error:
        raise exits.Exit(exits.UNAVAILABLE, f"{error}: choose another port") from error
    except DiskError as error:
        raise exits.Exit(exits.CANNOT_CREATE, str(error)) from error
    except OSError as error:
        raise exits.Exit(exits.UNAVAILABLE, f"cannot listen at {chosen.host}:{chosen.port}: {error}") from error
    if chosen.register:
        options.register(addresses.register, chosen.nodes, member.address)
    exits.say(f"compute node listening at {member.address}")


def live(member: Member, chosen: "options.Namespace") -> int:
    """Join, show the finger table as it changes, and end when the node cannot go on."""
    try:
        node = member.join()
    except Stopped:
        return 0
    except JoinRefused as error:
        raise exits.Exit(exits.REFUSED, str(error)) from error
    except ChordError as error:
        raise exits.Exit(exits.UNAVAILABLE, str(error)) from error
    exits.say(f"joined the ring as {node.ring.show(node.ref.id)}")
    if not chosen.quiet:
        watch = Watch(node, member.runtime.changed, member.runtime.stopping, console())
        threading.Thread(target=watch.run, name="console", daemon=True).start()
    member.runtime.stopping.wait()
    code = exits.REFUSED if isinstance(member.failure, JoinRefused) else exits.SOFTWARE
    raise exits.Exit(code, f"cannot go on: {member.failure}")


def build(chosen: "options.Namespace") -> Member:
    if chosen.port is None:
        raise exits.Exit(exits.USAGE, "compute_node.py: which port? For example: python3 compute_node.py 8001")
    if not 0.05 <= chosen.stabilize_every <= 3600:
        raise exits.Exit(exits.USAGE, "compute_node.py: --stabilize-every takes 0.05 to 3600 seconds")
    if not (0 <= chosen.load <= 1 and 0 <= chosen.load_delay <= 3600):
        raise exits.Exit(exits.USAGE, "compute_node.py: --load takes 0 to 1, --load-delay 0 to 3600 seconds")
    shelf = Shelf(chosen.data_dir)
    try:
        shelf.survey()
        supernode = None if chosen.bootstrap else _supernode(chosen)
    except OSError as error:
        raise exits.Exit(exits.NO_INPUT, f"--data-dir: cannot read {error.filename}: {error.strerror}") from error
    except addresses.NodeListError as error:
        raise exits.Exit(exits.DATA, str(error)) from error
    private = _private(chosen)
    here = Address(chosen.host, chosen.port)
    advertise = addresses.normal(Address(chosen.advertise or chosen.host, chosen.port)).host
    return Member(
        MemberOptions(here, advertise, supernode, chosen.bootstrap, chosen.stabilize_every, chosen.load,
                      chosen.load_delay),
        shelf, exits.say, Disk(chosen.state_dir / "store.sqlite") if chosen.state_dir else None, private,
    )


def _private(chosen: "options.Namespace") -> PrivateFolder | None:
    if chosen.private is None:
        return None
    made = PrivateFolder(chosen.private, chosen.private_name)
    try:
        made.survey()
    except OSError as error:
        raise exits.Exit(exits.NO_INPUT, f"--private: cannot read {error.filename}: {error.strerror}") from error
    except (PrivateFolderError, ChordError) as error:
        raise exits.Exit(exits.DATA, f"--private: {error}") from error
    return made


def _supernode(chosen: "options.Namespace") -> "Callable[[], Address]":
    """As given, or as the node list says. Raises NodeListError."""
    if chosen.supernode is not None:
        return lambda: chosen.supernode
    addresses.read(chosen.nodes)
    return addresses.ListedSupernode(chosen.nodes)


if __name__ == "__main__":
    exits.run(main)
