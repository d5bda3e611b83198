"""Buffered rounds beside synchronous ones, on a ring with a slow node: `python -m bench buffered [--json]`.

Every order takes DELAY_S on seven nodes and ten times as long on the eighth (`compute_node.py --load 1`), which owns
about as many files as the others. The files are the letters as they ship, and repartitioned so that their classes are
skewed: then the model needs the slow node's files. Of two jobs with the same seed, the synchronous one sets the error
that the buffered one must reach. Each buffered job is then replayed from its proof.
"""

from __future__ import annotations

import itertools
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from statistics import median
from typing import Any

from bench import report
from bench.figures import Limit, Line, Table
from bench.machine import ROOT
from roundelay.chord.refs import Address, NodeRef
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.cluster import Cluster

ABOUT = "Buffered rounds on a ring with a slow node"
NODES, SLOWER = 8, 10
DELAY_S = 0.15  # of an order; training the letters takes a fraction of it
SYNCHRONOUS_ROUNDS, BUFFERED_ROUNDS = 8, 40
SEEDS = (0, 1)
FILES, ALPHA = 24, 0.5  # of the skewed letters
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


@dataclass(frozen=True)
class Pair:
    """A synchronous and a buffered job on the same files, and the replay of the buffered one."""

    name: str
    synchronous: Run
    buffered: Run
    equal: int  # rounds with an equal result
    holds: bool  # the whole proof


def main(arguments: Sequence[str]) -> int:
    return report.main("buffered", ABOUT, measure, arguments)


def measure() -> list[Table]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roundelay-bench-")))
        ring = Cluster(folder)
        stack.callback(ring.stop)
        data = {"letters": LETTERS, "skewed": _skewed(folder / "skewed")}
        ring.form(NODES, *_busy(DELAY_S))
        owned = _slow_down(ring, data)
        pairs, proof = list[Pair](), folder / "proof.zip"
        for name, seed in itertools.product(data, SEEDS):
            synchronous = _train(ring, data[name], seed, SYNCHRONOUS_ROUNDS)
            options = ("--topology", "buffered", "--proof", str(proof))
            buffered = _train(ring, data[name], seed, BUFFERED_ROUNDS, *options)
            pairs.append(Pair(f"{name}, seed {seed}", synchronous, buffered, *_replay(proof, data[name])))
    return [_times(pairs, owned), _replays(pairs)]


def _skewed(folder: Path) -> Path:
    """Repartition the letters so that each file has few classes."""
    command = [sys.executable, str(ROOT / "client.py"), "partition", str(LETTERS), str(folder)]
    options = ["--how", "dirichlet", "--alpha", str(ALPHA), "--files", str(FILES)]
    subprocess.run([*command, *options], capture_output=True, check=True)
    shutil.copy(LETTERS / VALIDATION, folder)
    return folder


def _busy(delay_s: float) -> tuple[str, ...]:
    return "--load", "1", "--load-delay", f"{delay_s:g}"


def _slow_down(ring: Cluster, data: Mapping[str, Path]) -> dict[str, int]:
    """Make the node slow that owns about as many files as the others. Return how many, by data."""
    statuses = ring.wait_until_converged()
    members, keys = sorted((status.node for status in statuses), key=lambda node: node.id), statuses[0].ring
    owners = {
        name: Counter(_owner(members, keys.key(file)) for file in training_files(folder))
        for name, folder in data.items()
    }

    def unusual(member: NodeRef) -> float:
        return sum(abs(count[member.address] - count.total() / NODES) for count in owners.values())

    slow = min(members, key=lambda member: (unusual(member), member.id))
    node = ring.node_at(slow)
    node.kill(signal.SIGKILL)
    node.wait()
    ring.restart_with(node, *_busy(SLOWER * DELAY_S))
    ring.wait_until_converged()
    return {name: count[slow.address] for name, count in owners.items()}


def training_files(folder: Path) -> list[str]:
    """Return the names of a folder's training files."""
    return [path.name for path in folder.iterdir() if path.is_file() and path.name != VALIDATION]


def _owner(members: Sequence[NodeRef], key: int) -> Address:
    address: Address = next((member for member in members if member.id >= key), members[0]).address
    return address


def _train(ring: Cluster, folder: Path, seed: int, rounds: int, *options: str) -> Run:
    """Train a folder's files to the last round."""
    given = ("--rounds", str(rounds), "--seed", str(seed), "--eta", "0.1", "--stop-when-no-better", "0", "--json")
    client: ManagedProcess = ring.start_client("train", str(folder), VALIDATION, *given, *options)
    if client.wait() != 0:
        raise RuntimeError(client.text)
    printed = json.loads(client.out.read_text())
    history = printed["history"]
    ends_s = tuple(accumulate(each["seconds"] for each in history))
    return Run(ends_s, tuple(each["validation_error"] for each in history), printed)


def _replay(proof: Path, folder: Path) -> tuple[int, bool]:
    """Replay a proof. Return how many rounds have an equal result, and whether the whole proof holds."""
    command = [
        sys.executable,
        str(ROOT / "client.py"),
        "verify",
        str(proof),
        "--data",
        str(folder),
        "--replay",
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["trained_again"]
    return sum(each["holds"] for each in found), done.returncode == 0


def _times(pairs: Sequence[Pair], owned: Mapping[str, int]) -> Table:
    lines, limit = list[Line](), Limit(TIME_MAX, at_least=False)
    for pair in pairs:
        target = pair.synchronous.errors[-1]
        theirs, ours = pair.synchronous.seconds_to(target), pair.buffered.seconds_to(target)
        what = f"{pair.name}: time to an error of {target:.4f}"
        lines.append(Line(what, "s", ours, "synchronous", theirs, ours / theirs, limit))
    for pair in pairs:
        lowest = min(pair.buffered.errors), min(pair.synchronous.errors)
        lines.append(Line(f"{pair.name}: lowest error", "", lowest[0], "synchronous", lowest[1]))
        spans = _median(pair.buffered.ends_s), _median(pair.synchronous.ends_s)
        lines.append(Line(f"{pair.name}: length of a round, median", "s", spans[0], "synchronous", spans[1]))
    files = " and ".join(f'{count} of the files of "{name}"' for name, count in owned.items())
    return Table(
        f"{NODES} nodes, one {SLOWER} times slower: time to the error of {SYNCHRONOUS_ROUNDS} synchronous rounds",
        tuple(lines),
        (
            f"An order takes {DELAY_S:g} s beside its training, on the slow node {SLOWER * DELAY_S:g} s. That node "
            f"owns {files}. Skewed: the letters in {FILES} files by a Dirichlet distribution of the classes, "
            f"alpha {ALPHA:g}. "
            f"A buffered round takes a quarter of the files; there are {BUFFERED_ROUNDS}.",
        ),
    )


def _median(ends_s: Sequence[float]) -> float:
    return median(after - before for before, after in pairwise(ends_s))


def _replays(pairs: Sequence[Pair]) -> Table:
    return Table(
        "Replay of the buffered jobs from their proofs (client.py verify --replay)",
        tuple(
            Line(
                f"{pair.name}: rounds with an equal result",
                "",
                pair.equal if pair.holds else 0,
                limit=Limit(BUFFERED_ROUNDS + 1),
            )
            for pair in pairs
        ),
        (f"{BUFFERED_ROUNDS} rounds and round 0. An equal result has an equal hash of the weights.",),
    )
