"""Workload: a federated job whose client may be killed. After healing it must have ended with the correct model.

The correct model is computed separately in one process, without a ring; of a buffered job, from the updates that the
rounds of its chain have taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from roundelay.chord.effects import Procedure, gather
from roundelay.chord.errors import ChordError, NotAllowed
from roundelay.chord.refs import Address, NodeRef
from roundelay.federation import records, replay, trained_round
from roundelay.federation.driver import Driver
from roundelay.federation.errors import FederationError
from roundelay.federation.records import RoundResult
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import Settings
from roundelay.federation.snapshot import JobSnapshot, read_snapshot
from roundelay.federation.spec import JobSpec
from roundelay.federation.staleness import wrong_links
from roundelay.federation.trained_round import TrainedRound
from roundelay.federation.upload import store_and_publish
from roundelay.ml.worker import Worker
from roundelay.sim.learnable_files import learnable_files
from roundelay.sim.machine import clocks
from roundelay.sim.observed_ring import ObservedRing
from roundelay.sim.process import Outcome
from roundelay.sim.program import add_performers
from roundelay.store.blobs import digest_of
from roundelay.trust.identity import SUBMITTER

FILES, ROWS, FEATURES, CLASSES = 6, 24, 4, 3
SETTINGS = Settings(rounds=8, epochs=2, hidden=(6,), eta=0.1, batch=8)
BUFFERED = replace(SETTINGS, topology="buffered", rounds=16)
CLIENT_DIES_WITHIN_S = 30.0
ENDS_WITHIN_S = 240.0
JOB_POLL_S = 1.0


class Job:
    """A job that a client process publishes at the start; half of the clients are killed while it runs."""

    def __init__(self, number: int = 0) -> None:
        self._settings = BUFFERED if number % 2 else SETTINGS
        self._name = f"job {number}"
        self._client_address = Address(f"client-{number}", 1)
        self._spec: JobSpec | None = None
        self._published = False
        self._end = "not started"
        self._refused = False  # by the rules of a secured ring

    def start(self, observed: ObservedRing) -> None:
        world, rng = observed.world, observed.world.rng(self._name)
        add_performers(world)
        contents, files = _drawn(world.options.seed)
        spec = JobSpec(
            self._settings, files[:-1], files[-1], FEATURES, CLASSES, nonce=f"{self._name} {world.options.seed}"
        )
        self._spec = spec
        if world.identities is not None:
            world.identities.issue(self._client_address, SUBMITTER)
        process = world.start(self._client_address)
        entry = rng.choice(observed.members).ref
        world.run(process, "client", self._client(observed, entry, contents), self._ended)
        if rng.random() < 0.5:
            world.clock.after(rng.uniform(0.0, CLIENT_DIES_WITHIN_S), lambda: self._kill_client(observed))

    def stop(self) -> None:
        """Do nothing: a published job continues without its client."""

    def check(self, observed: ObservedRing) -> None:
        observed.require(not self._refused, f"{self._name} was refused to its own submitter")
        if not self._published:
            return  # not acknowledged to its client, so nothing was promised
        assert self._spec is not None
        clock = observed.world.clock
        deadline = clock.now + ENDS_WITHIN_S
        snapshot = self._read(observed)
        while (snapshot is None or not snapshot.end) and clock.now < deadline:
            clock.run(clock.now + JOB_POLL_S)
            snapshot = self._read(observed)
        is_done = snapshot is not None and snapshot.end == records.DONE
        observed.require(is_done, f"the job has not ended successfully: {snapshot}")
        assert snapshot is not None
        weights, seed = [result.weights for result in snapshot.results], observed.world.options.seed
        is_buffered = snapshot.spec.is_buffered
        correct = repeated(seed, snapshot.spec, snapshot.results) if is_buffered else expected(seed)
        observed.require(weights == correct, "the job's weights are wrong")
        wrong = next(wrong_links(snapshot.spec, snapshot.results), None)
        observed.require(wrong is None, f"a round took updates that it cannot have taken: {wrong}")

    def summary(self) -> str:
        return f"{self._name}: {'published' if self._published else 'not published'}; its client: {self._end}"

    # --- the client

    def _client(self, observed: ObservedRing, entry: NodeRef, contents: dict[str, bytes]) -> Procedure[Any]:
        assert self._spec is not None
        spec, ring, time = self._spec, observed.ring, clocks(observed.world)
        members = yield from store_and_publish(entry, ring, spec, contents, time.version())
        self._published = True
        driver = Driver(spec, ring, entry, "client", time, lambda result, report: None, members=members)
        outcome, _ = yield from gather([driver.drive(), driver.heartbeat()])
        return outcome

    def _ended(self, outcome: Outcome) -> None:
        self._refused = isinstance(outcome, NotAllowed)
        self._end = type(outcome).__name__ if isinstance(outcome, ChordError | FederationError) else "saw it end"

    def _kill_client(self, observed: ObservedRing) -> None:
        process = observed.world.processes.get(self._client_address)
        if process is not None:
            observed.world.kill(process)
            self._end = "killed"

    def _read(self, observed: ObservedRing) -> JobSnapshot | None:
        """Return the job as a member reads it, or None while it cannot be read."""
        assert self._spec is not None
        found: list[Outcome] = []
        machine = next(m for m in observed.machines if m.member is not None)
        assert machine.member is not None and machine.process is not None
        procedure = read_snapshot(machine.member.ref, observed.ring, self._spec.job)
        observed.world.run(machine.process, "read", procedure, found.append)
        clock = observed.world.clock
        clock.run_while(lambda: not found, clock.now + ENDS_WITHIN_S)
        return found[0] if found and isinstance(found[0], JobSnapshot) else None


@cache
def expected(seed: int) -> list[str]:
    """Return the digests of the weights of every round of a centralized run."""
    contents, files = _drawn(seed)
    spec, worker = JobSpec(SETTINGS, files[:-1], files[-1], FEATURES, CLASSES), Worker()
    return [digest_of(w) for w in replay.rounds(spec, replay.moments(spec, contents, worker), worker)]


def repeated(seed: int, spec: JobSpec, results: Sequence[RoundResult]) -> list[str]:
    """Return the digests of the weights of every round of a buffered job that takes the updates that these took."""
    (contents, _), worker = _drawn(seed), Worker()
    moments = replay.moments(spec, contents, worker)
    made = [TrainedRound(0, trained_round.first_weights(spec))]
    for result in results[1:]:
        weights = {each.number: each.weights for each in made}
        made.append(replay.take_round(spec, moments, made[-1], worker, result.taken, weights))
    return [digest_of(each.weights) for each in made]


def _drawn(seed: int) -> tuple[dict[str, bytes], tuple[TrainingFile, ...]]:
    return learnable_files(seed, FILES, ROWS, FEATURES, CLASSES)
