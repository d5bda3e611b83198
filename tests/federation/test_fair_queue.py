"""Fair queueing of a node's time among jobs: shares by priority, no credit for idle time, bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest

from roundelay.federation.fair_queue import TAGS_MAX, FairQueue


def shares(priorities: Mapping[str, float], costs: Mapping[str, float], until_s: float) -> Counter[str]:
    """Return the seconds that each job gets, if every one always has an order in the queue."""
    queue, spent, now = FairQueue(), Counter[str](), 0.0
    for job in priorities:
        queue.join(job)
    while now < until_s:
        job = queue.first(priorities)
        queue.start(job)
        now += costs[job]
        spent[job] += costs[job]  # type: ignore[assignment]
        queue.end(job, costs[job], priorities[job], priorities)
    return spent


def test_equal_jobs_get_equal_time_whatever_their_orders_cost() -> None:
    spent = shares({"a": 1, "b": 1, "c": 1}, {"a": 1.0, "b": 5.0, "c": 0.25}, until_s=600)

    assert spent == {"a": pytest.approx(200, abs=6), "b": pytest.approx(200, abs=6), "c": pytest.approx(200, abs=6)}


def test_a_job_gets_time_in_proportion_to_its_priority() -> None:
    spent = shares({"urgent": 4, "usual": 1}, {"urgent": 1.0, "usual": 1.0}, until_s=500)

    assert spent == {"urgent": pytest.approx(400, abs=2), "usual": pytest.approx(100, abs=2)}


def test_equal_jobs_are_served_in_the_order_of_their_arrival() -> None:
    queue = FairQueue()
    for job in "ab":
        queue.join(job)

    assert queue.first(["b", "a"]) == "b"


def test_a_job_that_comes_late_is_not_paid_for_the_time_before() -> None:
    queue = FairQueue()
    queue.join("old")
    for _ in range(100):
        queue.start("old")
        queue.end("old", 1.0, 1.0, ["old"])
    queue.join("new")
    order = []
    for _ in range(6):
        job = queue.first(["old", "new"])
        queue.start(job)
        queue.end(job, 1.0, 1.0, ["old", "new"])
        order.append(job)

    assert order.count("old") == order.count("new") == 3


def test_a_node_that_was_idle_starts_all_jobs_level() -> None:
    queue = FairQueue()
    queue.join("old")
    queue.start("old")
    queue.end("old", 1000.0, 1.0, [])
    queue.join("new")
    queue.join("old")

    queue.start(queue.first(["new", "old"]))
    queue.end("new", 1.0, 1.0, ["new", "old"])

    assert queue.first(["new", "old"]) == "old"


def test_jobs_that_have_gone_are_forgotten() -> None:
    queue = FairQueue()
    for number in range(3 * TAGS_MAX):
        job = f"job {number}"
        queue.join(job)
        queue.start(job)
        queue.end(job, 1.0, 1.0, [])

    assert len(queue._tags) == TAGS_MAX
