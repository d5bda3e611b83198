"""Rules of single updates on a ring: large updates stay where they were trained, and are read block by block."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from roundelay.chord.effects import Request
from roundelay.chord.errors import NodeUnreachable
from roundelay.chord.refs import NodeRef
from roundelay.federation.effects import Compute, Done
from roundelay.federation.errors import FileUnavailable, StepTooLarge
from roundelay.federation.requests import Order
from roundelay.federation.rules.aggregation import BLOCK_MAX
from roundelay.federation.tasks import TrainTask
from roundelay.ml.sliced import as_bytes
from roundelay.ml.task import RECEIPT_BYTES
from roundelay.store.items import CHUNK_BYTES, Read
from tests.federation.test_driver import IDS, SETTINGS, Job, make_spec
from tests.federation.test_private_data import ADDRESSES, PinnedJob
from tests.federation.test_rules import alone_model

LARGE = replace(SETTINGS, rule="krum", hidden=(4096,), rounds=1, epochs=1)  # four updates have more than 1 MiB
ENTRY_BYTES = 8


def reads_of_updates(job: Job) -> list[tuple[NodeRef, Read]]:
    """Return a list to which the job's reads of blocks of updates are added."""
    seen: list[tuple[NodeRef, Read]] = []

    def note(node: NodeRef, request: Request[Any]) -> None:
        if isinstance(request, Read) and request.length == ENTRY_BYTES * BLOCK_MAX:
            seen.append((node, request))

    job.net.before_answer = note
    return seen


def test_the_driver_reads_large_updates_in_blocks_and_ends_in_the_bits_it_has_alone() -> None:
    job = Job(IDS[:3], make_spec(LARGE))
    reads = reads_of_updates(job)

    assert job.drive() == alone_model(LARGE)
    assert max(read.offset for _, read in reads) > CHUNK_BYTES


def test_updates_of_a_node_that_falls_silent_while_they_are_read_are_trained_again() -> None:
    job = Job(IDS[:3], make_spec(LARGE))
    reads = reads_of_updates(job)
    note = job.net.before_answer

    def fall_silent(node: NodeRef, request: Request[Any]) -> None:
        note(node, request)
        if len(reads) >= 3 and node == reads[0][0] and isinstance(request, Read):
            raise NodeUnreachable("silent")

    job.net.before_answer = fall_silent

    assert job.drive() == alone_model(LARGE)
    lines = [line for _, report in job.rounds for line in report.disturbances]
    assert f"lost {reads[0][0].address}: silent" in lines


def test_a_node_whose_update_is_not_the_one_of_its_receipt_is_excluded() -> None:
    job = Job(IDS[:3], make_spec(LARGE))
    liar = _first_with_a_large_result(LARGE)

    def lie(done: Done) -> Done:
        honest = as_bytes(done.result)
        return replace(done, result=bytes([honest[0] ^ 1]) + honest[1:])

    _change_results(job, liar, lie)

    assert job.drive() == alone_model(LARGE)
    lines = [line for _, report in job.rounds for line in report.disturbances]
    assert any(f"{liar} is excluded" in line and "receipt" in line for line in lines)


@pytest.mark.parametrize("private", [False, True])
def test_an_update_out_of_range_excludes_its_node(private: bool) -> None:
    job = PinnedJob(rule="median") if private else Job(IDS[:3], make_spec(replace(SETTINGS, rule="median")))
    liar = ADDRESSES[1] if private else _first_with_a_large_result(SETTINGS)

    def lie(done: Done) -> Done:
        files = len(done.result) // (ENTRY_BYTES * (parameters + RECEIPT_BYTES // ENTRY_BYTES))
        vector = np.full(files * parameters, np.iinfo(np.int64).min, "<i8").tobytes()  # as numpy casts NaN
        size = len(vector) // files
        receipts = [hashlib.sha256(vector[at * size : (at + 1) * size]).digest() for at in range(files)]
        return replace(done, result=vector + b"".join(receipts))

    parameters = (4 + 1) * 6 + (6 + 1) * 5
    _change_results(job, liar, lie)

    made = job.drive()

    lines = [line for _, report in job.rounds for line in report.disturbances]
    assert any(f"{liar} is excluded" in line and "2^10" in line for line in lines)
    assert private or made == alone_model(replace(SETTINGS, rule="median"))


def test_a_private_site_that_cannot_train_does_not_end_a_robust_job() -> None:
    job = PinnedJob(rule="trimmed-mean", malicious=0.25)
    _fail_at(job, ADDRESSES[1])

    job.drive()

    lines = [line for _, report in job.rounds for line in report.disturbances]
    assert f"{ADDRESSES[1]}: the training has diverged: its 2 private files left out" in lines


def test_more_failing_sites_than_the_rule_stands_end_the_round() -> None:
    job = PinnedJob(rule="trimmed-mean", malicious=0.25)
    _fail_at(job, *ADDRESSES[1:3])

    with pytest.raises((StepTooLarge, FileUnavailable)):
        job.drive()


def _fail_at(job: Job, *addresses: str) -> None:
    def fail(done: Done) -> Done:
        raise StepTooLarge("the training has diverged")

    for address in addresses:
        _change_results(job, address, fail)


def _first_with_a_large_result(settings: object) -> str:
    """Return the address of the node that trains most files."""
    job = Job(IDS[:3], make_spec(settings))  # type: ignore[arg-type]
    orders: list[tuple[int, str]] = []

    def note(node: NodeRef, request: Request[Any]) -> None:
        if isinstance(request, Order) and isinstance(request.task, TrainTask):
            orders.append((len(request.files), str(node.address)))

    job.net.before_answer = note
    job.drive()
    return max(orders)[1]


def _change_results(job: Job, address: str, change: Any) -> None:
    [member] = [member for ref, member in job.net.members.items() if str(ref.address) == address]
    honest = member.compute

    def compute(effect: Compute) -> Done:
        done = honest(effect)
        return change(done) if isinstance(effect.order.task, TrainTask) else done

    member.compute = compute  # type: ignore[method-assign]
