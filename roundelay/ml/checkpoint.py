"""Checkpoints of a training task: what has been trained so far, to go on from with the same bits.

A checkpoint holds the exact sum over the files that are done, and of each file that is being trained its state after a
whole epoch. What such a state is made of is known only to the model that has made it. Checkpoints go from a trainer to
its node as frames, and come back to a later trainer, which ignores one that does not fit its task.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from roundelay import __version__
from roundelay.ml.data import Array
from roundelay.ml.errors import BadTask
from roundelay.ml.frames import CHECKPOINT_BYTES_MAX, Header
from roundelay.ml.running_sum import RunningSum, sum_of
from roundelay.ml.sliced import Joined, Memory, Sliced
from roundelay.ml.task import RECEIPT_BYTES

PART_BYTES_MAX = 1 << 40  # of one file: what the payload holds is checked


@dataclass(frozen=True)
class FileState:
    """One file's training after a whole epoch. state: as its model has written it; it changes in the next epoch."""

    epoch: int
    loss: float
    accuracy: float
    state: Sliced


@dataclass(frozen=True)
class FileDone:
    """One file's finished training. vector: its change, where a task returns each of them; else it is in the sum."""

    loss: float
    accuracy: float
    receipt: bytes
    vector: bytes = b""


@dataclass
class Checkpoint:
    """A task's training so far. Files are named by their place in the task."""

    total: RunningSum  # of the changes of the files that are done
    done: dict[int, FileDone] = field(default_factory=dict)
    running: dict[int, FileState] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """About how many bytes its frame takes."""
        vectors_bytes = sum(len(each.vector) for each in self.done.values())
        return len(self.total.content) + vectors_bytes + sum(len(each.state) for each in self.running.values())

    def to_frame(self) -> tuple[Header, list[Sliced]]:
        """Return header and payload of its frame; the payload in parts, which change as the training goes on."""
        done = [[p, d.loss, d.accuracy, len(d.vector)] for p, d in self.done.items()]
        running = [[p, s.epoch, s.loss, s.accuracy, len(s.state)] for p, s in self.running.items()]
        header: Header = {"checkpoint": __version__, "done": done, "running": running}
        payload: list[Sliced] = [self.total.content]
        payload += [part for each in self.done.values() for part in (each.receipt, each.vector)]
        return header, [*payload, *(state.state for state in self.running.values())]


def checkpoint_from_frame(
    header: Header, payload: bytes, entries: int, files: int, epochs: int, has_receipts: bool
) -> Checkpoint:
    """Parse a checkpoint of a task with these numbers of entries of a sum, files and epochs. Raises BadTask."""
    if header.get("checkpoint") != __version__:
        raise BadTask(f"checkpoint of release {header.get('checkpoint')!r}")
    done, running = _rows(header, "done", 4), _rows(header, "running", 5)
    places = [_whole(row[0], 0, files - 1) for row in (*done, *running)]
    if len(set(places)) != len(places):
        raise BadTask("checkpoint: a file is named twice")
    sizes = [8 * entries]
    sizes += [size for row in done for size in (RECEIPT_BYTES * has_receipts, _whole(row[3], 0, PART_BYTES_MAX))]
    total, *parts = _divided(payload, [*sizes, *(_whole(row[4], 0, PART_BYTES_MAX) for row in running)])
    made = Checkpoint(sum_of(total))
    for at, row in enumerate(done):
        made.done[places[at]] = FileDone(_score(row[1]), _score(row[2]), *parts[2 * at : 2 * at + 2])
    for place, row, state in zip(places[len(done) :], running, parts[2 * len(done) :], strict=True):
        made.running[place] = FileState(_whole(row[1], 1, epochs), _score(row[2]), _score(row[3]), state)
    return made


def _rows(header: Header, name: str, width: int) -> list[list[object]]:
    rows = header.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == width for row in rows):
        raise BadTask(f"checkpoint: {name} is malformed")
    return rows


def _whole(value: object, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise BadTask(f"checkpoint: {value!r} is not within {least} to {most}")
    return value


def _score(value: object) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise BadTask(f"checkpoint: {value!r} is not a number")
    return float(value)


def _divided(payload: bytes, sizes: Sequence[int]) -> list[bytes]:
    """Return the parts of a payload. Raises BadTask unless it has exactly these sizes."""
    if sum(sizes) != len(payload):
        raise BadTask(f"checkpoint: {len(payload)} bytes, expected {sum(sizes)}")
    parts, at = [], 0
    for size in sizes:
        parts.append(payload[at : at + size])
        at += size
    return parts


class Keep(Protocol):
    """Where checkpoints go."""

    def is_due(self, is_last: bool = False) -> bool:
        """Return whether a checkpoint is wanted now: the last one is long ago, or all files are done after a while."""
        ...

    def __call__(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint."""
        ...


class Saver:
    """Makes checkpoints at the ends of epochs, of the files that are trained together then."""

    def __init__(self, checkpoint: Checkpoint, keep: Keep | None) -> None:
        self.checkpoint = checkpoint
        self._keep = keep

    def save(self, places: Sequence[int], make: Callable[[], Sequence[FileState]]) -> None:
        """Keep the states of these files after an epoch, if a checkpoint is due; only then they are made."""
        if self._keep is not None and self._keep.is_due():
            self.checkpoint.running |= dict(zip(places, make(), strict=False))  # no states: the model cannot say them
            self._hand_over(self._keep)

    def save_end(self) -> None:
        """Keep the result of a training that took a while."""
        if self._keep is not None and self._keep.is_due(is_last=True):
            self._hand_over(self._keep)

    def _hand_over(self, keep: Keep) -> None:
        if self.checkpoint.size_bytes <= CHECKPOINT_BYTES_MAX:
            keep(self.checkpoint)

    def finish(self, place: int, done: FileDone) -> None:
        """Record that a file's training is done; its change is in the total already, unless it stands by itself."""
        self.checkpoint.running.pop(place, None)
        self.checkpoint.done[place] = done


def state_of(arrays: Sequence[Array], *others: bytes) -> Sliced:
    """Return arrays of one type, one after the other, and what else is to stand behind them. Nothing is copied."""
    return Joined([*(Memory(array.data) for array in arrays), *others])


def arrays_from_bytes(state: bytes, arrays: Sequence[Array]) -> None:
    """Write these bytes into arrays of the sizes that they came from. Raises BadTask."""
    for array, part in zip(arrays, _divided(state, [array.nbytes for array in arrays]), strict=True):
        array[...] = np.frombuffer(part, array.dtype).reshape(array.shape)
