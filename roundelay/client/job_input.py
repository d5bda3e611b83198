"""A job's files, read from the user's data and checked; and the job's spec."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from roundelay.chord.errors import Malformed
from roundelay.client.progress import Progress
from roundelay.client.requests import DataOptions, TrainRequest, is_dataset
from roundelay.federation import round_tasks
from roundelay.federation.errors import BadSpec
from roundelay.federation.requests import TrainingFile
from roundelay.federation.rules.steps import needs_of
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from roundelay.ml import prepare
from roundelay.ml.choices import PARTS_DEFAULT, label_column
from roundelay.ml.data import Samples
from roundelay.ml.errors import BadTask, DataError, InputMissing, MLError, writing_failed
from roundelay.ml.models import catalogue
from roundelay.ml.partitioners import BY_CLASS, assign_rows
from roundelay.ml.readers import content as contents
from roundelay.ml.readers import dataset, folder, letters, packed, site
from roundelay.ml.readers.encoding import encoding_from_json, offsets_encoding
from roundelay.ml.readers.images import ImageOptions
from roundelay.ml.readers.limits import DEFAULT, Limits, limits_of
from roundelay.ml.readers.reading import Reading
from roundelay.ml.readers.saved_model import SavedModel
from roundelay.ml.readers.site_schema import Agreement
from roundelay.ml.readers.source import DataSet, rebased, with_test
from roundelay.ml.readers.table import TableOptions
from roundelay.ml.readers.understood import in_short, understand
from roundelay.ml.row_digests import Digests, count_shared, digest_rows
from roundelay.node.files import open_content
from roundelay.store.blobs import Content, digest_of
from roundelay.store.items import FILE_BYTES_MAX
from roundelay.store.names import check_name

CLASSES = 26


@dataclass(frozen=True, eq=False)
class JobInput:
    """The files of a job, and the spec's description of their rows."""

    contents: Mapping[str, Content]  # by digest
    files: tuple[TrainingFile, ...]  # sorted by name
    validation: TrainingFile | None  # None: the sites of private files evaluate
    features: int
    classes: int = CLASSES  # 0: a regression
    labels: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()
    class_rows: tuple[int, ...] = ()
    skipped: tuple[str, ...] = ()
    kind: str = "letters"
    shared_rows: tuple[int, ...] = ()  # of each file: validation rows that are in it, too
    encoding: str = ""  # JSON: how the columns of a table became features
    reading: str = ""  # JSON: how the sites of private files read them
    evaluate: str = "client"  # who validates: this file, the sites of private files, or both
    raw: bool = False  # trained by Flower clients, which standardise their own inputs

    def validation_samples(self) -> Samples:
        """Read the rows to validate on."""
        file = self.validation
        assert file is not None  # else nobody asks
        return contents.parse(file.name, self.contents[file.digest][:], self.features, self.classes)


class ContentsOnDisk(Mapping[str, Content]):
    """Contents by digest, read in parts on demand: a data set need not fit into memory."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = paths

    def __getitem__(self, digest: str) -> Content:
        return open_content(self._paths[digest])

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def read_data(request: TrainRequest, kind: str, seed: int, stack: ExitStack, progress: Progress) -> JobInput:
    """Read data of this kind into files of the ring; the stack removes temporary ones. Raises MLError."""
    options, validation, partition = request.data_options, request.validation, request.partition
    data = request.data if isinstance(request.data, DataSet) else Path(str(request.data))
    is_divided = options.parts or options.classes or partition
    if kind == "letters" and isinstance(data, Path) and isinstance(validation, str | Path) and not is_divided:
        return read_input(data, str(validation), limits_of(options.max_file_bytes))
    found = data if isinstance(data, DataSet) else _read_all(data, validation, read_options(options, kind), progress)
    if found.task == "regression" and isinstance(partition, BY_CLASS):
        raise BadTask(f"{type(partition).__name__} divides rows by their classes, and a regression has none")
    if isinstance(validation, DataSet):
        found = with_test(found, validation)
    elif isinstance(data, DataSet) and validation is not None:
        columns = TableOptions(task=found.task, likely_label=found.encoding.label if found.encoding else "")
        reading = dataset.ReadOptions(table=columns, limits=limits_of(options.max_file_bytes))
        found = with_test(found, dataset.read(Path(validation), reading, on_read=progress.bar("reading")))
    for line in in_short(understand(found)):
        progress.note(line)
    tell = progress.bar("preparing")
    parts = options.parts or (PARTS_DEFAULT if partition else None)
    plan = prepare.SplitPlan(parts, options.holdout, seed, options.classes)
    assign = partial(assign_rows, partition) if partition else None
    return _prepared(lambda place: prepare.prepare(found, place, plan, tell, assign), stack)


def _read_all(
    data: Path, validation: str | Path | DataSet | None, reading: dataset.ReadOptions, progress: Progress
) -> DataSet:
    """Read the data set at a path, and its validation data if they are at one too. Raises MLError."""
    held_out = folder.find_validation(str(validation), data) if isinstance(validation, str | Path) else None
    read = progress.bar("reading")
    found = dataset.read(data, replace(reading, without=held_out), on_read=read)
    return found if held_out is None else with_test(found, dataset.read(held_out, reading, found, read))


def kind_of(request: TrainRequest) -> str:
    """Return the kind of the request's data, guessed if it is not named.

    What cannot be guessed but has a validation file is letters: their reader names what is wrong.
    """
    if isinstance(request.data, DataSet):
        return request.data.kind
    if request.data_options.dataset:
        return request.data_options.dataset
    try:
        return dataset.guess(Path(str(request.data)), _table_options(request.data_options))
    except MLError as error:
        if isinstance(error, InputMissing) or request.validation is not None:
            return "letters"
        raise


def read_agreed_validation(
    given: str | Path | DataSet | None, kind: str, agreement: Agreement, limits: Limits = DEFAULT
) -> JobInput:
    """Read the validation rows of a job on private files as their sites have agreed to read theirs. Raises MLError.

    kind: of the sites' data. A file of letters is stored as it is. Without a file, the sites evaluate.
    """
    reading, held = agreement.reading, dict[str, bytes]()
    file: TrainingFile | None
    classes, about = agreement.classes, {"features": agreement.features, "shape": agreement.shape}
    if given is None:
        file = None
    elif kind == "letters" and not isinstance(given, DataSet) and not is_dataset(Path(given)) and not reading.classes:
        file, samples = _read(Path(given), 0, agreement.features, held, classes, limits)
    else:
        source = given if isinstance(given, DataSet) else Path(given)
        name = f"{source.name if isinstance(source, Path) else 'validation'}{prepare.SUFFIX}"
        samples = site.read_validation(source, kind, reading, limits)
        if samples.features != agreement.features:
            told = f"have {samples.features} features, but the sites' data {agreement.features}"
            raise DataError("the validation data", None, told)
        content = packed.pack(samples, classes, agreement.shape)
        _check_storable(Path(name), name, len(content))
        file = TrainingFile(0, name, digest_of(content), len(content), samples.rows)
        held[file.digest] = content
    numbers = tuple(map(str, range(classes)))
    labels = () if reading.labels == numbers else reading.labels
    return JobInput(held, (), file, labels=labels, kind=kind, classes=classes, encoding=reading.encoding, **about)  # type: ignore[arg-type]


def read_validation(
    given: str | Path | DataSet, options: DataOptions, stack: ExitStack, tell: prepare.OnProgress
) -> JobInput:
    """Read the validation rows of Flower clients, whose inputs are raw: letters, or the test part of any data set.

    The stack removes temporary files. Raises MLError.
    """
    path = Path() if isinstance(given, DataSet) else Path(given)
    if isinstance(given, DataSet) or is_dataset(path) or options.dataset not in (None, "letters"):
        found = given if isinstance(given, DataSet) else dataset.read(path, read_options(options, options.dataset))
        return _prepared(lambda place: prepare.prepare_validation(rebased(found, None), place, tell), stack)
    held: dict[str, bytes] = {}
    classes = 0 if options.task == "regression" else CLASSES
    file, samples = _read(path, 0, None, held, classes, limits_of(options.max_file_bytes))
    return JobInput(held, (), file, samples.features, classes)


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
        file, samples = _read(path, len(files), features, held, limits=limits)
        features = samples.features
        if file.digest == excluded and (files or number < len(listing.files)):
            skipped.append(f"{file.name} (the validation file itself)")
            continue
        class_rows += np.bincount(samples.y, minlength=CLASSES)
        digests.append(digest_rows(samples.x, samples.y))
        files.append(file)
    held_out, samples = _read(validation_path, len(files), features, held, limits=limits)
    return JobInput(
        held,
        tuple(files),
        held_out,
        samples.features,
        class_rows=tuple(class_rows.tolist()),
        skipped=tuple(skipped),
        shared_rows=count_shared(digest_rows(samples.x, samples.y), digests),
    )


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
    if initial is not None and initial.design.task != spec.task:
        raise DataError("--init", None, f"the model is of a {initial.design.task}, this job of a {spec.task}")
    if initial is not None and replace(initial.design, arithmetic=settings.arithmetic) != spec.design:
        raise DataError(
            "--init",
            None,
            f"the model has layers {initial.design.sizes}, this job has {spec.sizes}"
            if initial.design.model == settings.model
            else f"it is a model {initial.design.model}, this job trains {settings.model}",
        )
    if initial is not None:
        _check_same_meaning(initial, given)
    return replace(spec, fingerprint=round_tasks.fingerprint_here(spec))


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


def read_options(options: DataOptions, kind: str | None) -> dataset.ReadOptions:
    """Return the options of a data set's reader."""
    images = ImageOptions(options.side, options.colour)
    return dataset.ReadOptions(
        kind, table=_table_options(options), images=images, limits=limits_of(options.max_file_bytes)
    )


def reading_of(options: DataOptions, seed: int, holds_out: bool = False) -> Reading:
    """Return how a job asks sites to read their private data. holds_out: the sites hold out rows to evaluate on."""
    asked = _table_options(options)
    return Reading(
        options.dataset or "",
        asked.label,
        asked.missing,
        asked.header,
        asked.decimal,
        asked.drop,
        asked.columns,
        asked.categorical,
        asked.words_max,
        asked.task,
        options.side,
        options.colour,
        options.classes,
        options.holdout if holds_out else 0.0,
        seed,
    )


def _table_options(options: DataOptions) -> TableOptions:
    return TableOptions(
        None if options.label is None else label_column(options.label),
        options.missing,
        options.header,
        options.decimal,
        options.drop,
        options.columns,
        options.categorical,
        options.words,
        options.task,
    )


def _prepared(make: Callable[[Path], prepare.Prepared], stack: ExitStack) -> JobInput:
    """Prepare a data set into a temporary folder, which the stack removes. Raises DataError, CannotWrite."""
    try:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roundelay-data-")))
        made = make(place)
    except OSError as error:
        raise writing_failed(error) from error

    def as_job_names_it(index: int, file: prepare.PreparedFile) -> TrainingFile:
        _check_storable(place / file.name, file.name, file.size_bytes)
        return TrainingFile(index, file.name, file.digest, file.size_bytes, file.rows)

    files = [as_job_names_it(index, file) for index, file in enumerate((*made.files, made.validation))]
    paths = {file.digest: place / file.name for file in files}
    return JobInput(
        ContentsOnDisk(paths),
        tuple(files[:-1]),
        files[-1],
        made.features,
        len(made.labels),
        () if made.labels == tuple(map(str, range(len(made.labels)))) else made.labels,
        made.shape,
        made.class_rows,
        made.skipped,
        made.kind,
        made.shared_rows,
        made.encoding.to_json() if made.encoding else "",
    )


def _read(
    path: Path,
    index: int,
    features: int | None,
    held: dict[str, bytes],
    classes: int = CLASSES,
    limits: Limits = DEFAULT,
) -> tuple[TrainingFile, Samples]:
    if path.is_file():
        _check_storable(path, path.name, path.stat().st_size)
    content = folder.read_file(path, limits)
    _check_storable(path, path.name, len(content))  # it may have grown
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


def _check_storable(path: Path, name: str, size_bytes: int) -> None:
    """Raise DataError if the ring would not store such a file."""
    try:
        check_name(name)
    except Malformed as error:
        raise DataError(str(path), None, str(error)) from error
    if size_bytes > FILE_BYTES_MAX:
        raise DataError(str(path), None, f"is larger than {FILE_BYTES_MAX} bytes; split it")
