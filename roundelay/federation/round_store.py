"""Validate and store a job's rounds: its driver's end of the chain of results."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from roundelay.chord.effects import Procedure, gather_or_raise, offload
from roundelay.chord.refs import NodeRef
from roundelay.federation import receipts, trained_round
from roundelay.federation.early_stopping import is_complete, kept_round, superseded_rounds
from roundelay.federation.job_log import JobLog, RoundModel
from roundelay.federation.records import RoundReport, RoundResult
from roundelay.federation.round_training import PendingRound
from roundelay.federation.spec import JobSpec
from roundelay.federation.staleness import Bases
from roundelay.federation.verification import Verifier
from roundelay.ml.exact import LOSS_MAX
from roundelay.ml.mlp import Evaluation
from roundelay.ml.validate import Validator
from roundelay.store.blobs import Content
from roundelay.store.items import Item


class RoundStore:
    """Stores the rounds that one driver has trained. on_round: called with each stored round."""

    def __init__(
        self,
        spec: JobSpec,
        log: JobLog,
        verifier: Verifier | None,
        on_round: Callable[[RoundResult, RoundReport], None],
    ) -> None:
        self.results: list[RoundResult] = []  # the whole chain
        self.last_report = ""  # digest of the last round's REPORT
        self.weights: Content = b""  # of the round that is kept
        self.validated: Content = b""  # the weights of the round that on_round is told of
        self.validator: Validator | None = None  # None: sites evaluate
        self.bases: Bases | None = None  # of a buffered job
        self._spec = spec
        self._log = log
        self._verifier = verifier
        self._on_round = on_round

    def store(self, made: PendingRound, moments: bytes, have: frozenset[NodeRef] = frozenset()) -> Procedure[None]:
        """Validate a round while its model is stored; commit it to the job's log; then tell of it."""
        number, weights = made.trained.number, made.trained.content
        storing: Procedure[Evaluation | tuple[Item, ...]] = self._log.store_model(
            RoundModel(number, weights, made.trained.state), have
        )
        evaluation, known = yield from gather_or_raise([offload(lambda: self._validate(made, moments)), storing])
        assert isinstance(evaluation, Evaluation) and isinstance(known, tuple)
        previous = self.results[-1].digest if self.results else ""
        result = yield from offload(
            lambda: trained_round.result_of(self._spec, made.trained, previous, moments, evaluation)
        )
        loss = evaluation.loss if math.isfinite(evaluation.loss) else LOSS_MAX
        report = replace(made.report, validation_loss=loss, previous=self.last_report, result=result.digest)
        self.results.append(result)
        if kept_round(self._spec.settings, self.results) is result:
            self.weights = weights
        if self._verifier is not None:
            self._verifier.add(report)
        superseded = self._superseded()
        yield from self._log.commit(result, report, known, superseded, receipts.to_bytes(made.trained.receipts))
        self.last_report = report.digest
        if number:
            self.validated = weights
            self._on_round(result, report)

    @property
    def is_complete(self) -> bool:
        """Whether the job needs no further round."""
        return is_complete(self._spec.settings, self.results)

    def _superseded(self) -> list[RoundResult]:
        """Return the rounds whose weights the last result has made useless."""
        freed, needed = frozenset[int](), frozenset[int]()
        if self.bases is not None:
            freed, needed = self.bases.freed, frozenset(self.bases.rounds)
        if self.is_complete:  # no update is taken any more
            freed, needed = freed | needed, frozenset()
        useless = superseded_rounds(self._spec.settings, self.results, freed, needed)
        if self._verifier is not None:
            repeated = self._verifier.contributions.models_needed(self._spec.settings, self.results)
            useless = [old for old in useless if old.round not in repeated]
        if self._spec.initial:  # they follow from no seed, and nobody can repeat the first round without them
            useless = [old for old in useless if old.round]
        return useless

    def _validate(self, made: PendingRound, moments: bytes) -> Evaluation:
        if self.validator is None or made.trained.number == 0:
            return made.at_sites.evaluation if made.at_sites else Evaluation(0, 0.0, 0)  # not of initial weights
        return self.validator(made.trained.content, moments)
