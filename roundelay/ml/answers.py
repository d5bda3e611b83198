"""What a trainer answers: the headers of its frames, decoded into bounded values.

A trainer may run code of the node's owner, so that its answers are checked like those of any other process. Each
function raises FrameError, which names the field; the trainer is started anew then.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import NamedTuple

from roundelay.ml.errors import FrameError, printable
from roundelay.ml.frames import Header

ROWS_MAX = EPOCHS_MAX = (1 << 31) - 1
FINGERPRINT_CHARACTERS_MAX = 64
SIZE_BYTES_MAX = 1 << 50


class EpochEnd(NamedTuple):
    """The end of an epoch of training on one of the order's files."""

    file: int  # its place in the order
    epoch: int
    loss: float
    accuracy: float


def progress(header: Header, files: int) -> list[EpochEnd]:
    """Return the epochs that have ended, of an order with this many files."""
    found = header.get("progress")
    if not isinstance(found, list):
        raise _malformed("progress", found, "a list")
    return [_epoch_end(each, files) for each in found]


def rows(header: Header) -> int:
    """Return the number of rows of what was added."""
    return _integer("rows", header.get("rows"), 0, ROWS_MAX)


class SurveyedPart(NamedTuple):
    """A file of private data: what it is read from, and what the ring may know of it."""

    name: str
    paths: tuple[str, ...]
    digest: str
    size_bytes: int
    rows: int  # 0: unknown


def survey(header: Header) -> tuple[str, tuple[SurveyedPart, ...], str]:
    """Return the kind of private data, its files, and why they cannot be read without the options of a job."""
    kind, parts, problem = (header.get(name) for name in ("kind", "parts", "problem"))
    if not isinstance(kind, str) or not isinstance(parts, list) or not isinstance(problem, str):
        raise _malformed("survey", kind, "a kind, parts and a problem")
    return kind, tuple(map(_surveyed_part, parts)), problem


def _surveyed_part(found: object) -> SurveyedPart:
    if not isinstance(found, list) or len(found) != len(SurveyedPart._fields) or not isinstance(found[1], list):
        raise _malformed("parts", found, "[name, paths, digest, bytes, rows]")
    name, paths, digest, size_bytes, rows = found
    if not all(isinstance(each, str) for each in (name, digest, *paths)):
        raise _malformed("parts", found, "texts")
    size_bytes = _integer("parts: bytes", size_bytes, 0, SIZE_BYTES_MAX)
    return SurveyedPart(name, tuple(paths), digest, size_bytes, _integer("parts: rows", rows, 0, ROWS_MAX))


def missing(header: Header, asked: Collection[str]) -> frozenset[str]:
    """Return which of the files that were asked about the trainer lacks."""
    found = header.get("missing")
    if not isinstance(found, list) or not all(isinstance(each, str) and each in asked for each in found):
        raise _malformed("missing", found, "digests of the order")
    return frozenset(found)


def fingerprint(header: Header) -> str:
    """Return the fingerprint of this machine's arithmetic."""
    found = header.get("fingerprint")
    if not isinstance(found, str) or not 0 < len(found) <= FINGERPRINT_CHARACTERS_MAX or not found.isalnum():
        raise _malformed("fingerprint", found, "letters and digits")
    return found


def scores(header: Header) -> tuple[float, float]:
    """Return mean loss and accuracy; those of an order without them are 0."""
    return _score("loss", header.get("loss", 0.0)), _score("accuracy", header.get("accuracy", 0.0))


def _epoch_end(found: object, files: int) -> EpochEnd:
    if not isinstance(found, list) or len(found) != len(EpochEnd._fields):
        raise _malformed("progress", found, "[file, epoch, loss, accuracy]")
    file, epoch, loss, accuracy = found
    return EpochEnd(
        _integer("progress: file", file, 0, files - 1),
        _integer("progress: epoch", epoch, 0, EPOCHS_MAX),
        _score("progress: loss", loss),
        _score("progress: accuracy", accuracy),
    )


def _integer(field: str, found: object, least: int, most: int) -> int:
    if type(found) is not int or not least <= found <= most:
        raise _malformed(field, found, f"{least} to {most}")
    return found


def _score(field: str, found: object) -> float:
    if type(found) not in (int, float) or not math.isfinite(found):  # type: ignore[arg-type]
        raise _malformed(field, found, "a finite number")
    return float(found)  # type: ignore[arg-type]


def _malformed(field: str, found: object, expected: str) -> FrameError:
    return FrameError(f"the trainer answered {field} {printable(repr(found), 80)}: expected {expected}")
