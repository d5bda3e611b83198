"""A driver in the process of a site is killed: others are bound to a set that only its record completes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from roundelay.chord.effects import Request
from roundelay.chord.refs import NodeRef
from roundelay.federation.errors import BadRecord
from roundelay.federation.masked_record import MaskedRecord, masked_record_from_bytes, read_masked
from roundelay.federation.requests import Order
from roundelay.federation.secure_sum import RevealedSet
from roundelay.federation.tasks import RevealTask
from roundelay.store.items import Put
from tests.federation.secure_job import ADDRESSES, SITES, THRESHOLD, SecureJob, masking_of
from tests.killed import Killed

DRIVES = 2  # the site in whose process the driver is
PATIENCE_S = 1000.0  # of a test, by the clock of the ring

IsMoment = Callable[[NodeRef, Request[Any]], bool]


def job_at_a_site(**settings: Any) -> SecureJob:
    job = SecureJob(rounds=1, **settings)
    job.name = ADDRESSES[DRIVES]
    return job


@cache
def plain() -> list[str]:
    job = SecureJob(secure=False, rounds=1)
    job.drive()
    return [result.weights for result in job.look().results]


# --- moments between the masked vectors and the stored RESULT of round 1


def asks_to_reveal(place: int) -> IsMoment:
    return lambda node, request: (
        isinstance(request, Order)
        and (isinstance(request.task, RevealTask) and request.round == 1)
        and str(node.address) == ADDRESSES[place]
    )


def puts(what: str, nth: int = 1) -> IsMoment:
    """A record is put on the nth of its nodes."""
    left = nth

    def is_moment(_: NodeRef, request: Request[Any]) -> bool:
        nonlocal left
        names = [each.item.entry.name for each in request.parcels] if isinstance(request, Put) else []
        left -= any(name.endswith(f".{what}-1") for name in names)
        return left == 0

    return is_moment


MOMENTS: dict[str, Callable[[], IsMoment]] = {
    "before its own site reveals": lambda: asks_to_reveal(DRIVES),
    "before its record is stored": lambda: puts("masked"),
    "when one copy of its record is stored": lambda: puts("masked", 2),
    "before another site reveals": lambda: asks_to_reveal(0),
    "when one other site has revealed": lambda: asks_to_reveal(1),
    "when too few sites are free for another set": lambda: asks_to_reveal(4),
    "before the weights are stored": lambda: puts("weights"),
    "before the RESULT is stored": lambda: puts("result"),
    "when one copy of the RESULT is stored": lambda: puts("result", 2),
}


def kill(job: SecureJob, is_moment: IsMoment) -> None:
    """Drive, and kill the driver's process at a moment."""

    def die(node: NodeRef, request: Request[Any]) -> None:
        job.watch(node, request)
        assert job.net.now < PATIENCE_S, "the round waits"
        if job.is_driver and is_moment(node, request):
            raise Killed

    job.net.before_answer = die
    with pytest.raises(Killed):
        job.net.run(job.driver().drive())
    for node in job.net.members:
        job.note_revealed(node)


def drive_on(job: SecureJob) -> None:
    """Have another process drive the job. The test fails if a round waits for ever."""

    def watch(node: NodeRef, request: Request[Any]) -> None:
        job.watch(node, request)
        assert job.net.now < PATIENCE_S, "the round waits"

    job.net.before_answer = watch
    job.drive()
    for node in job.net.members.keys() - job.net.dead:
        job.note_revealed(node)


def require_one_sum_each(job: SecureJob) -> None:
    """No site reveals two sets, but one that has started anew; of each sum one set can be seen, and no other."""
    of_sum: dict[str, Counter[RevealedSet]] = {}
    for (node, sum_id), sets in job.revealed.items():
        assert len(sets) == 1 or node == str(job.site(DRIVES))
        of_sum.setdefault(sum_id, Counter()).update(sets)
    assert all(sum(count >= THRESHOLD for count in counts.values()) == 1 for counts in of_sum.values())


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_model_is_the_same_when_a_driver_at_a_site_is_killed_and_started_again(moment: str) -> None:
    job = job_at_a_site()
    kill(job, MOMENTS[moment]())
    job.start_again(job.site(DRIVES))
    drive_on(job)

    assert [result.weights for result in job.look().results] == plain()
    require_one_sum_each(job)
    assert job.net.run(read_masked(job.driver()._roster, job.spec.job, 1)) == [], "the RESULT has replaced it"


@pytest.mark.parametrize("place", [1, SITES - 1])
def test_a_site_that_has_driven_and_never_comes_back_is_in_the_sum_all_the_same(place: int) -> None:
    job = job_at_a_site()
    kill(job, asks_to_reveal(place))
    job.away((DRIVES,))
    job.name = "another"
    drive_on(job)

    assert [result.weights for result in job.look().results] == plain()
    require_one_sum_each(job)


def test_drivers_at_two_sites_are_killed_one_after_the_other() -> None:
    job = job_at_a_site()
    kill(job, asks_to_reveal(3))
    job.start_again(job.site(DRIVES))
    job.name = ADDRESSES[4]
    kill(job, asks_to_reveal(5))
    job.start_again(job.site(4))
    job.name = "another"
    drive_on(job)

    assert [result.weights for result in job.look().results] == plain()


def test_the_shares_of_every_site_can_be_needed() -> None:
    job = job_at_a_site(secure_threshold=SITES)
    kill(job, asks_to_reveal(SITES - 1))
    job.start_again(job.site(DRIVES))
    drive_on(job)

    assert [result.weights for result in job.look().results] == plain()


def test_a_driver_that_is_no_site_stores_nothing_of_one() -> None:
    job = SecureJob(rounds=1)
    puts_seen = []
    is_put = puts("masked")
    job.net.before_answer = lambda node, request: puts_seen.append(is_put(node, request))
    job.drive()

    assert puts_seen and not any(puts_seen)


# --- the record


def record(job: SecureJob, **changes: Any) -> MaskedRecord:
    masking = masking_of(job, range(SITES))
    chosen = RevealedSet(masking, tuple(range(THRESHOLD)))
    made = MaskedRecord.of("ab" * 32, chosen, ADDRESSES[DRIVES], b"vector\n and boxes", 0.5, [])
    return replace(made, head=replace(made.head, **changes))


def test_a_record_is_read_as_it_was_written_and_refused_with_what_cannot_be() -> None:
    job = SecureJob()
    written = record(job)
    assert masked_record_from_bytes(written.to_bytes()) == written
    for wrong in (
        {"sum_id": "ab"},
        {"site": "node-9:1"},
        {"site": ADDRESSES[THRESHOLD]},  # not in the sum, but with a vector
        {"seconds": -1.0},
        {"seconds": float("nan")},
        {"shares": "abcd"},
        {"shares": "x"},
    ):
        with pytest.raises(BadRecord, match="malformed masked record"):
            masked_record_from_bytes(record(job, **wrong).to_bytes())
    with pytest.raises(BadRecord, match="malformed masked record"):
        masked_record_from_bytes(b"rubbish")
