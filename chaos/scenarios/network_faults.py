"""Network faults between processes: delays, fragments, resets, losses, silence and one-way links.

Every node listens at 127.0.0.1; the others reach it at 127.0.0.2, through a proxy of ours.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from chaos import workload
from chaos.checker import makes_model, miscounted_rounds
from chaos.experiment import Experiment, Run
from chaos.scenario import ScenarioResult, console_lines
from chaos.workload import JobOptions
from roundelay.testing.cluster import Cluster, free_port
from roundelay.testing.proxy import Faults, Proxy, proxy

NODES = 4
OPTIONS = JobOptions(rounds=6)
SLOW = "trainer.train.before=sleep:0.5"
CUT_S = 8.0


def slow_and_fragmented(folder: Path) -> ScenarioResult:
    """Delay every message by 20 to 40 ms, and split it into fragments of 200 bytes."""
    return _whole_job(
        folder,
        "every message 20 to 40 ms late, in fragments of 200 bytes",
        Faults(latency_s=0.02, jitter_s=0.02, slice_bytes=200),
    )


def resets(folder: Path) -> ScenarioResult:
    """Reset the connection at one chunk in fifty."""
    return _whole_job(folder, "one chunk in fifty resets its connection", Faults(reset=0.02))


def losses(folder: Path) -> ScenarioResult:
    """Lose one chunk in a hundred, and everything after it on its connection."""
    return _whole_job(folder, "one chunk in a hundred lost, with all that follows on its connection", Faults(loss=0.01))


def one_way_link(folder: Path) -> ScenarioResult:
    """Lose all answers of one node for 8 s in the middle of a job."""
    return _cut_one(folder, "a node whose answers are lost for 8 s in a round", Faults(swallow_answers=True))


def cut_off(folder: Path) -> ScenarioResult:
    """Lose everything that is sent to one node for 8 s in the middle of a job."""
    return _cut_one(folder, "a node that receives nothing for 8 s in a round", Faults(swallow_requests=True))


def refused(folder: Path) -> ScenarioResult:
    """Reset all connections to one node for 8 s in the middle of a job."""
    return _cut_one(folder, "a node whose connections are all reset for 8 s in a round", Faults(refuse=True, reset=1.0))


def _whole_job(folder: Path, fault: str, faults: Faults) -> ScenarioResult:
    """Put these faults on every link for the length of a job."""
    data = workload.small_letters(folder)
    with ring_behind_proxies(folder / "ring") as (ring, proxies):
        test = Experiment(ring, data, OPTIONS, *workload.undisturbed(ring, data, OPTIONS))
        for each in proxies:
            each.faults = faults
        began = time.monotonic()
        run = test.start()
        made = makes_model(run.client, test.expected)
        seconds = time.monotonic() - began
        for each in proxies:
            each.faults = Faults()
        ring.wait_until_converged()
        counts = [each.counts for each in proxies]
        figures = {"resets": sum(c.resets for c in counts), "lost": sum(c.lost for c in counts)}
        return _result(run, fault, made, {"seconds": round(seconds, 1)} | figures)


def _cut_one(folder: Path, fault: str, faults: Faults) -> ScenarioResult:
    """Put these faults on the link to the owner of the first file for CUT_S seconds."""
    data = workload.small_letters(folder)
    with ring_behind_proxies(folder / "ring") as (ring, proxies):
        test = Experiment(ring, data, OPTIONS, *workload.undisturbed(ring, data, OPTIONS))
        run = test.start(until_round=1)
        link = proxies[ring.nodes.index(test.owner_of_a_file())]
        link.faults = faults
        link.break_all()
        time.sleep(CUT_S)
        link.faults = Faults()
        link.break_all()
        made = makes_model(run.client, test.expected)
        ring.wait_until_converged()
        return _result(run, fault, made, {})


def _result(run: Run, fault: str, made: bool, figures: dict[str, float]) -> ScenarioResult:
    return ScenarioResult(
        fault,
        "slower, and the same model; one ring afterwards",
        made and not miscounted_rounds(run.experiment.ring, run.end()),
        {"undisturbed_s": round(run.experiment.undisturbed_s, 1), **figures},
        console_lines(run.client, "answer", "slow", "closed", "took too long"),
    )


@contextmanager
def ring_behind_proxies(folder: Path) -> Iterator[tuple[Cluster, list[Proxy]]]:
    """Start a ring whose nodes know each other only by the addresses of their proxies."""
    ring = Cluster(folder, failpoints=SLOW)
    with ExitStack() as stack:
        stack.callback(ring.stop)
        ring.start_supernode()
        proxies = []
        for _ in range(NODES):
            port = free_port()
            proxies.append(stack.enter_context(proxy(("127.0.0.1", port))))
            ring.add_node("--advertise", "127.0.0.2", port=port)
        ring.wait_until_converged()
        yield ring, proxies


SCENARIOS = (slow_and_fragmented, resets, losses, one_way_link, cut_off, refused)
