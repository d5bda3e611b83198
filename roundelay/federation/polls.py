"""Which orders of a node are still polled: a driver polls each of its orders until it has a result for its files.

Once a backup has given that result, the driver asks the slow node no more. If the slow node's trainer hangs, later
orders of the job would wait behind an order that nobody wants.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

UNPOLLED_S = 10.0  # without a poll; a driver polls about once a second
POLLED_S = 3.0  # since the last poll


class Polls:
    """When each unfinished order was polled last. Seen from outside only when somebody looks, so it needs no clock."""

    def __init__(self) -> None:
        self._new: set[str] = set()  # tickets polled since the last look
        self._last: dict[str, float] = {}  # by ticket, when it was polled last, or first seen

    def note(self, ticket: str) -> None:
        """Note a poll. Tickets that no order has are forgotten at the next look."""
        self._new.add(ticket)

    def look(self, tickets: Collection[str], now: float) -> None:
        """Take over the polls since the last look; `tickets` are those of all unfinished orders."""
        new, self._new = self._new, set()
        self._last = {ticket: now if ticket in new else self._last.get(ticket, now) for ticket in tickets}

    def abandoned(self, running: Mapping[str, str], queued: Mapping[str, str], now: float) -> Iterator[str]:
        """Yield the running orders that nobody polls while a queued order of the same job is polled.

        Both are given by ticket, with their jobs. So the driver is alive, and has no use for the running order.
        """
        wanted = {job for ticket, job in queued.items() if now - self._last[ticket] < POLLED_S}
        for ticket, job in running.items():
            if job in wanted and now - self._last[ticket] >= UNPOLLED_S:
                yield ticket
