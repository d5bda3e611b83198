"""Buffered rounds beside synchronous ones, on a ring with a slow node: `python -m bench buffered [--json]`.

Every order takes DELAY_S on seven nodes and ten times as long on the eighth (`compute_node.py --load 1`), which owns as
many of the letters' files as the others. A pair of jobs has the same seed. The synchronous one sets the error that the
buffered one must reach. Each buffered job is then replayed from its proof.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from statistics import median
from typing import Any

from bench import report
from bench.figures import Limit, Line, Table
from bench.machine import ROOT
from roundelay.chord.refs import Address
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.cluster import Cluster

ABOUT = "Buffered rounds on a ring with a slow node"
NODES, SLOWER = 8, 10
DELAY_S = 0.15  # of an order; training the letters takes a fraction of it
SYNCHRONOUS_ROUNDS, BUFFERED_ROUNDS = 10, 60
SEEDS = (0, 1, 2)
TIME_MAX = 0.5
LETTERS, VALIDATION = ROOT / "letters", "validate_letters.txt"


@dataclass(frozen=True)
class Run:
    """One job: when each round ended, counted from the start of the first, and the error after it; its output."""

    ends_s: tuple[float, ...]
    errors: tuple[float, ...]
    printed: dict[str, Any]

    def seconds_to(self, error: float) -> float:
        """Return when the error was first this low; infinity if it never was."""
        return next((at for at, each in zip(self.ends_s, self.errors, strict=True) if each <= error), float("inf"))


def main(arguments: Sequence[str]) -> int:
    return report.main("buffered", ABOUT, measure, arguments)


def measure() -> list[Table]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roundelay-bench-")))
        ring = Cluster(folder)
        stack.callback(ring.stop)
        ring.form(NODES, *_busy(DELAY_S))
        owned = _slow_down(ring)
        pairs, replayed = list[tuple[Run, Run]](), list[tuple[int, int, bool]]()
        for seed in SEEDS:
            synchronous = _train(ring, seed, SYNCHRONOUS_ROUNDS)
            proof = folder / f"proof-{seed}.zip"
            buffered = _train(ring, seed, BUFFERED_ROUNDS, "--topology", "buffered", "--proof", str(proof))
            pairs.append((synchronous, buffered))
            replayed.append(_replay(proof))
    return [_times(pairs, owned), _replays(replayed)]


def _busy(delay_s: float) -> tuple[str, ...]:
    return "--load", "1", "--load-delay", f"{delay_s:g}"


def _slow_down(ring: Cluster) -> int:
    """Make the node slow that owns as many files as most. Return how many."""
    members = sorted((status.node for status in ring.wait_until_converged()), key=lambda node: node.id)
    names = [path.name for path in LETTERS.iterdir() if path.is_file() and not path.suffix]
    owners = Counter(_owner(members, ring.statuses()[0].ring.key(name)) for name in names)
    usual = median(owners[member.address] for member in members)
    slow = min(members, key=lambda member: (abs(owners[member.address] - usual), member.id))
    node = ring.node_at(slow)
    node.kill(signal.SIGKILL)
    node.wait()
    ring.restart_with(node, *_busy(SLOWER * DELAY_S))
    ring.wait_until_converged()
    return owners[slow.address]


def _owner(members: Sequence[Any], key: int) -> Address:
    address: Address = next((member for member in members if member.id >= key), members[0]).address
    return address


def _train(ring: Cluster, seed: int, rounds: int, *options: str) -> Run:
    """Train the letters to the last round."""
    given = ("--rounds", str(rounds), "--seed", str(seed), "--eta", "0.1", "--stop-when-no-better", "0", "--json")
    client: ManagedProcess = ring.start_client("train", str(LETTERS), VALIDATION, *given, *options)
    if client.wait() != 0:
        raise RuntimeError(client.text)
    printed = json.loads(client.out.read_text())
    history = printed["history"]
    ends_s = tuple(accumulate(each["seconds"] for each in history))
    return Run(ends_s, tuple(each["validation_error"] for each in history), printed)


def _replay(proof: Path) -> tuple[int, int, bool]:
    """Replay a proof. Return the rounds whose results are equal, of how many, and whether the whole proof holds."""
    command = [
        sys.executable,
        str(ROOT / "client.py"),
        "verify",
        str(proof),
        "--data",
        str(LETTERS),
        "--replay",
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["trained_again"]
    return sum(each["holds"] for each in found), len(found), done.returncode == 0


def _times(pairs: Sequence[tuple[Run, Run]], owned: int) -> Table:
    lines, limit = [], Limit(TIME_MAX, at_least=False)
    for seed, (synchronous, buffered) in zip(SEEDS, pairs, strict=True):
        target = synchronous.errors[-1]
        theirs, ours = synchronous.seconds_to(target), buffered.seconds_to(target)
        lines.append(
            Line(
                f"seed {seed}: time to an error of {target:.4f}", "s", ours, "synchronous", theirs, ours / theirs, limit
            )
        )
    lines += [
        Line("length of a round, median", "s", _median(runs[1].ends_s), "synchronous", _median(runs[0].ends_s))
        for runs in pairs[:1]
    ]
    lowest = [min(buffered.errors) for _, buffered in pairs]
    lines.append(Line(f"lowest error in {BUFFERED_ROUNDS} buffered rounds, median", "", median(lowest)))
    return Table(
        f"{NODES} nodes, one {SLOWER} times slower: time to the error of {SYNCHRONOUS_ROUNDS} synchronous rounds",
        tuple(lines),
        (
            f"An order takes {DELAY_S:g} s beside its training, on the slow node {SLOWER * DELAY_S:g} s; that node "
            f"owns {owned} files. A buffered round takes a quarter of the files.",
        ),
    )


def _median(ends_s: Sequence[float]) -> float:
    return median(after - before for before, after in pairwise(ends_s))


def _replays(replayed: Sequence[tuple[int, int, bool]]) -> Table:
    return Table(
        "Replay of the buffered jobs from their proofs (client.py verify --replay)",
        tuple(
            Line(f"seed {seed}: rounds with an equal result", "", equal if holds else 0, limit=Limit(count))
            for seed, (equal, count, holds) in zip(SEEDS, replayed, strict=True)
        ),
        (f"{BUFFERED_ROUNDS} rounds and round 0. An equal result has an equal hash of the weights.",),
    )
