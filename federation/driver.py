"""One job driven from where it stands to its end.

A round is a pure function of the spec and the result before it: orders to the owners of the
files, exact sums back, one division, one validation. Which node trained what, and who drove,
cannot be seen in the result. While a round is trained, the one before it is stored.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chord.blobs import digest_of
from chord.effects import Procedure, Sleep, ask, together
from chord.errors import ChordError
from chord.lookup import find_successor
from chord.refs import NodeRef
from chord.ring import Ring
from chord.storing import get
from federation import arithmetic, jobs, records
from federation.chronicle import WEIGHTS_KEPT, Chronicle
from federation.effects import Clocks, aside
from federation.errors import (
    CannotDrive,
    FederationError,
    FileUnavailable,
    JobEnded,
    NobodyFits,
    NoSuchJob,
    WorkFailed,
)
from federation.participation import files_of
from federation.placement import BALANCING
from federation.reach import see_ring, through
from federation.records import Report, Result
from federation.renewing import RENEW_EVERY_S, renew
from federation.roster import Roster
from federation.rounds import Pace, Part, RoundWork
from federation.spec import JobSpec
from federation.topologies.reduction import reduce
from federation.work import Driving, Order, Share, TrainingFile
from ml.errors import MLError, ModelUnknown
from ml.validate import Validator

BEAT_S = 1.0
BEAT_TRIES = 2  # the next beat comes soon
FILES_RETRY_S = 1.0
FILES_RETRIES_MAX = 3600
NAMES_SHOWN = 8
ORDERS_FIRST_S = 0.03  # what goes on beside a round begins when its orders are out, not before them

MakeTask = Callable[[tuple[TrainingFile, ...]], dict[str, object]]


@dataclass(frozen=True)
class Made:
    """A round that has been made, and is to be stored."""

    result: Result
    report: Report
    weights: bytes
    state: bytes = b""  # of the rule


class Driver:
    """Drives one job. `me` is how reports name it; `tell` hears of every round made, `say` of what holds one up."""

    def __init__(
        self, spec: JobSpec, ring: Ring, entry: NodeRef, me: str, clocks: Clocks,
        tell: Callable[[Result, Report], None], say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.spec = spec
        self.is_over = False  # this driver has nothing more to do
        self.weights = b""  # of the last round made
        self._state = b""  # what the rule has kept of it
        self._me = me
        self._clocks = clocks
        self._tell = tell
        self._say = say
        self._roster = Roster(ring, entry, spec.homes)
        self._chronicle = Chronicle(spec.job, self._roster, clocks.version)
        self._pace = Pace()
        self._results: list[Result] = []
        self._renew_at = -math.inf
        self._tiers: dict[str, list[str]] = {}  # of the round that is going on, where there are any
        self._passed_on = 0
        self._end = ""  # how the job has ended, as the last beat has heard

    def drive(self) -> Procedure[tuple[Result, ...]]:
        """Make the rounds that are not made yet. Returns the whole chain.

        Raises JobEnded, WorkFailed, FileUnavailable, Diverged, ChordError. A failure that trying
        again cannot mend is written down, and ends the job.
        """
        try:
            yield from self._drive()
        except (JobEnded, NoSuchJob):  # no spec seen is no verdict: its holders may be on their way back
            raise
        except ModelUnknown as error:  # nor is a model that is not here
            raise CannotDrive(str(error)) from error
        except (FederationError, MLError) as error:
            yield from self._chronicle.write(records.FAILED, str(error).encode())
            raise error if isinstance(error, FederationError) else WorkFailed(str(error)) from error
        finally:
            self.is_over = True
        return tuple(self._results)

    def beat(self) -> Procedure[None]:
        """To be run beside `drive`: tell the job's owner that somebody drives, and hear whether it has ended."""
        ring, job = self._roster.ring, self.spec.job
        while not self.is_over:
            try:
                route = yield from through(self._roster, lambda entry: find_successor(entry, ring.key(job)), BEAT_TRIES)
                yield from ask(route.owner, Driving(job))
                self._end = yield from through(self._roster, lambda entry: jobs.end_of(entry, ring, job), BEAT_TRIES)
            except ChordError:
                pass  # the next beat tries again
            yield Sleep(BEAT_S)

    # --- from where it stands to its end

    def _drive(self) -> Procedure[None]:
        ring = self._roster.ring
        yield from see_ring(self._roster)  # first, so that nothing depends on the way in
        view = yield from through(self._roster, lambda entry: jobs.look_at(entry, ring, self.spec.job))
        self._end = view.end
        self._require_running()
        self._results = list(view.results)
        validator = yield from self._fetch_validator()
        if self._results:
            last = self._results[-1]
            self.weights = yield from through(self._roster, lambda entry: jobs.weights_of(entry, ring, last))
            self._state = yield from through(self._roster, lambda entry: jobs.state_of(entry, ring, last))
            made = None
        else:
            made = yield from self._begin()
        for number in range(len(self._results), self.spec.settings.rounds + 1):
            made = yield from self._make_while_storing(number, made, validator)
        if made is not None:
            yield from self._store(made)
        yield from self._chronicle.write(records.DONE, self._results[-1].digest.encode())

    def _begin(self) -> Procedure[Made]:
        """Round 0: the first weights and, unless inputs stay raw, the moments of every feature, from exact sums."""
        self.weights = yield from self._first_weights()
        moments = b""
        if not (self.spec.settings.course or self.spec.raw):
            parts = yield from self._work(0, b"", lambda _: arithmetic.moments_task(self.spec))
            moments = arithmetic.moments_of(self.spec, parts)
        result = Result(self.spec.job, 0, "", digest_of(self.weights), len(self.weights), moments.hex())
        self._results.append(result)
        return Made(result, Report(self.spec.job, 0, self._me, 0.0, 0.0, 0.0, 0.0, 0.0), self.weights)

    def _make_while_storing(self, number: int, made: Made | None, validator: Validator) -> Procedure[Made]:
        """One round; meanwhile the one before it is stored, and the ring is looked at for the next."""
        self._require_running()
        beside: list[Procedure[Any]] = [see_ring(self._roster)]
        if made is not None:
            beside.append(self._store(made))
        if self._clocks.monotonic() >= self._renew_at:
            self._renew_at = self._clocks.monotonic() + RENEW_EVERY_S
            beside.append(renew(self._roster, self.spec, self._clocks.version()))
        outcomes = yield from together([self._make(number, validator), *map(_orders_first, beside)])
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
        latest = outcomes[0]
        assert isinstance(latest, Made)
        return latest

    def _make(self, number: int, validator: Validator) -> Procedure[Made]:
        began = self._clocks.monotonic()
        self._roster.begin(number)
        base, moments = self.weights, bytes.fromhex(self._results[0].moments)
        parts = yield from self._work(
            number, base, lambda files: arithmetic.training_task(self.spec, number, moments, files)
        )
        weights, state = yield from aside(lambda: arithmetic.step(self.spec, base, parts, self._state))
        evaluation = yield from aside(lambda: validator(weights, moments))
        trained = {f.index for p in parts for f in p.files}
        result = Result(
            self.spec.job, number, self._results[-1].digest, digest_of(weights), len(weights),
            errors=evaluation.errors, rows=evaluation.rows,
            left_out=tuple(f.index for f in files_of(self.spec, number) if f.index not in trained),
            state=digest_of(state) if state else "", state_bytes=len(state),
        )
        report = self._report(number, parts, evaluation.loss, self._clocks.monotonic() - began)
        self._results.append(result)
        self.weights, self._state = weights, state
        self._tell(result, report)
        return Made(result, report, weights, state)

    def _store(self, made: Made) -> Procedure[None]:
        yield from self._chronicle.store(made.result, made.report, made.weights, made.state)
        old = made.result.round - WEIGHTS_KEPT
        if old >= 0:
            yield from self._chronicle.forget_weights(self._results[old])

    def _work(self, number: int, weights: bytes, task: MakeTask) -> Procedure[list[Part]]:
        """All files worked on; waits for those that nobody has, unless the quorum is met without them."""
        digest = digest_of(weights) if weights else ""
        pace = self._pace if number > 0 else Pace()  # summing features says nothing about training
        parts: list[Part] = []
        files = chosen = files_of(self.spec, number)
        for _ in range(FILES_RETRIES_MAX):
            work = RoundWork(
                self._roster, pace, self._clocks.monotonic,
                lambda some, may_refuse: Order(
                    self.spec.job, number, some, json.dumps(task(some)), digest, len(weights), may_refuse
                ),
                weights, self.spec.settings.placement, f"{self.spec.settings.seed} {number}",
            )
            if self.spec.settings.topology == "tree" and not parts:
                parts += yield from self._climb(number, files, task, digest, weights, pace, work)
                trained = {f.index for p in parts for f in p.files}
                files = tuple(f for f in files if f.index not in trained)  # a second asking, file by file
            parts += yield from work.work_on(files)
            files = tuple(sorted(work.missing, key=lambda f: f.index))
            rows = sum(f.rows for p in parts for f in p.files)
            if not files or (number > 0 and rows >= self.spec.settings.quorum * sum(f.rows for f in chosen)):
                self._leave_out(files)
                return parts
            if parts and self.spec.pinned:
                self._name_away(files)
                return parts
            self._wait_for(files, number)
            self._require_running()
            yield Sleep(FILES_RETRY_S)
            self._roster.forgive()
            yield from see_ring(self._roster)
        raise FileUnavailable(f"no live node has {names(files)}")

    def _climb(
        self, number: int, files: tuple[TrainingFile, ...], task: MakeTask, digest: str, weights: bytes, pace: Pace,
        work: RoundWork,
    ) -> Procedure[list[Part]]:
        """What one asking of the tree gives: a part, or none."""
        groups = work.placed(files)
        if not groups:
            return []
        policy = self.spec.settings.placement
        shares = tuple(Share(node, tuple(sorted(f.index for f in group))) for node, group in groups.items())
        order = Order(self.spec.job, number, files, json.dumps(task(files)), digest, len(weights),
                      policy in BALANCING, shares)
        climbed = yield from reduce(self._roster, pace, self._clocks.monotonic, order, weights)
        self._tiers, self._passed_on = climbed.tiers(self.spec.settings.tiers), climbed.passed_on
        return climbed.parts

    # --- helpers

    def _wait_for(self, files: tuple[TrainingFile, ...], number: int) -> None:
        """Say once which files hold the round up. Raises NobodyFits while the job has made nothing yet."""
        line = f"no live node has {names(files)}: waiting"
        if self.spec.pinned and self._roster.reasons:  # nobody but their homes can be asked
            reasons = [f"{home}: {why}" for home, why in sorted(self._roster.reasons.items())]
            line = f"{'; '.join(reasons[:NAMES_SHOWN])}: waiting"
        if self._roster.nobody_fits:
            line = (f"none of {len(self._roster.nodes)} nodes may train: their arithmetic gives other bits than "
                    f"the job's (fingerprint {self.spec.bits[:8]}), as on another kind of processor or numpy")
            if number <= 1:
                raise NobodyFits(f"{line}. Start the job from a machine like theirs, or a node on one like yours")
            line = f"{line}: waiting for one that may"
        if line not in self._roster.disturbances:
            self._say(f"job {self.spec.job[:8]}, round {number}: {line}")
        self._roster.note(line)

    def _name_away(self, files: tuple[TrainingFile, ...]) -> None:
        """Who has pinned files and is not there, or cannot train them: the round goes on without them."""
        away = Counter(self.spec.homes[f.index] for f in files)
        for home, count in sorted(away.items()):
            why = self._roster.reasons.get(home)
            how = f"{home}: {why}" if why else f"{home} is away"
            self._roster.note(f"{how}: its {count} pinned file{'s' * (count != 1)} left out")

    def _leave_out(self, files: tuple[TrainingFile, ...]) -> None:
        """The quorum is met without these, if there are any: the report names them."""
        if files:
            self._roster.note(f"left out, as no live node has them: {names(files)}")

    def _require_running(self) -> None:
        if self._end:
            raise JobEnded(f"job {self.spec.job} is {self._end}")

    def _first_weights(self) -> Procedure[bytes]:
        """Of the model to continue, or from the job's seed."""
        if not self.spec.initial:
            return arithmetic.first_weights(self.spec)
        content = yield from self._get(self.spec.job, records.weights_name(self.spec.job, 0), self.spec.initial)
        return content

    def _fetch_validator(self) -> Procedure[Validator]:
        file = self.spec.validation
        content = yield from self._get(file.name, file.name, file.digest)
        return Validator(self.spec.design, file.name, content)

    def _get(self, hashed: str, name: str, digest: str) -> Procedure[bytes]:
        ring = self._roster.ring
        content = yield from through(self._roster, lambda entry: get(entry, ring, ring.key(hashed), name, digest))
        return content

    def _report(self, number: int, parts: list[Part], loss: float, seconds: float) -> Report:
        training_loss, training_accuracy = arithmetic.mean_of_progress(parts)
        return Report(
            self.spec.job, number, self._me, loss, training_loss, training_accuracy, seconds,
            max((p.progress.seconds for p in parts), default=0.0),
            {f.name: p.trainer_of(f) for p in parts for f in p.files}, tuple(self._roster.disturbances),
            self._tiers, self._passed_on,
        )


def names(files: tuple[TrainingFile, ...]) -> str:
    """The files, as a line can name them."""
    more = f" and {len(files) - NAMES_SHOWN} more" if len(files) > NAMES_SHOWN else ""
    return ", ".join(f.name for f in files[:NAMES_SHOWN]) + more


def _orders_first(procedure: Procedure[Any]) -> Procedure[Any]:
    yield Sleep(ORDERS_FIRST_S)
    result = yield from procedure
    return result
