"""Sites that start anew in the middle of a secure sum: the others reveal the same sum once more, and no other one."""

from __future__ import annotations

from typing import Any

import pytest

from roundelay.chord.effects import Request
from roundelay.chord.refs import NodeRef
from roundelay.federation.secure_sum import RevealedSet
from tests.federation.secure_job import SITES, SecureJob, masking_of
from tests.federation.test_driver_at_a_site import (
    DRIVES,
    PATIENCE_S,
    asks_to_reveal,
    drive_on,
    job_at_a_site,
    kill,
    plain,
)
from tests.federation.test_secure_aggregation import reveal

LAST = SITES - 1


def require_sums_of_one_set(job: SecureJob) -> None:
    """Of each sum, all that sites have revealed is of the same sites."""
    of_sum: dict[str, set[RevealedSet]] = {}
    for (_, sum_id), sets in job.revealed.items():
        of_sum.setdefault(sum_id, set()).update(sets)
    assert all(len({each.sites for each in sets}) == 1 for sets in of_sum.values())


def restart_before_its_reveal(job: SecureJob, place: int) -> None:
    """Start a site anew when it is asked for its shares in round 1, while others have revealed theirs."""
    left = 1

    def start_again(node: NodeRef, request: Request[Any]) -> None:
        nonlocal left
        job.watch(node, request)
        assert job.net.now < PATIENCE_S, "the round waits"
        if left and asks_to_reveal(place)(node, request):
            left = 0
            job.restart(node, life=2)

    job.net.before_answer = start_again


@pytest.mark.parametrize("threshold", [4, SITES])
def test_a_site_that_is_killed_before_its_own_reveal_holds_up_no_round(threshold: int) -> None:
    job = SecureJob(rounds=1, secure_threshold=threshold)
    restart_before_its_reveal(job, LAST)
    job.drive()

    assert [result.weights for result in job.look().results] == plain()
    require_sums_of_one_set(job)


def test_a_driver_at_a_site_and_another_site_are_killed_and_come_back() -> None:
    job = job_at_a_site()
    kill(job, asks_to_reveal(LAST))
    job.start_again(job.site(DRIVES))
    job.start_again(job.site(0))
    drive_on(job)

    assert [result.weights for result in job.look().results] == plain()
    require_sums_of_one_set(job)


def test_a_driver_that_shares_masks_anew_is_killed_as_well() -> None:
    job = SecureJob(rounds=1, secure_threshold=SITES)
    kill(job, asks_to_reveal(LAST))
    job.start_again(job.site(LAST))
    kill(job, asks_to_reveal(2))
    job.start_again(job.site(2))
    drive_on(job)

    assert [result.weights for result in job.look().results] == plain()
    require_sums_of_one_set(job)


def test_without_the_site_that_was_killed_nothing_more_is_revealed() -> None:
    """A sum over the others would tell what this site has sent."""
    job = SecureJob(rounds=1, secure_threshold=5, wait_for=10.0)
    kill(job, asks_to_reveal(LAST))
    job.away((LAST, 0))

    with pytest.raises(AssertionError, match="the round waits"):
        drive_on(job)
    job.net.before_answer = job.watch

    assert len(job.look().results) == 1, "of round 0"
    require_sums_of_one_set(job)


# --- what a site reveals once more


def test_a_site_reveals_the_same_sites_once_more_when_one_has_started_anew() -> None:
    job = SecureJob()
    ref, everybody = job.site(0), tuple(range(SITES))
    assert reveal(job, ref, masking_of(job, everybody), everybody).state == "done"
    job.restart(job.site(LAST), life=2)

    assert reveal(job, ref, masking_of(job, everybody), everybody, began=2).state == "done"
    assert reveal(job, ref, masking_of(job, everybody), everybody, began=3).state == "done", "a repeated order"
    others = reveal(job, ref, masking_of(job, everybody), everybody[:-1], began=4)
    assert (others.state, "never does for two" in others.message) == ("unable", True)


def test_a_site_whose_vector_has_changed_reveals_nothing_more() -> None:
    """With noise of its own, two sums over the same sites would tell more than one."""
    job = SecureJob()
    ref, everybody = job.site(0), tuple(range(SITES))
    first = masking_of(job, everybody)
    assert reveal(job, ref, first, everybody).state == "done"
    job.restart(job.site(LAST), life=2)
    masker = job.net.members[ref].orders.executor._masker
    assert masker is not None
    plain_mask = masker.mask
    masker.mask = lambda order, vector, address: plain_mask(order, bytes(len(vector)), address)  # type: ignore[method-assign]

    refused = reveal(job, ref, masking_of(job, everybody), everybody, began=2)

    assert (refused.state, "for another vector" in refused.message) == ("unable", True)
