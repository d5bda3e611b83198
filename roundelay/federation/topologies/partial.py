"""A partial sum on its way up a tree: what was added, and of which files; disjoint ones may be added.

As bytes: the length of a JSON head, the head, then the sum. Nothing here adds: see `adding`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from roundelay.federation.errors import BadRecord

_LENGTH = struct.Struct(">I")
HEAD_BYTES_MAX = 16 << 20


@dataclass(frozen=True)
class NodeWork:
    """What one node did."""

    address: str
    files: tuple[int, ...]
    seconds: float
    loss: float
    accuracy: float
    level: int  # 0: the node at the top


@dataclass(frozen=True)
class PartialSum:
    """The exact sum over some files of one round, and how it came about."""

    job: str
    round: int
    weights: str  # digest of the weights that all its trainings began with
    files: int  # a bitmap: bit i stands for the file whose place in the job's list is i
    done: tuple[NodeWork, ...] = ()
    lost: tuple[tuple[str, str], ...] = ()  # address, and why what it was asked is not in the sum
    messages: int = 0  # orders passed on below, each once
    sum: bytes = b""

    @property
    def depth(self) -> int:
        """Levels below the top."""
        return max((work.level for work in self.done), default=0)

    def lower(self) -> PartialSum:
        """The same, as seen from the level above."""
        return replace(self, done=tuple(replace(work, level=work.level + 1) for work in self.done))

    def fits(self, other: PartialSum) -> bool:
        """May the two be added? They must be of one round and the same weights, and share no file."""
        return (self.job, self.round, self.weights) == (other.job, other.round, other.weights) and not (
            self.files & other.files
        )

    def to_bytes(self) -> bytes:
        raw = asdict(self) | {"files": f"{self.files:x}"}
        del raw["sum"]
        head = json.dumps(raw).encode()
        return _LENGTH.pack(len(head)) + head + self.sum


def bitmap(files: Iterable[int]) -> int:
    """Bit i for the file i."""
    return sum(1 << index for index in set(files))


def partial_from_bytes(content: bytes) -> PartialSum:
    """What to_bytes wrote; it may come from anybody. Raises BadRecord."""
    try:
        (length,) = _LENGTH.unpack_from(content)
        if length > min(HEAD_BYTES_MAX, len(content)):
            raise ValueError(f"a head of {length} bytes")
        start = _LENGTH.size
        raw = json.loads(content[start : start + length])
        done = tuple(NodeWork(**work | {"files": tuple(work["files"])}) for work in raw["done"])
        made = PartialSum(
            **raw
            | {
                "files": int(raw["files"], 16),
                "done": done,
                "lost": tuple((str(a), str(w)) for a, w in raw["lost"]),
                "sum": content[start + length :],
            }
        )
        if made.files < 0 or bitmap(index for work in done for index in work.files) != made.files:
            raise ValueError("its bitmap is not that of the work it tells of")
        return made
    except (struct.error, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadRecord(f"a partial sum that is none: {error}") from error
