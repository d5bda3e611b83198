"""Read a user's data, of any kind, into the files of a job."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from roundelay.client.job_input import CLASSES, ContentsOnDisk, JobInput, check_storable
from roundelay.client.letter_files import read_input, read_letters
from roundelay.client.progress import Progress
from roundelay.client.reader_options import read_options
from roundelay.client.requests import DataOptions, TrainRequest, is_dataset
from roundelay.federation.requests import TrainingFile
from roundelay.ml import prepare
from roundelay.ml.choices import PARTS_DEFAULT
from roundelay.ml.errors import BadTask, DataError, writing_failed
from roundelay.ml.partitioners import BY_CLASS, assign_rows
from roundelay.ml.readers import dataset, folder, packed, site
from roundelay.ml.readers.limits import DEFAULT, Limits, limits_of
from roundelay.ml.readers.schema import TableOptions
from roundelay.ml.readers.site_schema import Agreement
from roundelay.ml.readers.source import DataSet, rebased, with_test
from roundelay.ml.readers.understood import in_short, understand
from roundelay.store.blobs import digest_of


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
    file, samples = read_letters(path, 0, None, held, classes, limits_of(options.max_file_bytes))
    return JobInput(held, (), file, samples.features, classes)


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
        file, samples = read_letters(Path(given), 0, agreement.features, held, classes, limits)
    else:
        source = given if isinstance(given, DataSet) else Path(given)
        name = f"{source.name if isinstance(source, Path) else 'validation'}{prepare.SUFFIX}"
        samples = site.read_validation(source, kind, reading, limits)
        if samples.features != agreement.features:
            told = f"have {samples.features} features, but the sites' data {agreement.features}"
            raise DataError("the validation data", None, told)
        content = packed.pack(samples, classes, agreement.shape)
        check_storable(Path(name), name, len(content))
        file = TrainingFile(0, name, digest_of(content), len(content), samples.rows)
        held[file.digest] = content
    numbers = tuple(map(str, range(classes)))
    labels = () if reading.labels == numbers else reading.labels
    return JobInput(held, (), file, labels=labels, kind=kind, classes=classes, encoding=reading.encoding, **about)  # type: ignore[arg-type]


def _prepared(make: Callable[[Path], prepare.Prepared], stack: ExitStack) -> JobInput:
    """Prepare a data set into a temporary folder, which the stack removes. Raises DataError, CannotWrite."""
    try:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roundelay-data-")))
        made = make(place)
    except OSError as error:
        raise writing_failed(error) from error

    def as_job_names_it(index: int, file: prepare.PreparedFile) -> TrainingFile:
        check_storable(place / file.name, file.name, file.size_bytes)
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
