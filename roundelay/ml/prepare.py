"""Turn a data set that a reader knows into packed training files and a validation file, split by a seed.

Reads block by block and writes as it reads: a data set need not fit into memory. The split depends on the seed, the
classes and the number of parts only: the same data give the same files everywhere. `client.py prepare` and
`client.py train` use it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from roundelay.ml.choices import HOLDOUT_DEFAULT, PARTS_DEFAULT
from roundelay.ml.data import Ints, Labels
from roundelay.ml.errors import DataError, private, writing_failed
from roundelay.ml.readers import packed
from roundelay.ml.readers.dataset import ReadOptions, read
from roundelay.ml.readers.encoding import Encoding
from roundelay.ml.readers.source import DataSet, Rows
from roundelay.ml.readers.table import fit
from roundelay.ml.row_digests import Digests, count_shared, digest_rows

PARTS_MAX = 512
FILE_BYTES_MAX = 16 << 20  # of one training file: more parts are made where it would be larger
SUFFIX = ".rdl"
VALIDATION = f"validation{SUFFIX}"
INDEX = "index.json"

OnProgress = Callable[[int, int], None]  # rows written, rows in all
Assign = Callable[[Ints, int, int], Ints]  # classes (n,), parts, seed -> the part of each row (n,)


@dataclass(frozen=True)
class SplitPlan:
    """How a data set is split into files."""

    parts: int | None = None  # training files; None: one per source file, or PARTS_DEFAULT of a single source
    holdout: float = HOLDOUT_DEFAULT  # share of the rows kept for validation if the data set has no test part
    seed: int = 0
    classes: tuple[str, ...] = ()  # use only these classes, renumbered in this order; (): all


@dataclass(frozen=True)
class PrepareRequest:
    """What to read, how to split it, and where to write the files."""

    source: Path  # file or folder
    out: Path  # folder, made if necessary
    options: ReadOptions = field(default_factory=ReadOptions)
    plan: SplitPlan = field(default_factory=SplitPlan)


@dataclass(frozen=True)
class PreparedFile:
    """A packed file on disk."""

    name: str
    digest: str  # SHA-256, hex
    size_bytes: int
    rows: int


@dataclass(frozen=True)
class Prepared:
    """A data set as packed files."""

    kind: str
    files: tuple[PreparedFile, ...]  # sorted by name
    validation: PreparedFile
    features: int
    labels: tuple[str, ...]
    shape: packed.Shape
    class_rows: tuple[int, ...]  # training rows of each class
    skipped: tuple[str, ...] = ()
    encoding: Encoding | None = None  # of a table's columns
    shared_rows: tuple[int, ...] = ()  # of each file: validation rows that are in it, too

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)


class _FileWriter:
    """Writes one packed file and computes its digest, and those of its rows."""

    def __init__(self, path: Path, header: packed.PackedHeader, stack: ExitStack) -> None:
        self.path, self.rows = path, header.rows
        self._stream = stack.enter_context(path.open("wb"))
        self._hash, self.size_bytes = hashlib.sha256(), 0
        self.digests: list[Digests] = []
        self.writer = packed.Writer(self, header)  # type: ignore[arg-type]  # needs only write()

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        self.size_bytes += len(data)
        return self._stream.write(data)

    def close(self) -> PreparedFile:
        self.writer.close()
        self._stream.flush()
        return PreparedFile(self.path.name, self._hash.hexdigest(), self.size_bytes, self.rows)


def prepare_folder(request: PrepareRequest, on_progress: OnProgress | None = None) -> Prepared:
    """Read the data set at a path and write its files, and an index of them, to a folder.

    Raises InputMissing and DataError for the source, CannotWrite for the folder.
    """
    try:
        request.out.mkdir(parents=True, exist_ok=True)
        prepared = prepare(read(request.source, request.options), request.out, request.plan, on_progress)
        (request.out / INDEX).write_text(prepared.to_json())
    except OSError as error:
        raise writing_failed(error, request.out) from error
    return prepared


def prepare(
    data: DataSet, folder: Path, plan: SplitPlan, on_progress: OnProgress | None = None, assign: Assign | None = None
) -> Prepared:
    """Write a data set's files to a folder. Raises DataError, OSError."""
    y, labels = _select_classes(data, plan.classes)
    if len(labels) == 1:
        raise DataError(data.kind, None, f"has only one class, '{private(labels[0], 20)}', and nothing to tell it from")
    strata = [each if labels else np.zeros(len(each), np.int64) for each in y]  # (n,) each
    files_of_rows = _assign_files(data, strata, plan, assign or split_evenly)
    data = fit(data, [file > 0 for file in files_of_rows])
    names = _file_names(data, plan)
    all_files = np.concatenate(files_of_rows)  # (all n,)
    counts = np.bincount(all_files[all_files >= 0], minlength=len(names))  # (files,)
    if not counts.all():
        empty = int((counts == 0).sum())
        raise DataError(
            data.kind, None, f"{empty} of {len(names)} files would be empty: use fewer --parts, or another --holdout"
        )
    files, digests = _write(data, folder, names, counts, y, files_of_rows, len(labels), on_progress)
    order = sorted(range(1, len(files)), key=lambda number: files[number].name)
    shared = count_shared(digests[0], [digests[number] for number in order])
    trained = np.concatenate([c[f > 0] for c, f in zip(strata, files_of_rows, strict=True)])  # (n,) classes
    return Prepared(
        data.kind,
        tuple(files[number] for number in order),
        files[0],
        data.features,
        labels,
        data.shape,
        tuple(np.bincount(trained, minlength=len(labels)).tolist()) if labels else (),
        data.skipped,
        data.encoding,
        shared,
    )


def prepare_validation(data: DataSet, folder: Path, on_progress: OnProgress | None = None) -> Prepared:
    """Write only a validation file: the test part or, if there is none, all rows. Raises OSError."""
    parts = data.test or data.training
    y = [part.y for part in parts]  # (n,) each
    counts = np.array([sum(map(len, y))])  # (1,)
    validation = replace(data, training=parts, test=())
    all_first = [np.zeros(len(each), np.int64) for each in y]  # (n,) each: everything goes into file 0
    (file,), _ = _write(validation, folder, [VALIDATION], counts, y, all_first, data.classes, on_progress)
    return Prepared(data.kind, (), file, data.features, data.labels, data.shape, (), data.skipped)


def split_evenly(y: Ints, parts: int, seed: int) -> Ints:
    """Assign every row to a random part, sizes differing by at most one row: (n,) -> (n,)."""
    order = np.random.default_rng([seed, 1]).permutation(len(y))  # (n,)
    part_of_row = np.empty(len(y), np.int64)  # (n,)
    part_of_row[order] = np.arange(len(y)) * parts // len(y)
    return part_of_row


def _select_classes(data: DataSet, wanted: Sequence[str]) -> tuple[list[Labels], tuple[str, ...]]:
    """Return the labels of each part's rows, -1 for classes left out, and the names of those that remain."""
    y = [part.y for part in (*data.training, *data.test)]  # (n,) each
    if not wanted:
        return y, data.labels
    if not data.labels:
        raise DataError("--classes", None, "selects classes, and these are the data of a regression")
    unknown = [name for name in wanted if name not in data.labels]
    if unknown or len(set(wanted)) < max(2, len(wanted)):
        raise DataError(
            "--classes", None, f"{', '.join(unknown or wanted)}: expected two or more of {', '.join(data.labels[:40])}"
        )
    numbers = np.full(data.classes, -1)  # (classes,)
    numbers[[data.labels.index(name) for name in wanted]] = np.arange(len(wanted))
    return [numbers[each] for each in y], tuple(wanted)


def _assign_files(data: DataSet, y: Sequence[Ints], plan: SplitPlan, assign: Assign) -> list[Ints]:
    """Return the file of each row, part by part: 0 is the validation file, -1 none."""
    sizes = [len(classes) for classes in y[: len(data.training)]]
    classes = np.concatenate(y[: len(sizes)])  # (n,)
    source = np.repeat(np.arange(len(sizes)), sizes)  # (n,) the part that each row comes from
    file = np.full(len(classes), -1)  # (n,)
    if not data.test:
        for number in range(len(sizes)):
            file[draw_holdout(np.flatnonzero((source == number) & (classes >= 0)), plan, number)] = 0
    rest = (classes >= 0) & (file < 0)  # (n,)
    parts = _count_parts(data, plan)
    part_of_row = source[rest] if parts is None else assign(classes[rest], parts, plan.seed)  # (rest,) -1: left out
    file[rest] = np.where(part_of_row < 0, -1, 1 + part_of_row)
    tested = [np.where(each >= 0, 0, -1) for each in y[len(sizes) :]]
    return [*np.split(file, np.cumsum(sizes)[:-1]), *tested]


def draw_holdout(rows: Ints, plan: SplitPlan, number: int) -> Ints:
    """Draw the rows of a part that are kept for validation."""
    if not 0 < plan.holdout < 1:
        raise DataError("--holdout", None, f"{plan.holdout} of the rows: expected a share between 0 and 1")
    count = round(plan.holdout * len(rows))
    return np.random.default_rng([plan.seed, 0, number]).permutation(rows)[:count]


def _count_parts(data: DataSet, plan: SplitPlan) -> int | None:
    """Return the number of training files; None: keep the parts of the data set."""
    if plan.parts is None and len(data.training) > 1 and data.kind != "cifar10":
        return None
    rows = sum(part.rows for part in data.training)
    trained = rows if data.test else rows - round(plan.holdout * rows)
    usual = max(1, min(PARTS_DEFAULT, trained), -(-rows * data.row_bytes // FILE_BYTES_MAX))
    parts = usual if plan.parts is None else plan.parts
    if not 1 <= parts <= PARTS_MAX:
        raise DataError("--parts", None, f"{parts} training files: expected 1 to {PARTS_MAX}")
    return parts


def _file_names(data: DataSet, plan: SplitPlan) -> list[str]:
    """Return the name of the validation file, then those of the training files."""
    parts = _count_parts(data, plan)
    if parts is None:
        return [VALIDATION, *(f"{part.name}{SUFFIX}" for part in data.training)]
    return [VALIDATION, *(f"{data.kind}-{number:03d}{SUFFIX}" for number in range(parts))]


def _write(
    data: DataSet,
    folder: Path,
    names: Sequence[str],
    counts: Ints,
    y: Sequence[Labels],
    files_of_rows: Sequence[Ints],
    classes: int,
    on_progress: OnProgress | None,
) -> tuple[list[PreparedFile], list[Digests]]:
    """Write every row to its file, in one pass over the data set; return the files, and the digests of their rows."""
    parts = (*data.training, *data.test)
    kind, done, total = (0 if data.pixels else 1), 0, sum(part.rows for part in parts)
    with ExitStack() as stack:
        files = [
            _FileWriter(folder / name, packed.PackedHeader(kind, int(rows), data.features, classes, data.shape), stack)
            for name, rows in zip(names, counts, strict=True)
        ]
        for part, part_classes, part_files in zip(parts, y, files_of_rows, strict=True):
            start = 0
            for block in part.blocks():
                rows = slice(start, start + len(block))
                _write_block(files, block, part_classes[rows], part_files[rows])
                start, done = start + len(block), done + len(block)
                if on_progress:
                    on_progress(done, total)
        return [file.close() for file in files], [np.concatenate(file.digests) for file in files]


def _write_block(files: Sequence[_FileWriter], block: Rows, y: Labels, file_of_row: Ints) -> None:
    """Write the rows of a block to their files."""
    digests = digest_rows(block, y)  # (rows,)
    for number in np.unique(file_of_row).tolist():
        if number >= 0:
            rows = file_of_row == number  # (rows,)
            files[number].writer.add(block[rows], y[rows])
            files[number].digests.append(digests[rows])
