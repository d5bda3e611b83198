"""Disks that are full, or give back other bytes than they were given."""

from __future__ import annotations

import sqlite3
import time
from functools import partial
from pathlib import Path

from chaos import workload
from chaos.checker import lost_files, makes_model, miscounted_rounds
from chaos.experiment import Run, experiment
from chaos.scenario import ConsoleLine, ScenarioResult, console_lines
from chaos.workload import JobOptions
from roundelay.chord.effects import Procedure
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import NodeRef
from roundelay.client.connection import RingEntry
from roundelay.federation.requests import TrainingFile
from roundelay.node.subprocesses import ManagedProcess
from roundelay.store.read_path import fetch
from roundelay.testing.cluster import Cluster, cluster
from roundelay.testing.waiting import until

OPTIONS = JobOptions(rounds=6)
SLOW = "trainer.train.before=sleep:0.5"
FULL_KIB = 96  # the largest file that the node can write
WAITS_S = 5.0  # which several rounds would take


def disk_full(folder: Path) -> ScenarioResult:
    """Limit the disk of one of five nodes to 96 KiB."""
    data = workload.small_letters(folder)
    ring = Cluster(folder / "ring", keep_state=True, failpoints=SLOW)
    try:
        ring.start_supernode()
        limited = ("bash", "-c", f'ulimit -f {FULL_KIB}; exec "$@"', "--")
        nodes = [ring.add_node(wrapper=limited if number == 0 else ()) for number in range(5)]
        ring.wait_until_converged()
        expected, undisturbed_s = workload.undisturbed(ring, data, OPTIONS)
        client = workload.start(ring, data, OPTIONS, "--json")
        job = workload.job_id(client)
        held = makes_model(client, expected)
        end = workload.wait_for_end(ring, job)
        state = folder / "ring" / f"{nodes[0].name}-state"
        largest = max(path.stat().st_size for path in state.iterdir()) >> 10
        held = held and not lost_files(ring, end.spec) and not miscounted_rounds(ring, end)
        return ScenarioResult(
            f"a node whose disk takes no file above {FULL_KIB} KiB",
            "it refuses writes and stays up; copies go to the next nodes",
            held and nodes[0].is_running,
            {"its largest file, KiB": largest, "undisturbed_s": round(undisturbed_s, 1)},
            console_lines(nodes[0], "full", "I/O", "store") + console_lines(client, "full", "copies", "I/O"),
        )
    finally:
        ring.stop()


def corrupted_disk(folder: Path) -> ScenarioResult:
    """Flip one bit of every content on one node's disk."""
    with experiment(folder, 5, OPTIONS, keep_state=True, failpoints=SLOW) as test:
        ring = test.ring
        node = test.owner_of_a_file()
        ring.wait_until_replicated()
        node.kill()
        corrupted = flip_bits(ring, node)
        ring.restart(node)
        ring.wait_until_converged()
        run = test.start()
        held, files = run.is_unharmed(), run.end().spec.files
        until(lambda: not _unreadable(ring, files), "every copy is readable again")
        return ScenarioResult(
            "one bit flipped in every content on one node's disk",
            "found when read, dropped, and fetched from other nodes",
            held,
            {"contents corrupted": corrupted},
            console_lines(run.client, "has it", "answer"),
        )


def every_copy_corrupted(folder: Path) -> ScenarioResult:
    """Corrupt all copies of one training file as the job begins, and store the file again once the job waits for it.

    The client has stored its files by then: no good copy is left, and no trainer has the file in memory. The client
    names the file once, which may be while nodes are down; the job must still wait when all of them are back.
    """
    with experiment(folder, 5, OPTIONS, keep_state=True, failpoints=SLOW) as test:
        ring, name = test.ring, test.first_file()
        content = (test.data.folder / name).read_bytes()
        ring.wait_until_replicated()
        run = test.start()
        until(lambda: workload.snapshot(ring, run.job), "the job is published")
        holders = [ring.node_at(status.node) for status in ring.statuses() if name in status.names]
        for node in holders:
            node.kill()
        corrupted = sum(flip_bits(ring, node, content) for node in holders)
        for node in holders:
            ring.restart(node)
        ring.wait_until_converged()
        until(lambda: _waits_for(run, name), f"the client says that it waits for {name}")
        before = _rounds(ring, run)
        time.sleep(WAITS_S)
        waited = _rounds(ring, run) == before and run.client.is_running
        again = workload.start(ring, test.data, OPTIONS, "--detach")  # stores its files, and waits in the queue
        held = run.is_unharmed()
        return ScenarioResult(
            "every copy of one file corrupted as the job begins",
            "the client names the file, and the job waits; stored again: the same model",
            held and corrupted == len(holders) > 0 and waited and again.wait() == 0,
            {"copies corrupted": corrupted, "the job waited": waited},
            _waits_for(run, name),
        )


def shared_state_directory(folder: Path) -> ScenarioResult:
    """Start a second node with the state directory of the first."""
    with cluster(folder / "ring", 1, keep_state=True) as ring:
        second = ring.add_node("--state-dir", str(ring.folder / "node0-state"))
        code = second.wait()
        error = second.err.read_text().strip()
        return ScenarioResult(
            "a second node started with the same --state-dir",
            "refused with one line",
            code == 73 and error.count("\n") == 0,
            {"exit code": code},
            (ConsoleLine("second node", error),),
        )


def flip_bits(ring: Cluster, node: ManagedProcess, content: bytes | None = None) -> int:
    """Flip one bit in each content, or in this one, on the disk of a stopped node. Return how many were flipped."""
    database = sqlite3.connect(ring.folder / f"{node.name}-state" / "store.sqlite")
    flipped = 0
    for row, piece in database.execute("SELECT rowid, bytes FROM piece").fetchall():
        if piece and content in (None, piece):
            corrupted = bytes([piece[0] ^ 1]) + piece[1:]
            database.execute("UPDATE piece SET bytes = ? WHERE rowid = ?", (corrupted, row))
            flipped += 1
    database.commit()
    database.close()
    return flipped


def _waits_for(run: Run, name: str) -> tuple[ConsoleLine, ...]:
    """Return what the client has said about waiting for a file."""
    return tuple(each for each in console_lines(run.client, "waiting") if name in each.line)


def _rounds(ring: Cluster, run: Run) -> int:
    """Return how many rounds of the job have a result."""
    found = until(lambda: workload.snapshot(ring, run.job), "the job's state")
    return len(found.results)


def _unreadable(ring: Cluster, files: tuple[TrainingFile, ...]) -> list[str]:
    """Return the copies that nodes announce but that cannot be read, and the entries that lack copies."""
    wrong = []
    for status in ring.statuses():
        for file in files:
            if file.name in status.names:
                try:
                    ring.ask(partial(_read, status.node, file))
                except ChordError:
                    wrong.append(f"{file.name} at {status.node.address}")
    return [*wrong, *ring.missing_copies()]


def _read(node: NodeRef, file: TrainingFile, _: RingEntry) -> Procedure[bytes]:
    return fetch((node,), file.digest, file.size_bytes)


SCENARIOS = (disk_full, corrupted_disk, every_copy_corrupted, shared_state_directory)
