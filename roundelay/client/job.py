"""A job on a ring, as its client sees it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from roundelay.chord.effects import Procedure
from roundelay.chord.errors import ChordError, NotFound
from roundelay.chord.refs import NodeRef
from roundelay.client.callbacks import Callback, CallbackRunner, Metrics
from roundelay.client.connection import Connection, RingEntry
from roundelay.client.error_translation import translated_errors
from roundelay.client.errors import ClientError, JobFailed, RequestRefused, RingUnavailable
from roundelay.client.history import History, draw_curve
from roundelay.client.job_runner import FinishedJob, JobRunner, read_job, rounds_of
from roundelay.client.notebook import progress_here
from roundelay.client.report import JobReport, Round, measure_at_sites, measure_model, model_from
from roundelay.federation import jobs, records
from roundelay.federation.audit import AuditFinding, retrain, verify_chain
from roundelay.federation.early_stopping import kept_round
from roundelay.federation.errors import BadProof, FederationError, OtherBits
from roundelay.federation.snapshot import JobSnapshot, read_snapshot, salvage_snapshot
from roundelay.federation.spec import JobSpec
from roundelay.ml.data import Samples
from roundelay.ml.metrics import FitMetrics
from roundelay.ml.metrics import Metrics as ModelMetrics
from roundelay.ml.readers import content as contents
from roundelay.ml.readers.limits import limits_of
from roundelay.ml.readers.saved_model import SavedModel
from roundelay.ml.worker import Worker
from roundelay.node.runtime import Stopped
from roundelay.store.blobs import Content
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
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.spec = spec
        self.nodes = nodes  # of the ring, when the job was found there
        self._connection = connection
        self._read_validation = read_validation
        self._on_end = on_end
        self._callbacks = tuple(callbacks)
        self._hooks = CallbackRunner(self._call_back) if callbacks else None
        self.keeps: object = None  # the ring, which is closed when nothing uses it any more
        self._changed = threading.Condition()
        self._rounds: list[Round] = []
        self._shown: list[Round] = []  # with the rounds that were trained again
        self._report: JobReport | None = None
        self._failure: Exception | None = None
        self._thread: threading.Thread | None = None
        self._samples: Samples | None = None  # to validate on
        self._moments: bytes | None = None  # of the features; known from round 0 on

    def __repr__(self) -> str:
        state = "ended" if self._is_over else "running" if self._thread else "published"
        return (
            f"<Job {self.name or self.id[:8]}: {state}, {len(self._rounds)} of {self.spec.settings.rounds} rounds seen>"
        )

    @property
    def id(self) -> str:
        """The job's id, the SHA-256 of its spec; once nodes have lied, that of the job that replaces it."""
        return self.spec.job

    @property
    def name(self) -> str:
        """The name that its user gave it; empty if none."""
        return self.spec.settings.name

    def rounds(self) -> Iterator[Round]:
        """Yield every round, from the first on, as it finishes. Raises JobFailed at the end of a failed job.

        Rounds in which a node has lied are yielded again when they have been trained without it.
        """
        self._follow()
        show, seen = progress_here().bar("training"), 0
        while True:
            with self._changed:
                while len(self._shown) == seen and not self._is_over:
                    self._changed.wait()
                new = self._shown[seen:]
            if not new:
                break
            for each in new:
                seen += 1
                show(each.number, self.spec.settings.rounds)
                yield each
        if self._failure is not None:
            raise self._failure

    def result(self) -> JobReport:
        """Wait for the end, and return the results. Raises JobFailed."""
        for _ in self.rounds():
            pass
        assert self._report is not None
        return self._report

    def history(self) -> History:
        """Return a row for each round that has finished so far. Raises JobFailed if the job cannot be read."""
        with self._changed:
            rounds = list(self._rounds) if self._thread is not None else rounds_of(self.snapshot())
        measured = [each.values for each in self._callbacks if isinstance(each, Metrics)]
        return History(
            each.to_json() | {name: value for values in measured for name, value in values.get(each.number, {}).items()}
            for each in rounds
        )

    def plot(self, axes: Any = None) -> Any:
        """Draw the learning curve of the rounds so far; return matplotlib's axes, new ones unless they are given.

        Raises MissingExtra without matplotlib (the extra `plots`).
        """
        return draw_curve(self.history(), axes)

    def cancel(self, reason: bytes = b"by its client") -> JobSnapshot:
        """End the job; its rounds so far are kept. Raises RequestRefused if it has ended, JobFailed."""
        with translated_errors(JobFailed):
            snapshot = self._ask(lambda entry: salvage_snapshot(entry.node, entry.ring, self.id))
            if snapshot.end:
                raise RequestRefused(f"job {self.id} is already {snapshot.end}")
            version = time.time_ns()
            self._ask(
                lambda entry: jobs.put_record(entry.node, entry.ring, self.id, records.CANCELLED, reason, version)
            )
        return snapshot

    def pause(self) -> JobSnapshot:
        """Have the job wait before its next round; its nodes are free for other jobs. Raises as `cancel` does."""
        return self._set_paused(True)

    def resume(self) -> JobSnapshot:
        """Let a paused job go on. Raises as `cancel` does."""
        return self._set_paused(False)

    def _set_paused(self, paused: bool) -> JobSnapshot:
        with translated_errors(JobFailed):
            snapshot = self._ask(lambda entry: salvage_snapshot(entry.node, entry.ring, self.id))
            if snapshot.end:
                raise RequestRefused(f"job {self.id} is already {snapshot.end}")
            if snapshot.paused == paused:
                raise RequestRefused(f"job {self.id} is {'paused already' if paused else 'not paused'}")
            version = time.time_ns()
            self._ask(lambda entry: jobs.set_paused(entry.node, entry.ring, self.id, paused, version))
        return snapshot

    def snapshot(self) -> JobSnapshot:
        """Read the job as the ring has it now. Raises JobFailed."""
        with translated_errors(JobFailed):
            return read_job(self._connection, self.id)

    def model(self, snapshot: JobSnapshot | None = None) -> SavedModel:
        """Return the model that the job keeps as of its latest round; fetch it unless the job has ended here.

        Raises JobFailed.
        """
        if snapshot is None and self._report is not None:
            return self._report.model
        snapshot = snapshot or self.snapshot()
        if not snapshot.results:
            raise JobFailed(f"job {self.id} has no model yet: it is {snapshot.state}; result() waits for its end")
        with translated_errors(JobFailed):
            kept = snapshot.kept
            weights = self._ask(lambda entry: jobs.read_weights(entry.node, entry.ring, kept))
            return model_from(self.spec, weights, bytes.fromhex(snapshot.results[0].moments))

    def personal_model(self, folder: str | Path, max_file_bytes: int | None = None) -> SavedModel:
        """Return the own model of the site whose private data are in a folder here, made from them in this process.

        folder: as the site's node was given it, or ADDRESS=DIR where equal files belong to several sites.
        max_file_bytes: the largest file to read whole; default: 1 GiB. Raises RequestRefused for any other folder,
        JobFailed.
        """
        from roundelay.client.personal import make_site_model  # brings the trainer's half

        snapshot = self.snapshot()
        shared = self.model(snapshot)
        with translated_errors(RequestRefused):
            return make_site_model(snapshot, shared, str(folder), limits_of(max_file_bytes))

    def model_of(self, each: Round) -> SavedModel:
        """Fetch the model of one of the last rounds; older ones are no longer stored. Raises JobFailed."""
        with translated_errors(JobFailed):
            weights = self._hooks.weights.get(each.number, b"") if self._hooks else b""
            weights = weights or self._ask(lambda entry: jobs.read_weights(entry.node, entry.ring, each.result))
            if self._moments is None:
                first = self._ask(lambda entry: read_snapshot(entry.node, entry.ring, self.id)).results[0]
                self._moments = bytes.fromhex(first.moments)
            return model_from(self.spec, weights, self._moments)

    def validation_samples(self) -> Samples:
        """Return the rows that the job is validated on: read here, or fetched from the ring. Raises JobFailed."""
        if self._samples is None:
            self._samples = self._fetch_validation() if self._read_validation is None else self._read_validation()
        return self._samples

    def _fetch_validation(self) -> Samples:
        if self.spec.validation is None:
            raise JobFailed("the rows that sites hold out stay there: give the job a validation file to measure on")
        file, spec = self.spec.validation_file, self.spec
        with translated_errors(JobFailed):
            content = self._ask(
                lambda entry: get(entry.node, entry.ring, entry.ring.key(file.name), file.name, file.digest)
            )
            return contents.parse(file.name, content, spec.features, spec.classes)

    def metrics(self, snapshot: JobSnapshot | None = None) -> ModelMetrics | FitMetrics:
        """Measure the latest model on the job's validation rows, or take what its sites have counted.

        Raises JobFailed.
        """
        if self.spec.validation is None:  # the rows that sites hold out stay there
            rounds = rounds_of(snapshot or self.snapshot())
            if not rounds:
                raise JobFailed("no round of the job is finished yet")
            kept = kept_round(self.spec.settings, [each.result for each in rounds])
            return measure_at_sites(self.spec, next(each for each in rounds if each.result is kept))
        return measure_model(self.model(snapshot), self.validation_samples())

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

    def export_proof(self, path: str | Path, identities: bool = True) -> None:
        """Write a proof of the job, which anybody can check without the ring: `client.py verify`.

        Without identities it has neither reports, which name the nodes, nor signatures. Raises RequestRefused if the
        job's rounds cannot be repeated, JobFailed, CannotWrite.
        """
        from roundelay.client.proofs import authorities_of, write_proof  # bring a replay of jobs
        from roundelay.federation.proof_export import collect_parts

        authorities = authorities_of(self._connection.address.kit)
        try:
            with translated_errors(JobFailed):
                parts = self._ask(lambda entry: collect_parts(entry.node, entry.ring, self.id, identities, authorities))
        except JobFailed as error:
            if isinstance(error.__cause__, BadProof):
                raise RequestRefused(f"no proof of job {self.id}: {error}") from error
            raise
        write_proof(Path(path), parts)

    def drive(self, members: tuple[NodeRef, ...] = (), validation: bytes = b"") -> None:
        """Drive the job from this process, in a thread, unless that has begun.

        members: of the ring, if they are known. validation: the content of its validation file, if it is at hand.
        """
        runner = JobRunner(self._connection, self.spec, self._add, members, validation, self._turn_to)
        self._begin(runner.drive)

    # --- helpers

    def _audit(self, repeat: int, rng: random.Random) -> Iterator[AuditFinding]:
        snapshot = self._ask(lambda entry: salvage_snapshot(entry.node, entry.ring, self.id))
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
        self._begin(JobRunner(self._connection, self.spec, self._add, on_replaced=self._turn_to).follow)

    def _begin(self, run: Callable[[], FinishedJob]) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=lambda: self._run(run), name="job", daemon=True)
            self._thread.start()

    @property
    def _is_over(self) -> bool:
        return self._report is not None or self._failure is not None

    def _run(self, run: Callable[[], FinishedJob]) -> None:
        """Run the job in this thread, and record how it ended."""
        report: JobReport | None = None
        failure: Exception | None = None
        began = time.monotonic()
        try:
            with translated_errors(JobFailed):
                try:
                    finished = run()
                except Stopped as error:
                    raise JobFailed("the connection to the ring was closed") from error
                finally:
                    self._end_callbacks()
                report = self._report_of(finished, began)
        except Exception as error:
            failure = error
        finally:
            self._on_end()
        with self._changed:
            self._report, self._failure = report, failure
            self._changed.notify_all()

    def _add(self, each: Round, weights: Content) -> None:
        if self._hooks is None:
            self._show(each)
        else:
            self._hooks.add(each, weights)

    def _turn_to(self, successor: JobSpec) -> None:
        """Go on as the job that replaces this one."""
        with self._changed:
            self.spec = successor
            self._rounds = [each for each in self._rounds if each.number <= successor.inherited]

    def _show(self, each: Round) -> None:
        with self._changed:
            self._rounds.append(each)
            self._shown.append(each)
            self._changed.notify_all()

    def _call_back(self, each: Round) -> None:
        """Call every callback with a round, then show the round; cancel the job if one raises."""
        try:
            for callback in self._callbacks:
                callback(self, each)
        except Exception:
            with suppress(ClientError):  # the callback's error says more
                self.cancel(b"by a callback that failed")
            raise
        self._show(each)

    def _end_callbacks(self) -> None:
        """Wait until all rounds have been shown, and close the callbacks. Raises the first error of one."""
        if self._hooks is None:
            return
        self._hooks.finish()
        for callback in self._callbacks:
            if callable(close := getattr(callback, "close", None)):
                close()
        if self._hooks.failure is not None:
            raise self._hooks.failure

    def _report_of(self, finished: FinishedJob, began: float) -> JobReport:
        model = model_from(self.spec, finished.weights, finished.moments)
        seconds = time.monotonic() - began
        metrics = measure_model(model, self.validation_samples()) if self._read_validation else None
        made = JobReport(self.spec, self.nodes, finished.rounds, model, seconds, metrics, finished.personal)
        return (
            made if self.spec.validation is not None else replace(made, metrics=measure_at_sites(self.spec, made.kept))
        )
