"""What is read in slices: bytes in memory, or a file that need not fit there. Imports no numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

Bytes = bytes | bytearray | memoryview


class Sliced(Protocol):
    """Bytes, or something that returns slices of itself as bytes."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...


class Memory:
    """A buffer, of which only slices are copied."""

    def __init__(self, view: memoryview) -> None:
        self._view = view.cast("B")

    def __len__(self) -> int:
        return len(self._view)

    def __getitem__(self, part: slice, /) -> bytes:
        return bytes(self._view[part])

    def __eq__(self, other: object) -> bool:
        return self._view == (other._view if isinstance(other, Memory) else other)

    __hash__ = None  # type: ignore[assignment]  # its numbers may change


class Joined:
    """Contents one behind the other, which are not copied."""

    def __init__(self, parts: Sequence[Sliced]) -> None:
        self._parts = parts

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def __getitem__(self, part: slice, /) -> bytes:
        (start, stop, _), found = part.indices(len(self)), list[bytes]()
        for each in self._parts:
            found.append(each[max(0, start) : max(0, stop)])
            start, stop = start - len(each), stop - len(each)
        return b"".join(found)


class Part:
    """Some of a content, which is not copied."""

    def __init__(self, content: Sliced, start: int, stop: int) -> None:
        self._content, self._start, self._stop = content, start, stop

    def __len__(self) -> int:
        return self._stop - self._start

    def __getitem__(self, part: slice, /) -> bytes:
        start, stop, _ = part.indices(len(self))
        return self._content[self._start + start : self._start + max(start, stop)]


def part_of(content: Sliced, start: int, stop: int) -> Sliced:
    """Return some of a content; what is in a file is not read yet."""
    return content[start:stop] if isinstance(content, bytes) else Part(content, start, stop)


def as_bytes(content: Sliced | bytearray) -> bytes:
    """Return all of it as bytes; bytes themselves are not copied."""
    return bytes(content[:])
