"""The files of a job, and what its spec says of their rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from roundelay.chord.errors import Malformed
from roundelay.federation.requests import TrainingFile
from roundelay.ml.data import Samples
from roundelay.ml.errors import DataError
from roundelay.ml.readers import content as contents
from roundelay.node.files import open_content
from roundelay.store.blobs import Content
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


def check_storable(path: Path, name: str, size_bytes: int) -> None:
    """Raise DataError if the ring would not store such a file."""
    try:
        check_name(name)
    except Malformed as error:
        raise DataError(str(path), None, str(error)) from error
    if size_bytes > FILE_BYTES_MAX:
        raise DataError(str(path), None, f"is larger than {FILE_BYTES_MAX} bytes; split it")
