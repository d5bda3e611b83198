"""Audit: a forged record is named, and two results of a round stop a job."""

from __future__ import annotations

from dataclasses import replace

import pytest

from roundelay.chord.errors import NotFound
from roundelay.federation import audit, jobs, records, trained_round
from roundelay.federation.audit import AuditFinding
from roundelay.federation.effects import Clocks
from roundelay.federation.errors import Diverged, OtherBits
from roundelay.federation.failover import UNKNOWN_JOBS_MAX, JobSupervisor
from roundelay.federation.listing import list_latest
from roundelay.federation.records import RoundResult
from roundelay.federation.snapshot import read_snapshot, salvage_snapshot
from roundelay.ml.worker import Worker
from roundelay.store.blobs import digest_of
from tests.federation.test_driver import CONTENTS, EXPECTED, IDS, RING, SPEC, Job


def driven() -> Job:
    job = Job(IDS)
    job.drive()
    return job


def write(job: Job, what: str, content: bytes) -> str:
    """Have somebody write this into the job's records. Returns its digest."""
    job.net.run(jobs.put_record(job.net.entry, RING, job.spec.job, what, content, next(job.versions)))
    return digest_of(content)


def other(result: RoundResult) -> bytes:
    return replace(result, errors=result.errors + 1, rows=result.rows + 1).to_bytes()


def verify(job: Job) -> list[AuditFinding]:
    view = job.net.run(salvage_snapshot(job.net.entry, RING, job.spec.job))
    return job.net.run(audit.verify_chain(job.net.entry, RING, view))


def retrain(job: Job, number: int) -> AuditFinding:
    view = job.net.run(salvage_snapshot(job.net.entry, RING, job.spec.job))
    return job.net.run(audit.retrain(job.net.entry, RING, view, number, Worker()))


def wrong(job: Job) -> list[tuple[str, str]]:
    return [(finding.what, finding.detail) for finding in verify(job) if not finding.holds]


def test_an_honest_job_holds_whatever_is_looked_at() -> None:
    findings = verify(driven())

    assert all(finding.holds for finding in findings)
    assert {f"result-{number}" for number in range(4)} | {"spec", "done", "weights-3"} <= {f.what for f in findings}


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_result_outside_the_chain_is_named(number: int) -> None:
    job = driven()
    forged = write(job, f"result-{number}", other(job.look().results[number]))

    ((what, detail),) = wrong(job)

    assert (what, detail) == (f"result-{number}", f"{forged} is not in the chain: forged or damaged")


def test_of_two_last_results_both_are_named_and_training_again_tells_which_is_forged() -> None:
    job = driven()
    last = job.look().results[-1]
    for number in range(2000):  # whichever of the two is taken for the chain's
        forged = replace(last, weights=digest_of(b"%d" % number))
        if forged.digest < last.digest:
            break
    write(job, f"result-{last.round}", forged.to_bytes())

    details = [detail for _, detail in wrong(job)]

    assert any(forged.digest in detail and last.digest in detail for detail in details)
    assert not retrain(job, last.round).holds


def test_rubbish_in_the_place_of_a_result_is_named() -> None:
    job = driven()
    rubbish = write(job, "result-2", b"rubbish")

    ((what, detail),) = wrong(job)

    assert what == "result-2" and detail.startswith(rubbish)


def test_a_forged_spec_is_named_and_never_read_as_the_job() -> None:
    job = driven()
    write(job, records.SPEC, replace(SPEC, nonce="forged").to_bytes())

    assert job.look().spec == SPEC
    assert [what for what, _ in wrong(job)] == ["spec"]


def test_an_end_that_names_another_model_is_named() -> None:
    job = driven()
    write(job, records.DONE, b"00" * 32)

    assert [what for what, _ in wrong(job)] == ["done"]


@pytest.mark.parametrize("number", [1, 3])
def test_a_round_made_again_gives_the_weights_that_are_recorded(number: int) -> None:
    assert retrain(driven(), number).holds


def test_a_round_whose_weights_were_not_made_by_training_is_found_out() -> None:
    """A chain that holds together link by link, in which round 1 was not trained: only training again can tell."""
    job, honest = Job(IDS), driven().look().results
    lie = digest_of(EXPECTED)
    chain = honest[0], replace(honest[1], weights=lie)
    write(job, "weights-0", trained_round.first_weights(SPEC))
    write(job, "weights-1", EXPECTED)
    for result in chain:
        write(job, f"result-{result.round}", result.to_bytes())

    finding = retrain(job, 1)

    assert not wrong(job)
    assert (finding.holds, lie in finding.detail) == (False, True)
    assert finding.what == f"round 1, {len(CONTENTS)} files trained again"


def test_a_round_whose_first_weights_are_gone_cannot_be_made_again() -> None:
    job = driven()
    view = job.look()
    gone = replace(view, results=(view.results[0], replace(view.results[1], weights="ab" * 32), *view.results[2:]))

    with pytest.raises(NotFound, match="deleted"):
        job.net.run(audit.retrain(job.net.entry, RING, gone, 2, Worker()))


def test_another_kind_of_machine_does_not_call_an_honest_round_forged() -> None:
    job = Job(IDS, replace(SPEC, fingerprint="ee" * 32))
    for member in job.net.members.values():
        member.bits = ""  # they have these bits, and this machine has not
    job.drive()

    with pytest.raises(OtherBits, match="retrain on a machine"):
        retrain(job, 1)


def test_two_results_of_a_round_stop_every_driver_and_both_are_named() -> None:
    job = Job(IDS)
    honest = driven().look().results[2]
    forged = write(job, "result-2", other(honest))

    with pytest.raises(Diverged) as raised:
        job.drive()

    view = job.net.run(salvage_snapshot(job.net.entry, RING, job.spec.job))
    assert view.end == records.FAILED
    assert str(raised.value) == view.reason
    assert view.reason.startswith("diverged: round 2 has two results")
    assert forged in view.reason and honest.digest in view.reason


def test_heartbeats_for_unknown_jobs_are_bounded_and_forget_no_job_that_is_stored_here() -> None:
    job = Job(IDS)
    owner = next(m.node for m in job.net.members.values() if m.node.owns(RING.key(job.spec.job)))
    clocks = Clocks(job.net.clock, lambda: next(job.versions))
    supervisor = JobSupervisor(owner, clocks, lambda line: None, job.net.start)
    job.net.run(supervisor._scan())

    for number in range(3 * UNKNOWN_JOBS_MAX):
        supervisor.heartbeat(f"invented {number}")
    supervisor.heartbeat(job.spec.job)

    assert list(supervisor._last_heartbeat) == [job.spec.job]
    assert len(supervisor._unknown) == UNKNOWN_JOBS_MAX


def test_a_job_that_has_diverged_is_ended_by_the_owner_of_its_key_so_that_others_get_their_turn() -> None:
    job = Job(IDS)
    first = driven().look().results[0]
    write(job, "result-0", first.to_bytes())
    write(job, "result-0", other(first))
    owner = next(m.node for m in job.net.members.values() if m.node.owns(RING.key(job.spec.job)))
    lines: list[str] = []
    clocks = Clocks(job.net.clock, lambda: next(job.versions))
    supervisor = JobSupervisor(owner, clocks, lines.append, job.net.start)

    job.net.run(supervisor._scan())

    assert job.net.run(jobs.read_end(job.net.entry, RING, job.spec.job)) == records.FAILED
    assert len(lines) == 1 and "diverged: round 0 has two results" in lines[0]


NESTED = b"[" * 200_000 + b"]" * 200_000


@pytest.mark.parametrize("what", ["result-0", "result-2", "result-999999", "result-٣", "report-1"])
@pytest.mark.parametrize("content", [NESTED, b"rubbish", b'{"round": NaN}'], ids=["nested", "rubbish", "nan"])
def test_a_job_with_a_malformed_record_is_driven_to_the_right_end_and_the_record_is_named(
    what: str, content: bytes
) -> None:
    job = Job(IDS)
    digest = write(job, what, content)

    assert job.drive() == EXPECTED
    view = job.net.run(salvage_snapshot(job.net.entry, RING, job.spec.job))
    assert (view.end, view.rounds_done) == (records.DONE, SPEC.settings.rounds)
    [listed] = job.net.run(list_latest(list(job.net.members), RING, 5))
    assert (listed.state, listed.reason, listed.round) == (records.DONE, "", SPEC.settings.rounds)
    if what.isascii():
        assert [bad.digest for bad in view.malformed] == [digest]
        assert (what, digest) in [(finding, detail[:64]) for finding, detail in wrong(job)]
    if what == "result-999999":
        assert [f"record {job.spec.job}.{what} " in line for line in listed.malformed] == [True]


def test_a_malformed_record_beside_an_honest_one_is_no_divergence_and_is_listed() -> None:
    job = driven()
    digest = write(job, "result-2", NESTED)

    [listed] = job.net.run(list_latest(list(job.net.members), RING, 5))

    assert listed.state == records.DONE
    [line] = listed.malformed
    assert f"({digest[:8]}) cannot be read and is ignored" in line
    known = job.look()
    assert job.net.run(read_snapshot(job.net.entry, RING, job.spec.job, known)) == known


def test_training_a_round_of_private_data_again_is_refused_with_the_reason() -> None:
    job = driven()
    view = job.net.run(salvage_snapshot(job.net.entry, RING, job.spec.job))
    private = replace(view.spec, pinned="wards", homes=("n:1",) * len(view.spec.files))

    with pytest.raises(OtherBits, match="private files never leave their node"):
        job.net.run(audit.retrain(job.net.entry, RING, replace(view, spec=private), 1, Worker()))
