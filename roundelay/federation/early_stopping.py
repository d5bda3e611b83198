"""Early stopping: when a job has trained enough, and which round's model it keeps.

Both follow from the settings and the chain of results alone, so every driver, client and page decides the same, also
after a failover. Prechelt, Early stopping - but when?, 1998: stop when the validation error has not fallen for
`patience` rounds, and keep the weights of its minimum.
"""

from __future__ import annotations

from collections.abc import Sequence

from roundelay.federation.records import RoundResult
from roundelay.federation.settings import Settings

WEIGHT_ROUNDS_KEPT = 2  # the last ones: a driver continues from them, and an audit repeats the last


def best_round(results: Sequence[RoundResult]) -> RoundResult:
    """Return the round with the lowest validation error, the first of equals; round 0 only if there is no other."""
    trained = [result for result in results if result.round > 0]
    return min(trained or results, key=lambda result: (result.fit[0] if result.fit else result.errors, result.round))


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
    return len(results) > settings.rounds or has_stopped(settings, results)


def superseded_rounds(settings: Settings, results: Sequence[RoundResult]) -> list[RoundResult]:
    """Return the rounds whose weights the last result has made useless: they may be deleted now.

    These are the round that leaves the window of the last ones, unless it is kept, and a kept round that a better one
    replaces. A round that has been superseded never becomes the best again.
    """
    if len(results) < 2:
        return []
    before, now = kept_round(settings, results[:-1]), kept_round(settings, results)
    oldest_in_window = len(results) - WEIGHT_ROUNDS_KEPT
    leaving = {oldest_in_window - 1} if oldest_in_window > 0 else set()
    if before.round < oldest_in_window:
        leaving.add(before.round)
    return [results[number] for number in sorted(leaving - {now.round})]
