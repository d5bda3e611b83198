"""The result of one order, and what the orders of a round lead to together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from roundelay.chord.effects import Procedure, gather_or_raise, offload
from roundelay.chord.refs import NodeRef
from roundelay.federation.receipts import Receipts, by_file, split_result
from roundelay.federation.requests import Order, Progress, TrainingFile
from roundelay.federation.result_check import check_announced, check_result
from roundelay.federation.tickets import result_of
from roundelay.ml.sliced import Sliced, as_bytes
from roundelay.store.packing import SUM_BYTES
from roundelay.store.transfer import read_range

Files = tuple[TrainingFile, ...]


@dataclass(frozen=True)
class PartialResult:
    """The result of one order.

    result: empty if it has single updates and is large; the node keeps it, and it is read block by block.
    """

    node: NodeRef
    files: Files
    progress: Progress
    result: Sliced
    trained_by: Mapping[int, str] = field(default_factory=dict)  # file -> address, where it was not `node` itself
    receipts: Receipts = field(default_factory=dict)  # file -> digest of its update, where the order asks for them
    seconds_by: Mapping[str, float] = field(default_factory=dict)  # address -> its trainer's, where there are several

    def pieces(self, start: int, stop: int) -> dict[int, memoryview]:
        """Return entries `start` to `stop` of each file's update, from a result in memory that has each by itself."""
        whole, size = memoryview(as_bytes(self.result)), len(self.result) // len(self.files)
        return {
            file.index: whole[at * size + SUM_BYTES * start : at * size + SUM_BYTES * stop]
            for at, file in enumerate(self.files)
        }

    @property
    def trained_s(self) -> Mapping[str, float]:
        """The seconds that each trainer worked, by address."""
        return self.seconds_by or {str(self.node.address): self.progress.seconds}

    def trainer_of(self, file: TrainingFile) -> str:
        """Return the address of the node that trained a file."""
        return self.trained_by.get(file.index, str(self.node.address))


@dataclass(frozen=True)
class RoundOutcome:
    """The results of a round's orders, and the files that no node could train."""

    parts: list[PartialResult]
    missing: list[TrainingFile]


def fetch_result(worker: NodeRef, order: Order, progress: Progress) -> Procedure[PartialResult]:
    """Fetch a worker's result; large single updates stay there. Raises ChordError, BadRecord."""
    check_announced(order, progress.size_bytes)
    if order.is_single and not progress.content:
        tail = yield from read_range(worker, progress.result, order.sums_bytes, progress.size_bytes)
        receipts = by_file([file.index for file in order.files], tail)
        return PartialResult(worker, order.files, progress, b"", receipts=receipts)
    content = yield from result_of(worker, progress)
    result, receipts = split_result(order, content)
    yield from offload(lambda: check_result(order, order.files, result))
    return PartialResult(worker, order.files, progress, result, receipts=receipts)


def join_outcomes(
    works: Sequence[Procedure[RoundOutcome]], beside: Sequence[Procedure[None]] = ()
) -> Procedure[RoundOutcome]:
    """Run all works, and what is beside them, concurrently; join the outcomes. Raises the first error."""
    procedures: list[Procedure[RoundOutcome | None]] = [*works, *beside]
    done = yield from gather_or_raise(procedures, limit=max(1, len(procedures)))
    outcomes = [outcome for outcome in done if outcome is not None]
    return RoundOutcome([p for o in outcomes for p in o.parts], [f for o in outcomes for f in o.missing])
