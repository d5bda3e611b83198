"""A set checker over a recorded history: no acknowledged put may be lost.

    python -m chaos history [--kills 8] [--seed 7] [--json]

Clients put small contents while nodes are killed, two at a time, and restarted with empty stores; the next two are
killed when every entry has its copies again. Every operation is recorded with its outcome. In the end everything that
was acknowledged must be there, with the right bytes; a put that ended in an error may or may not be.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from chaos.nemesis import kill_two_nodes
from roundelay.chord.errors import ChordError
from roundelay.client.connection import client_runtime, find_member
from roundelay.node.addresses import read
from roundelay.store.blobs import digest_of
from roundelay.store.read_path import get
from roundelay.store.write_path import put
from roundelay.testing.cluster import Cluster, cluster

NODES = 5
CLIENTS = 2
PAUSE_S = 0.05
ATTEMPTS_MAX = 20  # of the last reads


@dataclass(frozen=True)
class Event:
    """One operation and its outcome: ok, or the name of the error."""

    at_s: float
    operation: str
    name: str
    digest: str
    outcome: str


class History:
    """The operations so far, in the order in which they ended. Any thread may record."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._began = time.monotonic()
        self._lock = threading.Lock()

    def record(self, operation: str, name: str, digest: str, outcome: str) -> None:
        with self._lock:
            self.events.append(Event(round(time.monotonic() - self._began, 3), operation, name, digest, outcome))

    def acknowledged(self) -> dict[str, str]:
        """Return name -> digest of every acknowledged put."""
        with self._lock:
            return {e.name: e.digest for e in self.events if e.operation == "put" and e.outcome == "ok"}

    def write(self, path: Path) -> None:
        path.write_text("".join(json.dumps(asdict(event)) + "\n" for event in self.events))


class Client(threading.Thread):
    """Puts, and gets what any client has put, until `stopping` is set."""

    def __init__(self, ring: Cluster, history: History, number: int, seed: int) -> None:
        super().__init__(name=f"client {number}", daemon=True)
        self.stopping = threading.Event()
        self._history = history
        self._rng = random.Random(f"{seed}:{number}")
        self._number = number
        self._supernode = ring.supernode_address
        self._nodes = read(ring.node_list).nodes
        self._runtime = client_runtime()

    def run(self) -> None:
        count = 0
        while not self.stopping.wait(PAUSE_S):
            if count and self._rng.random() < 0.3:
                self.read(*self._rng.choice(sorted(self._history.acknowledged().items()) or [("", "")]))
            else:
                self.write(f"{self._number}-{count}")
                count += 1
        self._runtime.stop(1.0)

    def write(self, name: str) -> None:
        content = self._rng.randbytes(self._rng.randrange(1, 4000))
        try:
            entry = self._runtime.run(find_member(self._supernode, self._nodes))
            self._runtime.run(put(entry.node, entry.ring, entry.ring.key(name), name, content, time.time_ns()))
        except ChordError as error:
            self._history.record("put", name, digest_of(content), type(error).__name__)
        else:
            self._history.record("put", name, digest_of(content), "ok")

    def read(self, name: str, digest: str) -> bool:
        """Return True if the content is there. While nodes die, an error does not prove that it is lost."""
        if not name:
            return True
        try:
            entry = self._runtime.run(find_member(self._supernode, self._nodes))
            found = self._runtime.run(get(entry.node, entry.ring, entry.ring.key(name), name, digest))
        except ChordError as error:
            self._history.record("get", name, digest, type(error).__name__)
            return False
        outcome = "ok" if digest_of(found) == digest else "other bytes"
        self._history.record("get", name, digest, outcome)
        return outcome == "ok"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m chaos history", description=__doc__)
    parser.add_argument("--kills", type=int, default=8, help="rounds of two kills each")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="roundelay-history-") as folder:
        found = check(Path(folder), chosen.kills, chosen.seed)
    print(json.dumps(found)) if chosen.json else Console().print(table(found))
    return 0 if not found["lost"] and not found["other_bytes"] else 1


def check(folder: Path, kills: int, seed: int) -> dict[str, object]:
    """Record a history, and check it."""
    history, rng = History(), random.Random(seed)
    with cluster(folder / "ring", NODES) as ring:
        clients = [Client(ring, history, number, seed) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for number in range(kills):
            _kill_and_restart_two(ring, rng)
            stored = len(history.acknowledged())
            print(f"kills {number + 1} of {kills}: {stored} acknowledged", file=sys.stderr, flush=True)
        for client in clients:
            client.stopping.set()
            client.join()
        lost = _read_all(ring, history, seed)
    history.write(folder / "history.jsonl")
    return judge(history, lost) | {"kills": 2 * kills, "seed": seed}


def judge(history: History, lost: Sequence[str]) -> dict[str, object]:
    """Return the figures of a history."""
    puts = Counter(e.outcome for e in history.events if e.operation == "put")
    gets = Counter(e.outcome for e in history.events if e.operation == "get")
    return {
        "suite": "history",
        "acknowledged": puts["ok"],
        "not_acknowledged": sum(puts.values()) - puts["ok"],
        "read_meanwhile": gets["ok"],
        "errors_meanwhile": sum(gets.values()) - gets["ok"],
        "other_bytes": gets["other bytes"],
        "lost": len(lost),
        "lost_names": list(lost),
    }


def table(found: dict[str, object]) -> Table:
    made = Table(title="a set checker over a recorded history", title_justify="left")
    for key in found:
        made.add_column(key)
    made.add_row(*(str(value) for value in found.values()))
    return made


def _kill_and_restart_two(ring: Cluster, rng: random.Random) -> None:
    """Kill two nodes together, and restart them; return when every entry has its copies again."""
    victims = kill_two_nodes(ring, rng, 2.0)
    time.sleep(rng.uniform(0.0, 2.0))
    for victim in victims:
        ring.restart(victim)
    ring.wait_until_converged()
    ring.wait_until_replicated()


def _read_all(ring: Cluster, history: History, seed: int) -> list[str]:
    """Return the names that were acknowledged and cannot be read."""
    reader = Client(ring, history, CLIENTS, seed)
    return [
        name
        for name, digest in sorted(history.acknowledged().items())
        if not any(reader.read(name, digest) for _ in range(ATTEMPTS_MAX))
    ]
