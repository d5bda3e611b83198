"""Partial sums on their way up a tree: what was added, of which files, and which nodes were lost.

As bytes: the length of a JSON head, the head, then the sum.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Literal, get_args

from roundelay.chord.errors import Busy, NotFound
from roundelay.federation.errors import BadRecord, WorkFailed

_LENGTH = struct.Struct(">I")
HEAD_BYTES_MAX = 16 << 20

LostKind = Literal["unreachable", "mismatch", "busy", "failed", "missing"]


@dataclass(frozen=True)
class NodeWork:
    """The work of one node."""

    address: str
    files: tuple[int, ...]
    seconds: float
    loss: float
    accuracy: float
    level: int  # 0: the node at the top


@dataclass(frozen=True)
class Lost:
    """A node whose share is not in the sum, and why."""

    address: str
    kind: LostKind
    message: str

    def __post_init__(self) -> None:
        if not (isinstance(self.address, str) and isinstance(self.message, str) and self.kind in get_args(LostKind)):
            raise ValueError(f"lost node {self.address!r}: unknown kind {self.kind!r}, or not texts")

    @classmethod
    def from_error(cls, address: str, error: Exception) -> Lost:
        """Return what this error of a node means for the round."""
        kinds: dict[type[Exception], LostKind] = {Busy: "busy", WorkFailed: "failed", NotFound: "missing"}
        return cls(address, kinds.get(type(error), "unreachable"), str(error))

    @property
    def is_alive(self) -> bool:
        """Whether the node itself reported the reason and can be asked again."""
        return self.kind in ("busy", "failed", "missing")


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
    sum: bytes = b""

    @property
    def depth(self) -> int:
        """The number of levels below the top."""
        return max((work.level for work in self.done), default=0)

    def lower(self) -> PartialSum:
        """Return the same sum as seen from the level above."""
        return replace(self, done=tuple(replace(work, level=work.level + 1) for work in self.done))

    def fits(self, other: PartialSum) -> bool:
        """Return whether the two can be added: same round, same weights, no file in both."""
        same_round = (self.job, self.round, self.weights) == (other.job, other.round, other.weights)
        return same_round and not self.files & other.files

    def to_bytes(self) -> bytes:
        """Return the wire form, which `partial_from_bytes` reads."""
        raw = asdict(self) | {"files": f"{self.files:x}"}
        del raw["sum"]
        head = json.dumps(raw).encode()
        return _LENGTH.pack(len(head)) + head + self.sum


def bitmap(files: Iterable[int]) -> int:
    """Return an integer with bit i set for each file i."""
    return sum(1 << index for index in set(files))


def partial_from_bytes(content: bytes) -> PartialSum:
    """Parse a partial sum from an untrusted node. Raises BadRecord."""
    try:
        (length,) = _LENGTH.unpack_from(content)
        start = _LENGTH.size
        if length > min(HEAD_BYTES_MAX, len(content)):
            raise ValueError(f"a head of {length} bytes")
        raw = json.loads(content[start : start + length])
        raw["files"] = int(raw["files"], 16)
        raw["done"] = tuple(NodeWork(**work | {"files": tuple(work["files"])}) for work in raw["done"])
        raw["lost"] = tuple(Lost(**each) for each in raw["lost"])
        partial = PartialSum(**raw, sum=content[start + length :])
        if partial.files < 0 or bitmap(index for work in partial.done for index in work.files) != partial.files:
            raise ValueError("its bitmap is not that of the work it lists")
        return partial
    except (struct.error, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadRecord(f"malformed partial sum: {error}") from error
