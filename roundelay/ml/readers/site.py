"""Private data at their site: found in a folder in any format, described to a job, read as its sites have agreed.

A part is one file of the job: a file of a folder of tables or letters, else the whole data set. The rows that a part
holds out are drawn as those of placed files are, by the job's seed and the file's number in the job; they train
nothing, and no mean or list of words knows them. A data set with a test part of its own holds out that instead.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Floats, Ints, Labels, Samples
from roundelay.ml.design import CLASSES_DEFAULT
from roundelay.ml.errors import DataError, InputMissing, printable, private
from roundelay.ml.prepare import SplitPlan, draw_holdout
from roundelay.ml.readers import dataset, npz, table
from roundelay.ml.readers.encoding import encoding_from_json
from roundelay.ml.readers.folder import FILES_MAX, Listing, is_junk, list_training_files
from roundelay.ml.readers.limits import DEFAULT, Limits
from roundelay.ml.readers.reading import Reading
from roundelay.ml.readers.schema import TableOptions
from roundelay.ml.readers.site_schema import PartRows, SiteSchema
from roundelay.ml.readers.source import DataSet, DatasetPart, arranged, column_names, rebased
from roundelay.ml.row_digests import Digests, digest_rows

Bools = npt.NDArray[np.bool_]

BY_FILE = ("csv", "letters")  # kinds whose files are parts
HASHED_BYTES = 1 << 20  # of a file, at a time
SHARED_ROWS_MIN, SHARED_SHARE_MIN = 10, 0.1  # of validation rows that train: of fewer nothing is told


@dataclass(frozen=True)
class PartFiles:
    """A part, the files that it is read from, and the digest of their contents."""

    name: str
    paths: tuple[Path, ...]
    digest: str
    size_bytes: int
    rows: int  # with those that may be held out; 0: it can be read only with options of a job


@dataclass(frozen=True, eq=False)
class SitePart:
    """A part's rows, read for one job."""

    training: Samples
    held_out: Samples | None  # None: no row

    @property
    def size_bytes(self) -> int:
        return self.training.size_bytes + (self.held_out.size_bytes if self.held_out is not None else 0)


def survey(path: Path, limits: Limits = DEFAULT) -> tuple[str, tuple[PartFiles, ...], str]:
    """Return the kind of the data in a folder, their parts, and why they cannot be read without a job's options.

    Raises DataError, InputMissing.
    """
    place = dataset.locate(path)
    kind, problem = dataset.guess(place), ""
    try:
        schema = describe(path, {}, Reading(), limits)
    except (DataError, InputMissing) as error:
        if kind not in BY_FILE:  # options are for tables
            raise
        problem = str(error)
    rows = {} if problem else {part.name: part.rows + part.held_out for part in schema.parts}
    named: list[tuple[str, tuple[Path, ...]]]
    if kind in BY_FILE:
        files = _listing(place, kind).files
        named = [(each.name, (each,)) for each in files if problem or each.name in rows]
    else:
        named = [(name, _files_below(place)) for name in rows]
    return (
        kind,
        tuple(PartFiles(n, paths, digest_of_files(paths), _size(paths), rows.get(n, 0)) for n, paths in named),
        problem,
    )


def describe(path: Path, numbers: Mapping[str, int], reading: Reading, limits: Limits = DEFAULT) -> SiteSchema:
    """Describe the parts with these numbers in the job; none: all. Raises DataError, InputMissing, CannotWrite."""
    data = read_data(path, reading, limits)
    if data.table is not None and data.table.schema.is_refuted:  # the names would be values of a row
        raise DataError(str(path), None, "holds a file without a header: name its columns there, or say --header no")
    parts = [part for part in data.training if part.name in numbers or not numbers]
    if missing := set(numbers) - {part.name for part in parts}:
        raise DataError(str(path), None, f"holds no {printable(min(missing))} any more")
    training = {id(part): _training_rows(data, part, numbers.get(part.name, 0), reading) for part in parts}
    rows = tuple(_rows_of(data, part, training[id(part)], reading) for part in parts)
    made = SiteSchema(data.kind, data.task, rows, data.features, data.shape, _labels_here(data), skipped=data.skipped)
    if data.table is None:
        return replace(made, names=tuple(column_names(data)))
    masks = [
        training[id(part)] if id(part) in training else np.zeros(part.rows, np.bool_)
        for part in (*data.training, *data.test)
    ]
    schema = data.table.schema
    columns = data.table.summaries(masks)
    return replace(made, columns=columns, label=schema.label, place=schema.place, dropped=tuple(schema.dropped))


def read_part(path: Path, name: str, number: int, reading: Reading, limits: Limits = DEFAULT) -> SitePart:
    """Read a part for a job whose sites have agreed. Raises DataError, InputMissing, CannotWrite, BadTask."""
    (part,) = _read_parts(path, {name: number}, reading, limits)
    return part


def holds_many(
    path: Path, numbers: Mapping[str, int], reading: Reading, rows: Digests, limits: Limits = DEFAULT
) -> bool:
    """Return whether many of the rows with these digests train in parts with these numbers in the job.

    The answer to a question padded with rows that are known to be there tells whether one more row is there, too; with
    a reading of one column, whether one value is. Raises DataError, InputMissing, CannotWrite, BadTask.
    """
    wanted = np.unique(rows)
    found = np.zeros(len(wanted), np.bool_)
    for part in _read_parts(path, numbers, reading, limits):
        found |= np.isin(wanted, digest_rows(part.training.x, part.training.y))
    return bool(found.sum() >= max(SHARED_ROWS_MIN, SHARED_SHARE_MIN * len(wanted)))


def training_part(path: Path, data: DataSet, name: str) -> DatasetPart:
    part = next((each for each in data.training if each.name == name), None)
    if part is None:
        raise DataError(str(path), None, f"holds no {printable(name)} any more")
    return part


def _read_parts(path: Path, numbers: Mapping[str, int], reading: Reading, limits: Limits) -> Iterator[SitePart]:
    """Yield the parts with these numbers in the job. Raises DataError, InputMissing, CannotWrite, BadTask."""
    if reading.encoding:
        place = dataset.locate(path)
        for name, number in numbers.items():
            source = place / name if place.is_dir() else place
            encoding = encoding_from_json(reading.encoding)
            x, y, labels = table.read_as_agreed(source, encoding, reading.labels, reading.table, limits)
            y = _numbered(str(source), y, labels, reading)
            yield _split(x, y, _draw(y, number, reading), None)
        return
    data = read_data(path, reading, limits)
    for name, number in numbers.items():
        yield _agreed_part(path, data, training_part(path, data, name), number, reading)


def _agreed_part(path: Path, data: DataSet, part: DatasetPart, number: int, reading: Reading) -> SitePart:
    """Return the rows of a part, and those that it holds out, with their classes by their numbers in the job."""
    x, y = features_of(part), _numbered(str(path), part.y, data.labels, reading)
    if not data.test:
        return _split(x, y, _draw(y, number, reading), None)
    test = None
    if part is data.training[0] and reading.holdout:  # the first part has them
        test_x = np.concatenate([features_of(each) for each in data.test])
        test_y = np.concatenate([_numbered(str(path), each.y, data.labels, reading) for each in data.test])
        test = _used(test_x, test_y)
    return _split(x, y, np.zeros(0, np.int64), test)


def read_validation(source: Path | DataSet, kind: str, reading: Reading, limits: Limits = DEFAULT) -> Samples:
    """Read validation rows, the test part of a data set if it has one, as sites have agreed to read theirs.

    kind: of the sites' data. Raises DataError, InputMissing, CannotWrite.
    """
    if reading.encoding and isinstance(source, Path):
        encoding = encoding_from_json(reading.encoding)
        x, y, labels = table.read_as_agreed(source, encoding, reading.labels, reading.table, limits)
        return _used(x, _numbered(str(source), y, labels, reading))
    where = str(source) if isinstance(source, Path) else "the validation data"
    is_text = isinstance(source, Path) and source.is_file() and source.suffix not in npz.SUFFIXES
    options = replace(reading, dataset=reading.dataset or (kind if is_text else ""))
    data = read_data(source, options, limits) if isinstance(source, Path) else _as_agreed(source, reading)
    if data.task != reading.task:
        raise DataError(where, None, f"are of a {data.task}, and the sites' data of a {reading.task}: say --task")
    parts = data.test or data.training
    y = np.concatenate([_numbered(where, part.y, data.labels, reading) for part in parts])
    return _used(np.concatenate([features_of(part) for part in parts]), y)


def _as_agreed(data: DataSet, reading: Reading) -> DataSet:
    """Return data in memory with the columns and offsets of the sites. Raises DataError for other features."""
    agreed = encoding_from_json(reading.encoding) if reading.encoding else None
    if agreed is not None and agreed.are_numbers:
        data = arranged(data, [each.name for each in agreed.columns])
    if agreed is not None and agreed.features != data.features:
        told = f"have {data.features} features, but the sites' data {agreed.features}"
        raise DataError("the validation data", None, told)
    return rebased(data, agreed)


def _used(x: Floats, y: Labels) -> Samples:
    kept = _is_used(y)
    return Samples(np.ascontiguousarray(x[kept]), y[kept])


def digest_of_files(paths: Sequence[Path]) -> str:
    """Return the SHA-256 of a file's content, or of the names and contents of several. Raises InputMissing."""
    if len(paths) == 1:
        return _digest(paths[0]).hexdigest()
    whole = hashlib.sha256()
    root = Path(os.path.commonpath(paths))
    for path in paths:
        whole.update(f"{_digest(path).hexdigest()} {path.relative_to(root)}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def _digest(path: Path) -> hashlib._Hash:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(HASHED_BYTES):
                digest.update(piece)
    except OSError as error:
        raise InputMissing(f"cannot read {printable(str(path))}: {error.strerror}") from error
    return digest


def _size(paths: Sequence[Path]) -> int:
    return sum(path.stat().st_size for path in paths)


def read_data(path: Path, reading: Reading, limits: Limits) -> DataSet:
    place = dataset.locate(path)
    kind = reading.dataset or dataset.guess(place, replace(reading.table, task="auto"))
    if kind == "letters":
        classes = 0 if reading.task == "regression" else CLASSES_DEFAULT
        return dataset.read_letters(place, classes=classes, limits=limits)
    columns = reading.table if kind == "csv" else TableOptions(task=reading.task)
    options = dataset.ReadOptions(kind, table=columns, images=reading.images, limits=limits)
    data = dataset.read(place, options, is_share=True)
    is_shifted = data.encoding is not None and not data.encoding.is_plain  # by another offset at each site
    if data.table is None and is_shifted:
        raise DataError(str(path), None, "holds numbers that float32 would merge: subtract a round number from them")
    return data


def _listing(place: Path, kind: str) -> Listing:
    if place.is_file():
        return Listing((place,), ())
    return list_training_files(place, None, table.is_table if kind == "csv" else None)


def _files_below(place: Path) -> tuple[Path, ...]:
    """Return all files of a data set that is one part. Raises DataError."""
    if place.is_file():
        return (place,)
    found = []
    for folder, inner, names in os.walk(place):
        inner[:] = sorted(name for name in inner if not is_junk(name))
        found += [Path(folder, name) for name in sorted(names) if not is_junk(name)]
        if len(found) > FILES_MAX:
            raise DataError(str(place), None, f"holds more than {FILES_MAX} files")
    return tuple(each for each in found if each.is_file() and not each.is_symlink())


def _labels_here(data: DataSet) -> tuple[str, ...]:
    """Return the names of the classes that a site's rows have; where classes are numbers by rule, all of them."""
    if not data.labels or data.kind in ("letters", "mnist", "cifar10"):
        return data.labels
    present = {number for part in (*data.training, *data.test) for number in np.unique(part.y).tolist()}
    return tuple(label for number, label in enumerate(data.labels) if number in present)


def _training_rows(data: DataSet, part: DatasetPart, number: int, reading: Reading) -> Bools:
    """Return which rows of a part train: (n,)."""
    y = _numbered("", part.y, data.labels, replace(reading, labels=()))
    trains = _is_used(y)
    if not data.test:
        trains[_draw(y, number, reading)] = False
    return trains


def _rows_of(data: DataSet, part: DatasetPart, trains: Bools, reading: Reading) -> PartRows:
    held_out = int(_is_used(_numbered("", part.y, data.labels, replace(reading, labels=()))).sum() - trains.sum())
    if data.test and reading.holdout and part is data.training[0]:
        labels = replace(reading, labels=())
        held_out = sum(int(_is_used(_numbered("", each.y, data.labels, labels)).sum()) for each in data.test)
    return PartRows(part.name, int(trains.sum()), held_out)


def _numbered(source: str, y: Labels, labels: Sequence[str], reading: Reading) -> Labels:
    """Return each row's class by its number in the job, -1 for a class that the job leaves out; a target as it is.

    Raises DataError for a class that the sites have not agreed on.
    """
    if not labels:
        return y
    known = reading.classes or reading.labels or tuple(labels)
    unknown = next((label for label in labels if label not in known), None)
    if unknown is not None and not reading.classes:
        raise DataError(source, None, f"has a class '{private(unknown, 40)}' that the job does not know")
    numbers = np.array([known.index(label) if label in known else -1 for label in labels], np.int64)  # (classes,)
    return numbers[y]


def _is_used(y: Labels) -> Bools:
    """Return which rows have a class of the job, or a target."""
    return np.ones(len(y), np.bool_) if y.dtype.kind == "f" else y >= 0


def _draw(y: Labels, number: int, reading: Reading) -> Ints:
    """Return the rows that a part holds out."""
    rows = np.flatnonzero(_is_used(y))
    return (
        draw_holdout(rows, SplitPlan(holdout=reading.holdout, seed=reading.seed), number)
        if reading.holdout
        else rows[:0]
    )


def features_of(part: DatasetPart) -> Floats:
    return np.concatenate([block.astype(np.float32) for block in part.blocks()])  # (n, d)


def _split(x: Floats, y: Labels, held_out: Ints, test: Samples | None) -> SitePart:
    """Return the rows of a part as those that train, and those that do not."""
    trains = _is_used(y)
    trains[held_out] = False
    if test is None and len(held_out):
        drawn = np.sort(held_out)
        test = Samples(x[drawn], y[drawn])
    return SitePart(Samples(np.ascontiguousarray(x[trains]), y[trains]), test)
