"""One round's orders at private sites: each site trains its own files, and may be cut off meanwhile.

An order is idempotent, so a site that answers again is simply given its order again: it goes on with it, or returns the
result that has waited there. `SiteWaits` says how long that is tried; then the round may go on without the site.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from roundelay.chord.effects import Procedure, Sleep, ask
from roundelay.chord.errors import ChordError, NodeUnreachable, NotFound
from roundelay.chord.refs import NodeRef
from roundelay.federation.partial_result import PartialResult, RoundOutcome, join_outcomes
from roundelay.federation.placement import Groups
from roundelay.federation.requests import Collect, Order, Progress, TrainingFile
from roundelay.federation.roster import Roster
from roundelay.federation.rounds import MakeOrder, Meanwhile, MissingInput, RoundWork, UnfitNode
from roundelay.federation.site_waits import SiteWaits
from roundelay.federation.throughput import ThroughputEstimate
from roundelay.federation.tickets import Elapsed, await_ticket
from roundelay.ml.task import FILES_MAX
from roundelay.store.blobs import Content

SITE_RETRY_S = 1.0
SITE_TRIES_MAX = 1_000_000  # of one site in a round: it may be required, and away for days
UNABLE_TRIES = 2  # of an order that a site answers with `unable`: it may only have lost the round's weights

Answer = str | ChordError | None  # a ticket, an error, or None: the site was not asked


class _AnsweredPolls(Elapsed):
    """The time of an order, which also calls `on_answer` at each poll that tells how it is doing."""

    def __init__(self, clock: Callable[[], float], on_answer: Callable[[], None]) -> None:
        super().__init__(clock)
        self._on_answer = on_answer

    def observe(self, answers: Sequence[Progress | ChordError]) -> None:
        super().observe(answers)
        if any(isinstance(answer, Progress) for answer in answers):
            self._on_answer()


class SiteWork(RoundWork):
    """Runs the orders of one round of a job on private data."""

    unable_tries = UNABLE_TRIES
    final: tuple[type[ChordError], ...] = ()  # answers of a site that are raised: the site is not asked again

    def __init__(
        self,
        roster: Roster,
        estimate: ThroughputEstimate,
        clock: Callable[[], float],
        make_order: MakeOrder,
        weights: Content,
        waits: SiteWaits,
        files_max: int = FILES_MAX,
        failing_max: int = 0,
    ) -> None:
        """failing_max: how many files may fail without failing the round, because the job's rule stands them."""
        super().__init__(roster, estimate, clock, make_order, weights, files_max=files_max)
        self._waits = waits
        self._failing_max = failing_max
        self._failing: set[int] = set()

    def run(
        self, files: Sequence[TrainingFile], meanwhile: Meanwhile | None = None, busy: frozenset[NodeRef] = frozenset()
    ) -> Procedure[RoundOutcome]:
        """Have each site train its files. The missing files are those of sites that the round may go on without.

        Raises WorkFailed, StepTooLarge, JobEnded.
        """
        groups, most = self._groups(files), self._files_max
        orders = {home: self._make_order(group[:most], False) for home, group in groups.items()}
        later = [file for group in groups.values() for file in group[most:]]
        skipped = {file.index for file in files} - {file.index for group in groups.values() for file in group}
        self._result_bytes = max(self._result_bytes, sum(2 * order.weights_bytes for order in orders.values()))
        present = {home: node for home in orders if (node := node_to_ask(self._roster, self._waits, home)) is not None}
        silent = yield from self._still_silent(list(present.values()))
        asked = [(node, orders[home]) for home, node in present.items() if node not in silent]
        answers = {**(yield from self._sender.submit(asked)), **silent}
        works = [
            self._run_site(home, order, present.get(home), answers.get(present[home]) if home in present else None)
            for home, order in orders.items()
        ]
        beside = [meanwhile(self._sender.sent)] if meanwhile is not None else []
        outcome = yield from join_outcomes(works, beside)
        rest = (yield from self.run(later)) if later else RoundOutcome([], [])
        missing = [*outcome.missing, *rest.missing, *(file for file in files if file.index in skipped)]
        return RoundOutcome([*outcome.parts, *rest.parts], missing)

    def placed(self, files: Sequence[TrainingFile]) -> Groups:
        """Return which site would be given which files, without asking any. Sites that do not answer have no part."""
        groups, left_out = super().placed(files), self._waits.drained | self._waits.absences.keys()
        return {node: group for node, group in groups.items() if str(node.address) not in left_out}

    def _groups(self, files: Sequence[TrainingFile]) -> dict[str, tuple[TrainingFile, ...]]:
        """Return the files of each site, without those that it has lately said it cannot train."""
        groups: dict[str, list[TrainingFile]] = {}
        for file in files:
            home = self._roster.home(file)
            node = self._roster.site(home)
            if node is None or not self._roster.is_missing(node, file):
                groups.setdefault(home, []).append(file)
        return {home: tuple(group) for home, group in groups.items()}

    def _run_site(self, home: str, order: Order, node: NodeRef | None, answer: Answer) -> Procedure[RoundOutcome]:
        """Have a site carry its order out, however often it is cut off, as long as the round waits for it."""
        unable = 0
        for _ in range(SITE_TRIES_MAX):
            try:
                part = yield from self._collect(home, order, node, answer, may_end_wait=not unable)
            except UnfitNode:
                break
            except MissingInput as error:
                unable += 1
                if unable >= self.unable_tries and len(order.files) > 1:  # it may lack only one of them
                    return (yield from self._run_each(home, order))
                self._record_unable(home, order, node, str(error), unable)
            except self.final:
                raise
            except ChordError as error:
                unable = 0
                if isinstance(error, NotFound) and node is not None:  # it was started again, and knows no order
                    self._sender.forget(node)
                self._waits.begin(home, str(error))
            else:
                return RoundOutcome([part], [])
            if self._waits.is_over(home) or (unable >= self.unable_tries and not self._is_needed(home)):
                break
            yield Sleep(SITE_RETRY_S)
            yield from self._before_retry()
            node, answer = yield from self._ask_again_at(home, order)
        return RoundOutcome([], list(order.files))

    def _record_unable(self, home: str, order: Order, node: NodeRef | None, why: str, times: int) -> None:
        if node is not None:
            self._sender.forget(node)
            if times >= self.unable_tries:
                self._roster.mark_missing_file(node, order.files[0], why)
        if self._is_needed(home):
            self._waits.begin(home, why)

    def _is_needed(self, home: str) -> bool:
        """Return whether a site that says that it cannot carry its order out is asked until it can."""
        return self._waits.is_required(home)

    def _before_retry(self) -> Procedure[None]:
        """Look for sites that have come back. Beside a job's rounds, JobWatch does that."""
        return
        yield  # makes this a procedure

    def _run_each(self, home: str, order: Order) -> Procedure[RoundOutcome]:
        """Have a site train each file of an order by itself."""
        works = []
        for file in order.files:
            single = self._make_order((file,), False)
            node, answer = yield from self._ask_again_at(home, single)
            works.append(self._run_site(home, single, node, answer))
        return (yield from join_outcomes(works))

    def _ask_again_at(self, home: str, order: Order) -> Procedure[tuple[NodeRef | None, Answer]]:
        """Give a site its order again, if it can be reached. Return the node that was asked, and its answer."""
        self._waits.require_running()
        node = node_to_ask(self._roster, self._waits, home)
        if node is None:
            return None, None
        silent = yield from self._still_silent([node])
        if node in silent:
            return node, silent[node]
        return node, (yield from self._sender.submit([(node, order)]))[node]

    def _collect(
        self, home: str, order: Order, node: NodeRef | None, answer: Answer, may_end_wait: bool
    ) -> Procedure[PartialResult]:
        """Wait for the result of an order that a site has taken.

        Raises WorkFailed, StepTooLarge, JobEnded, ChordError.
        """
        if node is None or answer is None:
            raise self._why_not_asked(home)
        if isinstance(answer, ChordError):
            raise answer

        def patience_s() -> float:  # known once another site has finished
            return self._estimate.backup_after_s(order.files)

        def on_answer() -> None:
            if may_end_wait and elapsed.seconds <= patience_s():
                self._end_wait(home)

        elapsed = _AnsweredPolls(self._clock, on_answer)

        def is_late() -> bool:
            self._waits.require_running()
            if elapsed.seconds <= patience_s():
                return False
            self._waits.begin(home, f"has not finished within {patience_s():.1f} s")
            return self._waits.is_over(home)

        ended = yield from await_ticket(
            (node,), order.ticket, is_late, elapsed=elapsed, result_bytes=self._result_bytes, far=self._roster.far
        )
        if not ended:
            self._roster.abandoned[node] = order.ticket
            why = f"has not finished within {patience_s():.1f} s, and no other node has its files"
            self._roster.record_disturbance(f"lost {home}: {why}")
            raise NodeUnreachable(why)
        ((_, end),) = ended
        return (yield from self._part(node, order, end))

    def _part(self, node: NodeRef, order: Order, end: Progress | ChordError) -> Procedure[PartialResult]:
        """Return what a site has made of its order. Raises WorkFailed, StepTooLarge, ChordError."""
        if isinstance(end, Progress) and end.state in ("failed", "unstable") and self._tolerates(order):
            self._exclude(node, end.message)
            raise UnfitNode(end.message)
        if not isinstance(end, Progress) or end.state != "done":
            raise self._failure(node, end)
        part = yield from self._result(node, order, end)
        if isinstance(part, UnfitNode):
            raise part
        self._end_wait(str(node.address))
        self._estimate.record(part.node, part.files, part.progress.seconds)
        return part

    def _end_wait(self, home: str) -> None:
        """Record that a site itself has answered; that its order was taken may be the word of another."""
        if (waited_s := self._waits.end(home)) > SITE_RETRY_S:
            self._roster.record_disturbance(f"waited {waited_s:.0f} s for {home}")

    def _tolerates(self, order: Order) -> bool:
        """Return whether the job's rule stands the failure of an order's files, and of those that failed before."""
        self._failing |= {file.index for file in order.files}
        return len(self._failing) <= self._failing_max

    def _why_not_asked(self, home: str) -> NodeUnreachable:
        node = self._roster.site(home)
        if node is not None and self._roster.is_excluded(node):
            return UnfitNode(f"{home} is excluded")
        return NodeUnreachable("is drained" if home in self._waits.drained else "is away")

    # --- orders that an earlier round could not wait for

    def _still_silent(self, nodes: Sequence[NodeRef]) -> Procedure[dict[NodeRef, ChordError]]:
        """Return the nodes that cannot be given an order yet, and why."""
        silent: dict[NodeRef, ChordError] = {}
        for node in nodes:
            try:
                yield from require_answer(self._roster, node)
            except ChordError as error:
                silent[node] = error
        return silent


def node_to_ask(roster: Roster, waits: SiteWaits, home: str) -> NodeRef | None:
    """Return the node to ask for a site's work; None if it is away, drained or excluded.

    A site that is waited for may answer before the ring's members see it again.
    """
    node = roster.site(home)
    if node is None or roster.is_excluded(node) or home in waits.drained:
        return None
    return None if waits.is_over(home) and not roster.is_present(node) else node


def require_answer(roster: Roster, node: NodeRef) -> Procedure[None]:
    """Raise NodeUnreachable while a node still works on an order that a round has given up."""
    ticket = roster.abandoned.get(node)
    if ticket is None:
        return
    try:
        progress = yield from ask(node, Collect(ticket))
    except NotFound:
        progress = None
    if progress is not None and not progress.is_final:
        why = "has still not finished an order of an earlier round"
        roster.record_disturbance(f"lost {node.address}: {why}")
        raise NodeUnreachable(why)
    roster.abandoned.pop(node, None)  # the site may have been started again meanwhile
