"""Have private sites carry out short orders, which need no training, at once; wait for them as for a site's training.

A site that is away, or late, is waited for as its job says (site_waits.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from roundelay.chord.effects import Procedure, gather
from roundelay.chord.errors import ChordError, NodeUnreachable
from roundelay.chord.refs import NodeRef
from roundelay.federation.errors import FederationError, JobEnded
from roundelay.federation.requests import Order
from roundelay.federation.roster import Roster
from roundelay.federation.site_waits import SiteWaits
from roundelay.federation.site_work import node_to_ask, require_answer
from roundelay.federation.spec import JobSpec
from roundelay.federation.throughput import ThroughputEstimate
from roundelay.federation.tickets import Elapsed, TicketTimeout, await_done, result_of, submit
from roundelay.ml.sliced import as_bytes


class ShortOrders:
    """The short orders of one driver's round."""

    def __init__(self, spec: JobSpec, roster: Roster, waits: SiteWaits, clock: Callable[[], float]) -> None:
        self._spec = spec
        self._roster = roster
        self._waits = waits
        self._clock = clock
        self._estimate = ThroughputEstimate()

    def carry_out(self, orders: Mapping[str, Order], enough: int) -> Procedure[dict[str, bytes]]:
        """Have sites carry out short orders at once, and wait for `enough` of them, or as long as a site is waited for.

        Return the results by address; what fails is left out. Raises JobEnded.
        """
        results: dict[str, bytes] = {}
        nodes = {site: node_to_ask(self._roster, self._waits, site) for site in orders}
        asks = [self._carry_out(site, node, orders[site], results, enough) for site, node in nodes.items()]
        for site, error in zip(nodes, (yield from gather(asks, limit=max(1, len(asks)))), strict=True):
            if isinstance(error, ChordError | FederationError) and not isinstance(error, JobEnded):
                self._waits.begin(site, str(error))
                self._roster.reasons[site] = str(error)
            elif isinstance(error, Exception):
                raise error
        return results

    def _carry_out(
        self, site: str, node: NodeRef | None, order: Order, results: dict[str, bytes], enough: int
    ) -> Procedure[None]:
        """Have a site carry out a short order, and add its result, unless there are enough.

        Raises JobEnded, ChordError.
        """
        if node is None:
            raise NodeUnreachable("is drained" if site in self._waits.drained else "is away")
        yield from require_answer(self._roster, node)
        yield from submit(node, order, b"")
        elapsed, files = Elapsed(self._clock), [self._spec.files[index] for index in self._spec.files_of(site)]

        def is_late() -> bool:
            self._waits.require_running()
            patience_s = self._estimate.backup_after_s(files)  # known once another site has answered
            if len(results) >= enough:
                return True
            if elapsed.seconds <= patience_s:
                return False
            self._waits.begin(site, f"has not answered within {patience_s:.1f} s")
            return self._waits.is_over(site)

        try:
            progress = yield from await_done(node, order.ticket, is_late, silent_polls_max=1, elapsed=elapsed)
        except TicketTimeout:
            if len(results) < enough:
                raise
        else:
            results[site] = as_bytes((yield from result_of(node, progress)))
            self._estimate.record(node, files, progress.seconds)
