"""The supernode: admits nodes to the ring, and gives each its identifier and a member to join through.

    python3 supernode.py [--port 9091]
"""

from cli.environment import require

require()

import threading  # noqa: E402 - only where everything is installed
from pathlib import Path  # noqa: E402

from chord.membership import ASSIGNMENTS  # noqa: E402
from chord.refs import Address  # noqa: E402
from chord.ring import Ring  # noqa: E402
from cli import exits, options  # noqa: E402
from node import addresses  # noqa: E402
from node.admission import JournalError, Supernode  # noqa: E402
from node.parent import end_with_parent  # noqa: E402
from rpc.server import PortInUse  # noqa: E402


def main(arguments: list[str]) -> int:
    chosen = options.parse(parser(arguments), arguments)
    if chosen.end_with_parent:
        end_with_parent()
    supernode = build(chosen)
    try:
        listen(supernode, chosen)
        exits.say(f"supernode listening at {supernode.address}, admitting who is listed in {chosen.nodes}")
        threading.Event().wait()
    finally:
        supernode.stop()
    return 0


def listen(supernode: Supernode, chosen: "options.Namespace") -> None:
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
        options.register(addresses.register_supernode, chosen.nodes, here)


def parser(arguments: list[str]) -> options.Parser:
    made = options.parser("supernode.py", "Admit compute nodes to the ring.", "python3 supernode.py", arguments)
    made.add_argument("--port", type=options.port, default=addresses.SUPERNODE_PORT, metavar="P",
                      help="listen there (default: %(default)s; 0: any free port)")
    made.add_argument("--host", default="127.0.0.1", metavar="H", help="listen there (default: %(default)s)")
    made.add_argument("--nodes", type=Path, default=addresses.DEFAULT_FILE, metavar="FILE",
                      help="who may join: host,port lines (default: %(default)s)")
    made.add_argument("--register", action="store_true",
                      help="write our address into the node list, where nodes and clients read it")
    made.add_argument("--bits", type=int, default=160, metavar="N",
                      help="identifiers have N bits (default: %(default)s)")
    made.add_argument("--assign", choices=ASSIGNMENTS, default="balanced",
                      help="identifiers: the middle of the largest gap, or SHA-1 of host:port (default: %(default)s)")
    made.add_argument("--id", dest="ids", type=options.identifiers, default=(), metavar="N,N,...",
                      help="identifiers of the next joiners, in order, to rebuild a figure")
    made.more("--successors", type=int, default=8, metavar="N", help="length of successor lists (default: %(default)s)")
    made.more("--replicas", type=int, default=3, metavar="N", help="copies of everything stored (default: %(default)s)")
    made.more("--advertise", metavar="HOST", help="the host to register (default: --host)")
    made.more("--state-dir", type=Path, default=Path(".roundelay"), metavar="DIR",
              help="where the journal of identities is kept (default: %(default)s)")
    made.more("--end-with-parent", action="store_true", help="end when standard input is closed")
    return made


def build(chosen: "options.Namespace") -> Supernode:
    try:
        ring = Ring(chosen.bits, chosen.successors, chosen.replicas)
        if any(not 0 <= number < ring.size for number in chosen.ids):
            raise ValueError(f"--id: identifiers of {ring.bits} bits are 0 to {ring.size - 1}")
    except ValueError as error:
        raise exits.Exit(exits.USAGE, f"supernode.py: {error}") from error
    try:
        chosen.state_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise exits.Exit(exits.CANNOT_CREATE, f"{chosen.state_dir}: {error.strerror}") from error
    journal = chosen.state_dir / f"supernode-{chosen.port}.jsonl"
    listen = Address(chosen.host, chosen.port)
    return Supernode(ring, listen, journal, chosen.nodes, chosen.assign, chosen.ids, exits.say)


if __name__ == "__main__":
    exits.run(main)
