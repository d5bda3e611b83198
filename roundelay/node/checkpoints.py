"""The checkpoints of this node's orders: the latest of each, on the disk with --state-dir, else in memory.

An order that was cut off goes on from its checkpoint with the same bits, in another trainer or another life of the
node. The last one of a finished order holds its result. A checkpoint goes when its job moves on to another order, or
when too many are kept. A file is as good as its checksum: one that was cut short counts as absent.
"""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from pathlib import Path

from roundelay.chord.errors import ChordError
from roundelay.federation.requests import Order
from roundelay.ml.errors import EndOfFrames, FrameError
from roundelay.ml.frames import CHECKPOINT_BYTES_MAX, Frame, NotKept, encoded, read_frame
from roundelay.ml.sliced import Joined, part_of
from roundelay.node.files import content_stream, file_for, open_content
from roundelay.store.blobs import Content, digest_of, pieces_of

log = logging.getLogger(__name__)

CHECKPOINTS_MAX = 4  # of orders of different jobs
SUFFIX, UNFINISHED = ".checkpoint", ".unfinished"
DIGEST_BYTES = hashlib.sha256().digest_size


class Checkpoints:
    """The checkpoints in a folder, which is made when it is needed; without one, in memory."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._kept: OrderedDict[str, Content | None] = OrderedDict()  # by name; None: in the folder
        self.made = 0  # by this process
        self._refused = ""  # the order whose checkpoint the disk did not take last
        if folder is not None and folder.is_dir():
            for unfinished in folder.glob(f"*{SUFFIX}{UNFINISHED}"):  # this process was killed while it wrote them
                unfinished.unlink(missing_ok=True)
            found = sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime)
            self._kept.update((path.name, None) for path in found)
            self._drop(list(self._kept)[:-CHECKPOINTS_MAX])

    def save(self, order: Order, frame: Frame) -> None:
        """Keep a checkpoint in the place of all earlier ones of the order's job.

        A disk that does not take it is logged once an order.
        """
        if len(frame.payload) > CHECKPOINT_BYTES_MAX:
            return
        name = _name(order)
        try:
            kept = self._write(name, _content_of(frame))
        except (OSError, ChordError) as error:
            if name != self._refused:
                self._refused = name
                log.warning("no checkpoint of job %s: %s", order.job[:8], error)
            return
        self.made += 1
        self._kept[name] = kept
        self._kept.move_to_end(name)
        stale = [each for each in self._kept if each != name and each.startswith(_stem(order))]
        self._drop([*stale, *[each for each in self._kept if each not in stale][:-CHECKPOINTS_MAX]])

    def load(self, order: Order) -> Frame | None:
        """Return the latest checkpoint of an order, if there is one."""
        name = _name(order)
        if name not in self._kept:
            return None
        try:
            content = self._kept[name] or self._read(name)
            return read_frame(content_stream(content), file_for)
        except (OSError, FrameError, EndOfFrames, NotKept, ChordError) as error:
            log.warning("the checkpoint of job %s is not used: %s", order.job[:8], error)
            self._drop([name])
            return None

    def _write(self, name: str, content: Content) -> Content | None:
        """Write a checkpoint at one moment. Return it if it is in no folder. Raises OSError, Corrupt."""
        if self._folder is None:
            return content
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._folder / f"{name}{UNFINISHED}"
        try:
            with unfinished.open("wb") as file:
                file.write(bytes.fromhex(digest_of(content)))
                file.writelines(pieces_of(content))
            unfinished.replace(self._folder / name)
        except (OSError, ChordError):
            unfinished.unlink(missing_ok=True)
            raise
        return None

    def _read(self, name: str) -> Content:
        """Read a checkpoint. Raises OSError, FrameError, Corrupt."""
        assert self._folder is not None
        whole = open_content(self._folder / name)
        content = part_of(whole, DIGEST_BYTES, max(DIGEST_BYTES, len(whole)))
        if bytes.fromhex(digest_of(content)) != whole[:DIGEST_BYTES]:
            raise FrameError("it is damaged")
        return content

    def _drop(self, names: list[str]) -> None:
        for name in names:
            self._kept.pop(name, None)
            if self._folder is not None:
                (self._folder / name).unlink(missing_ok=True)


def _content_of(frame: Frame) -> Content:
    """Return a frame as a content; a payload that is in a file stays there."""
    pieces = encoded(frame.header, frame.payload)
    if isinstance(frame.payload, bytearray):
        return b"".join(pieces)
    return Joined((bytes(next(pieces)), frame.payload))


def _stem(order: Order) -> str:
    """Return how the names of a job's checkpoints begin."""
    return hashlib.sha256(order.job.encode()).hexdigest()[:16]


def _name(order: Order) -> str:
    return f"{_stem(order)}-{order.ticket}{SUFFIX}"
