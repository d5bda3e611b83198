"""Partial sums on their way up a tree: what was added, of which files, and which nodes were lost.

As bytes: the length of a JSON head, the head, then the sum.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import Literal

from roundelay.chord.errors import Busy, NotFound
from roundelay.federation import strict_json
from roundelay.federation.errors import CannotDrive, StepTooLarge, WorkFailed
from roundelay.federation.receipts import Receipts, by_file, merged
from roundelay.federation.strict_json import ADDRESS_CHARACTERS_MAX, in_range, require
from roundelay.ml.sliced import Joined, Sliced, as_bytes, part_of
from roundelay.ml.task import FILES_MAX, RECEIPT_BYTES, ROUNDS_MAX

_LENGTH = struct.Struct(">I")
HEAD_BYTES_MAX = 16 << 20
NODES_MAX = 1 << 16

LostKind = Literal["unreachable", "mismatch", "busy", "failed", "missing", "unstable"]


@dataclass(frozen=True)
class NodeWork:
    """The work of one node."""

    address: str
    files: tuple[int, ...]
    seconds: float
    loss: float
    accuracy: float
    level: int  # 0: the node at the top
    receipts: str = ""  # hex, of its files in this order, where the round asks for them


@dataclass(frozen=True)
class Lost:
    """A node whose share is not in the sum, and why."""

    address: str
    kind: LostKind
    message: str

    @classmethod
    def from_error(cls, address: str, error: Exception) -> Lost:
        """Return what this error of a node means for the round."""
        kinds: dict[type[Exception], LostKind] = {
            Busy: "busy",
            CannotDrive: "busy",  # the node that asked it had no room for its answer
            WorkFailed: "failed",
            NotFound: "missing",
            StepTooLarge: "unstable",
        }
        return cls(address, kinds.get(type(error), "unreachable"), str(error))

    @property
    def is_alive(self) -> bool:
        """Whether the node itself reported the reason and can be asked again."""
        return self.kind not in ("unreachable", "mismatch")


@dataclass(frozen=True)
class PartialSum:
    """The exact sum over some files of one round, and how it came about."""

    job: str
    round: int
    weights: str  # digest of the weights that every training in it started from
    files: int  # a bitmap: bit i stands for file i of the job
    done: tuple[NodeWork, ...] = ()
    lost: tuple[Lost, ...] = ()
    messages: int = 0  # orders passed on below, each counted once
    sum: Sliced = b""

    @property
    def depth(self) -> int:
        """The number of levels below the top."""
        return max((work.level for work in self.done), default=0)

    @property
    def receipts(self) -> Receipts:
        """The receipts of its files."""
        return merged(by_file(work.files, bytes.fromhex(work.receipts)) for work in self.done if work.receipts)

    def lower(self) -> PartialSum:
        """Return the same sum as seen from the level above."""
        return replace(self, done=tuple(replace(work, level=work.level + 1) for work in self.done))

    def fits(self, other: PartialSum) -> bool:
        """Return whether the two can be added: same round, same weights, no file in both."""
        same_round = (self.job, self.round, self.weights) == (other.job, other.round, other.weights)
        return same_round and not self.files & other.files

    def to_content(self) -> Sliced:
        """Return the wire form, which `partial_from` reads; a sum that is in a file is not copied."""
        raw = asdict(replace(self, sum=b"")) | {"files": f"{self.files:x}"}
        del raw["sum"]
        head = json.dumps(raw).encode()
        parts = (_LENGTH.pack(len(head)), head, self.sum)
        return b"".join(map(as_bytes, parts)) if isinstance(self.sum, bytes) else Joined(parts)


def bitmap(files: Iterable[int]) -> int:
    """Return an integer with bit i set for each file i."""
    return sum(1 << index for index in set(files))


@dataclass(frozen=True)
class _Head:
    """What precedes the sum."""

    job: str
    round: int
    weights: str
    files: str  # the bitmap in hexadecimal
    done: tuple[NodeWork, ...]
    lost: tuple[Lost, ...]
    messages: int


def partial_from(content: Sliced) -> PartialSum:
    """Parse a partial sum from an untrusted node. Raises BadRecord."""
    try:
        (length,) = _LENGTH.unpack(content[: _LENGTH.size])
        start = _LENGTH.size
        require(length <= len(content) - start, f"a head of {length} bytes")
        head = strict_json.decode(_Head, content[start : start + length], "partial sum", HEAD_BYTES_MAX)
        files = _files(head)
    except (struct.error, ValueError) as error:
        raise strict_json.malformed("partial sum", str(error)) from error
    raw = {field.name: getattr(head, field.name) for field in fields(head)}
    return PartialSum(**raw | {"files": files}, sum=part_of(content, start + length, len(content)))


def _files(head: _Head) -> int:
    """Return the bitmap of a head that is consistent. Raises ValueError."""
    strict_json.text("job", head.job)
    strict_json.digest("weights", head.weights, empty_allowed=True)
    in_range("round", head.round, 0, ROUNDS_MAX)
    in_range("messages", head.messages, 0, NODES_MAX)
    for work in head.done:
        strict_json.text("address", work.address, ADDRESS_CHARACTERS_MAX)
        in_range("level", work.level, 0, NODES_MAX)
        require(work.seconds >= 0, "seconds are negative")
        receipts = bytes.fromhex(work.receipts)
        require(len(receipts) in (0, RECEIPT_BYTES * len(work.files)), f"{len(receipts)} bytes of receipts")
        for index in work.files:
            in_range("files", index, 0, FILES_MAX - 1)
    for lost in head.lost:
        strict_json.text("address", lost.address, ADDRESS_CHARACTERS_MAX)
    files = bitmap(index for work in head.done for index in work.files)
    require(head.files == f"{files:x}", "its bitmap is not that of the work it lists")
    return files
