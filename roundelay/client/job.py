"""A job on a ring, as its client sees it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from roundelay.chord.effects import Procedure
from roundelay.chord.errors import ChordError, NotFound
from roundelay.client.connection import Connection, RingEntry
from roundelay.client.error_translation import translated_errors
from roundelay.client.errors import JobFailed, RequestRefused, RingUnavailable
from roundelay.client.job_runner import FinishedJob, JobRunner, read_job
from roundelay.client.report import JobReport, Round, measure_model, model_from
from roundelay.federation import jobs, records
from roundelay.federation.audit import AuditFinding, read_for_audit, retrain, verify_chain
from roundelay.federation.errors import FederationError, OtherBits
from roundelay.federation.snapshot import JobSnapshot
from roundelay.federation.spec import JobSpec
from roundelay.ml.data import Samples
from roundelay.ml.metrics import Metrics
from roundelay.ml.readers import content as contents
from roundelay.ml.readers.saved_model import SavedModel
from roundelay.ml.worker import Worker
from roundelay.node.runtime import Stopped
from roundelay.store.read_path import get

R = TypeVar("R")

ASK_TRIES = 3  # of a request that a user waits for


class Job:
    """One job. If this process drives it, it does so in a thread of its own; else that thread follows the job."""

    def __init__(
        self,
        connection: Connection,
        spec: JobSpec,
        nodes: int,
        read_validation: Callable[[], Samples] | None = None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.spec = spec
        self.nodes = nodes  # of the ring, when the job was found there
        self._connection = connection
        self._read_validation = read_validation
        self._on_end = on_end
        self._changed = threading.Condition()
        self._rounds: list[Round] = []
        self._report: JobReport | None = None
        self._failure: Exception | None = None
        self._thread: threading.Thread | None = None

    @property
    def id(self) -> str:
        """The job's id: the SHA-256 of its spec."""
        return self.spec.job

    def rounds(self) -> Iterator[Round]:
        """Yield every round, from the first on, as it finishes. Raises JobFailed at the end of a failed job."""
        self._follow()
        seen = 0
        while True:
            with self._changed:
                while len(self._rounds) == seen and not self._is_over:
                    self._changed.wait()
                new = self._rounds[seen:]
            if not new:
                break
            yield from new
            seen += len(new)
        if self._failure is not None:
            raise self._failure

    def result(self) -> JobReport:
        """Wait for the end, and return the results. Raises JobFailed."""
        for _ in self.rounds():
            pass
        assert self._report is not None
        return self._report

    def cancel(self, reason: bytes = b"by its client") -> JobSnapshot:
        """End the job; its rounds so far are kept. Raises RequestRefused if it has ended, JobFailed."""
        with translated_errors(JobFailed):
            snapshot = self._ask(lambda entry: read_for_audit(entry.node, entry.ring, self.id))
            if snapshot.end:
                raise RequestRefused(f"job {self.id} is already {snapshot.end}")
            version = time.time_ns()
            self._ask(
                lambda entry: jobs.put_record(entry.node, entry.ring, self.id, records.CANCELLED, reason, version)
            )
        return snapshot

    def snapshot(self) -> JobSnapshot:
        """Read the job as the ring has it now. Raises JobFailed."""
        with translated_errors(JobFailed):
            return read_job(self._connection, self.id)

    def model(self, snapshot: JobSnapshot | None = None) -> SavedModel:
        """Fetch the model that the job keeps, as of its latest round. Raises JobFailed."""
        snapshot = snapshot or self.snapshot()
        if not snapshot.results:
            raise JobFailed(f"job {self.id} has no model yet: it is {snapshot.state}")
        with translated_errors(JobFailed):
            kept = snapshot.kept
            weights = self._ask(lambda entry: jobs.read_weights(entry.node, entry.ring, kept))
            return model_from(self.spec, weights, bytes.fromhex(snapshot.results[0].moments))

    def metrics(self, snapshot: JobSnapshot | None = None) -> Metrics:
        """Measure the latest model on the job's validation file, fetched from the ring. Raises JobFailed."""
        model, file, spec = self.model(snapshot), self.spec.validation, self.spec
        with translated_errors(JobFailed):
            content = self._ask(
                lambda entry: get(entry.node, entry.ring, entry.ring.key(file.name), file.name, file.digest)
            )
            return measure_model(model, contents.parse(file.name, content, spec.features, spec.classes))

    def audit(self, repeat: int = 0, seed: int = 0) -> Iterator[AuditFinding]:
        """Verify the chain of results, then repeat up to `repeat` random rounds whose inputs are still stored.

        Raises RingUnavailable if this machine's arithmetic cannot reproduce the job, JobFailed.
        """
        try:
            yield from self._audit(repeat, random.Random(seed))
        except OtherBits as error:
            raise RingUnavailable(str(error)) from error
        except (ChordError, FederationError) as error:
            raise JobFailed(str(error)) from error

    def drive(self) -> None:
        """Drive the job from this process, in a thread, unless that has begun."""
        self._begin(lambda runner: runner.drive())

    # --- helpers

    def _audit(self, repeat: int, rng: random.Random) -> Iterator[AuditFinding]:
        snapshot = self._ask(lambda entry: read_for_audit(entry.node, entry.ring, self.id))
        yield from self._ask(lambda entry: verify_chain(entry.node, entry.ring, snapshot))
        worker, numbers, repeated = Worker(), [r.round for r in snapshot.results[1:]], 0
        for number in rng.sample(numbers, len(numbers)):
            if repeated >= repeat:
                return
            try:
                entry = self._connection.entry()
                yield self._connection.runtime.run(retrain(entry.node, entry.ring, snapshot, number, worker))
                repeated += 1
            except NotFound:  # the weights before that round are no longer stored
                continue

    def _ask(self, make: Callable[[RingEntry], Procedure[R]]) -> R:
        return self._connection.ask(make, ASK_TRIES)

    def _follow(self) -> None:
        self._begin(lambda runner: runner.follow())

    def _begin(self, run: Callable[[JobRunner], FinishedJob]) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=lambda: self._run(run), name="job", daemon=True)
            self._thread.start()

    @property
    def _is_over(self) -> bool:
        return self._report is not None or self._failure is not None

    def _run(self, run: Callable[[JobRunner], FinishedJob]) -> None:
        """Run the job in this thread, and record how it ended."""
        report: JobReport | None = None
        failure: Exception | None = None
        began = time.monotonic()
        try:
            with translated_errors(JobFailed):
                report = self._report_of(run(JobRunner(self._connection, self.spec, self._add)), began)
        except Stopped:
            failure = JobFailed("the connection to the ring was closed")
        except Exception as error:
            failure = error
        finally:
            self._on_end()
        with self._changed:
            self._report, self._failure = report, failure
            self._changed.notify_all()

    def _add(self, each: Round) -> None:
        with self._changed:
            self._rounds.append(each)
            self._changed.notify_all()

    def _report_of(self, finished: FinishedJob, began: float) -> JobReport:
        model = model_from(self.spec, finished.weights, finished.moments)
        seconds = time.monotonic() - began
        metrics = measure_model(model, self._read_validation()) if self._read_validation else None
        return JobReport(self.spec, self.nodes, finished.rounds, model, seconds, metrics)
