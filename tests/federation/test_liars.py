"""Tests that an answer that no honest trainer can give is charged to its sender, and the job goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from roundelay.federation.effects import Compute, Done
from roundelay.federation.requests import Collect, Progress
from roundelay.federation.tasks import MomentsTask, TrainTask
from roundelay.ml.exact_moments import FeatureSums, feature_sums_from_bytes
from roundelay.ml.sliced import as_bytes
from tests.federation.test_driver import EXPECTED, IDS, SETTINGS, Job, make_spec

Lie = Callable[[bytes], bytes]


def moments(**changes: Callable[[FeatureSums], Any]) -> Lie:
    def lie(honest: bytes) -> bytes:
        sums = feature_sums_from_bytes(honest)
        changed: dict[str, Any] = {name: change(sums) for name, change in changes.items()}
        return replace(sums, **changed).to_bytes()

    return lie


def sums(change: Callable[[np.ndarray[tuple[int], np.dtype[np.int64]]], object]) -> Lie:
    def lie(honest: bytes) -> bytes:
        return np.asarray(change(np.frombuffer(honest, "<i8"))).astype("<i8").tobytes()

    return lie


LIES_OF_MOMENTS: dict[str, Lie] = {
    "empty": lambda honest: b"",
    "odd bytes": lambda honest: honest + b"\0",
    "noise": lambda honest: bytes(range(200)),
    "more rows": moments(rows=lambda honest: honest.rows + 1),
    "no rows": moments(rows=lambda honest: 0),
    "fewer features": moments(sums=lambda honest: honest.sums[1:], squares=lambda honest: honest.squares[1:]),
    "negative squares": moments(squares=lambda honest: tuple(-square - 1 for square in honest.squares)),
    "huge sums": moments(sums=lambda honest: tuple(1 << 700 for _ in honest.sums)),
    "huge squares": moments(squares=lambda honest: tuple(1 << 740 for _ in honest.squares)),
    "squares below sums": moments(squares=lambda honest: tuple(0 for _ in honest.squares)),
}
LIES_OF_SUMS: dict[str, Lie] = {
    "empty": lambda honest: b"",
    "odd bytes": lambda honest: honest[:-1],
    "more weights": lambda honest: honest + bytes(8),
    "out of range": sums(lambda honest: np.full_like(honest, np.iinfo(np.int64).max)),
    "below range": sums(lambda honest: np.full_like(honest, np.iinfo(np.int64).min)),
    "one out of range": sums(lambda honest: np.concatenate([[1 << 60], honest[1:]])),
}


@cache
def workers() -> list[str]:
    """Return the addresses of the nodes that train files when all are honest."""
    job = Job(IDS)
    job.drive()
    return sorted({address for _, report in job.rounds for address in report.placement.values()})


def make_liar(job: Job, address: str, kind: type, lie: Lie) -> str:
    """Let one node lie in its answers to this kind of task. Return its address."""
    [member] = [member for ref, member in job.net.members.items() if str(ref.address) == address]
    honest = member.compute

    def compute(effect: Compute) -> Done:
        done = honest(effect)
        return replace(done, result=lie(as_bytes(done.result))) if isinstance(effect.order.task, kind) else done

    member.compute = compute  # type: ignore[method-assign]
    return address


@pytest.mark.parametrize("topology", ["star", "tree"])
@pytest.mark.parametrize("name", LIES_OF_SUMS)
def test_an_impossible_sum_is_charged_to_its_sender_and_the_job_ends_with_the_right_weights(
    name: str, topology: str
) -> None:
    job = Job(IDS, make_spec(replace(SETTINGS, topology=topology)))
    liars = {make_liar(job, address, TrainTask, LIES_OF_SUMS[name]) for address in workers()[:2]}

    assert job.drive() == EXPECTED
    assert blamed(job) and blamed(job) <= liars
    trained = {address for _, report in job.rounds for address in report.placement.values()}
    assert not trained & liars


@pytest.mark.parametrize("name", LIES_OF_MOMENTS)
def test_impossible_moments_are_charged_to_their_sender_and_the_job_ends_with_the_right_weights(name: str) -> None:
    job = Job(IDS)
    liar = make_liar(job, workers()[0], MomentsTask, LIES_OF_MOMENTS[name])

    assert job.drive() == EXPECTED
    assert blamed(job) == {liar}


def test_a_result_that_cannot_be_unpacked_is_charged_to_its_sender() -> None:
    job, address = Job(IDS), workers()[0]
    [member] = [member for ref, member in job.net.members.items() if str(ref.address) == address]
    answer = member.handlers[Collect]

    def shortened(poll: Collect) -> Progress:
        honest: Progress = answer(poll)
        return replace(honest, content=honest.content[:-1])

    member.handlers = {**member.handlers, Collect: shortened}

    assert job.drive() == EXPECTED
    assert any(f"{address} is excluded: packed" in line for _, report in job.rounds for line in report.disturbances)


def blamed(job: Job) -> set[str]:
    lines = [line for _, report in job.rounds for line in report.disturbances if "honest trainer" in line]
    return {line.removeprefix("lost ").split(": ")[0].split(" ")[0] for line in lines}
