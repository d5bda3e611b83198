"""Jobs side by side: the settings and data in which they differ, and their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from roundelay.client.job import Job
from roundelay.federation.early_stopping import best_round
from roundelay.federation.setting_texts import all_texts, differing
from roundelay.federation.snapshot import JobSnapshot
from roundelay.federation.spec import JobSpec
from roundelay.store.blobs import digest_of

DIGITS = 8  # of digests that are shown


@dataclass(frozen=True)
class ComparedJob:
    """What came of one job so far."""

    job: str
    state: str
    rounds: int  # of the settings
    best_round: int | None  # that of the lowest validation error, so far
    best_error: float | None
    seconds: float  # that its rounds took
    errors: Mapping[int, float]  # the validation error of each round; the RMSE of a regression


@dataclass(frozen=True)
class Comparison:
    """Some jobs, and what is not the same in all of them: by name, a value for each job."""

    jobs: tuple[ComparedJob, ...]
    differences: Mapping[str, tuple[str, ...]]


def compare(*jobs: Job) -> Comparison:
    """Compare jobs as they are now. Raises JobFailed if one cannot be read."""
    return compare_snapshots([job.snapshot() for job in jobs])


def compare_snapshots(snapshots: Sequence[JobSnapshot]) -> Comparison:
    """Compare jobs as they were when they were read."""
    told = [all_texts(each.spec.settings) | _data_texts(each.spec) for each in snapshots]
    return Comparison(tuple(map(_compared, snapshots)), differing(told))


def _compared(snapshot: JobSnapshot) -> ComparedJob:
    trained = snapshot.results[1:]
    best = best_round(trained) if trained else None
    return ComparedJob(
        snapshot.job,
        snapshot.state,
        snapshot.spec.settings.rounds,
        best.round if best else None,
        round(best.error, 6) if best else None,
        round(sum(report.seconds for report in snapshot.reports.values()), 4),
        {each.round: round(each.error, 6) for each in trained},
    )


def _data_texts(spec: JobSpec) -> dict[str, str]:
    """Return what a job trains and validates on; different contents have different texts."""
    contents = digest_of("".join(file.digest for file in spec.files).encode())
    validation = f"{spec.validation.name} ({spec.validation.digest[:DIGITS]})" if spec.validation else ""
    return {
        "private": spec.pinned,
        "files": f"{len(spec.files)}, {spec.rows} rows ({contents[:DIGITS]})",
        "validation": validation,
        "evaluate": spec.evaluate,
        "init": spec.initial[:DIGITS],
        "forgets": spec.forgets[:DIGITS],
    }
