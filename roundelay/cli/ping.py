"""client.py ping: check whether a process is serving. Prints one line; exit code 0 or 69, for health checks."""

from __future__ import annotations

from roundelay.chord.errors import ChordError
from roundelay.chord.refs import Address
from roundelay.cli import exits, parser_base
from roundelay.cli.ring_entry import open_ring
from roundelay.client import health
from roundelay.client.connection import client_runtime
from roundelay.node import shown

STOP_TIMEOUT_S = 1.0


def run(chosen: parser_base.Namespace) -> int:
    """Ping the process that the options name, or some node of the ring. Raises Exit, ClientError."""
    address = chosen.address or (Address("127.0.0.1", chosen.port) if chosen.port else None)
    if address is None:
        with open_ring(chosen) as ring:
            address = ring.connection.entry().node.address
    runtime = client_runtime(chosen.kit)
    try:
        print(shown.line(runtime.run(health.ping(address))))
    except ChordError as error:
        raise exits.Exit(exits.UNAVAILABLE, f"{address} is not serving: {error}") from error
    finally:
        runtime.stop(STOP_TIMEOUT_S)
    return 0
