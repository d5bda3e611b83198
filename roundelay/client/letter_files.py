"""Read files of letters as they are: the ring stores and trains them without preparing them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from roundelay.client.job_input import CLASSES, JobInput, check_storable
from roundelay.federation.requests import TrainingFile
from roundelay.ml.data import Samples
from roundelay.ml.errors import DataError
from roundelay.ml.readers import folder, letters
from roundelay.ml.readers.encoding import offsets_encoding
from roundelay.ml.readers.limits import DEFAULT, Limits
from roundelay.ml.row_digests import Digests, count_shared, digest_rows
from roundelay.store.blobs import digest_of


def read_input(directory: Path, validation: str, limits: Limits = DEFAULT) -> JobInput:
    """Read and check every letter file before anything is trained. Raises MLError."""
    validation_path = folder.find_validation(validation, directory)
    listing = folder.list_training_files(directory, validation_path)
    held: dict[str, bytes] = {}
    files: list[TrainingFile] = []
    digests: list[Digests] = []
    skipped = list(listing.skipped)
    features, class_rows = None, np.zeros(CLASSES, np.int64)
    excluded = digest_of(folder.read_file(validation_path, limits))
    for number, path in enumerate(listing.files, 1):
        file, samples = read_letters(path, len(files), features, held, limits=limits)
        features = samples.features
        if file.digest == excluded and (files or number < len(listing.files)):
            skipped.append(f"{file.name} (the validation file itself)")
            continue
        class_rows += np.bincount(samples.y, minlength=CLASSES)
        digests.append(digest_rows(samples.x, samples.y))
        files.append(file)
    held_out, samples = read_letters(validation_path, len(files), features, held, limits=limits)
    return JobInput(
        held,
        tuple(files),
        held_out,
        samples.features,
        class_rows=tuple(class_rows.tolist()),
        skipped=tuple(skipped),
        shared_rows=count_shared(digest_rows(samples.x, samples.y), digests),
    )


def read_letters(
    path: Path,
    index: int,
    features: int | None,
    held: dict[str, bytes],
    classes: int = CLASSES,
    limits: Limits = DEFAULT,
) -> tuple[TrainingFile, Samples]:
    """Read and check one file, and put its content into `held`. Raises MLError."""
    if path.is_file():
        check_storable(path, path.name, path.stat().st_size)
    content = folder.read_file(path, limits)
    check_storable(path, path.name, len(content))  # it may have grown
    samples = letters.parse(str(path), content, features, classes)
    _check_digits(path, samples)
    digest = digest_of(content)
    held[digest] = content
    return TrainingFile(index, path.name, digest, len(content), samples.rows), samples


def _check_digits(path: Path, samples: Samples) -> None:
    """Raise DataError if float32 merges numbers of a column: files of letters are trained on as they are."""
    low, high = (samples.x.astype(np.float64).min(axis=0), samples.x.astype(np.float64).max(axis=0))  # (d,), (d,)
    merged = offsets_encoding(low, high)
    if merged is not None:
        place = next(number for number, column in enumerate(merged.columns) if column.offset)
        raise DataError(
            str(path),
            None,
            f"column {place} holds numbers near {high[place]:g} whose last digits float32 does not hold: read the data "
            "as a table, --dataset csv, or subtract what they have in common",
        )
