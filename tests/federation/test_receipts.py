"""Receipts: a round's Merkle root says what its files were trained to, whoever trained which file."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roundelay.chord.errors import Malformed
from roundelay.federation import receipts, records, replay, round_tasks
from roundelay.federation.effects import Compute, Done
from roundelay.federation.errors import BadRecord, WorkFailed
from roundelay.federation.requests import Order
from roundelay.federation.settings import Settings
from roundelay.federation.site_gate import _check_order
from roundelay.federation.spec import JobSpec
from roundelay.federation.tasks import TrainTask
from roundelay.ml.worker import Worker
from roundelay.store.blobs import digest_of
from roundelay.store.read_path import fetch, find
from tests.federation.test_driver import CONTENTS, EXPECTED, IDS, RING, SETTINGS, VALIDATION, Job, make_spec
from tests.killed import Killed

LEAVES = st.dictionaries(st.integers(0, 99_999), st.binary(min_size=32, max_size=32), max_size=9)


def roots(spec: JobSpec) -> list[str]:
    """The roots of a job that one process trains."""
    contents = {digest_of(content): content for content in (*CONTENTS.values(), VALIDATION)}
    return [each.result.receipts for each in replay.chain(spec, contents, Worker())]


ROOTS = roots(make_spec())


def rfc_6962(leaves: list[bytes]) -> bytes:
    """The definition in section 2.1."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + rfc_6962(leaves[:half]) + rfc_6962(leaves[half:])).digest()


@settings(deadline=None)
@given(LEAVES)
def test_the_root_is_that_of_rfc_6962_and_depends_on_every_file_and_receipt(leaves: dict[int, bytes]) -> None:
    root = receipts.root(leaves)

    assert root == (rfc_6962([i.to_bytes(4, "big") + leaves[i] for i in sorted(leaves)]).hex() if leaves else "")
    assert root == receipts.root(dict(reversed(leaves.items())))
    for index, receipt in leaves.items():
        assert receipts.root(leaves | {index: bytes([receipt[0] ^ 1]) + receipt[1:]}) != root
        assert receipts.root({(i if i != index else 100_000): r for i, r in leaves.items()}) != root


@settings(deadline=None)
@given(LEAVES)
def test_receipts_survive_being_written_and_read(leaves: dict[int, bytes]) -> None:
    content = receipts.to_bytes(leaves)

    assert receipts.by_file(sorted(leaves), content) == leaves
    with pytest.raises(BadRecord):
        receipts.by_file(sorted(leaves), content + b"\0")


@pytest.mark.parametrize("topology", ["star", "tree"])
@pytest.mark.parametrize("count", [1, 3, len(IDS)])
def test_the_root_is_the_same_whoever_trains_which_file(topology: str, count: int) -> None:
    job = Job(IDS[:count], make_spec(replace(SETTINGS, topology=topology)))
    job.drive()

    assert [result.receipts for result in job.look().results] == ROOTS


@pytest.mark.parametrize("topology", ["star", "tree"])
@pytest.mark.parametrize("nth", [1, 4, 6])
def test_the_root_is_the_same_when_a_node_dies_in_a_round(topology: str, nth: int) -> None:
    job, asked = Job(IDS, make_spec(replace(SETTINGS, topology=topology))), itertools.count(1)

    def die_at_the_nth(node: object, request: object) -> None:
        if isinstance(request, Order) and request.round == 2 and next(asked) == nth:
            job.net.dead.add(node)  # type: ignore[arg-type]  # a NodeRef

    job.net.before_answer = die_at_the_nth
    job.drive()

    assert [result.receipts for result in job.look().results] == ROOTS


def test_the_receipts_on_the_ring_have_the_root_in_the_result() -> None:
    job = Job(IDS, make_spec(replace(SETTINGS, fraction=0.5)))
    job.drive()
    items, nodes = job.net.run(find(job.net.entry, RING, RING.key(job.spec.job)))
    stored = {item.entry.name: item.entry for item in items}

    for result, report in job.rounds:
        entry = stored[records.receipts_name(job.spec.job, result.round)]
        content = job.net.run(fetch(nodes, entry.digest, entry.size_bytes))
        trained = [file.index for file in job.spec.files if file.name in report.placement]
        assert receipts.root(receipts.by_file(trained, content)) == result.receipts != ""
    assert records.receipts_name(job.spec.job, 0) not in stored


def test_each_report_names_its_result_and_the_report_before_it_also_after_a_takeover() -> None:
    job, asked = Job(IDS), itertools.count(1)

    def kill_the_driver(node: object, request: object) -> None:
        if isinstance(request, Order) and request.round == 3 and next(asked) == 2:
            raise Killed

    job.net.before_answer = kill_the_driver
    with pytest.raises(Killed):
        job.net.run(job.driver().drive())
    job.net.before_answer = lambda node, request: None
    job.drive()

    first, second, third = (report for _, report in job.rounds)
    assert first.previous
    assert (second.previous, third.previous) == (first.digest, second.digest)
    assert [report.result for _, report in job.rounds] == [result.digest for result, _ in job.rounds]


@pytest.mark.parametrize("topology", ["star", "tree"])
def test_a_node_that_returns_too_few_receipts_is_excluded(topology: str) -> None:
    job = Job(IDS, make_spec(replace(SETTINGS, topology=topology)))
    careless = next(ref for ref in job.net.members if ref.id == IDS[2])
    honest = job.net.members[careless].compute

    def forget_one(effect: Compute) -> Done:
        done = honest(effect)
        return replace(done, result=done.result[:-32]) if isinstance(effect.order.task, TrainTask) else done

    job.net.members[careless].compute = forget_one  # type: ignore[method-assign]

    assert job.drive() == EXPECTED
    assert [result.receipts for result in job.look().results] == ROOTS
    assert any(str(careless.address) in line for _, report in job.rounds for line in report.disturbances)


def test_a_thousand_files_of_a_round_have_receipts() -> None:
    leaves = {index: index.to_bytes(32, "big") for index in range(1000)}

    assert len(receipts.to_bytes(leaves)) == 32_000
    assert receipts.root(leaves) == rfc_6962([i.to_bytes(4, "big") + leaves[i] for i in leaves]).hex()


def test_a_recorded_job_leaves_no_receipts() -> None:
    private = make_spec()
    private = replace(private, pinned="clinic", homes=("10.0.0.1:8001",) * len(private.files))

    for spec in (private, make_spec(Settings(topology="gossip")), make_spec(Settings(quorum=0.5))):
        assert not round_tasks.training_task(spec, b"").receipts
    asked = round_tasks.training_task(make_spec(), b"")
    with pytest.raises(Malformed, match="receipts"):
        Order("job", 1, (), asked, attempt=1)
    with pytest.raises(WorkFailed, match="does not ask for this"):
        _check_order(Order(private.job, 1, private.files[:1], asked), private)
