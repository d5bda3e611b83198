"""Forget files: the job that never had them has the same bits, whatever follows from the data of a job."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from roundelay.federation.errors import BadSpec
from roundelay.federation.forgetting import forgotten_files, without_files
from roundelay.federation.spec import JobSpec
from tests.federation.test_driver import CLASSES, CONTENTS, IDS, SETTINGS, Job, make_spec

GONE = ["file-2", "file-6"]
LESS = {name: content for name, content in CONTENTS.items() if name not in GONE}


def rows_by_class(contents: dict[str, bytes]) -> tuple[int, ...]:
    labels = [int(row.rpartition(b",")[2]) for content in contents.values() for row in content.split()]
    return tuple(labels.count(number) for number in range(CLASSES))


def spec_of(contents: dict[str, bytes], **changes: Any) -> JobSpec:
    return replace(make_spec(replace(SETTINGS, **changes), contents), class_rows=rows_by_class(contents))


def forgotten(old: JobSpec) -> JobSpec:
    rows = rows_by_class({name: CONTENTS[name] for name in GONE})
    return without_files(old, GONE, rows, "another", detached=False)


@pytest.mark.parametrize(
    "changes",
    [{}, {"weighting": "balanced"}, {"fraction": 0.5}, {"dropout": 0.3}, {"topology": "tree"}, {"rule": "fedadam"}],
    ids=str,
)
def test_the_model_is_that_of_a_job_that_never_had_the_files(changes: dict[str, Any]) -> None:
    never, spec = Job(IDS, spec_of(LESS, **changes), LESS), forgotten(spec_of(CONTENTS, **changes))
    made = Job(IDS, spec, LESS)

    assert made.drive() == never.drive()

    theirs = never.look().results
    assert [r.receipts for r in made.look().results] == [r.receipts for r in theirs]
    assert [(r.weights, r.moments, r.errors) for r in made.look().results] == [
        (r.weights, r.moments, r.errors) for r in theirs
    ]


def test_which_files_a_job_has_forgotten_follows_from_both_specs() -> None:
    old = spec_of(CONTENTS)

    assert forgotten_files(forgotten(old), old) == GONE


def test_a_job_without_files_has_not_the_name_of_the_one_that_had_them() -> None:
    old = spec_of(CONTENTS, name="baseline")

    assert forgotten(old).settings.name == ""
    assert forgotten_files(forgotten(old), old) == GONE


@pytest.mark.parametrize(
    "changes",
    [
        {"forgets": ""},
        {"settings": replace(SETTINGS, seed=9)},
        {"files": make_spec(SETTINGS).files},
        {"single": True, "settings": replace(SETTINGS, rule="my:Rule")},
    ],
    ids=str,
)
def test_a_job_that_differs_in_more_than_files_does_not_forget(changes: dict[str, Any]) -> None:
    old = spec_of(CONTENTS)

    with pytest.raises(BadSpec):
        forgotten_files(replace(forgotten(old), **changes), old)


def test_what_cannot_be_forgotten_is_refused() -> None:
    old = spec_of(CONTENTS)

    with pytest.raises(BadSpec, match="has no file file-9; its files are copy-of-file-3, file-0"):
        without_files(old, ["file-9"], (), "")
    with pytest.raises(BadSpec, match="at least one file"):
        without_files(old, list(CONTENTS), (), "")
    private = replace(old, pinned="wards", homes=("10.0.0.1:8001",) * len(old.files))
    with pytest.raises(BadSpec, match="left out by their site"):
        without_files(private, GONE, (), "")
