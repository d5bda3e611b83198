"""Snapshots: reading only new records gives the same as reading all at once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from roundelay.chord.requests import NextHop
from roundelay.chord.ring import Ring
from roundelay.federation import jobs, records
from roundelay.federation.driver import Driver
from roundelay.federation.effects import Clocks
from roundelay.federation.errors import Diverged, NoSuchJob
from roundelay.federation.records import RoundResult
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import Settings
from roundelay.federation.snapshot import JobSnapshot, read_snapshot
from roundelay.federation.spec import JobSpec
from roundelay.federation.upload import upload_files
from roundelay.store.blobs import digest_of
from roundelay.store.items import Read
from tests.federation.inline_ring import InlineRing

RING = Ring(bits=16, successors=8, replicas=3)
ROUNDS = 4


def content(seed: int) -> bytes:
    table = np.random.default_rng(seed).integers(0, 3, (12, 5))  # (n, d + 1)
    return "".join(",".join(map(str, row)) + "\n" for row in table.tolist()).encode()


CONTENTS = [content(seed) for seed in range(3)]
FILES = tuple(TrainingFile(i, f"file-{i}", digest_of(c), len(c), 12) for i, c in enumerate(CONTENTS))
SPEC = JobSpec(Settings(rounds=ROUNDS, epochs=1, hidden=(4,)), FILES[:2], FILES[2], 4, 3)


@pytest.fixture
def net() -> InlineRing:
    """A ring on which the job is published, and no round made."""
    made, contents = InlineRing((100, 20_000, 41_000), RING), {digest_of(c): c for c in CONTENTS}
    made.run(upload_files(made.entry, RING, FILES, contents, 1, lambda _: None))
    made.run(jobs.publish(made.entry, RING, SPEC, 2))
    return made


def look(net: InlineRing, known: JobSnapshot | None = None) -> JobSnapshot:
    return net.run(read_snapshot(net.entry, RING, SPEC.job, known, with_reports=True))


def drive(net: InlineRing) -> Iterator[JobSnapshot]:
    """To the end; what is seen after each round, from what was seen before."""
    seen: list[JobSnapshot] = [look(net)]
    versions = itertools.count(3)
    clocks = Clocks(net.clock, lambda: next(versions))

    def tell(*_: object) -> None:
        seen.append(look(net, seen[-1]))

    net.run(Driver(SPEC, RING, net.entry, "a test", clocks, tell).drive())
    yield from seen
    yield look(net, seen[-1])


def test_each_snapshot_has_more_rounds_and_the_last_has_all(net: InlineRing) -> None:
    *before, last = drive(net)

    assert [sighting.state for sighting in before[:1]] == ["waiting"]
    assert all(len(one.results) <= len(other.results) for one, other in itertools.pairwise([*before, last]))
    assert (last.end, last.rounds_done, last.is_over) == (records.DONE, ROUNDS, True)
    assert sorted(last.reports) == list(range(ROUNDS + 1))
    assert last == look(net), "the same as when it is read at once"


def test_known_records_are_not_read_again(net: InlineRing) -> None:
    *_, last = drive(net)
    asked: list[str] = []
    net.before_answer = lambda node, request: asked.append(type(request).__name__)

    assert look(net, last) == last

    assert Read.__name__ not in asked
    assert NextHop.__name__ in asked


def test_an_unknown_job_raises_no_such_job(net: InlineRing) -> None:
    with pytest.raises(NoSuchJob):
        net.run(read_snapshot(net.entry, RING, "0" * 64))


@pytest.mark.parametrize("number", [2, ROUNDS + 1])
def test_two_results_of_a_round_raise_diverged_whether_it_was_known_or_not(number: int, net: InlineRing) -> None:
    *_, last = drive(net)
    known = last if number <= ROUNDS else None
    for weights in ("aa", "bb"):
        other = RoundResult(SPEC.job, number, "00" * 32, weights * 32, 4)
        name = f"result-{number}"
        net.run(jobs.put_record(net.entry, RING, SPEC.job, name, other.to_bytes(), 99))

    with pytest.raises(Diverged, match=f"round {number}"):
        look(net, known)


def test_a_failed_jobs_snapshot_says_why(net: InlineRing) -> None:
    net.run(jobs.put_record(net.entry, RING, SPEC.job, records.FAILED, b"a file is wrong", 50))

    seen = look(net, look(net))

    assert (seen.state, seen.reason, seen.is_over) == ("failed", "a file is wrong", True)
