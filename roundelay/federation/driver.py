"""A driver runs one job from the last stored round to its end.

A round is a pure function of the spec and the result before it: orders to the owners of the files, exact sums back, one
division, one validation. The result does not depend on which node trained which file, or on which process drives. While
a round is trained, the one before it is validated and stored.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from roundelay.chord.effects import Procedure, Sleep, gather_or_raise, offload
from roundelay.chord.errors import NotAllowed
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation import records, result_sums, round_tasks, trained_round
from roundelay.federation.early_stopping import kept_round
from roundelay.federation.effects import Clocks
from roundelay.federation.errors import (
    BadRecord,
    CannotDrive,
    FederationError,
    JobEnded,
    NoSuchJob,
    Overtaken,
    Replaced,
    StepTooLarge,
    WorkFailed,
)
from roundelay.federation.job_log import JobLog
from roundelay.federation.job_reader import JobReader
from roundelay.federation.job_watch import HEARTBEAT_INTERVAL_S, JobWatch
from roundelay.federation.large_contents import kept_content
from roundelay.federation.lease_renewal import RENEW_DELAY_S, RENEW_INTERVAL_S, renew_leases
from roundelay.federation.partial_result import PartialResult
from roundelay.federation.records import PersonalRecord, RoundReport, RoundResult
from roundelay.federation.retry import refresh_members
from roundelay.federation.roster import Roster
from roundelay.federation.round_coordinator import Assignment, RoundCoordinator
from roundelay.federation.round_store import RoundStore
from roundelay.federation.round_training import PendingRound, RoundTraining
from roundelay.federation.rules.steps import require_needs
from roundelay.federation.secure_rounds import require_cryptography
from roundelay.federation.settings import Settings
from roundelay.federation.site_evaluation import evaluate_at_sites
from roundelay.federation.snapshot import JobSnapshot
from roundelay.federation.spec import JobSpec
from roundelay.federation.staleness import Bases, wrong_links
from roundelay.federation.step_size import StepControl
from roundelay.federation.successor import inherit, replace_job, successor_of
from roundelay.federation.topologies.buffered import BufferedTraining
from roundelay.federation.trained_round import TrainedRound
from roundelay.ml import plugins
from roundelay.ml.cells import Cells
from roundelay.ml.errors import MLError, PluginUnknown
from roundelay.ml.exact_moments import FeatureSums
from roundelay.store.blobs import Content


class Driver:
    """Drives one job.

    name: of this driver, in reports. on_round: called with each stored round. log: called with each reason for a delay.
    """

    def __init__(
        self,
        spec: JobSpec,
        ring: Ring,
        entry: NodeRef,
        name: str,
        clocks: Clocks,
        on_round: Callable[[RoundResult, RoundReport], None],
        log: Callable[[str], None] = lambda line: None,
        members: tuple[NodeRef, ...] = (),
        validation: bytes = b"",
        on_wait: Callable[[list[str]], None] | None = None,
    ) -> None:
        """Prepare to drive a job.

        members: of the ring by identifier, if they are known. validation: the content of the job's validation file,
        if it is at hand; else it is read. on_wait: called with the jobs that this one waits for; without it, it is this
        job's turn already.
        """
        self.spec = spec
        self.is_over = False  # this driver has stopped
        self._before = TrainedRound(0, b"")  # the last round that was trained
        self._name = name
        self._clocks = clocks
        self._roster = Roster(ring, entry, spec.homes, spec.settings.placement == "near", spec.settings.compresses)
        if members:
            self._roster.update_members(members)
        self._is_crawled = bool(members) and not self._roster.measures
        self._log = JobLog(spec, self._roster, clocks.version)
        self._watch = JobWatch(spec, self._roster, lambda drained: self._coordinator.update_drained(drained))
        self._coordinator = RoundCoordinator(spec, self._roster, clocks, log, self._watch.require_running, name)
        self._verifier = self._coordinator.verifier
        self._training = RoundTraining(spec, self._roster, self._coordinator, clocks, name, self._require_clean_rounds)
        with_reports = self._verifier is not None
        self._reader = JobReader(
            spec, self._roster, validation, on_wait, self._keep_waiting, with_reports, clocks.monotonic, log
        )
        self._moments = b""
        self.personal: PersonalRecord | None = None  # of the sites' own models, if the job has any
        self._rounds = RoundStore(spec, self._log, self._verifier, on_round)
        self._renew_at = math.inf
        self._logged = log

    @property
    def weights(self) -> Content:
        """The weights of the round that is kept; empty if another driver has completed the job."""
        return self._rounds.weights

    @property
    def validated(self) -> Content:
        """The weights of the round that on_round is told of."""
        return self._rounds.validated

    @property
    def members(self) -> tuple[NodeRef, ...]:
        """The ring's members, as of the last heartbeat."""
        return self._roster.nodes

    @property
    def waits_for(self) -> str:
        """What no node has that the job needs to begin; empty if nothing is missing."""
        return self._reader.waits_for

    def drive(self) -> Procedure[tuple[RoundResult, ...]]:
        """Run the job's remaining rounds. Return the whole chain.

        Raises JobEnded, WorkFailed, StepTooLarge, FileUnavailable, Diverged, Overtaken, Replaced, ChordError. A failure
        that no retry can mend is written to the job's log, and ends the job.
        """
        try:
            yield from self._drive()
        except (CannotDrive, JobEnded, NoSuchJob, Overtaken, Replaced):  # without a spec the job may still go on
            raise
        except PluginUnknown as error:  # another process may have the model
            raise CannotDrive(str(error)) from error
        except (FederationError, MLError) as error:
            yield from self._log.write(records.FAILED, str(error).encode())
            raise error if isinstance(error, FederationError) else WorkFailed(str(error)) from error
        finally:
            self.is_over = True
        return tuple(self._rounds.results)

    def survey_features(self, with_values: bool) -> Procedure[tuple[FeatureSums, list[list[Cells]]]]:
        """Add up the features of all files exactly, as round 0 does; with_values: count the values in each, too.

        Nothing is trained: the caller cancels the job. Return the sums, and the cells of each file's columns. Raises
        WorkFailed, FileUnavailable, ChordError.
        """
        try:
            yield from refresh_members(self._roster)
            summed = yield from self._coordinator.collect(Assignment(0, round_tasks.moments_task(self.spec)))
            counted: list[PartialResult] = []
            if with_values:
                counted = yield from self._coordinator.collect(Assignment(0, round_tasks.histogram_task(self.spec)))
        finally:
            self.is_over = True
        return result_sums.feature_sums_of(summed), result_sums.cells_of(counted)

    def heartbeat(self) -> Procedure[None]:
        """Watch the ring and the job once a second until this driver stops. Run it beside `drive`."""
        return self._watch.run(lambda: self.is_over)

    # --- rounds

    def _drive(self) -> Procedure[None]:
        if not self._is_crawled:  # first, so that nothing depends on the entry node
            yield from refresh_members(self._roster)
        self._renew_at = self._clocks.monotonic() + RENEW_DELAY_S
        view = yield from self._read_job()
        yield from self._require_all_is_here()
        made = yield from self._take_up(view)
        yield from self._run_buffered(made) if self.spec.is_buffered else self._run_rounds(made)
        yield from self._log.require_last(self._rounds.results[-1])
        if self.spec.settings.personal in ("ditto", "fine-tune"):
            self.personal = yield from self._evaluate_own_models(view.personal)
        yield from self._log.write(records.DONE, self._rounds.results[-1].digest.encode())

    def _read_job(self) -> Procedure[JobSnapshot]:
        """Read the job's records and its validation file. Raises JobEnded if it has ended."""
        first: list[Procedure[Any]] = [self._reader.read_job(), self._watch.refresh_leaves()]
        view: JobSnapshot
        (view, self._rounds.validator), _ = yield from gather_or_raise(first)
        self._watch.end = view.end
        if view.paused or self._watch.sites:
            yield from self._watch.beat()
        self._watch.require_running()
        return view

    def _require_all_is_here(self) -> Procedure[None]:
        """Require the packages and plugins that the job needs: rather now than after a round of training."""
        if self.spec.settings.secure_aggregation:
            yield from offload(require_cryptography)
        if plugged := _plugins(self.spec.settings):
            yield from offload(lambda: [plugins.load(kind, name) for kind, name in plugged])
            yield from offload(lambda: require_needs(self.spec.settings.rule, self.spec.needs))

    def _take_up(self, view: JobSnapshot) -> Procedure[PendingRound | None]:
        """Go on where the job's records end. Return round 0 if there are none yet."""
        if self.spec.replaces and len(view.results) <= self.spec.inherited:
            view = yield from inherit(self._roster, self._log, self.spec, len(view.results))
        self._rounds.results, self._rounds.last_report = list(view.results), view.last_report
        self._recall(view)
        if not self._rounds.results:
            return (yield from self._start_round_zero())
        self._moments = bytes.fromhex(self._rounds.results[0].moments)
        self._before = yield from self._reader.read_round(self._rounds.results[-1])
        self._coordinator.expect_left_out(self._rounds.results[-1].left_out)
        return None

    def _run_rounds(self, made: PendingRound | None) -> Procedure[None]:
        """Run a job's remaining rounds; while one is trained, store the one before it, which is `made`."""
        for number in range(max(1, len(self._rounds.results)), self.spec.settings.rounds + 1):
            if self._watch.is_paused:
                yield from self._wait_while_paused(made, self._watch.require_running)
                made = None
            if made is not None and self.spec.settings.dp_noise:  # nobody sees a model before it is stored
                yield from self._rounds.store(made, self._moments)
                made = None
            if self._rounds.is_complete:
                break  # what `made` has is one round too many: it was begun before the last one was validated
            made = yield from self._run_round_and_store_previous(number, made)
        if made is not None and not self._rounds.is_complete:
            yield from self._rounds.store(made, self._moments)

    def _wait_while_paused(self, made: PendingRound | None, require_more: Callable[[], None]) -> Procedure[None]:
        """Store the last round, then wait until the job is resumed. Raises what `require_more` raises."""
        if made is not None:
            yield from self._rounds.store(made, self._moments)
        job, rounds = self.spec.job, len(self._rounds.results) - 1
        self._logged(f"job {job[:8]} is paused after round {rounds}; to go on:  python3 client.py resume {job}")
        while self._watch.is_paused:
            require_more()
            yield from self._renew_leases_if_due()
            yield Sleep(HEARTBEAT_INTERVAL_S)
        self._logged(f"job {job[:8]} goes on")

    def _keep_waiting(self) -> Procedure[None]:
        """Do what a job needs while it waits to begin. Raises JobEnded once it has ended."""
        self._watch.require_running()
        yield from self._renew_leases_if_due()

    def _renew_leases_if_due(self) -> Procedure[None]:
        if self._clocks.monotonic() >= self._renew_at:
            self._renew_at = self._clocks.monotonic() + RENEW_INTERVAL_S
            yield from renew_leases(self._roster, self.spec, self._clocks.version())

    def _recall(self, view: JobSnapshot) -> None:
        """Take over what the reports say of earlier rounds: who has contributed what, and who has lied."""
        if self._verifier is None:
            return
        for number in sorted(view.reports):
            if number < len(view.results):
                self._verifier.add(view.reports[number])

    def _start_round_zero(self) -> Procedure[PendingRound]:
        """Start round 0: the initial weights and, unless inputs stay raw, the moments of every feature."""
        self._before = TrainedRound(0, (yield from kept_content((yield from self._reader.read_first_weights()))))
        if self.spec.tells_no_sums and not self.spec.is_raw:
            assert self._rounds.validator is not None, "it was read with the job"
            self._moments = yield from offload(self._rounds.validator.moments)
        elif not self.spec.is_raw:
            work = Assignment(0, round_tasks.moments_task(self.spec), priority=self.spec.settings.priority)
            parts = yield from self._coordinator.collect(work)
            self._moments = result_sums.moments_of(self.spec, parts)
        return PendingRound(RoundReport(self.spec.job, 0, self._name, 0.0, 0.0, 0.0, 0.0, 0.0), self._before)

    def _run_round_and_store_previous(self, number: int, made: PendingRound | None) -> Procedure[PendingRound]:
        """Run a round; once its orders are sent, store the one before it."""
        self._watch.require_running()
        began = self._clocks.monotonic()
        latest = yield from self._training.train(
            number, self._before, self._moments, lambda have: self._store_previous(made, have)
        )
        self._before = latest.trained
        if self.spec.evaluate != "client":
            latest = yield from self._evaluate_at_sites(latest)
        return replace(latest, report=replace(latest.report, seconds=self._clocks.monotonic() - began))

    def _evaluate_at_sites(self, made: PendingRound) -> Procedure[PendingRound]:
        """Have the sites evaluate a round's model: before the next orders, so that no evaluation waits for training."""
        trained, clock, waits = made.trained, self._clocks.monotonic, self._coordinator.waits
        task = round_tasks.site_task(self.spec, self._moments, trained.halvings)
        found = yield from evaluate_at_sites(
            self._roster, self.spec, clock, waits, trained.number, trained.content, task
        )
        disturbances = tuple(self._roster.disturbances)
        report = replace(made.report, held_out=found.report, disturbances=disturbances)
        return replace(made, at_sites=found, report=report)

    def _run_buffered(self, made: PendingRound | None) -> Procedure[None]:
        """Run a buffered job's remaining rounds: files are trained all the while, and a round takes what has come."""
        if made is not None:
            yield from self._rounds.store(made, self._moments)
        for number, problem in wrong_links(self.spec, self._rounds.results):
            raise BadRecord(f"result-{number}: {problem}")
        self._rounds.bases = bases = Bases(self.spec, self._rounds.results)
        weights = yield from self._reader.read_bases(self._rounds.results, bases, self._before)
        training = BufferedTraining(
            self.spec,
            self._roster,
            self._coordinator,
            self._clocks.monotonic,
            self._moments,
            bases,
            weights,
            self._watch.require_running,
        )
        yield from training.run(self._take_rounds(training))

    def _take_rounds(self, training: BufferedTraining) -> Procedure[None]:
        """Take round after round from the buffer until the job is complete."""
        while not self._rounds.is_complete:
            if self._watch.is_paused:
                yield from self._wait_while_paused(None, training.require_more)
                training.resume()
            self._watch.require_running()
            number, began = self._before.number + 1, self._clocks.monotonic()
            self._roster.begin_round(number)
            control = StepControl(self.spec, number, self._before.loss, 0)
            try:
                self._before, parts = yield from training.next_round(self._before)
            except StepTooLarge as error:
                control.reject(error)
                raise
            control.accepts(self._before.loss)
            report = replace(
                self._training.report(Assignment(number, training.task), parts),
                seconds=self._clocks.monotonic() - began,
                disturbances=tuple(self._roster.disturbances),
                notices=tuple(control.notices),
            )
            yield from self._rounds.store(PendingRound(report, self._before), self._moments)
            yield from self._renew_leases_if_due()

    def _evaluate_own_models(self, stored: PersonalRecord | None) -> Procedure[PersonalRecord]:
        """Have each site make its own model from the one that the job keeps, and record how well they do.

        stored: of an earlier driver; it counts if it is of the same model.
        """
        kept, clock, waits = (
            kept_round(self.spec.settings, self._rounds.results),
            self._clocks.monotonic,
            self._coordinator.waits,
        )
        if stored is not None and stored.result == kept.digest:
            return stored
        weights = self.weights or (yield from self._reader.read_round(kept)).content
        task = round_tasks.personal_task(self.spec, self._moments, kept.halvings)
        found = yield from evaluate_at_sites(self._roster, self.spec, clock, waits, kept.round, weights, task)
        record = PersonalRecord(self.spec.job, kept.round, kept.digest, found.report)
        yield from self._log.write(records.PERSONAL, record.to_bytes())
        return record

    def _store_previous(self, made: PendingRound | None, have: frozenset[NodeRef]) -> Procedure[None]:
        """Do what can wait until a round's orders are sent; some nodes `have` the weights from their orders."""
        if made is not None:
            is_sent = not trained_round.needs_state(self.spec, made.trained)  # else nodes have them in another content
            yield from self._rounds.store(made, self._moments, have if is_sent else frozenset())
        yield from self._renew_leases_if_due()

    def _require_clean_rounds(self) -> Procedure[None]:
        """Have another job replace this one if liars have contributed to earlier rounds. Raises Replaced."""
        if self._verifier is None:
            return
        liars, rounds = self._verifier.liars, len(self._rounds.results) - 1
        clean = self._verifier.contributions.clean_round(liars, rounds)
        if clean == rounds:
            return
        self._watch.require_running()
        successor = successor_of(self.spec, clean, liars.values())
        try:
            yield from replace_job(self._roster, self._log, successor, self._clocks.version())
        except NotAllowed as error:
            lied = "; ".join(map(str, successor.excluded))
            raise WorkFailed(f"{lied}, and this process may not publish a job without it: start it again") from error
        raise Replaced(successor.replacement, successor)


def _plugins(settings: Settings) -> list[tuple[str, str]]:
    """Return what a job names as MODULE:NAME, by kind."""
    named = ((each.metadata.get("plugin"), getattr(settings, each.name)) for each in fields(Settings))
    return [(kind, name) for kind, name in named if kind and ":" in name]
