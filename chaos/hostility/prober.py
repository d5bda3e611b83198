"""A process that makes good calls and times them: python -m chaos.hostility.prober PORT ...

It asks one compute node after the other, each over a new connection, as a node that has just joined would. It prints
one JSON object for each call, [moment, port, call, seconds, error], and ends when its input closes.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from itertools import count
from typing import Any

from chaos.hostility.fuzzer import input_closed
from roundelay.chord.effects import Ask, Request
from roundelay.chord.errors import ChordError, NotYet
from roundelay.chord.refs import Address
from roundelay.chord.requests import GetNeighbours, NextHop, SayHello
from roundelay.rpc.peers import Peers
from roundelay.store.items import Find

EVERY_S = 0.05
TIMEOUT_S = 10.0
CALLS: tuple[Request[object], ...] = (GetNeighbours(), NextHop(1 << 90), Find(1 << 91))


def main(arguments: Sequence[str]) -> int:
    addresses = [Address("127.0.0.1", int(port)) for port in arguments]
    closed = input_closed()
    for number in count():
        if closed.wait(EVERY_S):
            return 0
        probe(addresses[number % len(addresses)], CALLS[number % len(CALLS)])
    return 0


def probe(address: Address, request: Request[object]) -> None:
    """Make two calls over a new connection, and print how long each took."""
    peers = Peers()
    try:
        hello = timed(peers, Ask(address, SayHello(), TIMEOUT_S))
        if hello is not None:
            timed(peers, Ask(hello.node, request, TIMEOUT_S))
    finally:
        peers.close()


def timed(peers: Peers, ask: Ask) -> Any:
    """Make a call. Return its answer, or None if there was none."""
    began, answer, error = time.monotonic(), None, ""
    try:
        answer = peers.ask(ask)
    except NotYet:
        pass  # it has just been restarted, and says so
    except ChordError as failure:
        error = f"{type(failure).__name__}: {failure}"
    seconds = time.monotonic() - began
    print(json.dumps([time.time(), ask.to.port, type(ask.request).__name__, round(seconds, 4), error]), flush=True)
    return answer


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
