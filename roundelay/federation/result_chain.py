"""The chain of a job's results: each names the one before it by digest.

Two drivers of one round write the same bytes; two different results of one round mean that the job has diverged. Where
a round cannot be repeated, two drivers may have stored different ones, and the longest chain counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from roundelay.federation.errors import Diverged
from roundelay.federation.records import RoundResult


class ChainLink(Protocol):
    """What a chain of results is verified by."""

    @property
    def job(self) -> str: ...

    @property
    def round(self) -> int: ...

    @property
    def previous(self) -> str:
        """Digest of the RESULT before it; empty in round 0."""

    @property
    def digest(self) -> str: ...


L = TypeVar("L", bound=ChainLink)


def extend_chain(job: str, links: tuple[RoundResult, ...], results: Sequence[RoundResult]) -> tuple[RoundResult, ...]:
    """Return the verified chain `links`, grown by the results that follow it.

    Raises Diverged when a round has two results.
    """
    by_round: dict[int, RoundResult] = {link.round: link for link in links}
    for result in results:
        other = by_round.setdefault(result.round, result)
        if other != result:
            raise diverged(result.round, other.digest, result.digest)
    return _longest_chain(job, links, results)


def salvage_chain(job: str, links: tuple[RoundResult, ...], results: Sequence[RoundResult]) -> tuple[RoundResult, ...]:
    """Return the longest chain in spite of conflicting results; of equally long ones, the same for every reader."""
    return _longest_chain(job, links, results)


def diverged(number: int, *digests: str) -> Diverged:
    """Return the error for a round with two results; its text does not depend on their order."""
    one, other = sorted(digests)
    return Diverged(f"diverged: round {number} has two results, {one} and {other}")


def _longest_chain(job: str, links: tuple[RoundResult, ...], results: Iterable[RoundResult]) -> tuple[RoundResult, ...]:
    """Return `links` followed by the longest chain of results of this job that continues them."""
    return (*links, *chain_after(job, links[-1] if links else None, results))


def chain_after(job: str, last: L | None, results: Iterable[L]) -> tuple[L, ...]:
    """Return the longest chain of a job's results that follow the `last` one, or that begin with round 0.

    Of equally long ones it takes the one whose first result has the smaller digest.
    """
    best: dict[str, tuple[int, L]] = {}  # digest of a result -> length of the chain after it, its first link
    for result in sorted(results, key=lambda r: (-r.round, r.digest)):
        length = 1 + (best[result.digest][0] if result.digest in best else 0)
        if result.job == job and (result.previous not in best or length > best[result.previous][0]):
            best[result.previous] = length, result
    chain = list[L]()
    digest, number = (last.digest, last.round + 1) if last is not None else ("", 0)
    while (following := best.get(digest)) and following[1].round == number:
        chain.append(following[1])
        digest, number = following[1].digest, number + 1
    return tuple(chain)
