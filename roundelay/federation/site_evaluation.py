"""Evaluate a model at the sites: each counts on the rows that it holds out, and the counts are added exactly.

What is evaluated is a round's model, the same at all sites, or the model that each site makes of it for itself.

No row and no prediction leaves its site, only counts. What is told of one site by itself goes into the round's report,
unless the site holds out fewer rows than the job shows, or a single such site would follow from the total.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from roundelay.chord.effects import Procedure
from roundelay.chord.refs import NodeRef
from roundelay.federation.partial_result import RoundOutcome
from roundelay.federation.requests import Order, TrainingFile
from roundelay.federation.roster import Roster
from roundelay.federation.site_scores import SiteScore, SitesEvaluation
from roundelay.federation.site_waits import SiteWaits
from roundelay.federation.site_work import SiteWork
from roundelay.federation.spec import JobSpec
from roundelay.federation.tasks import PersonalTask, SiteTask
from roundelay.federation.throughput import ThroughputEstimate
from roundelay.ml import counts
from roundelay.ml.counts import Counts
from roundelay.ml.description import hide
from roundelay.ml.mlp import Evaluation
from roundelay.ml.sliced import as_bytes
from roundelay.store.blobs import Content, digest_of


@dataclass(frozen=True)
class FoundAtSites:
    """What the sites have counted: together, and what the report says of each."""

    total: Counts
    report: SitesEvaluation

    @property
    def evaluation(self) -> Evaluation:
        """The validation of the round."""
        fit = self.total.fit_metrics.numbers if self.total.fit and self.total.rows else ()
        return Evaluation(self.total.errors, self.total.mean_loss, self.total.rows, fit)


class EvaluationWork(SiteWork):
    """Has sites evaluate. One that says that it cannot is left out of this, and still trains."""

    def _record_unable(self, home: str, order: Order, node: NodeRef | None, why: str, times: int) -> None:
        if node is not None:
            self._sender.forget(node)

    def _is_needed(self, home: str) -> bool:
        return False


class OwnModelsWork(EvaluationWork):
    """Has sites evaluate their own models. Each is made from all of its site's files, or not at all."""

    def _run_each(self, home: str, order: Order) -> Procedure[RoundOutcome]:
        return RoundOutcome([], list(order.files))
        yield  # makes this a procedure


def evaluate_at_sites(
    roster: Roster,
    spec: JobSpec,
    clock: Callable[[], float],
    waits: SiteWaits,
    number: int,
    weights: Content,
    task: SiteTask,
) -> Procedure[FoundAtSites]:
    """Have the sites evaluate these weights of a round; they are waited for as in training.

    Raises WorkFailed, StepTooLarge, JobEnded, ChordError.
    """
    digest = digest_of(weights)

    def order(files: tuple[TrainingFile, ...], may_refuse: bool) -> Order:
        return Order(spec.job, number, files, task, digest, len(weights), may_refuse, priority=spec.settings.priority)

    kind = OwnModelsWork if isinstance(task, PersonalTask) else EvaluationWork
    work = kind(roster, ThroughputEstimate(), clock, order, weights, waits, failing_max=spec.failing_max)
    outcome = yield from work.run(spec.files)
    silent = {spec.homes[file.index] for file in outcome.missing}
    found: dict[str, list[tuple[Counts, float | None]]] = {}
    for part in outcome.parts:
        if isinstance(task, PersonalTask) and spec.homes[part.files[0].index] in silent:
            continue
        found.setdefault(spec.homes[part.files[0].index], []).append(counts.from_bytes(as_bytes(part.result)))
    total = counts.total(each for parts in found.values() for each, _ in parts)
    added = {home: counts.total(each for each, _ in parts) for home, parts in sorted(found.items())}
    sites = {home: each for home, each in added.items() if each.rows}
    told = hide([each.rows for each in sites.values()], spec.settings.hide_below)
    shown = [home for home, rows in zip(sites, told, strict=True) if rows is not None]
    scores = tuple(_score(home, sites[home], found[home][0][1] if len(found[home]) == 1 else None) for home in shown)
    absent = tuple(sorted(silent | (added.keys() - sites.keys())))
    hidden = len(sites) - len(shown)
    return FoundAtSites(total, SitesEvaluation(total.rows, total.loss, total.cells, scores, hidden, absent, total.auc))


def _score(home: str, each: Counts, auc: float | None) -> SiteScore:
    if each.fit:
        rmse, mae, r2 = each.fit_metrics.numbers
        return SiteScore(home, each.rows, rmse, mae=mae, r2=r2)
    return SiteScore(home, each.rows, each.error, each.macro_f1, auc)
