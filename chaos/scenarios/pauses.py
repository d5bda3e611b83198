"""Who stops, hangs or crawls instead of dying, and wakes up when the others have gone on."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

from chaos import workload
from chaos.faults import contributions_wrong
from chaos.rows import Row, heard
from chaos.workload import Work
from roundelay.federation.records import FAILED
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.cluster import cluster, trainers_of
from roundelay.testing.waiting import until

WORK = Work(rounds=6)
SLOW = "trainer.train.before=sleep:1"
PAUSE_S = 12.0  # longer than a lease, a lookup's patience and a takeover
OWNER_PAUSE_S = 30.0  # its successor must first find out that it owns the job's key now


def node_paused(folder: Path) -> Row:
    """A node that owns files is stopped (SIGSTOP) in a round, and goes on 12 s later."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 5, failpoints=SLOW) as ring:
        expected, undisturbed_s = workload.undisturbed(ring, data, WORK)
        client = workload.start(ring, data, WORK, "--json")
        job = workload.id_of(client)
        workload.wait_for_round(ring, job, 1)
        node = workload.owner_of(ring, sorted(p.name for p in data.folder.iterdir())[0])
        _pause(node)
        held = ends_in(client, expected)
        ring.wait_until_converged()
        view = workload.wait_for_end(ring, job)
        return Row(
            "a node stopped (SIGSTOP) in a round for 12 s",
            "its files are trained by others: the same model; one ring",
            held and not contributions_wrong(ring, view),
            {"undisturbed_s": round(undisturbed_s, 1), "longest round, s": _longest(client)},
            heard(client, "answer", "slow", "took too long"),
        )


def client_paused(folder: Path) -> Row:
    """The client is stopped in a round; another drives; it goes on 12 s later."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 5, failpoints=SLOW) as ring:
        expected, _ = workload.undisturbed(ring, data, WORK)
        client = workload.start(ring, data, WORK, "--json")
        job = workload.id_of(client)
        workload.wait_for_round(ring, job, 1)
        _pause(client)
        held = ends_in(client, expected)
        view = workload.wait_for_end(ring, job)
        driver = workload.driver_of(ring, job)
        return Row(
            "the client stopped in a round for 12 s",
            "the owner of the job's key drives; the client shows the same model",
            held and driver is not None and not contributions_wrong(ring, view),
            {},
            heard(client, "round") + (heard(driver, "job") if driver else ()),
        )


def driver_paused(folder: Path) -> Row:
    """The node that drives is stopped, and goes on 30 s later: there are two drivers."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 5, failpoints=SLOW) as ring:
        expected, _ = workload.undisturbed(ring, data, WORK)
        job = workload.id_of(workload.start(ring, data, WORK, "--detach"))
        workload.wait_for_round(ring, job, 1)
        driver = until(lambda: workload.driver_of(ring, job), "somebody drives")
        _pause(driver, OWNER_PAUSE_S)
        view = workload.wait_for_end(ring, job)
        ring.wait_until_converged()
        others = [n for n in ring.nodes if n is not driver and f"driving job {job[:8]}" in n.text]
        return Row(
            "the driver of a detached job stopped for 30 s",
            "another drives; both write the same bytes",
            workload.model_of(view) == expected and not contributions_wrong(ring, view),
            {"took over": len(others)},
            heard(driver, "job") + tuple(s for n in others for s in heard(n, "job")),
        )


def trainer_hangs(folder: Path) -> Row:
    """A trainer process is stopped and never goes on; its node answers all the while."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 5, failpoints=SLOW) as ring:
        expected, undisturbed_s = workload.undisturbed(ring, data, WORK)
        client = workload.start(ring, data, WORK, "--json")
        job = workload.id_of(client)
        workload.wait_for_round(ring, job, 1)
        busy = until(lambda: [pid for node in ring.nodes for pid in trainers_of(node)], "a trainer")
        os.kill(busy[0], signal.SIGSTOP)
        held = ends_in(client, expected)
        os.kill(busy[0], signal.SIGCONT)
        view = workload.wait_for_end(ring, job)
        return Row(
            "a trainer that hangs (SIGSTOP) for the rest of the job",
            "others do its work as well: the same model",
            held and not contributions_wrong(ring, view),
            {"undisturbed_s": round(undisturbed_s, 1), "longest round, s": _longest(client)},
            heard(client, "slow", "took too long"),
        )


def slow_trainer(folder: Path) -> Row:
    """One node takes 15 s for every order, the others one."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 5, failpoints=SLOW) as ring:
        expected, undisturbed_s = workload.undisturbed(ring, data, WORK)
        node = ring.nodes[0]
        node.kill()
        ring.failpoints = "trainer.train.before=sleep:15"
        ring.restart(node)
        ring.wait_until_converged()
        ring.wait_until_replicated()
        client = workload.start(ring, data, WORK, "--json")
        job = workload.id_of(client)
        held = ends_in(client, expected)
        view = workload.wait_for_end(ring, job)
        return Row(
            "a node whose trainer takes 15 s where others take 1 s",
            "raced by a holder of its files: the same model",
            held and not contributions_wrong(ring, view),
            {"undisturbed_s": round(undisturbed_s, 1), "seconds": _seconds(client)},
            heard(client, "slow", "took too long"),
        )


def trainer_dies_of_a_file(folder: Path) -> Row:
    """Every trainer process dies whenever it trains."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 4) as ring:
        for node in ring.nodes:
            node.kill()
        ring.failpoints = "trainer.train.before=exit"
        ring.exits_are_armed = False
        for node in ring.nodes:
            ring.restart(node)
        ring.wait_until_converged()
        client = workload.start(ring, data, WORK, "--json")
        job, code = workload.id_of(client), client.wait()
        view = workload.wait_for_end(ring, job)
        return Row(
            "trainers that die three times on their files",
            "the job fails by name, and is not tried for ever",
            code == 1 and view.end == FAILED and "died 3 times" in view.reason,
            {"exit code": code},
            heard(client, "job failed"),
        )


def _pause(running: ManagedProcess, seconds: float = PAUSE_S) -> None:
    running.kill(signal.SIGSTOP)
    time.sleep(seconds)
    running.kill(signal.SIGCONT)


def ends_in(client: ManagedProcess, expected: str) -> bool:
    """Does the client end well, with this model?"""
    return client.wait() == 0 and bool(json.loads(client.out.read_text())["model_sha256"] == expected)


def _longest(client: ManagedProcess) -> float:
    return max((each["seconds"] for each in _history(client)), default=0.0)


def _seconds(client: ManagedProcess) -> float:
    return round(sum(each["seconds"] for each in _history(client)), 1)


def _history(client: ManagedProcess) -> list[dict[str, float]]:
    text = client.out.read_text()
    found: list[dict[str, float]] = json.loads(text)["history"] if text else []
    return found


ROWS = (node_paused, client_paused, driver_paused, trainer_hangs, slow_trainer, trainer_dies_of_a_file)
