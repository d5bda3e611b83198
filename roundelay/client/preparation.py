"""A request's data, read and checked before a ring is needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from roundelay.client import private_data
from roundelay.client.connection import Connection
from roundelay.client.data_reader import read_agreed_validation, read_data, read_validation
from roundelay.client.error_translation import translated_errors
from roundelay.client.errors import BadInput, InvalidRequest
from roundelay.client.job_input import JobInput
from roundelay.client.job_spec import make_spec
from roundelay.client.local import allow_names
from roundelay.client.memory import estimate_memory
from roundelay.client.presets import description, preset, recommended
from roundelay.client.progress import SILENT, Progress
from roundelay.client.reader_options import kind_of, reading_of
from roundelay.client.requests import TrainRequest
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from roundelay.ml.errors import first_of
from roundelay.ml.models.catalogue import learner
from roundelay.ml.readers.folder import read_file, require_data
from roundelay.ml.readers.limits import limits_of
from roundelay.ml.readers.saved_model import SavedModel, load
from roundelay.ml.readers.source import DataSet
from roundelay.ml.readers.understood import about_skipped
from roundelay.ml.row_digests import digest_rows
from roundelay.store.blobs import digest_of

FindJob = Callable[[Connection | None], tuple[JobSpec, JobInput]]  # only private data need a connection


@dataclass
class PreparedRequest:
    """A request that is ready for a ring; `close` removes its temporary files."""

    request: TrainRequest
    initial: SavedModel | None
    began: float  # monotonic seconds
    settings: Settings | None  # None: private data decide, which are found on the ring
    find_job: FindJob
    files: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        """Remove the temporary files."""
        self.files.close()

    def __enter__(self) -> PreparedRequest:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()


def prepare(request: TrainRequest, progress: Progress = SILENT) -> PreparedRequest:
    """Read and check the request's data, settings and initial model. Raises ClientError."""
    began = time.monotonic()
    with translated_errors(), ExitStack() as stack:
        if isinstance(request.settings, Mapping):
            Settings(**_completed(request.settings))  # refuse a wrong setting before the data are read
        allow_names(request.names)
        initial = load(request.init) if isinstance(request.init, Path) else request.init
        find = _find_private if request.private else _find_own
        settings, found = find(request, initial, progress, stack)
        return PreparedRequest(request, initial, began, settings, found, stack.pop_all())


def settings_of(request: TrainRequest, data: JobInput, progress: Progress) -> Settings:
    """Return the request's settings, completed by its preset or by what the data recommend. Raises BadSpec."""
    given = request.settings
    if isinstance(given, Settings):
        return given
    if request.preset:
        return Settings(**_completed({**preset(request.preset, request.setting("model")), **given}))
    advised = {name: value for name, value in recommended(data, given).items() if name not in given}
    settings = Settings(**_completed({**advised, **given}))
    if advised:
        progress.note(description(settings, advised, data))
    return settings


def _completed(given: Mapping[str, Any]) -> dict[str, Any]:
    return {**given, "optimizer": "gd"} if given.get("course") else dict(given)


MODELS_OF_ROWS = ("mlp", "softmax")


def _find_own(
    request: TrainRequest, initial: SavedModel | None, progress: Progress, stack: ExitStack
) -> tuple[Settings | None, FindJob]:
    """Read the user's own data."""
    data = read_data(request, kind_of(request), request.setting("seed"), stack, progress)
    settings = settings_of(request, data, progress)
    if settings.model in MODELS_OF_ROWS and not request.preset:
        data = replace(data, shape=())  # the same numbers are the same job, whether they come as images or as rows
    spec = make_spec(settings, data, initial, request.detach)
    _note_shared_rows(data, progress)
    _check_batches(spec, progress)
    _note_costs(spec, progress)
    for line in about_skipped(data.kind, data.skipped):
        progress.note(line)
    return settings, lambda _: (spec, data)


def _note_costs(spec: JobSpec, progress: Progress) -> None:
    """Say what memory a large model needs."""
    needed = estimate_memory(spec)
    if needed.is_large:
        progress.note(str(needed))


def _check_batches(spec: JobSpec, progress: Progress) -> None:
    """Say which rows are in batches that are too small. Raises InvalidRequest, BadInput if a file has no other."""
    least, batch = learner(spec.design).least_rows, spec.settings.batch
    needs = f"{spec.settings.model} needs batches of at least {least} rows"
    if batch < least:
        raise InvalidRequest(f"{needs}, and --batch is {batch}")
    if small := next((file for file in spec.files if file.rows < least), None):
        raise BadInput(f"{needs}, and {small.name} has {small.rows}")
    if short := sum(0 < file.rows % batch < least for file in spec.files):
        files = f"{short} file{'s' * (short != 1)}"
        progress.note(f"{needs}; in {files} the last batch is smaller and is not trained")


def _note_shared_rows(data: JobInput, progress: Progress) -> None:
    """Say which training files hold validation rows, too."""
    found = [file.name for file, rows in zip(data.files, data.shared_rows, strict=False) if rows]
    if found:
        held_out = data.validation.rows if data.validation is not None else 0
        progress.note(
            f"{sum(data.shared_rows)} of {held_out} validation rows are training rows, too, in {first_of(found)}: "
            "the validation error is better than on new rows"
        )


def _find_private(
    request: TrainRequest, initial: SavedModel | None, progress: Progress, stack: ExitStack
) -> tuple[Settings | None, FindJob]:
    """Which private files there are, and how their sites read them, is found on the ring."""
    later = stack.enter_context(ExitStack())  # for what is read once the ring is known
    given, digest, limits = request.validation, "", limits_of(request.data_options.max_file_bytes)
    if given is not None and not isinstance(given, DataSet):
        require_data(Path(given))
        digest = digest_of(read_file(Path(given), limits)) if Path(given).is_file() else ""

    def find(connection: Connection | None) -> tuple[JobSpec, JobInput]:
        assert connection is not None, "private data are found on a ring"
        publications = private_data.find_published(connection, request.private, request.setting("model"))
        if private_data.are_clients(publications):
            if given is None or request.evaluated_by != "client":
                raise InvalidRequest("Flower clients are validated on a file: --validation FILE, without --evaluate")
            read = read_validation(given, request.data_options, later, progress.bar("preparing"))
            data, homes = private_data.of_clients(connection, request.private, publications, read)
        else:
            reading = reading_of(request.data_options, request.setting("seed"), request.evaluated_by != "client")
            agreed = private_data.agree_on(
                connection, request.private, publications, reading, digest, request.setting("wait_for")
            )
            validation = read_agreed_validation(given, agreed.kind, agreed.agreement, limits)
            data, homes = _of_sites(agreed, validation, request.evaluated_by), agreed.homes
            if validation.validation is not None and not request.setting("dp_noise"):  # the answer has no noise
                _note_shared_at_sites(connection, request, agreed, validation, progress)
            private_data.note_files(connection, request.private, agreed.files, agreed.homes)
        settings = settings_of(request, data, progress)
        if settings.topology == "gossip":
            private_data.require_exchanges(connection, homes)
        if settings.model in MODELS_OF_ROWS and not request.preset and not data.raw:
            data = replace(data, shape=())
        spec = make_spec(settings, data, initial, request.detach, request.private, homes)
        if not data.raw:
            _check_batches(spec, progress)
        return spec, data

    return None, find


def _note_shared_at_sites(
    connection: Connection,
    request: TrainRequest,
    agreed: private_data.AgreedData,
    validation: JobInput,
    progress: Progress,
) -> None:
    """Say which sites train on many of the validation rows, and which do not tell. Raises ChordError, WorkFailed."""
    samples = validation.validation_samples()
    rows = digest_rows(samples.x.astype(np.float32), samples.y)
    found = private_data.compare_rows(connection, request.private, agreed, rows, request.setting("wait_for"))
    if found.sharing:
        progress.note(
            f"many of the validation rows are training rows, too, at {first_of(found.sharing)}: the validation error "
            "is better than on new rows; validate on other rows, or on those that sites hold out, with --evaluate sites"
        )
    if found.untold:
        progress.note(
            f"the validation rows are not compared with those of {first_of(found.untold)}: if rows of the file train "
            "there, the validation error is better than on new rows"
        )


def _of_sites(agreed: private_data.AgreedData, validation: JobInput, evaluate: str) -> JobInput:
    """Return the input of a job on private files."""
    file = validation.validation
    held_out = replace(file, index=len(agreed.files)) if file is not None else None
    reading = agreed.agreement.reading.to_json()
    return replace(validation, files=agreed.files, validation=held_out, reading=reading, evaluate=evaluate)
