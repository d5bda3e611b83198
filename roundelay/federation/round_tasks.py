"""The tasks of a round's orders: what every trainer of the job computes, and what for."""

from __future__ import annotations

from roundelay.federation import compression
from roundelay.federation.spec import JobSpec
from roundelay.federation.step_size import eta_of
from roundelay.federation.tasks import (
    EvaluateTask,
    HeldOutTask,
    HistogramTask,
    MomentsTask,
    PersonalTask,
    SiteTask,
    TrainTask,
)
from roundelay.federation.trained_round import TrainedRound
from roundelay.ml import exact
from roundelay.ml.fingerprint import fingerprint
from roundelay.ml.training_plan import PersonalPlan, TrainConfig, TrainingPlan


def plan(spec: JobSpec, halvings: int = 0) -> TrainingPlan:
    """Return what every trainer of the job computes."""
    settings = spec.settings
    config = TrainConfig(
        settings.optimizer,
        settings.epochs,
        eta_of(spec, halvings),
        settings.batch,
        settings.momentum,
        settings.dropout,
        spec.class_weights,
        settings.proximal_mu,
        settings.clip,
        settings.dp_clip,
        settings.dp_noise if settings.dp_where == "local" else 0.0,
    )
    own = settings.personal
    personal = PersonalPlan(own, settings.personal_epochs, settings.ditto_lambda if own == "ditto" else 0.0)
    bits = exact.fraction_bits(spec.rows)
    return TrainingPlan(
        spec.design, config, bits, spec.bits, spec.reading, personal if own != "none" else PersonalPlan()
    )


def moments_task(spec: JobSpec) -> MomentsTask:
    """Return the task of round 0: sum the features, and their squares."""
    return MomentsTask(plan(spec))


def histogram_task(spec: JobSpec) -> HistogramTask:
    """Return the task of counting the values of private files, before any training."""
    return HistogramTask(plan(spec))


def training_task(spec: JobSpec, moments: bytes, halvings: int = 0, units: bytes = b"") -> TrainTask:
    """Return the task of every later round: train the order's files, with the step halved this often.

    units: that the round's updates are rounded to (units_of).
    """
    receipts = spec.has_receipts or spec.needs == "each"  # a block of an update is checked by the update's receipt
    return TrainTask(plan(spec, halvings), moments, spec.settings.seed, receipts, spec.updates, units)


def units_of(spec: JobSpec, before: TrainedRound) -> bytes:
    """Return the units that updates of the round after this one are rounded to; empty if they are not."""
    return compression.state_of(spec, before.weights, before.state).units if spec.settings.rounds_updates else b""


def evaluation_task(spec: JobSpec, moments: bytes) -> EvaluateTask:
    """Return the task of evaluating a model on the order's file."""
    return EvaluateTask(plan(spec), moments)


def site_task(spec: JobSpec, moments: bytes, halvings: int) -> SiteTask:
    """Return the task of evaluating a round's model at the sites; with last layers of their own, if they keep them."""
    if spec.settings.personal == "head":
        return personal_task(spec, moments, halvings)
    return HeldOutTask(plan(spec), moments)


def personal_task(spec: JobSpec, moments: bytes, halvings: int) -> PersonalTask:
    """Return the task of making the sites' own models, with the step halved this often, and evaluating them."""
    return PersonalTask(plan(spec, halvings), moments, spec.settings.seed)


def fingerprint_here(spec: JobSpec) -> str:
    """Return the fingerprint of this machine's arithmetic at the job's shapes."""
    return fingerprint(plan(spec))
