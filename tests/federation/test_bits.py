"""Nodes that compute different bits train no file of a job that promises bits, and are reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from roundelay.chord.refs import NodeRef
from roundelay.federation import records, round_tasks
from roundelay.federation.effects import Compute
from roundelay.federation.errors import NobodyFits, OtherBits
from roundelay.federation.requests import Order
from roundelay.federation.roster import Roster
from roundelay.federation.spec import JobSpec
from roundelay.federation.trainer_client import TrainerClient
from roundelay.ml.frames import Frame, Header
from roundelay.ml.sliced import Sliced
from tests.federation.test_driver import CONTENTS, EXPECTED, IDS, RING, SETTINGS, SPEC, Job, make_spec

BITS = replace(SPEC, fingerprint=round_tasks.fingerprint_here(SPEC))


def job_with_others(count: int, spec: JobSpec = BITS) -> Job:
    """The first nodes of the ring are machines of another kind."""
    job = Job(IDS, spec)
    for member in list(job.net.members.values())[:count]:
        member.bits = "another"
    return job


def others(job: Job) -> set[str]:
    return {str(ref.address) for ref, member in job.net.members.items() if member.bits}


@pytest.mark.parametrize("count", range(1, len(IDS)))
def test_a_node_with_other_bits_trains_no_file_and_the_model_is_the_same(count: int) -> None:
    job = job_with_others(count)

    assert job.drive() == EXPECTED

    placements = [report.placement for _, report in job.rounds]
    assert all(len(placement) == len(CONTENTS) for placement in placements)
    assert not any(others(job) & set(placement.values()) for placement in placements)


def test_it_is_asked_once_and_no_more() -> None:
    job = job_with_others(2)
    asked: list[str] = []

    def note(node: NodeRef, request: object) -> None:
        if isinstance(request, Order) and job.net.members[node].bits:
            asked.append(str(node.address))

    job.net.before_answer = note

    assert job.drive() == EXPECTED

    assert sorted(asked) == sorted(others(job))


def test_a_job_that_no_node_may_train_fails_with_the_reason() -> None:
    job = job_with_others(len(IDS))

    with pytest.raises(NobodyFits, match=f"none of {len(IDS)} nodes may train"):
        job.drive()

    assert job.look().end == records.FAILED
    assert BITS.fingerprint[:8] in job.look().reason


def test_a_job_that_has_made_rounds_waits_for_a_node_that_may_train_it() -> None:
    driver = job_with_others(0).driver()
    lines: list[str] = []
    driver._coordinator._log = lines.append
    driver._roster.exclude(driver._roster.entry())

    driver._coordinator._report_waiting(BITS.files, number=2)
    driver._coordinator._report_waiting(BITS.files, number=2)

    assert len(lines) == 1 and lines[0].endswith("waiting for a node that may")


def test_another_process_at_its_address_is_another_node() -> None:
    file, node = BITS.files[0], NodeRef(1, "node", 1, incarnation=1)
    roster = Roster(RING, node)
    roster.exclude(node)
    assert (roster.holders(file), roster.nobody_fits) == ((), True)

    again = replace(node, incarnation=2)
    roster.update_members((again,))

    assert (roster.holders(file), roster.nobody_fits) == ((again,), False)


def test_a_trainer_with_other_bits_names_both_fingerprints_and_asks_for_its_own_once() -> None:
    ours, requests = "ab" * 32, []
    order = Order("j", 1, (), round_tasks.training_task(BITS, b""))

    def ask(header: Header, payload: Sequence[Sliced], order: Order) -> Frame:
        requests.append(header["do"])
        return Frame({"fingerprint": ours}, bytearray())

    client = TrainerClient(ask)
    for _ in range(2):
        with pytest.raises(OtherBits, match=rf"\(fingerprint {ours[:8]}, the job's {BITS.fingerprint[:8]}\)"):
            client.carry_out(Compute(order, {}))

    assert requests == ["fingerprint"]


def test_any_machine_trains_a_job_that_is_only_recorded() -> None:
    settings = replace(SETTINGS, quorum=0.5)
    job = job_with_others(len(IDS), replace(make_spec(settings), fingerprint=BITS.fingerprint))

    assert job.drive() == EXPECTED


def test_a_fingerprint_is_of_the_shapes_and_not_of_the_files() -> None:
    wider = make_spec(replace(SETTINGS, hidden=(7,)))

    assert round_tasks.fingerprint_here(replace(SPEC, files=SPEC.files[:1])) == BITS.fingerprint
    assert round_tasks.fingerprint_here(wider) != BITS.fingerprint
    assert (BITS.repro, make_spec(replace(SETTINGS, quorum=0.9)).repro) == ("bits", "recorded")
    pinned = replace(BITS, pinned="wards", homes=("n:1",) * len(BITS.files))
    assert pinned.repro == "recorded"  # who is away is left out
