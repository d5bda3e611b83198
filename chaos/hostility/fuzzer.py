"""A process that sends changed messages: python -m chaos.hostility.fuzzer SEED PER_SECOND MESSAGES PORT ...

The last port is the supernode's. It ends after MESSAGES messages (0: never), or when its input closes, and prints how
many it sent and how many were answered as one JSON object. The same seed sends the same messages in the same order.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence

from chaos.hostility.golden import Golden, golden, golden_of_supernode
from chaos.hostility.mutation import STRUCTURE_SHARE, Mutator
from chaos.hostility.raw_wire import RawConnection
from roundelay.chord.effects import Ask
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import Address
from roundelay.chord.requests import SayHello
from roundelay.rpc.peers import Peers

ANSWER_TIMEOUT_S = 0.5
TELL_EVERY = 500  # messages, after which a restarted node is asked who it is now


def main(arguments: Sequence[str]) -> int:
    seed, rate, most, *ports = map(int, arguments)
    closed = input_closed()
    counted = Fuzzer(seed, [Address("127.0.0.1", port) for port in ports]).run(rate, most, closed)
    print(json.dumps(counted), flush=True)
    return 0


def input_closed() -> threading.Event:
    """Return an event that is set when this process's input closes."""
    closed = threading.Event()

    def read() -> None:
        sys.stdin.read()
        closed.set()

    threading.Thread(target=read, daemon=True).start()
    return closed


class Fuzzer:
    """Sends changed messages to the processes in turn."""

    def __init__(self, seed: int, addresses: Sequence[Address]) -> None:
        self._rng = random.Random(seed)
        self._mutator = Mutator(self._rng)
        self._addresses = addresses
        self._connections = [RawConnection(address, ANSWER_TIMEOUT_S) for address in addresses]
        self._golden: list[list[Golden]] = []

    def run(self, rate: int, most: int, closed: threading.Event) -> dict[str, int]:
        """Send about `rate` messages a second; return what was counted."""
        counted: Counter[str] = Counter(messages=0, answered=0)
        began = time.monotonic()
        while not closed.is_set() and not 0 < most <= counted["messages"]:
            if counted["messages"] % TELL_EVERY == 0:
                self._golden = [self._golden_of(address) for address in self._addresses]
            place = self._rng.randrange(len(self._addresses))
            answer = self._connections[place].exchange(self._message(self._golden[place]))
            counted["messages"] += 1
            counted["answered"] += answer is not None
            closed.wait(max(0.0, began + counted["messages"] / rate - time.monotonic()))
        return dict(counted)

    def _message(self, typical: Sequence[Golden]) -> bytes:
        chosen = self._rng.choice(typical)
        if self._rng.random() < STRUCTURE_SHARE:
            changed = chosen.copied()
            self._mutator.change_struct(changed.arguments)
            try:
                return changed.frame()
            except Exception:  # no field can hold the value: another change instead
                pass
        return self._mutator.change_bytes(chosen.frame())

    def _golden_of(self, address: Address) -> list[Golden]:
        """Return typical messages for the process that is at an address now; for a supernode, its own."""
        if address is self._addresses[-1]:
            return golden_of_supernode()
        peers = Peers()
        try:
            return golden(peers.ask(Ask(address, SayHello(), ANSWER_TIMEOUT_S)).node)
        except ChordError:
            return golden_of_supernode()  # it is restarting: whatever is sent is refused
        finally:
            peers.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
