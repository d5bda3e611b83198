"""An intruder beside an honest job: what a stranger or the kit of another can change.

    python -m chaos intruder [--json]

A ring of four nodes with kits trains the letters. Meanwhile everything is tried that was once believed of anybody:
forged ends, forged and deleted results, nodes that were never admitted, heartbeats of a driver, retirements, orders.
Each attempt must be refused by every node, and the honest job must end with the model of an undisturbed run.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from roundelay.chord.effects import Ask, Request
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import Admit, Heartbeat, Leaving, Notify, Retire
from roundelay.chord.ring import Ring
from roundelay.client.connection import client_runtime
from roundelay.federation.requests import DriverHeartbeat
from roundelay.node.runtime import Runtime
from roundelay.node.subprocesses import ROOT
from roundelay.store.blobs import digest_of
from roundelay.store.items import Entry, Find, Item, Put, Write
from roundelay.testing.cluster import Cluster
from roundelay.testing.waiting import until

NODES = 4
ROUNDS = 12
KITS = ("", "viewer", "submitter", "node")  # the intruder's: none, and one of each role
TIMEOUT_S = 2.0
LATEST = 2**63 - 1
LEASE_S = 3600.0


@dataclass(frozen=True)
class Target:
    """The ring and the job that are attacked."""

    supernode: Address
    nodes: tuple[NodeRef, ...]
    job: str

    @property
    def key(self) -> int:
        return Ring().key(self.job)


Attempt = Callable[["Intruder"], None]


class Intruder:
    """One process that is not part of the honest ring. `say` returns whether the receiver accepted."""

    def __init__(self, kit: Path | None, target: Target) -> None:
        self.target = target
        self.runtime: Runtime = client_runtime(kit)
        self.accepted = 0

    def say(self, to: NodeRef | Address, request: Request[object]) -> bool:
        ask = Ask(to, request, TIMEOUT_S)
        security = self.runtime.peers.security
        try:
            self.runtime.peers.ask(security.signed(ask) if security is not None else ask)
        except ChordError:
            return False
        return True

    def forge(self, what: str, content: bytes, version: int, deleted: bool = False) -> None:
        """Put a record of the job on every node."""
        entry = Entry(self.target.key, f"{self.target.job}.{what}", digest_of(content), len(content))
        for node in self.target.nodes:
            self.say(node, Write(entry.digest, len(content), 0, content))
            self.accepted += self.say(node, Put.of(Item(entry, version, LEASE_S, deleted)))

    def delete(self, ending: str) -> None:
        """Delete the honest records whose names end so, with a version that nothing could follow."""
        reader = self.runtime.peers
        for node in self.target.nodes:
            try:
                items = reader.ask(Ask(node, Find(self.target.key), TIMEOUT_S))
            except ChordError:
                continue
            for item in items:
                if ending in item.entry.name:
                    for version in (LATEST, time.time_ns()):
                        self.accepted += self.say(node, Put.of(Item(item.entry, version, LEASE_S, True)))

    def tell(self, request: Request[object]) -> None:
        """Say something to every node."""
        self.accepted += sum(self.say(node, request) for node in self.target.nodes)

    def tell_supernode(self, request: Request[object]) -> None:
        self.accepted += self.say(self.target.supernode, request)


def ghost(intruder: Intruder) -> NodeRef:
    """Return a node that was never admitted, just before the first honest one."""
    node = intruder.target.nodes[0]
    return NodeRef(node.id - 1, "127.0.0.1", 9, 1)


ATTEMPTS: dict[str, Attempt] = {
    "cancelled": lambda i: i.forge("cancelled", b"", time.time_ns()),
    "failed": lambda i: i.forge("failed", b"because", time.time_ns()),
    "done": lambda i: i.forge("done", b"00" * 32, time.time_ns()),
    "replaced": lambda i: i.forge("replaced", b"00" * 32, time.time_ns()),
    "a result": lambda i: i.forge("result-1", b"{}", time.time_ns()),
    "a result for ever": lambda i: i.forge("result-2", b"{}", LATEST),
    "a report": lambda i: i.forge("report-1", b"{}", time.time_ns()),
    "its own spec": lambda i: i.forge("spec", b"{}", time.time_ns()),
    "delete the results": lambda i: i.delete(".result-"),
    "delete the spec": lambda i: i.delete(".spec"),
    "delete everything": lambda i: i.delete(""),
    "announce a node": lambda i: i.tell(Notify(ghost(i))),
    "impersonate a node": lambda i: i.tell(Notify(i.target.nodes[1])),
    "say that a node leaves": lambda i: i.tell(Leaving(i.target.nodes[1])),
    "claim to drive": lambda i: i.tell(DriverHeartbeat(i.target.job)),
    "retire a node": lambda i: i.tell_supernode(Retire(i.target.nodes[0])),
    "report a node": lambda i: i.tell_supernode(Heartbeat(ghost(i))),
    "report for ever": lambda i: i.tell_supernode(Heartbeat(NodeRef(i.target.nodes[0].id, "127.0.0.1", 9, LATEST))),
    "admit at a node's address": lambda i: i.tell_supernode(Admit(i.target.nodes[0].address)),
}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m chaos intruder", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one line, one JSON object")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder))
    if chosen.json:
        print(json.dumps({"chaos": "intruder", **found}))
    else:
        print(f"{found['attempts']} attempts, {found['succeeded']} succeeded: {found['successes'] or 'none'}")
        print("the honest job ended with " + ("the same model" if found["same_model"] else "another model, or none"))
    return 0 if found["same_model"] and not found["succeeded"] else 1


def run(folder: Path) -> dict[str, object]:
    """Attack one job with every kit, and compare it with an undisturbed one."""
    ring = Cluster(folder / "ring", secured=True)
    try:
        ring.form(NODES)
        quiet = _model(ring, lambda job: Counter())
        successes: Counter[str] = Counter()
        attacked = _model(ring, lambda job: successes.update(attack(ring, job)))
        return {
            "attempts": len(ATTEMPTS) * len(KITS),
            "succeeded": sum(successes.values()),
            "successes": dict(successes),
            "same_model": bool(attacked) and attacked == quiet,
        }
    finally:
        ring.stop()


def attack(ring: Cluster, job: str) -> Counter[str]:
    """Try everything with every kit; return how many receivers accepted it, by kit and attempt."""
    nodes = tuple(status.node for status in ring.statuses())
    found: Counter[str] = Counter()
    for role in KITS:
        kit = ring.kit(role, f"intruder-{role}") if role else None
        intruder = Intruder(kit, Target(ring.supernode_address, nodes, job))
        for name, attempt in ATTEMPTS.items():
            intruder.accepted = 0
            attempt(intruder)
            if intruder.accepted:
                found[f"{role or 'no kit'}: {name}"] += intruder.accepted
        intruder.runtime.stop(1.0)
    return found


def _model(ring: Cluster, during: Callable[[str], object]) -> str:
    """Train, and return the model's digest; `during` is called with the job's id after a round."""
    data = (str(ROOT / "letters"), "validate_letters.txt")
    client = ring.start_client("train", *data, "--rounds", str(ROUNDS), "--json")
    until(lambda: "round 2 of" in client.text or not client.is_running, "a round")
    during(client.text.split("job ", 1)[1].split()[0])
    if client.wait():
        return ""
    digest: str = json.loads(client.out.read_text().splitlines()[-1])["model_sha256"]
    return digest
