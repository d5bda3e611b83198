"""What the user gives: files that are read and checked, settings that become a spec, weights to begin from."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from chord.blobs import digest_of
from chord.errors import Malformed
from chord.items import check_name
from chord.store import CONTENT_BYTES_MAX
from federation import arithmetic
from federation.spec import JobSpec, Settings
from federation.work import TrainingFile
from ml.data import Samples
from ml.errors import DataError
from ml.readers import folder, letters
from ml.readers.model import Model

CLASSES = 26


@dataclass(frozen=True, eq=False)
class Input:
    """What the user's files hold."""

    contents: dict[str, bytes]  # by digest
    files: tuple[TrainingFile, ...]  # sorted by name
    validation: TrainingFile
    samples: Samples  # of the validation file
    skipped: tuple[str, ...]


def read_input(directory: Path, validation: str) -> Input:
    """Read and check every file: nothing is trained while one of them is wrong. Raises MLError."""
    validation_path = folder.find_validation(validation, directory)
    listing = folder.list_training_files(directory, validation_path)
    contents: dict[str, bytes] = {}
    files: list[TrainingFile] = []
    features = None
    for index, path in enumerate(listing.files):
        file, samples = _read(path, index, features, contents)
        features = samples.features
        files.append(file)
    held_out, samples = _read(validation_path, len(files), features, contents)
    return Input(contents, tuple(files), held_out, samples, listing.skipped)


def read_validation(path: Path) -> tuple[dict[str, bytes], Samples, Callable[[int], TrainingFile]]:
    """The validation file alone: contents, samples, and the file as a job's of a given index. Raises MLError."""
    contents: dict[str, bytes] = {}
    file, samples = _read(path, 0, None, contents)
    return contents, samples, lambda index: replace(file, index=index)


def make_spec(
    settings: Settings, given: Input, initial: Model | None, detached: bool, pinned: str = "",
    homes: tuple[str, ...] = (),
) -> JobSpec:
    """The job. Raises DataError when the model to continue has other layers."""
    spec = JobSpec(
        settings, given.files, given.validation, given.samples.features, CLASSES,
        initial.sha256 if initial else "", secrets.token_hex(16), detached, pinned=pinned, homes=homes,
    )
    if initial is not None and initial.architecture != arithmetic.architecture(spec):
        raise DataError(
            "--init", None, f"the model has layers {initial.architecture.sizes}, this job has {spec.sizes}"
        )
    return replace(spec, fingerprint=arithmetic.fingerprint_here(spec))


def _read(path: Path, index: int, features: int | None, contents: dict[str, bytes]) -> tuple[TrainingFile, Samples]:
    content = folder.read_file(path)
    _check_storable(path, content)
    samples = letters.parse(str(path), content, features, CLASSES)
    digest = digest_of(content)
    contents[digest] = content
    return TrainingFile(index, path.name, digest, len(content), samples.rows), samples


def _check_storable(path: Path, content: bytes) -> None:
    """Will the ring take it? Raises DataError."""
    try:
        check_name(path.name)
    except Malformed as error:
        raise DataError(str(path), None, str(error)) from error
    if len(content) > CONTENT_BYTES_MAX:
        raise DataError(str(path), None, f"is larger than {CONTENT_BYTES_MAX} bytes: split it")
