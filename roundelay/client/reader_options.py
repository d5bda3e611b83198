"""How a request's data are to be read: their kind, and the options of readers, here and at sites."""

from __future__ import annotations

from pathlib import Path

from roundelay.client.requests import DataOptions, TrainRequest
from roundelay.ml.choices import label_column
from roundelay.ml.errors import InputMissing, MLError
from roundelay.ml.readers import dataset
from roundelay.ml.readers.images import ImageOptions
from roundelay.ml.readers.limits import limits_of
from roundelay.ml.readers.reading import Reading
from roundelay.ml.readers.schema import TableOptions
from roundelay.ml.readers.source import DataSet


def kind_of(request: TrainRequest) -> str:
    """Return the kind of the request's data, guessed if it is not named.

    What cannot be guessed but has a validation file is letters: their reader names what is wrong.
    """
    if isinstance(request.data, DataSet):
        return request.data.kind
    if request.data_options.dataset:
        return request.data_options.dataset
    try:
        return dataset.guess(Path(str(request.data)), table_options(request.data_options))
    except MLError as error:
        if isinstance(error, InputMissing) or request.validation is not None:
            return "letters"
        raise


def read_options(options: DataOptions, kind: str | None) -> dataset.ReadOptions:
    """Return the options of a data set's reader."""
    images = ImageOptions(options.side, options.colour)
    return dataset.ReadOptions(
        kind, table=table_options(options), images=images, limits=limits_of(options.max_file_bytes)
    )


def reading_of(options: DataOptions, seed: int, holds_out: bool = False) -> Reading:
    """Return how a job asks sites to read their private data. holds_out: the sites hold out rows to evaluate on."""
    asked = table_options(options)
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


def table_options(options: DataOptions) -> TableOptions:
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
