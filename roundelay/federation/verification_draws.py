"""Draw the orders of a round that are verified: the longer a node's work is unverified, the more likely is its order.

With equal chances, a node that lies in every round escapes for 25 rounds in 7 of 100 jobs that verify a tenth. So the
chance of a node's order is half the share at first, and several times the share once the node has worked for as many
rounds as lie between two verifications in the mean. That mean stays the same, so the share does, but long intervals are
rare: the times of verifications are a renewal process whose hazard grows. The chance is never less than half the share
and, unless everything is verified, never 1: nobody knows before a round's results are in whose orders are repeated.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from roundelay.federation.partial_result import Files
from roundelay.federation.records import RoundReport

MANTISSA_BITS = 53  # of a float, so that none is rounded to 1


class Draws:
    """What one job draws. It follows from the job's reports and results, so a driver that takes over draws the same."""

    def __init__(self, job: str, share: float) -> None:
        self._job, self._chances = job, chances_of(share)
        self._unverified: dict[str, int] = {}  # address -> rounds of work since another node repeated some of it

    def add(self, report: RoundReport) -> None:
        """Add a round. Round 0, which trains nothing, is always verified and does not count."""
        if report.round == 0:
            return
        verified = {address for file, address in report.placement.items() if file in report.verified}
        for address in set(report.placement.values()):
            self._unverified[address] = 0 if address in verified else self._rounds(address) + 1

    def is_drawn(self, challenged: str, files: Files, address: str) -> bool:
        """Return whether a node's order for these files is among those that are repeated."""
        return uniform(draw(challenged, files)) < self._chances.after(self._rounds(address))

    def _rounds(self, address: str) -> int:
        """Return for how many rounds a node's work is unverified."""
        known = self._unverified.get(address)
        if known is not None:
            return known
        return self._chances.first_rounds(uniform(hashlib.sha256(f"first {self._job} {address}".encode()).digest()))


@dataclass(frozen=True)
class Chances:
    """How likely a node's order is drawn, after a number of rounds in which none of its orders was verified."""

    share: float  # of all orders, in the mean
    early: float  # in the first rounds
    early_rounds: int
    late: float  # afterwards

    def after(self, unverified_rounds: int) -> float:
        return self.early if unverified_rounds < self.early_rounds else self.late

    def first_rounds(self, uniform: float) -> int:
        """Return how many unverified rounds a node has behind it when it begins to work.

        uniform: drawn from [0, 1). The number is distributed as in a job without beginning, so that the first rounds
        verify the share, too.
        """
        if not self.early_rounds:
            return 0
        escapes = 1.0 - uniform * self.early / self.share
        return min(int(math.log(escapes) / math.log(1.0 - self.early)), self.early_rounds)


@cache
def chances_of(share: float) -> Chances:
    """Return the chances that verify a share of all orders.

    The early rounds are as many as leave a late chance of 1 at most. A share that leaves none has equal chances.
    """
    early, mean = share / 2, 1.0 / share  # rounds from one verification to the next
    for rounds in range(int(mean), 0, -1):
        escapes = (1.0 - early) ** rounds
        left = mean - (1.0 - escapes) / early  # rounds after the early ones, in the mean of all intervals
        if escapes < left:
            return Chances(share, early, rounds, escapes / left)
    return Chances(share, share, 0, share)


def challenge(job: str, number: int, weights: str, results: Iterable[bytes]) -> str:
    """Return the digest that a round's draws depend on: of the weights before it and all its results.

    The job's id has a nonce, so a job that is trained again has other draws.
    """
    whole = hashlib.sha256(f"verify {job} {number} {weights} ".encode())
    for piece in results:
        whole.update(piece)
    return whole.hexdigest()


def draw(challenged: str, files: Files) -> bytes:
    """Return what is drawn for an order."""
    return hashlib.sha256(f"{challenged} {','.join(str(file.index) for file in files)}".encode()).digest()


def uniform(digest: bytes) -> float:
    """Return a number from [0, 1)."""
    return (int.from_bytes(digest[:8]) >> (64 - MANTISSA_BITS)) / 2.0**MANTISSA_BITS
