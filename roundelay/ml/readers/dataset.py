"""Choice of the reader: named by --dataset, or guessed from the files as below; MODULE:NAME is a plugin's reader.

file *.npz                          npz       folder with *-idx3-ubyte[.gz]            mnist
file *.csv, *.tsv, *.txt, *.data    csv       folder with data_batch_1[.bin]           cifar10
file data_batch_*.bin               cifar10   folder of folders of JPEG or PNG         images
                                              folder with one *.npz                    npz
                                              folder of tables with a header           csv
                                              any other folder                         letters
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roundelay.ml import plugins
from roundelay.ml.choices import KINDS
from roundelay.ml.design import CLASSES_DEFAULT
from roundelay.ml.errors import BadTask, DataError, printable, private
from roundelay.ml.readers import arrays, cifar, folder, idx, images, letters, npz, table
from roundelay.ml.readers.dialect import Dialect, is_missing
from roundelay.ml.readers.encoding import Encoding
from roundelay.ml.readers.images import ImageOptions
from roundelay.ml.readers.limits import DEFAULT, Limits
from roundelay.ml.readers.schema import TableOptions
from roundelay.ml.readers.source import DataSet, DatasetPart, OnRead, array_blocks, digits, require_one_task, with_test

Reader = Callable[[Path], Any]  # of a plugin: a path -> (x, y), (x, y, x of the test part, y of it) or a DataSet
VALIDATION = "validate"
WRAPPED = ("MNIST", "FashionMNIST", "KMNIST", "QMNIST", "raw", "cifar-10-batches-py", "cifar-100-python")
TO_CONVERT = (
    ".xlsx",
    ".xls",
    ".ods",
    ".parquet",
    ".feather",
    ".json",
    ".jsonl",
    ".arff",
    ".sav",
    ".dta",
    ".mat",
    ".h5",
)
WRAPPING_MAX = 4  # folders around a data set


@dataclass(frozen=True)
class ReadOptions:
    """How to read a data set; a kind of None is guessed."""

    kind: str | None = None
    without: Path | None = None  # a validation file that is not to be read with the others
    table: TableOptions = TableOptions()
    images: ImageOptions = ImageOptions()
    encoding: Encoding | None = None  # of a trained model, which arrays are read for
    limits: Limits = DEFAULT


def read(
    path: Path,
    options: ReadOptions | None = None,
    like: DataSet | None = None,
    on_read: OnRead = lambda done, total: None,
    classless: bool = False,
    is_share: bool = False,
) -> DataSet:
    """Read the data set at a path; a table has the columns of `like`, if that is given.

    With `classless`, the rows of arrays and images may have no classes: then there are no labels. is_share: it is one
    site's share of a data set, and may have a single class.
    Raises DataError, InputMissing, and BadTask for an unknown kind.
    """
    options = options or ReadOptions()
    path, limits = locate(path), options.limits
    kind = options.kind or guess(path, options.table)
    if ":" in kind:
        return _read_plugin(kind, path, options.table.task)
    if kind not in KINDS:
        raise BadTask(f"unknown kind of data set {printable(kind)}: expected {', '.join(KINDS)}")
    folder.require_data(path)
    if options.table.task == "regression" and kind not in ("csv", "npz"):
        raise BadTask(f"--task regression: {kind} have classes; --dataset csv reads text files as tables")
    if kind == "csv":
        read_table = table.read(path, options.table, like, options.without, on_read, is_share=is_share, limits=limits)
        if like is None:
            require_one_task(str(path), read_table.labels, options.table.task)
        return read_table
    if kind == "images":
        return images.read(path, options.images, classless, is_share, limits)
    if kind == "npz":
        encoding = like.encoding if like is not None and like.table is None else options.encoding
        return npz.read(_only_npz(path), classless, options.table.task, encoding, is_share, limits)
    if kind == "letters":
        return read_letters(path, options.without, limits=limits)
    return idx.read(path, limits) if kind == "mnist" else cifar.read(path, limits)


def locate(path: Path) -> Path:
    """Return the folder of a data set: this one, or the one inside it that downloads wrap it in.

    Raises DataError, InputMissing.
    """
    for _ in range(WRAPPING_MAX):
        if not path.is_dir():
            break
        names = [name for name in folder.names_in(path) if not folder.is_junk(name)]
        known = [name for name in WRAPPED if (path / name).is_dir()]
        alone = [name for name in names if (path / name).is_dir() and name.lower() not in images.TRAINING_NAMES]
        if known:
            path = path / known[0]
        elif len(names) == 1 and alone and not idx.has_idx_names(names) and not images.is_image_folder(path, names):
            path = path / names[0]
        else:
            break
    return path


def guess(path: Path, columns: TableOptions | None = None) -> str:
    """Guess the kind of the data set at a path. Raises InputMissing, DataError."""
    path = locate(path)
    if path.is_file():
        return _guess_file(path)
    names = folder.names_in(path)
    if idx.has_idx_names(names):
        return "mnist"
    if cifar.has_batch_names(names) or cifar.is_cifar100(names):
        return "cifar10"
    if any(name.endswith(".npz") for name in names) or npz.has_arrays(names):
        return "npz"
    if images.is_image_folder(path, names):
        return "images"
    has_options = columns is not None and columns != TableOptions()  # options for tables
    return "csv" if has_options or _has_header(path, names) else "letters"


def read_letters(
    path: Path, without: Path | None = None, classes: int = CLASSES_DEFAULT, limits: Limits = DEFAULT
) -> DataSet:
    """Read a folder of letter files, or one; each is a part, and those named validate... are the test parts.

    With 0 classes, the last column holds the targets of a regression.
    """
    listing = folder.Listing((path,), ()) if path.is_file() else folder.list_training_files(path, without)
    features: int | None = None
    parts: list[DatasetPart] = []
    for each in listing.files:
        samples = letters.parse(str(each), folder.read_file(each, limits), features, classes)
        features = samples.features
        parts.append(DatasetPart(each.name, samples.y, array_blocks(samples.x)))
    assert features is not None
    test = tuple(part for part in parts if part.name.startswith(VALIDATION) and len(parts) > 1)
    training = tuple(part for part in parts if part not in test)
    return DataSet("letters", training, test, features, digits(classes), False, skipped=listing.skipped)


def _read_plugin(kind: str, path: Path, task: str) -> DataSet:
    """Read a path by a plugin's reader. Raises PluginUnknown; DataError for an error in it, or what it returned."""
    reader: Reader = plugins.instance("readers", kind)
    try:
        found = reader(path)
    except Exception as error:
        reason = f"{type(error).__name__}: {private(error)}"
        raise DataError(str(path), None, f"reader {kind} failed: {reason}") from error
    if isinstance(found, DataSet):
        return found
    if not isinstance(found, tuple) or len(found) not in (2, 4):
        raise DataError(str(path), None, f"reader {kind} returned a {type(found).__name__}, expected (x, y)")
    data, *test = (arrays.read(found[at], found[at + 1], task=task) for at in range(0, len(found), 2))
    return with_test(data, test[0]) if test else data


def _guess_file(path: Path) -> str:
    if path.suffix in npz.SUFFIXES:
        return "npz"
    if table.is_table(path):
        return "csv"
    if cifar.BATCH.fullmatch(path.name):
        return "cifar10"
    if idx.has_idx_names([path.name]):
        raise DataError(str(path), None, f"is one file of a pair: give the folder {path.parent} instead")
    if path.suffix.lower() in TO_CONVERT:
        raise DataError(str(path), None, f"is a {path.suffix} file, which is not read: save it as .csv or .npz")
    raise DataError(str(path), None, f"is of unknown kind: name it with --dataset {'|'.join(KINDS)}")


def _has_header(path: Path, names: list[str]) -> bool:
    """Return whether the first table begins with a header, which is a row without numbers."""
    first = next((path / name for name in names if Path(name).suffix.lower() in (".csv", ".tsv")), None)
    if first is None:
        return False
    try:
        with first.open("rb") as file:
            fields = file.readline(1 << 16).replace(b";", b",").replace(b"\t", b",").split(b",")
    except OSError:
        return False
    texts = [field.decode("utf-8", "replace") for field in fields]
    return not any(Dialect(",").number(text) is not None for text in texts if not is_missing(text))


def _only_npz(path: Path) -> Path:
    names = [] if path.is_file() else folder.names_in(path)
    if path.is_file() or npz.has_arrays(names):
        return path
    found = [name for name in names if name.endswith(".npz")]
    if len(found) != 1:
        raise DataError(str(path), None, f"holds {len(found)} .npz files: give the path of one of them")
    return path / found[0]
