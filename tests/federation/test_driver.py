"""One job driven to its end: the weights depend neither on the placement of files nor on failures."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from roundelay.chord.effects import Request
from roundelay.chord.errors import ChordError, NodeUnreachable
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import NextHop
from roundelay.chord.ring import Ring
from roundelay.federation import jobs, records, round_tasks, server_step, trained_round
from roundelay.federation.driver import Driver
from roundelay.federation.effects import Clocks
from roundelay.federation.errors import JobEnded, WorkFailed
from roundelay.federation.lease_renewal import RENEW_DELAY_S, RENEW_INTERVAL_S
from roundelay.federation.node_core import content_handlers
from roundelay.federation.partial_result import PartialResult
from roundelay.federation.placement import BALANCING, POLICIES
from roundelay.federation.records import RoundReport, RoundResult
from roundelay.federation.requests import Collect, DriverHeartbeat, Order, Progress, TrainingFile, trainer_task
from roundelay.federation.retry import refresh_members
from roundelay.federation.settings import Settings
from roundelay.federation.snapshot import JobSnapshot, read_snapshot
from roundelay.federation.spec import JobSpec
from roundelay.federation.upload import upload_files
from roundelay.ml import exact
from roundelay.ml.partial_update import sum_from_bytes
from roundelay.ml.worker import Worker
from roundelay.store.blobs import digest_of
from roundelay.store.items import Put, Read
from roundelay.store.store import Store
from tests.federation.inline_ring import InlineRing
from tests.killed import Killed

RING = Ring(bits=16, successors=8, replicas=3)
IDS = (100, 9_000, 20_000, 33_000, 41_000, 52_000, 60_000)
SETTINGS = Settings(rounds=3, epochs=2, hidden=(6,), batch=8)
FEATURES, CLASSES = 4, 5


def content(rows: int, seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    table = np.column_stack([rng.integers(0, 16, (rows, FEATURES)), rng.integers(0, CLASSES, rows)])  # (n, d + 1)
    return "".join(",".join(map(str, row)) + "\n" for row in table.tolist()).encode()


CONTENTS = {f"file-{number}": content(5 + 7 * number, number) for number in range(8)}
CONTENTS["copy-of-file-3"] = CONTENTS["file-3"]  # equal contents are two files all the same
VALIDATION = content(60, 99)


def make_spec(settings: Settings = SETTINGS, contents: dict[str, bytes] = CONTENTS) -> JobSpec:
    files = tuple(
        TrainingFile(index, name, digest_of(contents[name]), len(contents[name]), contents[name].count(b"\n"))
        for index, name in enumerate(sorted(contents))
    )
    held_out = TrainingFile(len(files), "validation", digest_of(VALIDATION), len(VALIDATION), 60)
    return JobSpec(settings, files, held_out, FEATURES, CLASSES)


SPEC = make_spec()


class Job:
    """A spec on a ring, its files placed and its id published."""

    def __init__(
        self,
        ids: Sequence[int],
        spec: JobSpec = SPEC,
        contents: dict[str, bytes] = CONTENTS,
        validation: bytes = VALIDATION,
    ) -> None:
        self.net = InlineRing(ids, RING)
        self.name = "a test"  # of the driver
        self.spec = spec
        self.rounds: list[tuple[RoundResult, RoundReport]] = []
        self.lines: list[str] = []  # that its drivers have logged
        self.versions = itertools.count(1)
        known = {digest_of(c): c for c in (*contents.values(), validation)}
        files = (*spec.files, spec.validation_file)
        self.net.run(upload_files(self.net.entry, RING, files, known, next(self.versions), lambda _: None))
        self.net.run(jobs.publish(self.net.entry, RING, spec, next(self.versions)))

    def driver(self) -> Driver:
        clocks = Clocks(self.net.clock, lambda: next(self.versions))
        on_round = lambda *stored: self.rounds.append(stored)  # noqa: E731 - the line would be too long
        driver = Driver(self.spec, RING, self.net.entry, self.name, clocks, on_round, self.lines.append)
        self.net.beside = driver._watch.look
        return driver

    def drive(self) -> bytes:
        """Returns the last weights."""
        driver = self.driver()
        self.net.run(driver.drive())
        return driver.weights[:]

    def look(self) -> JobSnapshot:
        return self.net.run(read_snapshot(self.net.entry, RING, self.spec.job))


def reference(spec: JobSpec = SPEC, contents: dict[str, bytes] = CONTENTS) -> bytes:
    """The same job without any ring: one worker, one order a round."""
    worker = Worker()
    for file in spec.files:
        worker.add_file(file.digest, file.name, contents[file.name], FEATURES, CLASSES)
    moments = worker.moments([f.digest for f in spec.files]).moments().to_bytes()
    weights = trained_round.first_weights(spec)
    for number in range(1, spec.settings.rounds + 1):
        task = trainer_task(round_tasks.training_task(spec, moments), number, spec.files)
        update = worker.train(task, weights)
        part = PartialResult(InlineRing((1,), RING).entry, spec.files, Progress("done"), update.sum)
        weights = server_step.mean_of(spec, weights, [part]).tobytes()
    return weights


EXPECTED = reference()


@pytest.mark.parametrize("count", range(1, len(IDS) + 1))
def test_the_weights_are_the_same_bits_for_any_grouping_of_the_files(count: int) -> None:
    job = Job(IDS[:count])

    assert job.drive() == EXPECTED

    groups = Counter(job.rounds[0][1].placement.values())
    assert sum(groups.values()) == len(CONTENTS)
    assert count < 3 or len(groups) > 1


def test_a_round_is_the_mean_of_the_files_weights_by_their_rows() -> None:
    """FedAvg (McMahan et al. 2017), in floating point, one file after the other."""
    job = Job(IDS, make_spec(replace(SETTINGS, rounds=1)))
    weights = np.frombuffer(job.drive(), "<f4")
    moments = bytes.fromhex(job.look().results[0].moments)
    first = trained_round.first_weights(job.spec)
    base, bits = np.frombuffer(first, "<f4").astype(np.float64), exact.fraction_bits(job.spec.rows)
    worker, locals_ = Worker(), []
    for file in job.spec.files:
        worker.add_file(file.digest, file.name, CONTENTS[file.name], FEATURES, CLASSES)
        task = trainer_task(round_tasks.training_task(job.spec, moments), 1, [file])
        change = sum_from_bytes(worker.train(task, first)) / 2.0**bits / file.rows  # (parameters,)
        locals_.append(base + change)

    expected = np.average(locals_, axis=0, weights=[file.rows for file in job.spec.files])  # (parameters,)

    assert np.allclose(weights, expected, rtol=0, atol=1e-6)
    assert not np.allclose(weights, np.mean(locals_, axis=0), rtol=0, atol=1e-6)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_weights_are_the_same_bits_under_every_placement(policy: str) -> None:
    job = Job(IDS, make_spec(replace(SETTINGS, placement=policy)))

    assert job.drive() == EXPECTED


@pytest.mark.parametrize("policy", POLICIES)
def test_a_busy_node_is_passed_over_only_by_a_policy_that_balances(policy: str) -> None:
    job = Job(IDS, make_spec(replace(SETTINGS, placement=policy)))
    busy = job.net.entry
    job.net.members[busy].orders._is_busy = lambda: True

    assert job.drive() == EXPECTED

    asked = {address for _, report in job.rounds for address in report.placement.values()}
    assert (str(busy.address) not in asked) == (policy in BALANCING or str(busy.address) not in used(policy))
    assert all(not report.disturbances for _, report in job.rounds), "who is busy is not lost"


def used(policy: str) -> set[str]:
    """Return the nodes that train when none is busy."""
    job = Job(IDS, make_spec(replace(SETTINGS, placement=policy)))
    job.drive()
    return {address for _, report in job.rounds for address in report.placement.values()}


@pytest.mark.parametrize("policy", sorted(BALANCING))
def test_when_all_nodes_are_busy_one_of_them_trains_all_the_same(policy: str) -> None:
    job = Job(IDS, make_spec(replace(SETTINGS, placement=policy)))
    for member in job.net.members.values():
        member.orders._is_busy = lambda: True

    assert job.drive() == EXPECTED


def test_every_file_is_trained_by_the_owner_of_its_name() -> None:
    job = Job(IDS)
    job.drive()

    for name, address in job.rounds[-1][1].placement.items():
        owner = next((i for i in IDS if i >= RING.key(name)), IDS[0])
        assert address == f"node-{owner}:1"


@pytest.mark.parametrize(
    ("kind", "nth"),
    [(Order, 1), (Order, 12), (Collect, 1), (Collect, 13)],
    ids=["given its order", "given a later order", "asked for the result", "asked later"],
)
def test_a_node_that_is_lost_passes_its_files_on_in_the_same_round_and_the_sum_is_the_same(
    kind: type[Order] | type[Collect], nth: int
) -> None:
    job = Job(IDS)
    asked = itertools.count(1)

    def die_at_the_nth(node: object, request: object) -> None:
        if isinstance(request, kind) and next(asked) == nth:
            job.net.dead.add(node)  # type: ignore[arg-type]  # a NodeRef

    job.net.before_answer = die_at_the_nth

    assert job.drive() == EXPECTED

    (lost,) = job.net.dead
    assert all(len(report.placement) == len(CONTENTS) for _, report in job.rounds)
    assert str(lost.address) not in job.rounds[-1][1].placement.values()
    assert any(str(lost.address) in line for _, report in job.rounds for line in report.disturbances)


def test_replicas_less_one_nodes_may_die_at_once() -> None:
    job = Job(IDS)
    job.net.kill_at(Order, RING.replicas - 1)

    assert job.drive() == EXPECTED

    assert len(job.net.dead) == RING.replicas - 1


def test_the_entry_node_may_die_before_the_first_request() -> None:
    job = Job(IDS)
    driver = job.driver()
    first = job.net.entry
    job.net.run(refresh_members(driver._roster))
    job.net.dead.add(first)

    job.net.run(driver.drive())

    assert driver.weights == EXPECTED


def test_a_node_without_a_file_fetches_it_from_another() -> None:
    job = Job(IDS)
    owner = next(m for ref, m in job.net.members.items() if str(ref.address) == owner_of("file-1"))
    owner.handlers.update(content_handlers(owner.node, Store(lambda: 0.0), owner.orders))

    assert job.drive() == EXPECTED

    assert job.rounds[0][1].placement["file-1"] == owner_of("file-1")


def owner_of(name: str) -> str:
    return f"node-{next((i for i in IDS if i >= RING.key(name)), IDS[0])}:1"


def test_the_chain_on_the_ring_ends_in_these_weights() -> None:
    job = Job(IDS)
    job.drive()

    view = job.look()
    assert view.end == records.DONE
    assert [result.round for result in view.results] == [0, 1, 2, 3]
    assert view.results[-1].weights == digest_of(EXPECTED)
    assert job.net.run(jobs.read_weights(job.net.entry, RING, view.results[-1])) == EXPECTED


@pytest.mark.parametrize("rule", ["fedavg", "fedadam"])
def test_weights_and_state_are_kept_for_the_last_two_rounds_only(rule: str) -> None:
    job = Job(IDS, make_spec(replace(SETTINGS, rule=rule)))
    job.drive()

    def stored(what: str) -> list[int]:
        names = [records.record_name(job.spec.job, f"{what}-{number}") for number in range(4)]
        items = job.net.run(jobs.find_records(job.net.entry, RING, job.spec.job, *names))
        found = {item.entry.name for item in items if not item.deleted}
        return [number for number, name in enumerate(names) if name in found]

    assert stored("weights") == [2, 3]
    assert stored("state") == ([2, 3] if rule == "fedadam" else [])
    assert stored("result") == [0, 1, 2, 3]


def test_a_heartbeat_that_fails_is_followed_by_the_next() -> None:
    job = Job(IDS)
    driver, beats = job.driver(), itertools.count(1)

    def fail_once(node: NodeRef, request: Request[Any]) -> None:
        if isinstance(request, DriverHeartbeat):
            if next(beats) <= RING.replicas:  # one to each holder of the job's records
                raise NodeUnreachable("lost")
            driver.is_over = True

    job.net.before_answer = fail_once
    job.net.run(driver.heartbeat())

    assert next(beats) == 2 * RING.replicas + 1


def test_another_driver_goes_on_where_the_first_was_killed() -> None:
    job = Job(IDS)
    half = job.driver()
    asked = itertools.count(1)

    def kill_the_driver(node: object, request: object) -> None:
        if isinstance(request, Order) and request.round == 3 and next(asked) == 2:
            raise Killed

    job.net.before_answer = kill_the_driver
    with pytest.raises(Killed):
        job.net.run(half.drive())
    job.net.before_answer = lambda node, request: None
    seen_before = len(job.rounds)

    assert job.drive() == EXPECTED

    assert seen_before == 1  # the second round was computed but not reported yet
    assert 1 not in [result.round for result, _ in job.rounds[seen_before:]]


def test_a_round_has_its_error_losses_and_times() -> None:
    job = Job(IDS)
    job.drive()

    assert [result.round for result, _ in job.rounds] == [1, 2, 3]
    for result, report in job.rounds:
        assert result.rows == 60
        assert result.error == result.errors / 60
        assert report.training_loss > 0
        assert 0 <= report.training_accuracy <= 1
        assert report.slowest_s == pytest.approx(0.1)
        assert report.disturbances == ()


def test_other_seeds_and_other_settings_are_other_models() -> None:
    made = {
        Job(IDS[:2], make_spec(replace(SETTINGS, **change))).drive()
        for change in ({}, {"seed": 1}, {"epochs": 3}, {"eta": 0.05}, {"optimizer": "adam"})
    }

    assert len(made) == 5


def test_equal_jobs_are_equal_models_whatever_their_nonce() -> None:
    assert Job(IDS[:3], replace(SPEC, nonce="another")).drive() == EXPECTED


def test_a_file_that_breaks_every_trainer_fails_the_job_and_is_named_in_its_records() -> None:
    contents = CONTENTS | {"file-2": b"1,2,3,4,0\n1,2,x,4,0\n"}
    job = Job(IDS, make_spec(contents=contents), contents)

    with pytest.raises(WorkFailed, match="file-2, line 2"):
        job.drive()

    assert job.look().end == records.FAILED
    assert "file-2" in job.look().reason


def test_a_validation_file_that_cannot_be_read_fails_the_job_too() -> None:
    nonsense = b"1,2,3,4,99\n"
    held_out = replace(SPEC.validation_file, digest=digest_of(nonsense), size_bytes=len(nonsense), rows=1)
    job = Job(IDS[:2], replace(SPEC, validation=held_out), validation=nonsense)

    with pytest.raises(WorkFailed, match="validation, line 1: class 99"):
        job.drive()

    assert job.look().end == records.FAILED


def test_a_cancelled_job_is_not_driven() -> None:
    job = Job(IDS)
    job.net.run(jobs.put_record(job.net.entry, RING, SPEC.job, records.CANCELLED, b"by me", next(job.versions)))

    with pytest.raises(JobEnded, match="cancelled"):
        job.drive()

    assert not job.rounds


def test_without_any_node_left_the_driver_fails_instead_of_waiting_forever() -> None:
    job = Job(IDS[:2])
    job.net.kill_at(NextHop, 2)

    with pytest.raises(ChordError):
        job.drive()


def test_weights_are_read_back_whole_when_one_holder_dies_at_the_reading() -> None:
    job = Job(IDS)
    job.drive()
    last = job.look().results[-1]
    job.net.kill_at(Read)

    for entry in job.net.members:  # whichever node is asked first, except the one that dies
        if entry not in job.net.dead:
            assert job.net.run(jobs.read_weights(entry, RING, last)) == EXPECTED


def renewals(round_s: float) -> list[int]:
    """In which rounds of a job the leases of its files are prolonged, where each round takes so long."""
    job, seen = Job(IDS, make_spec(replace(SETTINGS, rounds=6))), []
    files = {file.name for file in job.spec.files}

    def before_answer(_: NodeRef, request: Request[Any]) -> None:
        if isinstance(request, Order) and request.round > len(began):
            began.append(request.round)
            job.net.now += round_s
        if isinstance(request, Put) and any(parcel.item.entry.name in files for parcel in request.parcels):
            seen.append(len(began))

    began: list[int] = []
    job.net.before_answer = before_answer
    job.drive()
    return sorted(set(seen))


def test_a_job_that_is_soon_over_renews_no_lease() -> None:
    assert renewals(RENEW_DELAY_S / 10) == []


def test_a_long_job_renews_its_leases_soon_and_then_again() -> None:
    assert renewals(RENEW_DELAY_S + 1) == [1]
    assert renewals(RENEW_INTERVAL_S + 1) == [1, 2, 3, 4, 5, 6]


def test_every_host_is_sent_the_weights_of_a_round_once() -> None:
    job, sent = Job(IDS), Counter[tuple[NodeRef, str]]()

    def before_answer(node: NodeRef, request: Request[Any]) -> None:
        if isinstance(request, Order) and request.content:
            sent[node, request.weights] += 1
        for parcel in request.parcels if isinstance(request, Put) else ():
            if parcel.content and ".weights-" in parcel.item.entry.name:
                sent[node, parcel.item.entry.digest] += 1

    job.net.before_answer = before_answer
    job.drive()

    assert len({weights for _, weights in sent}) == SETTINGS.rounds + 1
    assert set(sent.values()) == {1}
