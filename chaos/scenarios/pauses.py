"""Processes that stop, hang or slow down instead of dying, and go on when the others have taken over."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from chaos import workload
from chaos.checker import miscounted_rounds, model_of
from chaos.experiment import experiment
from chaos.nemesis import pause, trainer_pids
from chaos.scenario import ScenarioResult, console_lines
from chaos.workload import JobOptions
from roundelay.federation.records import FAILED
from roundelay.testing.cluster import cluster
from roundelay.testing.waiting import until

OPTIONS = JobOptions(rounds=6)
SLOW = "trainer.train.before=sleep:1"
PAUSE_S = 12.0  # longer than a lease, a lookup's timeout and a failover
OWNER_PAUSE_S = 30.0  # its successor must first notice that it owns the job's key now


def node_paused(folder: Path) -> ScenarioResult:
    """Stop (SIGSTOP) a node that owns files for 12 s in a round."""
    with experiment(folder, 5, OPTIONS, failpoints=SLOW) as test:
        ring = test.ring
        run = test.start(until_round=1)
        pause(test.owner_of_a_file(), PAUSE_S)
        held = run.is_unharmed()
        ring.wait_until_converged()
        return ScenarioResult(
            "a node stopped (SIGSTOP) in a round for 12 s",
            "its files are trained by others: the same model; one ring",
            held,
            {"undisturbed_s": round(test.undisturbed_s, 1), "longest round, s": max(run.round_seconds(), default=0.0)},
            console_lines(run.client, "answer", "slow", "took too long"),
        )


def client_paused(folder: Path) -> ScenarioResult:
    """Stop the client for 12 s in a round; a node takes over as driver."""
    with experiment(folder, 5, OPTIONS, failpoints=SLOW) as test:
        ring = test.ring
        run = test.start(until_round=1)
        pause(run.client, PAUSE_S)
        held = run.is_unharmed()
        driver = workload.driver_of(ring, run.job)
        return ScenarioResult(
            "the client stopped in a round for 12 s",
            "the owner of the job's key takes over; the client shows the same model",
            held and driver is not None,
            {},
            console_lines(run.client, "round") + (console_lines(driver, "job") if driver else ()),
        )


def driver_paused(folder: Path) -> ScenarioResult:
    """Stop the driver for 30 s; afterwards there are two drivers."""
    with experiment(folder, 5, OPTIONS, failpoints=SLOW) as test:
        ring = test.ring
        run = test.start("--detach", until_round=1)
        driver = until(lambda: workload.driver_of(ring, run.job), "a driver")
        pause(driver, OWNER_PAUSE_S)
        end = run.end()
        ring.wait_until_converged()
        others = [n for n in ring.nodes if n is not driver and f"driving job {run.job[:8]}" in n.text]
        return ScenarioResult(
            "the driver of a detached job stopped for 30 s",
            "another node takes over; both write the same bytes",
            model_of(end) == test.expected and not miscounted_rounds(ring, end),
            {"took over": len(others)},
            console_lines(driver, "job") + tuple(s for n in others for s in console_lines(n, "job")),
        )


def trainer_hangs(folder: Path) -> ScenarioResult:
    """Stop a trainer process for the rest of the job; its node still answers."""
    with experiment(folder, 5, OPTIONS, failpoints=SLOW) as test:
        ring = test.ring
        run = test.start(until_round=1)
        trainer = trainer_pids(ring)[0]
        os.kill(trainer, signal.SIGSTOP)
        held = run.is_unharmed()
        with suppress(ProcessLookupError):  # its node has ended it in favour of a later round's order
            os.kill(trainer, signal.SIGCONT)
        return ScenarioResult(
            "a trainer that hangs (SIGSTOP) for the rest of the job",
            "backup tasks do its work: the same model",
            held,
            {"undisturbed_s": round(test.undisturbed_s, 1), "longest round, s": max(run.round_seconds(), default=0.0)},
            console_lines(run.client, "slow", "took too long"),
        )


def slow_trainer(folder: Path) -> ScenarioResult:
    """Have one node take 15 s for every order; the others take 1 s."""
    with experiment(folder, 5, OPTIONS, failpoints=SLOW) as test:
        ring = test.ring
        node = ring.nodes[0]
        node.kill()
        ring.failpoints = "trainer.train.before=sleep:15"
        ring.restart(node)
        ring.wait_until_converged()
        ring.wait_until_replicated()
        run = test.start()
        held = run.is_unharmed()
        return ScenarioResult(
            "a node whose trainer takes 15 s where others take 1 s",
            "backup tasks on holders of its files: the same model",
            held,
            {"undisturbed_s": round(test.undisturbed_s, 1), "seconds": round(sum(run.round_seconds()), 1)},
            console_lines(run.client, "slow", "took too long"),
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


SCENARIOS = (node_paused, client_paused, driver_paused, trainer_hangs, slow_trainer, trainer_dies_of_a_file)
