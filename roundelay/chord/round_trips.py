"""Round trips: how long each peer takes to answer, estimated as TCP does for its retransmission timer.

V. Paxson et al., RFC 6298, 2011. A request's own limit says how long the peer may take to answer it; the allowance
here is added for the network, in which TCP can send a lost packet again, and once more. So a peer 300 ms away is not
taken for dead, and a near one is found dead no later.

Only requests that a peer answers from memory are samples (`Request.answers_at_once`), and only those that were
answered in time. After a timeout the allowance doubles until the next sample. Each process keeps one table, and
measures with its own clock.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

Place = tuple[str, int]  # host and port

INITIAL_S = 1.0  # allowed for a peer without a sample (RFC 6298, 2.1)
ALLOWANCE_MAX_S = 4.0
GRANULARITY_S = 0.01  # the least that is allowed for variation
VARIATIONS = 4  # K
RESENDING = 3  # of TCP's timer: it sends a lost packet again after one, and once more after two others
GAIN, VARIATION_GAIN = 1 / 8, 1 / 4  # alpha, beta
BACKOFF_MAX = 8  # doublings
PEERS_MAX = 4096  # the one not heard from for longest is forgotten


class RoundTrip(NamedTuple):
    """The estimate for one peer, in seconds."""

    smoothed_s: float | None = None  # SRTT; None without a sample
    variation_s: float = 0.0  # RTTVAR
    base_s: float = INITIAL_S  # the allowance before any timeout
    timeouts: int = 0  # since the last sample

    @property
    def allowance_s(self) -> float:
        """How long the network may take for a request and its answer, with two losses."""
        allowance_s = self.base_s * (1 << min(self.timeouts, BACKOFF_MAX)) if self.timeouts else self.base_s
        return allowance_s if allowance_s < ALLOWANCE_MAX_S else ALLOWANCE_MAX_S

    def answered(self, seconds: float) -> RoundTrip:
        """Return the estimate after one more sample."""
        smoothed_s, variation_s, _, _ = self
        if smoothed_s is None:
            smoothed_s, variation_s = seconds, seconds / 2
        else:
            variation_s = (1 - VARIATION_GAIN) * variation_s + VARIATION_GAIN * abs(smoothed_s - seconds)
            smoothed_s = (1 - GAIN) * smoothed_s + GAIN * seconds
        varies_s = VARIATIONS * variation_s
        base_s = RESENDING * (smoothed_s + (varies_s if varies_s > GRANULARITY_S else GRANULARITY_S))
        return RoundTrip(smoothed_s, variation_s, base_s)

    def timed_out(self) -> RoundTrip:
        """Return the estimate after a timeout."""
        return self._replace(timeouts=self.timeouts + 1)


UNKNOWN = RoundTrip()


class RoundTrips:
    """One process's estimates for its peers."""

    def __init__(self) -> None:
        self._of: OrderedDict[Place, RoundTrip] = OrderedDict()

    def __getitem__(self, peer: Place) -> RoundTrip:
        return self._of.get(peer, UNKNOWN)

    def record_answer(self, peer: Place, seconds: float) -> None:
        """Record the duration of a request that the peer answered at once."""
        self._set(peer, self._of.get(peer, UNKNOWN).answered(seconds))

    def record_timeout(self, peer: Place) -> None:
        """Record that a peer did not answer in time."""
        self._set(peer, self[peer].timed_out())

    def _set(self, peer: Place, estimate: RoundTrip) -> None:
        self._of[peer] = estimate
        self._of.move_to_end(peer)
        if len(self._of) > PEERS_MAX:
            self._of.popitem(last=False)
