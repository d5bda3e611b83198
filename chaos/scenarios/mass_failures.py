"""The promise itself, in its hardest forms: many kills, everything at once, and nobody left who began it."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

from chaos import workload
from chaos.faults import contributions_wrong
from chaos.rows import Row, heard
from chaos.workload import Work
from roundelay.federation.spec import JobSpec
from roundelay.testing.cluster import Cluster, cluster
from roundelay.testing.waiting import until

SEED = 7


def two_of_eight_in_every_round(folder: Path) -> Row:
    """Eight nodes, three copies: in each of ten rounds two random nodes are killed, and started again after 2 s."""
    rng, work = random.Random(SEED), Work(rounds=10, epochs=3)
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 8, failpoints="trainer.train.before=sleep:9") as ring:
        expected, undisturbed_s = workload.undisturbed(ring, data, work)
        client = workload.start(ring, data, work, "--json")
        job = workload.id_of(client)
        began, hit, kills = time.monotonic(), set(), 0
        for number in range(1, work.rounds + 1):
            workload.wait_for_round(ring, job, number - 1)
            hit.add(_kill_two(ring, rng, job))
            kills += 2
            ring.wait_until_converged()
            ring.wait_until_replicated()
        code = client.wait()
        seconds = time.monotonic() - began
        result = json.loads(client.out.read_text())
        wrong = contributions_wrong(ring, workload.wait_for_end(ring, job))
        return Row(
            "8 nodes, 3 copies: two random nodes killed in each of 10 rounds, started again after 2 s",
            "the same model",
            code == 0 and result["model_sha256"] == expected and not wrong and hit == set(range(1, work.rounds + 1)),
            {
                "kills": kills,
                "rounds hit": len(hit),
                "undisturbed_s": round(undisturbed_s, 1),
                "seconds": round(seconds, 1),
                "slowdown": round(seconds / undisturbed_s, 2),
                "files lost": len(workload.lost_files(ring, _spec(ring, job))),
            },
            heard(client, "answer", "slow", "another process"),
        )


def nobody_left_who_began_it(folder: Path) -> Row:
    """A detached job: client, supernode and driver killed 10 s apart; another client attaches through another node."""
    work, data = Work(rounds=10), workload.small_letters(folder)
    with cluster(folder / "ring", 5, failpoints="trainer.train.before=sleep:4") as ring:
        expected, _ = workload.undisturbed(ring, data, work)
        client = workload.start(ring, data, work, "--detach")
        job = workload.id_of(client)
        client.wait()  # it has nothing more to do: nobody need kill it
        time.sleep(10)
        ring.supernode.kill()
        time.sleep(10)
        driver = until(lambda: workload.driver_of(ring, job), "somebody drives")
        driver.kill()
        watcher = ring.start_client("attach", job, "--json")
        code = watcher.wait(300)
        result = json.loads(watcher.out.read_text()) if code == 0 else {}
        second = workload.driver_of(ring, job)
        said = heard(watcher, "round") + (heard(second, "driving", "is done") if second else ())
        return Row(
            "--detach, then the client, the supernode and the driver killed, 10 s apart; attach through another node",
            "attach shows the job finish, with the same model",
            result.get("model_sha256") == expected,
            {"exit code of attach": code, "rounds": result.get("rounds")},
            said,
        )


def all_nodes_killed_and_restarted(folder: Path) -> Row:
    """All nodes killed in round 3 of 10 and started again with their state; the client waits."""
    return _everything_dies(folder, with_supernode=False, with_client=False)


def everything_killed_and_restarted(folder: Path) -> Row:
    """Supernode, client and all nodes killed in round 3 of 10; supernode and nodes started again with their state."""
    return _everything_dies(folder, with_supernode=True, with_client=True)


def _everything_dies(folder: Path, with_supernode: bool, with_client: bool) -> Row:
    work, data = Work(rounds=10), workload.small_letters(folder)
    with cluster(folder / "ring", 5, keep_state=True, failpoints="trainer.train.before=sleep:1") as ring:
        expected, undisturbed_s = workload.undisturbed(ring, data, work)
        client = workload.start(ring, data, work, "--json")
        job = workload.id_of(client)
        workload.wait_for_round(ring, job, 2)
        began = time.monotonic()
        victims = [*ring.nodes, *([ring.supernode] if with_supernode else []), *([client] if with_client else [])]
        for victim in victims:
            os.kill(victim.pid, signal.SIGKILL)
        for victim in victims:
            victim.wait()
        if with_supernode:
            ring.start_supernode()
        for node in ring.nodes:
            ring.restart(node)
        workload.wait_for_round(ring, job, 3)
        recovery_s = time.monotonic() - began
        view = workload.wait_for_end(ring, job)
        made = {workload.model_of(view)}
        if not with_client:
            code = client.wait()
            made.add(json.loads(client.out.read_text())["model_sha256"] if code == 0 else f"exit code {code}")
        driver = workload.driver_of(ring, job)
        who = " and".join([", the supernode"] * with_supernode + [" the client"] * with_client)
        return Row(
            f"all nodes{who} killed in round 3 of 10, started again with their --state-dir",
            "the job goes on: the same model",
            made == {expected} and not contributions_wrong(ring, view),
            {"undisturbed_s": round(undisturbed_s, 1), "recovery_s": round(recovery_s, 1)},
            heard(client, "ring", "waiting") + (heard(driver, "driving", "is done") if driver else ()),
        )


def _kill_two(ring: Cluster, rng: random.Random, job: str) -> int:
    """At a random moment of a round; both together, and started again after 2 s. Returns which round that was."""
    time.sleep(rng.uniform(0.0, 5.0))
    victims, view = rng.sample(ring.nodes, 2), until(lambda: workload.look(ring, job), "the job can be read")
    for victim in victims:
        victim.kill()
    time.sleep(2.0)
    for victim in victims:
        ring.restart(victim)
    return len(view.results)


def _spec(ring: Cluster, job: str) -> JobSpec:
    view = until(lambda: workload.look(ring, job), "the job can be read")
    return view.spec


ROWS = (
    two_of_eight_in_every_round,
    nobody_left_who_began_it,
    all_nodes_killed_and_restarted,
    everything_killed_and_restarted,
)
