"""Disks that are full, or give back other bytes than they were given."""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path

from chaos import workload
from chaos.faults import contributions_wrong
from chaos.rows import Row, Said, heard
from chaos.scenarios.pauses import ends_in
from chaos.workload import Work
from roundelay.chord.effects import Procedure
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import NodeRef
from roundelay.cli.entry import RingEntry
from roundelay.federation.requests import TrainingFile
from roundelay.node.subprocesses import ManagedProcess
from roundelay.store.read_path import fetch
from roundelay.testing.cluster import Cluster, cluster
from roundelay.testing.waiting import until

WORK = Work(rounds=6)
SLOW = "trainer.train.before=sleep:0.5"
FULL_KIB = 96  # no file of that node may become larger


def disk_full(folder: Path) -> Row:
    """The disk of one node of five is full after 96 KiB."""
    data = workload.small_letters(folder)
    ring = Cluster(folder / "ring", keep_state=True, failpoints=SLOW)
    try:
        ring.start_supernode()
        limited = ("bash", "-c", f'ulimit -f {FULL_KIB}; exec "$@"', "--")
        nodes = [ring.add_node(wrapper=limited if number == 0 else ()) for number in range(5)]
        ring.wait_until_converged()
        expected, undisturbed_s = workload.undisturbed(ring, data, WORK)
        client = workload.start(ring, data, WORK, "--json")
        job = workload.id_of(client)
        held = ends_in(client, expected)
        view = workload.wait_for_end(ring, job)
        state = folder / "ring" / f"{nodes[0].name}-state"
        largest = max(path.stat().st_size for path in state.iterdir()) >> 10
        held = held and not workload.lost_files(ring, view.spec) and not contributions_wrong(ring, view)
        return Row(
            f"a node whose disk takes no file above {FULL_KIB} KiB",
            "it refuses and stays up; copies go to the next nodes",
            held and nodes[0].is_running,
            {"its largest file, KiB": largest, "undisturbed_s": round(undisturbed_s, 1)},
            heard(nodes[0], "full", "I/O", "store") + heard(client, "full", "copies", "I/O"),
        )
    finally:
        ring.stop()


def rotten_copies(folder: Path) -> Row:
    """One bit of every content of one node's disk is wrong."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 5, keep_state=True, failpoints=SLOW) as ring:
        expected, _ = workload.undisturbed(ring, data, WORK)
        node = workload.owner_of(ring, _names(data.folder)[0])
        ring.wait_until_replicated()
        node.kill()
        rotted = flip(ring, node)
        ring.restart(node)
        ring.wait_until_converged()
        client = workload.start(ring, data, WORK, "--json")
        job = workload.id_of(client)
        held = ends_in(client, expected)
        view = workload.wait_for_end(ring, job)
        until(lambda: not _unreadable(ring, view.spec.files), "every copy is whole again")
        return Row(
            "one bit flipped in every content on one node's disk",
            "found when read, dropped, and brought from others",
            held and not contributions_wrong(ring, view),
            {"contents rotted": rotted},
            heard(client, "has it", "answer"),
        )


def every_copy_rotten(folder: Path) -> Row:
    """All copies of one training file are rotten when the job begins; then the file is stored again."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 5, keep_state=True, failpoints=SLOW) as ring:
        expected, _ = workload.undisturbed(ring, data, WORK)
        name = _names(data.folder)[0]
        for node in ring.nodes:
            node.kill()
        rotted = sum(flip(ring, node, (data.folder / name).read_bytes()) for node in ring.nodes)
        for node in ring.nodes:
            ring.restart(node)
        ring.wait_until_converged()
        client = workload.start(ring, data, WORK, "--json")
        job = workload.id_of(client)
        until(lambda: heard(client, "waiting"), "the client says that it waits")
        again = workload.start(ring, data, WORK, "--detach")  # it stores its files, and queues
        held = ends_in(client, expected)
        view = workload.wait_for_end(ring, job)
        return Row(
            "every copy of one file rotten",
            "the job names the file and waits; stored again, it goes on: the same model",
            held and again.wait() == 0 and not contributions_wrong(ring, view),
            {"copies rotted": rotted},
            heard(client, "waiting"),
        )


def one_state_twice(folder: Path) -> Row:
    """A second node is started with the state directory of the first."""
    with cluster(folder / "ring", 1, keep_state=True) as ring:
        second = ring.add_node("--state-dir", str(ring.folder / "node0-state"))
        code = second.wait()
        said = second.err.read_text().strip()
        return Row(
            "a second node started with the same --state-dir",
            "refused with one line",
            code == 73 and said.count("\n") == 0,
            {"exit code": code},
            (Said("second node", said),),
        )


def flip(ring: Cluster, node: ManagedProcess, content: bytes | None = None) -> int:
    """Flip one bit in each content (or in this one) on the disk of a node that is not running. Returns how many."""
    database = sqlite3.connect(ring.folder / f"{node.name}-state" / "store.sqlite")
    flipped = 0
    for row, piece in database.execute("SELECT rowid, bytes FROM piece").fetchall():
        if piece and content in (None, piece):
            rotten = bytes([piece[0] ^ 1]) + piece[1:]
            database.execute("UPDATE piece SET bytes = ? WHERE rowid = ?", (rotten, row))
            flipped += 1
    database.commit()
    database.close()
    return flipped


def _unreadable(ring: Cluster, files: tuple[TrainingFile, ...]) -> list[str]:
    """The copies that are announced and cannot be read."""
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


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


ROWS = (disk_full, rotten_copies, every_copy_rotten, one_state_twice)
