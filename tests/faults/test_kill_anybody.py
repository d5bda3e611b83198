"""Real processes on loopback, killed in the middle of a job: it finishes with the same model, bit for bit.

The cases share two rings, which work side by side: most of the time is spent in waiting for leases
to lapse. Each test is the end of one case.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from chaos import workload
from chaos.checker import lost_files, miscounted_rounds, model_of
from chaos.nemesis import restore
from chaos.workload import Data, JobOptions
from roundelay.chord.errors import ChordError
from roundelay.federation.records import DONE
from roundelay.federation.snapshot import read_snapshot
from roundelay.store.read_path import get
from roundelay.store.write_path import put
from roundelay.testing.cluster import Cluster, cluster, trainers_of
from roundelay.testing.waiting import TIMEOUT_S, until

OPTIONS = JobOptions(rounds=4, epochs=1)
SLOW = "trainer.train.before=sleep:0.4"
NODES = 4


class Bench:
    """One ring, and the cases that are tried on it, one after the other, in a thread."""

    def __init__(self, folder: Path, cases: dict[str, Callable[[Bench], None]]) -> None:
        self.folder = folder
        self.outcomes: dict[str, BaseException | None] = {}
        self._cases = cases
        self._thread = threading.Thread(target=self._try_all, name="bench", daemon=True)
        self._failure: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def outcome(self, name: str) -> None:
        """Raises what the case has raised."""
        until(lambda: name in self.outcomes or not self._thread.is_alive(), name, 2 * TIMEOUT_S)
        error = self.outcomes.get(name, self._failure)
        if error is not None:
            raise error

    def finish(self) -> None:
        self._thread.join(2 * TIMEOUT_S)

    # --- for the cases

    ring: Cluster
    data: Data
    expected: str

    def submit(self, work: JobOptions = OPTIONS) -> str:
        """A job that the ring drives from the start; returns its id when its first round is stored."""
        job = workload.submit(self.ring, self.data, work)
        workload.wait_for_round(self.ring, job, 1)
        return job

    def check(self, job: str) -> None:
        """It ends with the model that it would have made in peace, every file once in every round, none lost."""
        view = workload.wait_for_end(self.ring, job)
        assert (view.end, model_of(view)) == (DONE, self.expected), view.reason
        assert miscounted_rounds(self.ring, view) == ""
        assert lost_files(self.ring, view.spec) == []

    # --- helpers

    def _try_all(self) -> None:
        try:
            self.data = workload.small_letters(self.folder)
            with cluster(self.folder / "ring", NODES, keep_state=True, failpoints=SLOW) as self.ring:
                job = workload.submit(self.ring, self.data, OPTIONS)
                self.expected = model_of(workload.wait_for_end(self.ring, job))
                for name, case in self._cases.items():
                    self.outcomes[name] = _try(case, self)
                    restore(self.ring)
        except BaseException as error:
            self._failure = error


def _try(case: Callable[[Bench], None], bench: Bench) -> BaseException | None:
    try:
        case(bench)
    except BaseException as error:
        return error
    return None


# --- the cases


def node(bench: Bench) -> None:
    job = bench.submit()
    workload.owner_of(bench.ring, next(bench.data.folder.iterdir()).name).kill()
    bench.check(job)


def tree(bench: Bench) -> None:
    ring, job = bench.ring, bench.submit(replace(OPTIONS, topology="tree"))
    top = workload.owner_of(ring, job)
    busy = until(lambda: [s.node for s in ring.statuses() if s.training and s.node.port != top.port], "a training")
    ring.node_at(busy[0]).kill()
    bench.check(job)
    reports = ring.ask_again(lambda entry: read_snapshot(entry.node, entry.ring, job, with_reports=True)).reports
    assert all(reports[number].passed_on for number in range(1, OPTIONS.rounds + 1)), "from node to node in every round"
    assert any(str(busy[0].address) in line for report in reports.values() for line in report.disturbances)


def client(bench: Bench) -> None:
    running = workload.start(bench.ring, bench.data, OPTIONS)
    job = workload.job_id(running)
    workload.wait_for_round(bench.ring, job, 1)
    running.kill()
    bench.check(job)


def driver(bench: Bench) -> None:
    job = bench.submit()
    until(lambda: workload.driver_of(bench.ring, job), "a driver").kill()
    bench.check(job)


def trainer(bench: Bench) -> None:
    job = bench.submit()
    busy = until(lambda: [pid for each in bench.ring.nodes for pid in trainers_of(each)], "a trainer")
    os.kill(busy[0], signal.SIGKILL)
    bench.check(job)


def supernode(bench: Bench) -> None:
    job = bench.submit()
    bench.ring.supernode.kill()
    bench.check(job)


def everything(bench: Bench) -> None:
    job = bench.submit()
    victims = (bench.ring.supernode, *bench.ring.nodes)
    for each in victims:
        os.kill(each.pid, signal.SIGKILL)
    for each in victims:
        each.wait()
    bench.ring.start_supernode()
    for each in bench.ring.nodes:
        bench.ring.restart(each)
    bench.check(job)


def pause(bench: Bench) -> None:
    job = bench.submit()
    driving = until(lambda: workload.driver_of(bench.ring, job), "a driver")
    other = next(each for each in bench.ring.nodes if each is not driving)
    other.kill(signal.SIGSTOP)
    try:
        bench.check(job)
    finally:
        other.kill(signal.SIGCONT)


def holders(bench: Bench) -> None:
    ring, content = bench.ring, random.Random(7).randbytes(3000)
    ring.ask(lambda entry: put(entry.node, entry.ring, entry.ring.key("kept"), "kept", content, time.time_ns()))
    for each in (workload.owner_of(ring, "kept"), workload.owner_of(ring, "kept", 1)):
        os.kill(each.pid, signal.SIGKILL)

    def read() -> bytes:
        with suppress(ChordError):  # while the ring looks for another way
            return ring.ask(lambda entry: get(entry.node, entry.ring, entry.ring.key("kept"), "kept"))
        return b""

    assert until(read, "what was acknowledged") == content


SIDES = (
    {"node": node, "tree": tree, "pause": pause, "trainer": trainer, "supernode": supernode, "holders": holders},
    {"client": client, "driver": driver, "everything": everything},
)


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Bench]]:
    with ExitStack() as stack:
        made = [Bench(tmp_path_factory.mktemp("ring"), dict(cases)) for cases in SIDES]
        for bench in made:
            bench.start()
            stack.callback(bench.finish)
        yield made


@pytest.mark.parametrize("who", ["node", "trainer", "supernode"])
def test_kill_a(who: str, benches: list[Bench]) -> None:
    benches[0].outcome(who)


def test_stop_a_node_for_the_rest_of_the_job(benches: list[Bench]) -> None:
    benches[0].outcome("pause")


def test_an_acknowledged_put_outlives_two_of_its_three_holders(benches: list[Bench]) -> None:
    benches[0].outcome("holders")


@pytest.mark.parametrize("who", ["client", "driver"])
def test_kill_the_driver(who: str, benches: list[Bench]) -> None:
    benches[1].outcome(who)


def test_kill_everything_and_start_it_again_with_its_state(benches: list[Bench]) -> None:
    benches[1].outcome("everything")


def test_kill_a_node_in_the_middle_of_a_tree_round(benches: list[Bench]) -> None:
    benches[0].outcome("tree")
