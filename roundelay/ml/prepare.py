"""Any data that a reader knows -> files of the ring: packed, checked, hashed, split from a seed.

    python -m roundelay.ml.prepare DATA OUT [--parts 8] [--holdout 0.2] [--seed 0] [--dataset ...] [--classes 3,7]

Reads block by block and writes as it reads, so that a set need not fit into memory. The split is a function of the
seed, the classes and the number of parts alone: the same data give the same files everywhere.
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from roundelay.ml.choices import HOLDOUT_DEFAULT, KINDS, MISSING_CHOICES, SIDE_DEFAULT, side
from roundelay.ml.data import Ints
from roundelay.ml.errors import DataError, InputMissing, MLError
from roundelay.ml.readers import packed
from roundelay.ml.readers.dataset import Reading, read
from roundelay.ml.readers.images import Looks
from roundelay.ml.readers.source import DataSet, Rows
from roundelay.ml.readers.table import Columns

PARTS_DEFAULT = 8
PARTS_MAX = 512
FILE_BYTES_MAX = 16 << 20  # of one training file: more parts are made where it would be larger
SUFFIX = ".rdl"
VALIDATION = f"validation{SUFFIX}"
INDEX = "index.json"

Tell = Callable[[int, int], None]  # rows done, of how many
Assign = Callable[[Ints, int, int], Ints]  # classes (n,), parts, seed -> the part of each row (n,)


@dataclass(frozen=True)
class Plan:
    """How a set is split."""

    parts: int | None = None  # training files; None: PARTS_DEFAULT of a set that is one part, else as it came
    holdout: float = HOLDOUT_DEFAULT  # share of rows held out for validation, where the set has no test part
    seed: int = 0
    classes: tuple[str, ...] = ()  # only these, renumbered in their order; nothing: all


@dataclass(frozen=True)
class PreparedFile:
    """One file of the ring, as it lies on the disk."""

    name: str
    digest: str  # SHA-256, hex
    size_bytes: int
    rows: int


@dataclass(frozen=True)
class Prepared:
    """A set as files of the ring."""

    kind: str
    files: tuple[PreparedFile, ...]  # sorted by name
    validation: PreparedFile
    features: int
    labels: tuple[str, ...]
    shape: packed.Shape
    class_rows: tuple[int, ...]  # training rows of each class
    skipped: tuple[str, ...] = ()

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)


class _File:
    """One packed file on its way to the disk, and its digest."""

    def __init__(self, path: Path, head: packed.Head, stack: ExitStack) -> None:
        self.path, self.rows = path, head.rows
        self._stream = stack.enter_context(path.open("wb"))
        self._hash, self.size_bytes = hashlib.sha256(), 0
        self.writer = packed.Writer(self, head)  # type: ignore[arg-type]  # it only writes

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        self.size_bytes += len(data)
        return self._stream.write(data)

    def done(self) -> PreparedFile:
        self.writer.close()
        self._stream.flush()
        return PreparedFile(self.path.name, self._hash.hexdigest(), self.size_bytes, self.rows)


def evenly(y: Ints, parts: int, seed: int) -> Ints:
    """Every row to a part, by chance, all parts as large as each other within one row: (n,) -> (n,)."""
    order = np.random.default_rng([seed, 1]).permutation(len(y))  # (n,)
    places = np.empty(len(y), np.int64)  # (n,)
    places[order] = np.arange(len(y)) * parts // len(y)
    return places


def prepare(found: DataSet, folder: Path, plan: Plan, tell: Tell | None = None, assign: Assign = evenly) -> Prepared:
    """Write a set's files into a folder. Raises DataError, OSError."""
    numbers, labels = _chosen(found, plan.classes)
    y = [numbers[part.y] for part in (*found.training, *found.test)]  # (n,) each; -1: left out
    places = _places(found, y, plan, assign)
    names = _names(found, plan)
    counts = np.bincount(np.concatenate(places)[np.concatenate(places) >= 0], minlength=len(names))  # (files,)
    if not counts.all():
        raise DataError(
            found.kind,
            None,
            f"{int((counts == 0).sum())} of {len(names)} files would be empty: fewer --parts, or another --holdout",
        )
    files = _write(found, folder, names, counts, y, places, len(labels), tell)
    trained = np.concatenate([c[p > 0] for c, p in zip(y, places, strict=True)])  # (n,)
    return Prepared(
        found.kind,
        tuple(sorted(files[1:], key=lambda f: f.name)),
        files[0],
        found.features,
        labels,
        found.shape,
        tuple(np.bincount(trained, minlength=len(labels)).tolist()),
        found.skipped,
    )


def prepare_validation(found: DataSet, folder: Path, tell: Tell | None = None) -> Prepared:
    """Write its rows to validate on alone: the test part or, where there is none, all of them. Raises OSError."""
    parts = found.test or found.training
    y = [part.y for part in parts]  # (n,) each
    counts = np.array([sum(map(len, y))])  # (1,)
    alone = replace(found, training=parts, test=())
    (file,) = _write(alone, folder, [VALIDATION], counts, y, [np.zeros_like(c) for c in y], found.classes, tell)
    return Prepared(found.kind, (), file, found.features, found.labels, found.shape, (), found.skipped)


def _chosen(found: DataSet, wanted: Sequence[str]) -> tuple[Ints, tuple[str, ...]]:
    """The new number of each class, -1 for those that are left out; and the labels of what remains."""
    if not wanted:
        return np.arange(found.classes), found.labels
    unknown = [name for name in wanted if name not in found.labels]
    if unknown or len(set(wanted)) < max(2, len(wanted)):
        raise DataError(
            "--classes", None, f"{', '.join(unknown or wanted)}: expected two or more of {', '.join(found.labels[:40])}"
        )
    numbers = np.full(found.classes, -1)  # (classes,)
    numbers[[found.labels.index(name) for name in wanted]] = np.arange(len(wanted))
    return numbers, tuple(wanted)


def _places(found: DataSet, y: Sequence[Ints], plan: Plan, assign: Assign) -> list[Ints]:
    """The file of each row, part by part: 0 is the validation file, -1 none."""
    sizes = [len(classes) for classes in y[: len(found.training)]]
    classes = np.concatenate(y[: len(sizes)])  # (n,)
    came = np.repeat(np.arange(len(sizes)), sizes)  # (n,) the part of each row
    place = np.full(len(classes), -1)  # (n,)
    if not found.test:
        for number in range(len(sizes)):
            place[_held_out(np.flatnonzero((came == number) & (classes >= 0)), plan, number)] = 0
    rest = (classes >= 0) & (place < 0)  # (n,)
    parts = _parts(found, plan)
    place[rest] = 1 + (came[rest] if parts is None else assign(classes[rest], parts, plan.seed))
    tested = [np.where(each >= 0, 0, -1) for each in y[len(sizes) :]]
    return [*np.split(place, np.cumsum(sizes)[:-1]), *tested]


def _held_out(rows: Ints, plan: Plan, number: int) -> Ints:
    """Those of a part's rows that are not trained on."""
    if not 0 < plan.holdout < 1:
        raise DataError("--holdout", None, f"{plan.holdout} of the rows: expected a share between 0 and 1")
    count = round(plan.holdout * len(rows))
    return np.random.default_rng([plan.seed, 0, number]).permutation(rows)[:count]


def _parts(found: DataSet, plan: Plan) -> int | None:
    """How many training files; None: as many as there were."""
    if plan.parts is None and len(found.training) > 1 and found.kind != "cifar10":
        return None
    size_bytes = sum(part.rows for part in found.training) * found.row_bytes
    parts = max(PARTS_DEFAULT, -(-size_bytes // FILE_BYTES_MAX)) if plan.parts is None else plan.parts
    if not 1 <= parts <= PARTS_MAX:
        raise DataError("--parts", None, f"{parts} training files: expected 1 to {PARTS_MAX}")
    return parts


def _names(found: DataSet, plan: Plan) -> list[str]:
    """The validation file first, then the training files."""
    parts = _parts(found, plan)
    if parts is None:
        return [VALIDATION, *(f"{part.name}{SUFFIX}" for part in found.training)]
    return [VALIDATION, *(f"{found.kind}-{number:03d}{SUFFIX}" for number in range(parts))]


def _write(
    found: DataSet,
    folder: Path,
    names: Sequence[str],
    counts: Ints,
    y: Sequence[Ints],
    places: Sequence[Ints],
    classes: int,
    tell: Tell | None,
) -> list[PreparedFile]:
    """Every row into its file, in one pass over the set."""
    kind, done, total = (0 if found.pixels else 1), 0, sum(part.rows for part in (*found.training, *found.test))
    with ExitStack() as stack:
        files = [
            _File(folder / name, packed.Head(kind, int(rows), found.features, classes, found.shape), stack)
            for name, rows in zip(names, counts, strict=True)
        ]
        for part, part_classes, part_places in zip((*found.training, *found.test), y, places, strict=True):
            start = 0
            for block in part.blocks():
                rows = slice(start, start + len(block))
                _spread(files, block, part_classes[rows], part_places[rows])
                start, done = start + len(block), done + len(block)
                if tell:
                    tell(done, total)
        return [file.done() for file in files]


def _spread(files: Sequence[_File], block: Rows, y: Ints, places: Ints) -> None:
    """The rows of a block, each into its file."""
    for number in np.unique(places).tolist():
        if number >= 0:
            here = places == number  # (rows,)
            files[number].writer.add(block[here], y[here])


def main(arguments: Sequence[str]) -> int:
    """The command line; returns the exit status, as in sysexits."""
    chosen = _parser().parse_args(arguments)
    columns, looks = Columns(label_of(chosen.label), chosen.missing), Looks(chosen.side, chosen.colour)
    plan = Plan(chosen.parts, chosen.holdout, chosen.seed, tuple(filter(None, chosen.classes.split(","))))
    try:
        chosen.out.mkdir(parents=True, exist_ok=True)
        found = read(chosen.data, Reading(chosen.dataset, columns, looks))
        made = prepare(found, chosen.out, plan, _shown if sys.stderr.isatty() else None)
        (chosen.out / INDEX).write_text(made.to_json())
    except InputMissing as error:
        print(error, file=sys.stderr)
        return os.EX_NOINPUT
    except MLError as error:
        print(error, file=sys.stderr)
        return os.EX_DATAERR
    except OSError as error:
        print(f"cannot write {error.filename}: {error.strerror}", file=sys.stderr)
        return os.EX_CANTCREAT
    print(
        f"{len(made.files)} files of {sum(f.rows for f in made.files)} rows, {made.validation.rows} rows to validate "
        f"on, {sum(f.size_bytes for f in (*made.files, made.validation))} bytes in {chosen.out}"
    )
    return os.EX_OK


def label_of(text: str) -> int | str:
    """A column by its place, or by its name."""
    try:
        return int(text)
    except ValueError:
        return text


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser("python3 -m roundelay.ml.prepare", description="Turn data into files of the ring.")
    made.add_argument("data", type=Path, metavar="DATA", help="a file or a folder")
    made.add_argument("out", type=Path, metavar="OUT", help="the folder to write to")
    made.add_argument("--dataset", choices=KINDS, help="what it is (default: guessed)")
    made.add_argument(
        "--parts", type=int, metavar="N", help=f"training files (default: {PARTS_DEFAULT}, or as they came)"
    )
    made.add_argument(
        "--holdout",
        type=float,
        default=HOLDOUT_DEFAULT,
        metavar="SHARE",
        help="of the rows, to validate on, where the set has no test part (default: %(default)s)",
    )
    made.add_argument("--seed", type=int, default=0, help="of the split (default: %(default)s)")
    made.add_argument("--classes", default="", metavar="A,B", help="only these")
    made.add_argument("--label", default="-1", metavar="NAME|INDEX", help="the label column of a table")
    made.add_argument("--missing", choices=MISSING_CHOICES, default="refuse", help="values missing from a table")
    made.add_argument("--side", type=side, default=SIDE_DEFAULT, metavar="PIXELS", help="images are resized to this")
    made.add_argument("--colour", action="store_true", help="keep the colours of images")
    return made


def _shown(done: int, total: int) -> None:
    print(f"\r{done} of {total} rows", end="" if done < total else "\n", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
