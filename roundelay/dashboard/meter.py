"""Reads the metrics of processes with --metrics-port, once for all open pages, and keeps the rates of their calls."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from roundelay.chord.refs import Address
from roundelay.dashboard.call_counts import CallCounts, CallRates, parse_counts, rates_between
from roundelay.rpc.transport import shut_down

EVERY_S, TIMEOUT_S = 2.0, 1.0
READING_S = 3.0  # of one process, after which its connection is shut down
TEXT_BYTES_MAX = 1 << 20
READERS_MAX = 8


class Meter:
    """The latest rates by the address that they were read from; None if one of the last two readings failed."""

    def __init__(self, sources: Sequence[Address], clock: Callable[[], float]) -> None:
        self.rates: dict[Address, CallRates | None] = dict.fromkeys(sources)
        self.version = 0  # grows with every reading
        self._clock = clock
        self._counts: dict[Address, CallCounts | None] = {}
        self._stopping = threading.Event()

    def start(self) -> None:
        """Read again and again in a thread of its own, until `stop`."""
        if self.rates:
            threading.Thread(target=self._run, name="meter", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()

    def read(self) -> None:
        """Read all processes once."""
        with ThreadPoolExecutor(READERS_MAX) as readers:
            found = dict(zip(self.rates, readers.map(self._fetch, self.rates), strict=True))
        before, self._counts = self._counts, found
        self.rates = {source: _rates(before.get(source), counts) for source, counts in found.items()}
        self.version += 1

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.read()
            self._stopping.wait(EVERY_S)

    def _fetch(self, source: Address) -> CallCounts | None:
        """Return the counts of a process; None if it cannot be read."""
        try:
            return parse_counts(_text(source), self._clock())
        except (OSError, http.client.HTTPException, ValueError):  # the latter: an impossible host, or a long text
            return None


def _text(source: Address) -> str:
    """Return the metrics of a process. Raises OSError, HTTPException, ValueError."""
    with closing(http.client.HTTPConnection(source.host, source.port, timeout=TIMEOUT_S)) as connection:
        connection.connect()
        began = time.monotonic()
        deadline = threading.Timer(READING_S, shut_down, (connection.sock,))
        deadline.daemon = True
        deadline.start()
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read(TEXT_BYTES_MAX + 1)
            if len(text) > TEXT_BYTES_MAX:
                raise ValueError(f"{source} has more than {TEXT_BYTES_MAX} bytes of metrics")
            if time.monotonic() - began >= READING_S:  # it may be cut off
                raise TimeoutError(f"{source} took longer than {READING_S:g} s")
        finally:
            deadline.cancel()
    return text.decode(errors="replace")


def _rates(before: CallCounts | None, after: CallCounts | None) -> CallRates | None:
    return rates_between(before, after) if before is not None and after is not None else None
