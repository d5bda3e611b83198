"""Rings and jobs made up for the tests: what a page would see of them."""

from __future__ import annotations

from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import Status, TrainingStatus
from roundelay.chord.ring import Ring
from roundelay.dashboard.model import NodeState, RingState
from roundelay.dashboard.palette import assign
from roundelay.federation.records import RoundReport, RoundResult
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import Settings
from roundelay.federation.snapshot import JobSnapshot
from roundelay.federation.spec import JobSpec

RING = Ring(bits=8, successors=2, replicas=2)
SUPERNODE = Address("127.0.0.1", 9091)


def node(identifier: int, host: str = "127.0.0.1") -> NodeRef:
    return NodeRef(identifier, host, 8000 + identifier, 1)


def sights(
    *identifiers: int, names: tuple[str, ...] = (), training: TrainingStatus | None = None
) -> tuple[NodeState, ...]:
    """A ring of these, in order, as it should be."""
    refs = [node(identifier) for identifier in sorted(identifiers)]

    def owner(start: int) -> NodeRef:
        return next((ref for ref in refs if ref.id >= start), refs[0])

    def sight(place: int) -> NodeState:
        following = tuple(refs[(place + step) % len(refs)] for step in (1, 2))
        fingers = tuple(owner(RING.finger_start(refs[place].id, i)) for i in range(RING.bits))
        return NodeState(Status(refs[place], RING, refs[place - 1], following, fingers, names, 10, training))

    return tuple(sight(place) for place in range(len(refs)))


def picture(*identifiers: int, jobs: tuple[JobSnapshot, ...] = (), training: TrainingStatus | None = None) -> RingState:
    nodes = sights(*identifiers, training=training)
    colours = assign({}, [sight.ref for sight in nodes])
    return RingState(SUPERNODE, RING, nodes, jobs, True, colours)


def job(
    rounds_done: int,
    end: str = "",
    nonce: str = "",
    driver: str = "client",
    weights: str = "aa",
    disturbed: tuple[str, ...] = (),
) -> JobSnapshot:
    """A job of ten rounds and two files, so far."""
    files = tuple(TrainingFile(i, f"part-{i}", "00" * 32, 10, 5) for i in range(2))
    spec = JobSpec(Settings(rounds=10), files, TrainingFile(2, "check", "11" * 32, 10, 5), 4, 3, nonce=nonce)
    links: list[RoundResult] = []
    for number in range(rounds_done + 1):
        before = links[-1].digest if links else ""
        links.append(RoundResult(spec.job, number, before, weights * 32, 8, errors=5 - min(number, 4), rows=5))
    reports = {
        n: RoundReport(spec.job, n, driver, 0.5, 0.4, 0.9, 1.0, 0.9, {"part-0": "127.0.0.1:8010"}, disturbed)
        for n in range(1, rounds_done + 1)
    }
    return JobSnapshot(spec, tuple(links), reports, end)
