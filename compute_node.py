"""A compute node: a member of the ring that keeps training files and trains on them.

    python3 compute_node.py 8001 [SUPERNODE_HOST [SUPERNODE_PORT]]
"""

from cli.environment import require

require()

from ml.threads import one_blas_thread  # noqa: E402 - only where everything is installed

one_blas_thread()  # should this node drive a job: before numpy is imported

import threading  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402

from chord.errors import ChordError, JoinRefused  # noqa: E402
from chord.refs import Address  # noqa: E402
from chord.upkeep import STABILIZE_EVERY_S  # noqa: E402
from cli import exits, options  # noqa: E402
from node import addresses  # noqa: E402
from node.console import Watch, console  # noqa: E402
from node.disk import Disk, DiskError  # noqa: E402
from node.member import Member, MemberOptions  # noqa: E402
from node.parent import end_with_parent  # noqa: E402
from node.runtime import Stopped  # noqa: E402
from node.shelf import Shelf  # noqa: E402
from rpc.server import PortInUse  # noqa: E402


def main(arguments: list[str]) -> int:
    chosen = options.parse(parser(arguments), arguments)
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


def parser(arguments: list[str]) -> options.Parser:
    made = options.parser("compute_node.py", "Join the ring, keep files and train on them.",
                          "python3 compute_node.py 8001 --data-dir letters", arguments)
    made.add_argument("port", nargs="?", type=options.port, metavar="PORT", help="listen there (0: any free port)")
    made.add_argument("supernode_host", nargs="?", metavar="SUPERNODE_HOST", help="where the supernode is")
    made.add_argument("supernode_port", nargs="?", type=options.port, metavar="SUPERNODE_PORT", help="(default: 9091)")
    made.add_argument("--data-dir", type=Path, metavar="DIR", help="files found here need not be sent to this node")
    made.add_argument("--register", action="store_true", help="add our line to the node list first")
    made.add_argument("--nodes", type=Path, default=addresses.DEFAULT_FILE, metavar="FILE",
                      help="the node list (default: %(default)s)")
    made.add_argument("--bootstrap", type=options.checked(addresses.parse_address), metavar="HOST:PORT",
                      help="join through this node, without a supernode")
    made.add_argument("--quiet", action="store_true", help="print no finger tables")
    made.add_argument("--state-dir", type=Path, metavar="DIR", help="keep what is stored here, for the next start")
    made.more("--port", dest="port_option", type=options.port, metavar="P", help="the port, as an option")
    made.more("--host", default="127.0.0.1", metavar="H", help="listen there (default: %(default)s)")
    made.more("--advertise", metavar="HOST", help="the host that others reach us by (default: --host)")
    made.more("--stabilize-every", type=float, default=STABILIZE_EVERY_S, metavar="S",
              help="seconds between two stabilisations (default: %(default)s); 5 is slow motion")
    made.more("--end-with-parent", action="store_true", help="end when standard input is closed")
    return made


def build(chosen: "options.Namespace") -> Member:
    port = chosen.port if chosen.port is not None else chosen.port_option
    if port is None:
        raise exits.Exit(exits.USAGE, "compute_node.py: which port? For example: python3 compute_node.py 8001")
    if not 0.05 <= chosen.stabilize_every <= 3600:
        raise exits.Exit(exits.USAGE, "compute_node.py: --stabilize-every takes 0.05 to 3600 seconds")
    shelf = Shelf(chosen.data_dir)
    try:
        shelf.survey()
        supernode = None if chosen.bootstrap else _supernode(chosen)
    except OSError as error:
        raise exits.Exit(exits.NO_INPUT, f"--data-dir: cannot read {error.filename}: {error.strerror}") from error
    except addresses.NodeListError as error:
        raise exits.Exit(exits.DATA, str(error)) from error
    advertise = addresses.normal(Address(chosen.advertise or chosen.host, port)).host
    return Member(
        MemberOptions(Address(chosen.host, port), advertise, supernode, chosen.bootstrap, chosen.stabilize_every),
        shelf, exits.say, Disk(chosen.state_dir / "store.sqlite") if chosen.state_dir else None,
    )


def _supernode(chosen: "options.Namespace") -> "Callable[[], Address]":
    """As given, or as the node list says. Raises NodeListError."""
    if chosen.supernode_host is not None:
        given = addresses.normal(Address(chosen.supernode_host, chosen.supernode_port or addresses.SUPERNODE_PORT))
        return lambda: given
    addresses.read(chosen.nodes)
    return addresses.ListedSupernode(chosen.nodes)


if __name__ == "__main__":
    exits.run(main)
