"""The supernode: admits nodes to the ring, and gives each its identifier and a member to join through.

    python3 supernode.py [--port 9091]
"""

from cli.environment import require

require()

import threading  # noqa: E402 - only where everything is installed

from chord.refs import Address  # noqa: E402
from chord.ring import Ring  # noqa: E402
from cli import exits, options  # noqa: E402
from cli import supernode as command_line  # noqa: E402
from node import addresses  # noqa: E402
from node.admission import JournalError, Supernode, journal_of  # noqa: E402
from node.parent import end_with_parent  # noqa: E402
from rpc.server import PortInUse  # noqa: E402


def main(arguments: list[str]) -> int:
    chosen = options.parse(command_line.parser(arguments), arguments)
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


def build(chosen: "options.Namespace") -> Supernode:
    if chosen.register and not chosen.advertise and addresses.is_everywhere(chosen.host):
        raise exits.Exit(exits.USAGE, f"supernode.py: --register at {chosen.host} needs --advertise HOST: "
                                      "where nodes and clients find us")
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
    journal = journal_of(chosen.state_dir, chosen.port)
    listen = Address(chosen.host, chosen.port)
    return Supernode(ring, listen, journal, chosen.nodes, chosen.assign, chosen.ids, exits.say)


if __name__ == "__main__":
    exits.run(main)
