"""The key-value workload: keys that stay, keys with short leases, and gets of both.

Whatever was acknowledged must be found until its lease expires.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field

from roundelay.chord.effects import Procedure
from roundelay.chord.errors import ChordError, NotFound
from roundelay.client.connection import RingEntry, client_runtime, find_member
from roundelay.node.addresses import read
from roundelay.store.read_path import get
from roundelay.store.write_path import put
from roundelay.testing.cluster import Cluster

CONTENT_BYTES_MAX = 8000
LASTING_S, BRIEF_S = 24 * 3600.0, 60.0
MARGIN_S = 10.0  # a key is not read any more so shortly before its lease expires
PAUSE_S = 0.05
READ_ATTEMPTS_MAX = 100  # RETRY_S apart; while nodes die a read may take several
RETRY_S = 0.2


@dataclass(frozen=True)
class Known:
    """An acknowledged content, and until when it must be found."""

    content: bytes
    until: float


@dataclass
class Counts:
    """How the operations ended."""

    acknowledged: int = 0
    refused: int = 0
    read: int = 0
    waited: int = 0  # reads that had to be retried
    lost: list[str] = field(default_factory=list)


class KeyValueClient(threading.Thread):
    """Puts and gets until `stopping` is set."""

    def __init__(self, ring: Cluster, seed: int) -> None:
        super().__init__(name="keys", daemon=True)
        self.stopping = threading.Event()
        self.counts = Counts()
        self._rng = random.Random(seed)
        self._known: dict[str, Known] = {}
        self._ring = ring
        self._runtime = client_runtime()
        self._entry: RingEntry | None = None

    def fill(self, count: int) -> None:
        """Put `count` keys that stay to the end."""
        for number in range(count):
            while not self._put(f"lasting {number}", LASTING_S):
                time.sleep(RETRY_S)

    def run(self) -> None:
        number = 0
        while not self.stopping.wait(PAUSE_S):
            if self._rng.random() < 0.3:
                self._put(f"brief {number}", BRIEF_S)
                number += 1
            else:
                self._forget_expired()
                self._read(self._rng.choice(list(self._known)))

    def read_all(self) -> None:
        """Read everything that was acknowledged and is still leased."""
        self._forget_expired()
        for name in list(self._known):
            self._read(name)

    def close(self) -> None:
        self._runtime.stop(1.0)

    def _put(self, name: str, lease_s: float) -> bool:
        """Put a random content. Return True if it was acknowledged."""
        content = self._rng.randbytes(self._rng.randrange(1, CONTENT_BYTES_MAX))
        until = time.monotonic() + lease_s
        try:
            entry = self._enter()
            self._runtime.run(put(entry.node, entry.ring, entry.ring.key(name), name, content, time.time_ns(), lease_s))
        except ChordError:
            self._entry = None
            self.counts.refused += 1
            return False
        self._known[name] = Known(content, until)
        self.counts.acknowledged += 1
        return True

    def _read(self, name: str) -> None:
        """Read a key. It is lost if the ring does not have it, never answers, or returns other bytes."""
        for attempt in range(READ_ATTEMPTS_MAX):
            try:
                found = self._runtime.run(self._get(self._enter(), name))
            except NotFound:
                break
            except ChordError:
                self._entry = None
                self.counts.waited += attempt == 0
                time.sleep(RETRY_S)
                continue
            self.counts.read += 1
            if found == self._known[name].content:
                return
            break
        if time.monotonic() < self._known[name].until:
            self.counts.lost.append(name)
        del self._known[name]

    def _get(self, entry: RingEntry, name: str) -> Procedure[bytes]:
        return get(entry.node, entry.ring, entry.ring.key(name), name)

    def _enter(self) -> RingEntry:
        """Return the node that answered last, or find another."""
        if self._entry is None:
            nodes = read(self._ring.node_list).nodes
            self._entry = self._runtime.run(find_member(self._ring.supernode_address, nodes))
        return self._entry

    def _forget_expired(self) -> None:
        now = time.monotonic()
        self._known = {name: known for name, known in self._known.items() if known.until > now + MARGIN_S}
