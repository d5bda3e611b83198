"""What the user gives: data that are read, checked and made files of the ring; settings that become a spec."""

from __future__ import annotations

import argparse
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from roundelay.chord.errors import Malformed
from roundelay.federation import arithmetic
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from roundelay.ml import prepare
from roundelay.ml.choices import label_column
from roundelay.ml.data import Samples
from roundelay.ml.errors import DataError, InputMissing, MLError
from roundelay.ml.models import catalogue
from roundelay.ml.readers import content as contents
from roundelay.ml.readers import dataset, folder, letters
from roundelay.ml.readers.images import ImageOptions
from roundelay.ml.readers.saved_model import SavedModel
from roundelay.ml.readers.source import with_test
from roundelay.ml.readers.table import TableOptions
from roundelay.node.files import open_content
from roundelay.store.blobs import Content, digest_of
from roundelay.store.names import check_name
from roundelay.store.store import CONTENT_BYTES_MAX

CLASSES = 26


@dataclass(frozen=True, eq=False)
class JobInput:
    """What the user's files hold."""

    contents: Mapping[str, Content]  # by digest
    files: tuple[TrainingFile, ...]  # sorted by name
    validation: TrainingFile
    features: int
    classes: int = CLASSES
    labels: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()
    class_rows: tuple[int, ...] = ()
    skipped: tuple[str, ...] = ()
    kind: str = "letters"
    raw: bool = False  # what is trained on is read by others' clients, who standardise as they like

    def validation_samples(self) -> Samples:
        """The rows to validate on."""
        file = self.validation
        return contents.parse(file.name, self.contents[file.digest][:], self.features, self.classes)


class OnDisk(Mapping[str, Content]):
    """Contents that are read when they are asked for, in parts: what lies on the disk need not fit into memory."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = paths

    def __getitem__(self, digest: str) -> Content:
        return open_content(self._paths[digest])

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def read_data(chosen: argparse.Namespace, seed: int, stack: ExitStack, tell: prepare.OnProgress) -> JobInput:
    """Whatever lies at the user's path, as files of the ring; the stack removes them. Raises MLError."""
    kind = kind_of(chosen)
    if kind == "letters" and chosen.validation is not None and not (chosen.parts or chosen.classes):
        return read_input(chosen.data, chosen.validation)
    reading = dataset.ReadOptions(
        kind, TableOptions(label_column(chosen.label), chosen.missing), ImageOptions(chosen.side, chosen.colour)
    )
    found = dataset.read(chosen.data, reading)
    if chosen.validation is not None:
        found = with_test(found, dataset.read(folder.find_validation(chosen.validation, chosen.data), reading))
    place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roundelay-data-")))
    plan = prepare.SplitPlan(chosen.parts, chosen.holdout, seed, tuple(filter(None, chosen.classes.split(","))))
    return _prepared(prepare.prepare(found, place, plan, tell), place)


def kind_of(chosen: argparse.Namespace) -> str:
    """As it is told, or guessed; what cannot be guessed is letters, whose reader says what is wrong."""
    if chosen.dataset:
        return str(chosen.dataset)
    try:
        return dataset.guess(chosen.data, TableOptions(label_column(chosen.label), chosen.missing))
    except MLError as error:
        if isinstance(error, InputMissing) or chosen.validation is not None:
            return "letters"
        raise


def read_input(directory: Path, validation: str) -> JobInput:
    """Read and check every letter file: nothing is trained while one of them is wrong. Raises MLError."""
    validation_path = folder.find_validation(validation, directory)
    listing = folder.list_training_files(directory, validation_path)
    held: dict[str, bytes] = {}
    files: list[TrainingFile] = []
    features, class_rows = None, [0] * CLASSES
    for index, path in enumerate(listing.files):
        file, samples = _read(path, index, features, held)
        features = samples.features
        for label in samples.y.tolist():
            class_rows[label] += 1
        files.append(file)
    held_out, samples = _read(validation_path, len(files), features, held)
    return JobInput(
        held, tuple(files), held_out, samples.features, class_rows=tuple(class_rows), skipped=listing.skipped
    )


def read_validation(path: Path) -> JobInput:
    """A validation file of letters alone. Raises MLError."""
    held: dict[str, bytes] = {}
    file, samples = _read(path, 0, None, held)
    return JobInput(held, (), file, samples.features)


def read_validation_set(path: Path, stack: ExitStack, tell: prepare.OnProgress) -> JobInput:
    """The rows to validate on of any set, and nothing to train on; the stack removes the file. Raises MLError."""
    found = dataset.read(path)
    place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roundelay-data-")))
    return _prepared(prepare.prepare_validation(found, place, tell), place)


def make_spec(
    settings: Settings,
    given: JobInput,
    initial: SavedModel | None,
    detached: bool,
    pinned: str = "",
    homes: tuple[str, ...] = (),
) -> JobSpec:
    """The job. Raises DataError when the model to continue is another, MLError where there is no such model."""
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
        class_rows=given.class_rows if settings.weighting != "none" else (),
        pinned=pinned,
        homes=homes,
        raw=given.raw,
    )
    catalogue.learner(spec.design)
    if initial is not None and initial.design != spec.design:
        raise DataError(
            "--init",
            None,
            f"the model has layers {initial.design.sizes}, this job has {spec.sizes}"
            if initial.design.model == settings.model
            else f"it is a model {initial.design.model}, this job trains {settings.model}",
        )
    return replace(spec, fingerprint=arithmetic.fingerprint_here(spec))


def _prepared(made: prepare.Prepared, place: Path) -> JobInput:
    """Prepared files as the job names them. Raises DataError."""

    def as_job_names_it(index: int, file: prepare.PreparedFile) -> TrainingFile:
        _check_storable(place / file.name, file.name, file.size_bytes)
        return TrainingFile(index, file.name, file.digest, file.size_bytes, file.rows)

    files = [as_job_names_it(index, file) for index, file in enumerate((*made.files, made.validation))]
    paths = {file.digest: place / file.name for file in files}
    labels = () if made.labels == tuple(map(str, range(len(made.labels)))) else made.labels
    return JobInput(
        OnDisk(paths),
        tuple(files[:-1]),
        files[-1],
        made.features,
        len(made.labels),
        labels,
        made.shape,
        made.class_rows,
        made.skipped,
        made.kind,
    )


def _read(path: Path, index: int, features: int | None, held: dict[str, bytes]) -> tuple[TrainingFile, Samples]:
    content = folder.read_file(path)
    _check_storable(path, path.name, len(content))
    samples = letters.parse(str(path), content, features, CLASSES)
    digest = digest_of(content)
    held[digest] = content
    return TrainingFile(index, path.name, digest, len(content), samples.rows), samples


def _check_storable(path: Path, name: str, size_bytes: int) -> None:
    """Will the ring take it? Raises DataError."""
    try:
        check_name(name)
    except Malformed as error:
        raise DataError(str(path), None, str(error)) from error
    if size_bytes > CONTENT_BYTES_MAX:
        raise DataError(str(path), None, f"is larger than {CONTENT_BYTES_MAX} bytes: split it")
