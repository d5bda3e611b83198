"""Aggregate a round's single updates, read block by block from the nodes that keep them.

The driver holds one block of every file's update, and small results whole. It reads each file's blocks in their order,
so that the file's receipt is checked on the way.
"""

from __future__ import annotations

from collections.abc import Sequence

from roundelay.chord.effects import Procedure, gather_or_raise, offload
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import NodeRef
from roundelay.federation import server_step
from roundelay.federation.errors import FederationError
from roundelay.federation.large_contents import open_buffer, written
from roundelay.federation.partial_result import PartialResult
from roundelay.federation.rules.aggregation import Aggregation, BadUpdate
from roundelay.federation.spec import JobSpec
from roundelay.store.blobs import Content
from roundelay.store.packing import SUM_BYTES
from roundelay.store.transfer import read_range

READS_IN_FLIGHT = 16  # nodes that are read from at a time


class UpdatesLost(FederationError):
    """A node's single updates cannot be read, or are not what its receipts say."""

    def __init__(self, node: NodeRef, why: str, is_honest: bool) -> None:
        super().__init__(f"{node.address}: {why}")
        self.node, self.why, self.is_honest = node, why, is_honest


def aggregate(spec: JobSpec, base: Content, parts: Sequence[PartialResult], halvings: int) -> Procedure[Content]:
    """Apply the job's rule to a round's single updates. Return the new weights.

    Raises UpdatesLost, StepTooLarge, WorkFailed, CannotDrive.
    """
    aggregation = yield from offload(lambda: server_step.aggregation_of(spec, base, parts, halvings))
    try:
        for _ in range(aggregation.passes):
            for start, stop in aggregation.blocks:
                yield from _add_block(aggregation, parts, start, stop)
    except BadUpdate as error:
        node = next(part.node for part in parts if error.index in {file.index for file in part.files})
        raise UpdatesLost(node, str(error), is_honest=False) from error
    buffer = yield from open_buffer(len(base))
    return (yield from written(lambda: server_step.aggregated(spec, base, aggregation, buffer), len(base)))


def _add_block(aggregation: Aggregation, parts: Sequence[PartialResult], start: int, stop: int) -> Procedure[None]:
    reads = [_read(part, aggregation.entries, start, stop) for part in parts]
    found = yield from gather_or_raise(reads, READS_IN_FLIGHT)
    pieces = {index: piece for part in found for index, piece in part.items()}
    yield from offload(lambda: aggregation.add([pieces[file.index] for file in aggregation.files]))


def _read(
    part: PartialResult, entries: int, start: int, stop: int
) -> Procedure[dict[int, bytes] | dict[int, memoryview]]:
    """Return entries `start` to `stop` of the update of each of a part's files. Raises UpdatesLost."""
    if part.result:
        return part.pieces(start, stop)
    pieces = {}
    for at, file in enumerate(part.files):
        first = SUM_BYTES * (at * entries + start)
        try:
            piece = yield from read_range(part.node, part.progress.result, first, first + SUM_BYTES * (stop - start))
        except ChordError as error:
            raise UpdatesLost(part.node, str(error), is_honest=True) from error
        pieces[file.index] = piece
    return pieces
