"""A named case: one row of what was tried on a ring, done again; and what it has to work with."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chaos.hostility.honest_jobs import HonestJobs
from chaos.hostility.liar import LyingNode
from chaos.hostility.raw_wire import send
from chaos.hostility.watch import Watch
from roundelay.chord.effects import Request
from roundelay.chord.refs import NodeRef
from roundelay.federation.spec import JobSpec
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.cluster import Cluster
from roundelay.testing.waiting import until

GROWTH_MAX_MB = 64.0  # of each process
GOOD_CALL_MAX_S = 1.0


@dataclass
class Attack:
    """A ring, the honest job beside it, and how much of each case is done."""

    ring: Cluster
    watch: Watch
    honest: HonestJobs
    spec: JobSpec  # of a job that has ended
    rng: random.Random
    liar: LyingNode
    share: float = 1.0  # of each case's messages: less in the short form

    @property
    def nodes(self) -> list[NodeRef]:
        """The honest nodes, as they are now."""
        ports = {node.port for node in self.ring.nodes}

        def all_known() -> list[NodeRef]:
            found = [status.node for status in self.ring.statuses() if status.node.port in ports]
            return found if len(found) == len(ports) else []

        return until(all_known, "a crawl of the honest nodes", timeout_s=30.0)

    @property
    def victim(self) -> NodeRef:
        """One honest node, another each time."""
        return self.rng.choice(self.nodes)

    def times(self, count: int) -> range:
        """Return a range of `count`, or of this run's share of it."""
        return range(max(2, round(count * self.share)))

    def flood(self, node: NodeRef, count: int, make: Callable[[int], Request[Any]]) -> None:
        """Send this run's share of `count` requests to a node."""
        send(node, *(make(number) for number in self.times(count)))

    def wait_until_healed(self, timeout_s: float = 60.0) -> None:
        """Wait until a crawl finds all honest nodes and the liar. Raises Stuck."""
        ports = {node.port for node in self.ring.nodes} | {self.liar.address.port}

        def is_whole() -> bool:
            return ports <= {status.node.port for status in self.ring.statuses()}

        until(is_whole, f"one ring of {len(ports)} nodes", timeout_s)

    def process_of(self, node: NodeRef) -> ManagedProcess:
        return self.ring.node_at(node)

    def client(self, subcommand: str, *arguments: str, timeout_s: float = 30.0) -> str:
        """Run a client to its end. Return why it did not do its work, or an empty string."""
        client = self.ring.start_client(subcommand, *arguments)
        try:
            client.wait(timeout_s)
        except Exception as error:
            client.kill()
            return f"{subcommand}: {error}"[:200]
        return f"{subcommand}: ended with a traceback" if "Traceback (most" in client.text else ""


Case = Callable[[Attack], str]  # returns why it was not held, or an empty string; its docstring says what is sent


@dataclass
class CaseResult:
    """What became of one case, over all its repetitions."""

    name: str
    runs: int = 0
    seconds: float = 0.0
    why: list[str] = field(default_factory=list)  # why it was not held; empty if it was

    @property
    def held(self) -> bool:
        return not self.why


def run_case(name: str, case: Case, attack: Attack, slowest: Callable[[float], float], result: CaseResult) -> None:
    """Do a case once, and add what came of it. `slowest`: returns the slowest good call since a moment."""
    began, before = time.time(), attack.watch.levels_mb()
    try:
        why = case(attack)
    except Exception as error:
        why = f"{type(error).__name__}: {error}"[:200]
    result.runs += 1
    result.seconds = round(result.seconds + time.time() - began, 1)
    losses = attack.watch.losses()
    growth = {name: level - before.get(name, level) for name, level in attack.watch.levels_mb().items()}
    result.why += [why] * bool(why)
    result.why += [f"lost {each}" for each in losses.lost]
    result.why += [f"traceback in {each}" for each in losses.tracebacks]
    result.why += [f"raw control characters in {each}" for each in losses.controls]
    result.why += [f"{who} grew by {mb:.0f} MB" for who, mb in growth.items() if mb > GROWTH_MAX_MB]
    if (worst := slowest(began)) > GOOD_CALL_MAX_S:
        result.why.append(f"a good call took {worst:.1f} s")
    if result.why:
        try:
            attack.wait_until_healed()
        except AssertionError as error:
            result.why.append(f"afterwards, {error}")
