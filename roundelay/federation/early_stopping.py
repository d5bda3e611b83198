"""Early stopping: when a job has trained enough, and which round's model it keeps.

Both follow from the settings and the chain of results alone, so every driver, client and page decides the same, also
after a failover. Prechelt, Early stopping - but when?, 1998: stop when the validation error has not fallen for
`patience` rounds, and keep the weights of its minimum.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Protocol, TypeVar

from roundelay.federation.records import RoundResult
from roundelay.federation.settings import Settings

WEIGHT_ROUNDS_KEPT = 2  # the last ones: a driver continues from them, and an audit repeats the last


class Validated(Protocol):
    """A round with its validation error."""

    @property
    def round(self) -> int: ...

    @property
    def error(self) -> float: ...


V = TypeVar("V", bound=Validated)


def best_round(results: Sequence[V]) -> V:
    """Return the round with the lowest validation error, the first of equals; round 0 only if there is no other."""
    trained = [result for result in results if result.round > 0]
    return min(trained or results, key=lambda result: (result.error, result.round))


def kept_round(settings: Settings, results: Sequence[RoundResult]) -> RoundResult:
    """Return the round whose model is the job's result, as far as the chain goes."""
    return best_round(results) if settings.keep == "best" else results[-1]


def has_stopped(settings: Settings, results: Sequence[RoundResult]) -> bool:
    """Return whether the validation error has not fallen for as many rounds as the settings allow."""
    if not settings.patience or not results or results[-1].round < 1:
        return False
    return results[-1].round - best_round(results).round >= settings.patience


def is_complete(settings: Settings, results: Sequence[RoundResult]) -> bool:
    """Return whether the job needs no further round."""
    return len(results) > settings.rounds_allowed or has_stopped(settings, results)


def superseded_rounds(
    settings: Settings, results: Sequence[RoundResult], freed: Set[int] = frozenset(), needed: Set[int] = frozenset()
) -> list[RoundResult]:
    """Return the rounds whose weights the last result has made useless: they may be deleted now.

    A round that has been superseded never becomes the best again. freed: rounds whose weights have stayed for another
    reason, which the last result has ended. needed: rounds whose weights stay for another reason.
    """
    if len(results) < 2:
        return []
    before = _rounds_with_weights(settings, results[:-1]) | freed
    now = _rounds_with_weights(settings, results) | needed
    return [results[number] for number in sorted(before - now)]


def _rounds_with_weights(settings: Settings, results: Sequence[RoundResult]) -> set[int]:
    """Return the rounds whose weights stay: the last ones, the kept one, and those that the settings ask for."""
    count = int(settings.keep_weights) if settings.keep_weights.isdecimal() else WEIGHT_ROUNDS_KEPT
    also = best_round(results) if settings.keep_weights == "best" else kept_round(settings, results)
    first = 0 if settings.keep_weights == "all" else max(0, len(results) - count)
    return {*range(first, len(results)), kept_round(settings, results).round, also.round}
