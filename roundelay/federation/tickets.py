"""An order from its submission to its result: poll its ticket until a node reports the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import replace

from roundelay.chord.effects import Procedure, Sleep, ask, ask_all
from roundelay.chord.errors import ChordError, NodeUnreachable, NotFound
from roundelay.chord.refs import NodeRef
from roundelay.federation.errors import StepTooLarge, WorkFailed
from roundelay.federation.jobs import RUNNING_MAX
from roundelay.federation.large_contents import fetch_content
from roundelay.federation.requests import Collect, Order, Progress
from roundelay.store.blobs import Content, verify_digest
from roundelay.store.items import CHUNK_BYTES
from roundelay.store.packing import unpack
from roundelay.store.transfer import LINK_BYTES_PER_S_MIN, transfer_timeout_s, write

COLLECT_WAIT_S = 1.0  # how long a node may hold a poll while the order runs
GRACE_S = 1.0  # how much longer its answer may take to arrive, besides the time that its result takes
RESULT_GRACE_MAX_S = 4.0
COLLECT_PAUSE_S = 0.1  # after a poll that the node did not hold
COLLECTS_MAX = 1_000_000  # polls of one ticket
SILENT_POLLS_MAX = 3  # in a row, of a node that no other can replace


class TicketTimeout(NodeUnreachable):
    """The order is still running, but has taken too long."""


class Elapsed:
    """Measures how long an order takes, as far as that tells whether its node is slow.

    While the order is in the queue, the node may work for RUNNING_MAX - 1 other jobs first, so that time counts less.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.seconds = 0.0
        self._seen_at = clock()

    def observe(self, answers: Sequence[Progress | ChordError]) -> None:
        """Add the time since the last poll, by what this one has answered."""
        now = self.clock()
        states = {answer.state for answer in answers if isinstance(answer, Progress)}
        self.seconds += (now - self._seen_at) / (RUNNING_MAX if states == {"queued"} else 1)
        self._seen_at = now


def submit(node: NodeRef, order: Order, weights: Content) -> Procedure[str]:
    """Send an order to a node with its weights, or after them if they are large; return the ticket.

    Raises ChordError.
    """
    if len(weights) > CHUNK_BYTES:
        yield from write(node, order.weights, weights)
        return (yield from ask(node, order))
    return (yield from ask(node, replace(order, content=weights[:]), transfer_timeout_s(len(weights))))


def await_ticket(
    nodes: Sequence[NodeRef],
    ticket: str,
    is_late: Callable[[], bool] = lambda: False,
    silent_polls_max: int = 1,
    elapsed: Elapsed | None = None,
    result_bytes: int = 0,
    far: Set[NodeRef] = frozenset(),
) -> Procedure[list[tuple[NodeRef, Progress | ChordError]]]:
    """Poll a ticket at these nodes. Return the nodes that have ended, with a final progress or an error.

    Return an empty list once `is_late()` is true. One answer is enough for a poll, so a silent node counts as lost
    only after `silent_polls_max` polls in a row that no node has answered. elapsed: is told of each poll; without it,
    every poll is followed by a pause. result_bytes: of all results that may arrive at the same time. far: nodes that
    shall pack their results.
    """
    deadline_s = COLLECT_WAIT_S + GRACE_S + min(RESULT_GRACE_MAX_S, result_bytes / LINK_BYTES_PER_S_MIN)
    silent_polls = 0
    for _ in range(COLLECTS_MAX):
        polls = [(node, Collect(ticket, COLLECT_WAIT_S, node in far)) for node in nodes]
        need = 1 if len(nodes) > 1 else None  # a single poll then takes no second thread
        began = elapsed.clock() if elapsed else 0.0
        answers = yield from ask_all(polls, need, deadline_s)
        all_silent = all(isinstance(answer, NodeUnreachable) for answer in answers)
        silent_polls = silent_polls + 1 if all_silent else 0
        are_lost = silent_polls >= silent_polls_max
        ended = [(n, a) for n, a in zip(nodes, answers, strict=True) if _is_final(a, are_lost)]
        if ended:
            return ended
        was_held = elapsed is not None and elapsed.clock() - began >= COLLECT_PAUSE_S
        if not all_silent and not was_held:
            yield Sleep(COLLECT_PAUSE_S)
        if elapsed is not None:
            elapsed.observe(answers)
        if is_late():
            return []
    raise NodeUnreachable(f"{nodes[0].address} has not finished after {COLLECTS_MAX} polls")


def await_done(
    node: NodeRef,
    ticket: str,
    is_late: Callable[[], bool] = lambda: False,
    silent_polls_max: int = SILENT_POLLS_MAX,
    elapsed: Elapsed | None = None,
) -> Procedure[Progress]:
    """Wait until one node has carried an order out.

    Raises WorkFailed; StepTooLarge; NotFound when the node lacks input; TicketTimeout; another ChordError when the
    node is lost.
    """
    ended = yield from await_ticket((node,), ticket, is_late, silent_polls_max, elapsed)
    if not ended:
        raise TicketTimeout(f"{node.address} has taken too long")
    ((_, answer),) = ended
    if isinstance(answer, ChordError):
        raise answer
    if answer.state != "done":
        if answer.state == "unstable":
            raise StepTooLarge(answer.message)
        failure = {"failed": WorkFailed, "unable": NotFound}.get(answer.state, NodeUnreachable)
        raise failure(f"{node.address}: {answer.message}")
    return answer


def result_of(node: NodeRef, progress: Progress) -> Procedure[Content]:
    """Return the result of a done order: it came with the progress, or is read. Raises Malformed, Corrupt, NotFound."""
    if progress.content:
        result = unpack(progress.content, progress.size_bytes)
        verify_digest(progress.result, result)
        return result
    return (yield from fetch_content(node, progress.result, progress.size_bytes))


def _is_final(answer: Progress | ChordError, are_lost: bool) -> bool:
    if isinstance(answer, Progress):
        return answer.is_final
    return are_lost or not isinstance(answer, NodeUnreachable)
