"""Forget files of a job: the job that never had them, from the same seed and settings (exact unlearning).

Bourtoule et al., Machine Unlearning, 2021, call it retraining from scratch. The new job is what a user would get who
had never had the files: moments, class weights and the seeds of the other files follow from the files that are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from roundelay.federation import round_tasks
from roundelay.federation.errors import BadSpec
from roundelay.federation.spec import JobSpec
from roundelay.ml.errors import first_of

NAMES_SHOWN = 8
SAME = (
    "settings",
    "features",
    "classes",
    "initial",
    "shape",
    "labels",
    "pinned",
    "homes",
    "encoding",
    "reading",
    "evaluate",
    "raw",
    "single",
)


def without_files(
    spec: JobSpec, names: Sequence[str], class_rows: Sequence[int], nonce: str, detached: bool = False
) -> JobSpec:
    """Return the job that never had these files. class_rows: the rows of each class in them; empty if unknown.

    Raises BadSpec if the job has no such file, or none other, or was prepared with them.
    """
    known = {file.name for file in spec.files}
    if unknown := [name for name in names if name not in known]:
        raise BadSpec(f"the job has no file {unknown[0]}; its files are {first_of(sorted(known), NAMES_SHOWN)}")
    kept = [file for file in spec.files if file.name not in names]
    if not kept:
        raise BadSpec("a job must keep at least one file")
    if spec.pinned:
        raise BadSpec("private files are left out by their site: take them out of its --private folder")
    files = tuple(replace(file, index=index) for index, file in enumerate(kept))
    rows = tuple(a - b for a, b in zip(spec.class_rows, class_rows, strict=True)) if class_rows else ()
    left = replace(
        spec,
        settings=replace(spec.settings, name=""),
        files=files,
        validation=replace(spec.validation_file, index=len(files)),
        class_rows=rows,
        nonce=nonce,
        detached=detached,
        forgets=spec.job,
        replaces="",  # it takes over no round
        inherited=0,
        excluded=(),
        fingerprint="",
    )
    return replace(left, fingerprint=round_tasks.fingerprint_here(left))


def forgotten_files(spec: JobSpec, old: JobSpec) -> list[str]:
    """Return the files of `old` that this job has never had. Raises BadSpec unless it is otherwise the same job."""
    if spec.forgets != old.job:
        raise BadSpec(f"job {spec.job} does not forget files of job {old.job}")
    old = replace(old, settings=replace(old.settings, name=spec.settings.name))
    if differing := [name for name in SAME if getattr(spec, name) != getattr(old, name)]:
        raise BadSpec(f"the jobs differ in more than their files: {', '.join(differing)}")
    ours = {(file.name, file.digest, file.rows) for file in spec.files}
    theirs = {(file.name, file.digest, file.rows) for file in old.files}
    validations = [(each.validation_file.name, each.validation_file.digest) for each in (spec, old)]
    if not ours < theirs or validations[0] != validations[1]:
        raise BadSpec("its files are not some of those of the other job")
    return sorted(name for name, _, _ in theirs - ours)
