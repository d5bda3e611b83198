"""The arguments of Ring.train as a TrainRequest: arrays, DataFrames, folders and files; settings by their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from roundelay.client.error_translation import translated_errors
from roundelay.client.errors import InvalidRequest
from roundelay.client.option_text import full_setting
from roundelay.client.requests import DataOptions, TrainRequest
from roundelay.federation.settings import Settings
from roundelay.ml import plugins
from roundelay.ml.choices import KINDS, TASK_CHOICES, most_similar
from roundelay.ml.partitioners import METHODS, Partitioner, partitioner_of
from roundelay.ml.readers import arrays
from roundelay.ml.readers.saved_model import SavedModel
from roundelay.ml.readers.source import DataSet

SETTINGS = tuple(each.name for each in fields(Settings))
PLUGIN_SETTINGS = tuple(each.name for each in fields(Settings) if "plugin" in each.metadata)
DATA_OPTIONS = tuple(each.name for each in fields(DataOptions) if each.name != "parts")  # which is `clients`
IN_MEMORY = ("parts", "holdout", "classes", "task")  # the options for data in memory; the others say how to read files


def make_request(
    data: Any,
    labels: Any,
    validation: Any,
    clients: int | None,
    partition: Partitioner | Sequence[Any] | str | None,
    init: str | PathLike[str] | SavedModel | None,
    detach: bool,
    private: str,
    options: Mapping[str, Any],
    evaluate: str = "",
) -> TrainRequest:
    """Return the request. Raises InvalidRequest, BadInput."""
    _check_names(options)
    partitioner, rows_of_clients = _divided_by(partition)
    with translated_errors():
        task = str(options.get("task", "auto"))
        if task not in TASK_CHOICES:
            raise InvalidRequest(f"task is {task!r}, expected one of {', '.join(TASK_CHOICES)}")
        found = _data(data, labels, rows_of_clients, task)
        held_out = _validation(validation, found.task if isinstance(found, DataSet) else task)
    data_options = {name: _plain(name, value) for name, value in options.items() if name in DATA_OPTIONS}
    if clients is not None:
        data_options["parts"] = _plain("clients", clients)
    _check_data_options(found, data_options, rows_of_clients)
    return TrainRequest(
        found,
        held_out,
        {name: _plain(name, value) for name, value in options.items() if name in SETTINGS},
        DataOptions(**data_options),
        init if init is None or isinstance(init, SavedModel) else Path(init),
        private,
        detach,
        partitioner,
        evaluate,
    )


def _divided_by(partition: Partitioner | Sequence[Any] | str | None) -> tuple[Partitioner | None, list[Any] | None]:
    """Return the partitioner, or the rows of each client, that the argument means. Raises InvalidRequest."""
    if isinstance(partition, str):
        return _partitioner(partition), None
    if partition is None:
        return None, None
    if callable(partition):
        return partition, None
    if not isinstance(partition, Iterable):
        raise InvalidRequest(
            f"partition is {partition!r}: expected a partitioner, its name, or each client's row numbers"
        )
    return None, list(partition)


def _partitioner(name: str) -> Partitioner:
    """Return a partitioner by its name, with its defaults. Raises InvalidRequest."""
    full = plugins.full_name("partitioners", name, METHODS)
    if ":" not in full and full not in METHODS:
        raise InvalidRequest(f"no partitioner {name!r}; there are {', '.join(METHODS)}, and MODULE:NAME")
    plugins.allow(plugins.modules_of([full]))
    with translated_errors():
        return partitioner_of(full)


def _data(data: Any, labels: Any, rows_of_clients: list[Any] | None, task: str) -> str | Path | DataSet | None:
    """Return data as a request takes them. Raises DataError, InvalidRequest."""
    if data is None or isinstance(data, str | PathLike | DataSet):
        if labels is not None:
            raise InvalidRequest("the class of each row (y) goes with arrays and DataFrames; a file holds its classes")
        if rows_of_clients is not None:
            raise InvalidRequest("row numbers for each client go with arrays and DataFrames; give a partitioner")
        return data if isinstance(data, str | DataSet | None) else Path(data)
    if arrays.is_per_client(data) and rows_of_clients is not None:
        raise InvalidRequest("x is a list of arrays, one for each client: it cannot be partitioned again")
    return arrays.read(data, labels, rows_of_clients, task)


def _validation(given: Any, task: str) -> str | Path | DataSet | None:
    """Return validation data: a path, a DataSet or (x, y). Raises DataError, InvalidRequest."""
    if given is None or isinstance(given, str | DataSet):
        return given
    if isinstance(given, PathLike):
        return Path(given)
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise InvalidRequest("validation is neither a path nor a pair (x, y); for a share of the rows give holdout=0.2")
    return arrays.read(given[0], given[1], task=task)


def _check_names(options: Mapping[str, Any]) -> None:
    """Raise InvalidRequest for an option that does not exist."""
    known = (*SETTINGS, *DATA_OPTIONS)
    for name in options:
        if name not in known:
            near = most_similar(name, known)
            hint = f"did you mean {near}?" if near else f"there are {', '.join(known)}"
            raise InvalidRequest(f"{name} is not an option of a job; {hint}")


def _check_data_options(data: object, given: Mapping[str, Any], rows_of_clients: list[Any] | None) -> None:
    """Raise InvalidRequest for options that would have no effect on these data."""
    if isinstance(data, DataSet):
        for name in given:
            if name not in IN_MEMORY:
                raise InvalidRequest(f"{name} says how to read a file, and the data are in memory")
    clients = given.get("parts")
    if rows_of_clients is not None and clients not in (None, len(rows_of_clients)):
        raise InvalidRequest(f"clients is {clients}, but the partition has the rows of {len(rows_of_clients)}")


def _plain(name: str, value: Any) -> Any:
    """Return a value as settings have it: numpy's numbers as Python's, one layer or several as a tuple."""
    if isinstance(value, np.generic):
        value = value.item()
    if name in ("hidden", "classes", "drop", "columns", "categorical"):
        values = value if isinstance(value, tuple | list) else (value,)
        return tuple(_plain("", each) if name == "hidden" else str(each) for each in values)
    if name == "dataset" and value is not None:
        return plugins.full_name("readers", value, KINDS)
    if name in PLUGIN_SETTINGS:
        return full_setting(name, value)
    return str(value) if name == "label" else value
