"""Combine the files of a job and its settings into the job's spec."""

from __future__ import annotations

import secrets
from dataclasses import replace

from roundelay.client.job_input import JobInput
from roundelay.federation import round_tasks
from roundelay.federation.errors import BadSpec
from roundelay.federation.rules.steps import needs_of
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from roundelay.ml.errors import DataError
from roundelay.ml.models import catalogue
from roundelay.ml.readers.encoding import encoding_from_json
from roundelay.ml.readers.saved_model import SavedModel


def make_spec(
    settings: Settings,
    given: JobInput,
    initial: SavedModel | None,
    detached: bool,
    private: str = "",
    homes: tuple[str, ...] = (),
) -> JobSpec:
    """Return the job's spec. Raises DataError if `initial` is another model, MLError if there is no such model."""
    spec = JobSpec(
        settings,
        given.files,
        given.validation,
        given.features,
        given.classes,
        initial.sha256 if initial else "",
        secrets.token_hex(16),
        detached,
        shape=given.shape,
        labels=given.labels,
        class_rows=given.class_rows,
        pinned=private,
        encoding=given.encoding,
        homes=homes,
        reading=given.reading,
        evaluate=given.evaluate,
        raw=given.raw,
        single=":" in settings.rule and needs_of(settings.rule) == "each",
    )
    catalogue.learner(spec.design)
    if settings.verify and (device := catalogue.device_of(spec.design)) != "cpu":
        raise BadSpec(f"--verify cannot be combined with training on {device}, which may give other bits each time")
    if initial is not None:
        _check_same_design(initial, spec)
        _check_same_meaning(initial, given)
    return replace(spec, fingerprint=round_tasks.fingerprint_here(spec))


def _check_same_design(initial: SavedModel, spec: JobSpec) -> None:
    """Raise DataError if an initial model has another design than the job."""
    if initial.design.task != spec.task:
        raise DataError("--init", None, f"the model is of a {initial.design.task}, this job of a {spec.task}")
    if replace(initial.design, arithmetic=spec.settings.arithmetic) != spec.design:
        raise DataError(
            "--init",
            None,
            f"the model has layers {initial.design.sizes}, this job has {spec.sizes}"
            if initial.design.model == spec.settings.model
            else f"it is a model {initial.design.model}, this job trains {spec.settings.model}",
        )


def _check_same_meaning(initial: SavedModel, given: JobInput) -> None:
    """Raise DataError if the classes or columns of an initial model are not those of the job."""
    if initial.labels and initial.labels != given.labels:
        here = ", ".join(given.labels)[:80] or "numbers"
        raise DataError(
            "--init", None, f"the model has the classes {', '.join(initial.labels)[:80]}, this job has {here}"
        )
    if initial.encoding is not None and given.encoding:
        theirs = encoding_from_json(given.encoding)
        known, wanted = initial.encoding.columns, theirs.columns
        if len(known) == len(wanted):
            for ours, other in zip(known, wanted, strict=True):
                if ours.words != other.words or (ours.name and other.name and ours.name != other.name):
                    raise DataError("--init", None, f"the model's columns differ from the job's, first {ours.name!r}")
