"""Many kills in one job: two nodes in every round, all processes at once, and all that started the job."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

from chaos import workload
from chaos.checker import lost_files, miscounted_rounds, model_of, model_shown
from chaos.experiment import experiment
from chaos.nemesis import kill_together, kill_two_nodes
from chaos.scenario import ScenarioResult, console_lines
from chaos.workload import JobOptions
from roundelay.testing.cluster import Cluster, cluster
from roundelay.testing.waiting import until

SEED = 7


def two_of_eight_in_every_round(folder: Path) -> ScenarioResult:
    """Kill two random nodes of eight in each of ten rounds, and restart them after 2 s."""
    rng, options = random.Random(SEED), JobOptions(rounds=10, epochs=3)
    with experiment(folder, 8, options, failpoints="trainer.train.before=sleep:9") as test:
        ring, run = test.ring, test.start()
        began, hit, kills = time.monotonic(), set(), 0
        for number in range(1, options.rounds + 1):
            workload.wait_for_round(ring, run.job, number - 1)
            hit.add(_kill_two(ring, rng, run.job))
            kills += 2
            ring.wait_until_converged()
            ring.wait_until_replicated()
        run.client.wait()
        seconds = time.monotonic() - began
        return ScenarioResult(
            "8 nodes, 3 copies: two random nodes killed in each of 10 rounds, restarted after 2 s",
            "the same model",
            run.is_unharmed() and hit == set(range(1, options.rounds + 1)),
            {
                "kills": kills,
                "rounds hit": len(hit),
                "undisturbed_s": round(test.undisturbed_s, 1),
                "seconds": round(seconds, 1),
                "slowdown": round(seconds / test.undisturbed_s, 2),
                "files lost": len(lost_files(ring, run.end().spec)),
            },
            console_lines(run.client, "answer", "slow", "another process"),
        )


def client_supernode_and_driver_killed(folder: Path) -> ScenarioResult:
    """Kill client, supernode and driver of a detached job 10 s apart; attach through another node."""
    options, data = JobOptions(rounds=10), workload.small_letters(folder)
    with cluster(folder / "ring", 5, failpoints="trainer.train.before=sleep:4") as ring:
        expected, _ = workload.undisturbed(ring, data, options)
        client = workload.start(ring, data, options, "--detach")
        job = workload.job_id(client)
        client.wait()  # it ends by itself
        time.sleep(10)
        ring.supernode.kill()
        time.sleep(10)
        driver = until(lambda: workload.driver_of(ring, job), "a driver")
        driver.kill()
        watcher = ring.start_client("attach", job, "--json")
        code = watcher.wait(300)
        result = json.loads(watcher.out.read_text()) if code == 0 else {}
        second = workload.driver_of(ring, job)
        lines = console_lines(watcher, "round") + (console_lines(second, "driving", "is done") if second else ())
        return ScenarioResult(
            "--detach, then the client, the supernode and the driver killed, 10 s apart; attach through another node",
            "attach shows the job finish, with the same model",
            result.get("model_sha256") == expected,
            {"exit code of attach": code, "rounds": result.get("rounds")},
            lines,
        )


def all_nodes_killed_and_restarted(folder: Path) -> ScenarioResult:
    """Kill all nodes in round 3 of 10 and restart them with their state; the client waits."""
    return _kill_everything(folder, with_supernode=False, with_client=False)


def everything_killed_and_restarted(folder: Path) -> ScenarioResult:
    """Kill supernode, client and all nodes in round 3 of 10; restart all but the client."""
    return _kill_everything(folder, with_supernode=True, with_client=True)


def _kill_everything(folder: Path, with_supernode: bool, with_client: bool) -> ScenarioResult:
    options, data = JobOptions(rounds=10), workload.small_letters(folder)
    with cluster(folder / "ring", 5, keep_state=True, failpoints="trainer.train.before=sleep:1") as ring:
        expected, undisturbed_s = workload.undisturbed(ring, data, options)
        client = workload.start(ring, data, options, "--json")
        job = workload.job_id(client)
        workload.wait_for_round(ring, job, 2)
        began = time.monotonic()
        victims = [*ring.nodes, *([ring.supernode] if with_supernode else []), *([client] if with_client else [])]
        kill_together(victims)
        if with_supernode:
            ring.start_supernode()
        for node in ring.nodes:
            ring.restart(node)
        workload.wait_for_round(ring, job, 3)
        recovery_s = time.monotonic() - began
        end = workload.wait_for_end(ring, job)
        models = {model_of(end)} | (set() if with_client else {model_shown(client)})
        driver = workload.driver_of(ring, job)
        others = " and".join([", the supernode"] * with_supernode + [" the client"] * with_client)
        return ScenarioResult(
            f"all nodes{others} killed in round 3 of 10, restarted with their --state-dir",
            "the job goes on: the same model",
            models == {expected} and not miscounted_rounds(ring, end),
            {"undisturbed_s": round(undisturbed_s, 1), "recovery_s": round(recovery_s, 1)},
            console_lines(client, "ring", "waiting") + (console_lines(driver, "driving", "is done") if driver else ()),
        )


def _kill_two(ring: Cluster, rng: random.Random, job: str) -> int:
    """Kill two nodes at a random moment of a round, and restart them after 2 s. Return the round."""
    time.sleep(rng.uniform(0.0, 5.0))
    found = until(lambda: workload.snapshot(ring, job), "the job can be read")
    victims = kill_two_nodes(ring, rng, 0.0)
    time.sleep(2.0)
    for victim in victims:
        ring.restart(victim)
    return len(found.results)


SCENARIOS = (
    two_of_eight_in_every_round,
    client_supernode_and_driver_killed,
    all_nodes_killed_and_restarted,
    everything_killed_and_restarted,
)
