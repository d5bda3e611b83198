"""Processes that stop, hang or slow down instead of dying, and go on when the others have taken over."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from chaos import workload
from chaos.checker import makes_model, miscounted_rounds, model_of
from chaos.nemesis import pause, trainer_pids
from chaos.scenario import ScenarioResult, console_lines
from chaos.workload import JobOptions
from roundelay.federation.records import FAILED
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.cluster import cluster
from roundelay.testing.waiting import until

OPTIONS = JobOptions(rounds=6)
SLOW = "trainer.train.before=sleep:1"
PAUSE_S = 12.0  # longer than a lease, a lookup's timeout and a failover
OWNER_PAUSE_S = 30.0  # its successor must first notice that it owns the job's key now


def node_paused(folder: Path) -> ScenarioResult:
    """Stop (SIGSTOP) a node that owns files for 12 s in a round."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 5, failpoints=SLOW) as ring:
        expected, undisturbed_s = workload.undisturbed(ring, data, OPTIONS)
        client = workload.start(ring, data, OPTIONS, "--json")
        job = workload.job_id(client)
        workload.wait_for_round(ring, job, 1)
        node = workload.owner_of(ring, sorted(p.name for p in data.folder.iterdir())[0])
        pause(node, PAUSE_S)
        held = makes_model(client, expected)
        ring.wait_until_converged()
        end = workload.wait_for_end(ring, job)
        return ScenarioResult(
            "a node stopped (SIGSTOP) in a round for 12 s",
            "its files are trained by others: the same model; one ring",
            held and not miscounted_rounds(ring, end),
            {"undisturbed_s": round(undisturbed_s, 1), "longest round, s": _longest(client)},
            console_lines(client, "answer", "slow", "took too long"),
        )


def client_paused(folder: Path) -> ScenarioResult:
    """Stop the client for 12 s in a round; a node takes over as driver."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 5, failpoints=SLOW) as ring:
        expected, _ = workload.undisturbed(ring, data, OPTIONS)
        client = workload.start(ring, data, OPTIONS, "--json")
        job = workload.job_id(client)
        workload.wait_for_round(ring, job, 1)
        pause(client, PAUSE_S)
        held = makes_model(client, expected)
        end = workload.wait_for_end(ring, job)
        driver = workload.driver_of(ring, job)
        return ScenarioResult(
            "the client stopped in a round for 12 s",
            "the owner of the job's key takes over; the client shows the same model",
            held and driver is not None and not miscounted_rounds(ring, end),
            {},
            console_lines(client, "round") + (console_lines(driver, "job") if driver else ()),
        )


def driver_paused(folder: Path) -> ScenarioResult:
    """Stop the driver for 30 s; afterwards there are two drivers."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 5, failpoints=SLOW) as ring:
        expected, _ = workload.undisturbed(ring, data, OPTIONS)
        job = workload.job_id(workload.start(ring, data, OPTIONS, "--detach"))
        workload.wait_for_round(ring, job, 1)
        driver = until(lambda: workload.driver_of(ring, job), "a driver")
        pause(driver, OWNER_PAUSE_S)
        end = workload.wait_for_end(ring, job)
        ring.wait_until_converged()
        others = [n for n in ring.nodes if n is not driver and f"driving job {job[:8]}" in n.text]
        return ScenarioResult(
            "the driver of a detached job stopped for 30 s",
            "another node takes over; both write the same bytes",
            model_of(end) == expected and not miscounted_rounds(ring, end),
            {"took over": len(others)},
            console_lines(driver, "job") + tuple(s for n in others for s in console_lines(n, "job")),
        )


def trainer_hangs(folder: Path) -> ScenarioResult:
    """Stop a trainer process for the rest of the job; its node still answers."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 5, failpoints=SLOW) as ring:
        expected, undisturbed_s = workload.undisturbed(ring, data, OPTIONS)
        client = workload.start(ring, data, OPTIONS, "--json")
        job = workload.job_id(client)
        workload.wait_for_round(ring, job, 1)
        trainer = trainer_pids(ring)[0]
        os.kill(trainer, signal.SIGSTOP)
        held = makes_model(client, expected)
        os.kill(trainer, signal.SIGCONT)
        end = workload.wait_for_end(ring, job)
        return ScenarioResult(
            "a trainer that hangs (SIGSTOP) for the rest of the job",
            "backup tasks do its work: the same model",
            held and not miscounted_rounds(ring, end),
            {"undisturbed_s": round(undisturbed_s, 1), "longest round, s": _longest(client)},
            console_lines(client, "slow", "took too long"),
        )


def slow_trainer(folder: Path) -> ScenarioResult:
    """Have one node take 15 s for every order; the others take 1 s."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 5, failpoints=SLOW) as ring:
        expected, undisturbed_s = workload.undisturbed(ring, data, OPTIONS)
        node = ring.nodes[0]
        node.kill()
        ring.failpoints = "trainer.train.before=sleep:15"
        ring.restart(node)
        ring.wait_until_converged()
        ring.wait_until_replicated()
        client = workload.start(ring, data, OPTIONS, "--json")
        job = workload.job_id(client)
        held = makes_model(client, expected)
        end = workload.wait_for_end(ring, job)
        return ScenarioResult(
            "a node whose trainer takes 15 s where others take 1 s",
            "backup tasks on holders of its files: the same model",
            held and not miscounted_rounds(ring, end),
            {"undisturbed_s": round(undisturbed_s, 1), "seconds": _seconds(client)},
            console_lines(client, "slow", "took too long"),
        )


def trainer_dies_of_a_file(folder: Path) -> ScenarioResult:
    """Have every trainer process die when it trains."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 4) as ring:
        for node in ring.nodes:
            node.kill()
        ring.failpoints = "trainer.train.before=exit"
        ring.exits_are_armed = False
        for node in ring.nodes:
            ring.restart(node)
        ring.wait_until_converged()
        client = workload.start(ring, data, OPTIONS, "--json")
        job, code = workload.job_id(client), client.wait()
        end = workload.wait_for_end(ring, job)
        return ScenarioResult(
            "trainers that die three times on their files",
            "the job fails with the file's name, and is not retried for ever",
            code == 1 and end.end == FAILED and "died 3 times" in end.reason,
            {"exit code": code},
            console_lines(client, "job failed"),
        )


def _longest(client: ManagedProcess) -> float:
    return max((each["seconds"] for each in _history(client)), default=0.0)


def _seconds(client: ManagedProcess) -> float:
    return round(sum(each["seconds"] for each in _history(client)), 1)


def _history(client: ManagedProcess) -> list[dict[str, float]]:
    text = client.out.read_text()
    found: list[dict[str, float]] = json.loads(text)["history"] if text else []
    return found


SCENARIOS = (node_paused, client_paused, driver_paused, trainer_hangs, slow_trainer, trainer_dies_of_a_file)
