"""The calls of each process, as it counts them for Prometheus, and their rates between two readings."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass

from roundelay.chord.errors import Busy, NotFound, NotOwner, NotYet, WrongIncarnation
from roundelay.federation.requests import Attach, Collect

CALLS = re.compile(r"roundelay_call_seconds_(count|sum)\{([^}]*)\} (\S+)")
LABEL = re.compile(r'(\w+)="([^"]*)"')
HELD = {each.__name__ for each in (Attach, Collect)}  # calls whose answers wait for news
REFUSALS = {each.__name__ for each in (Busy, NotFound, NotOwner, NotYet, WrongIncarnation)}  # in normal operation
PROCESS = re.compile(r'^roundelay_info\{[^}]*node="([^"]*)"', re.MULTILINE)


@dataclass(frozen=True)
class CallCounts:
    """The calls of one process since its start; at: when they were read."""

    node: str
    at: float
    served: float = 0.0
    sent: float = 0.0
    failed: float = 0.0  # of both, without REFUSALS
    timed: float = 0.0  # of those served, without HELD
    timed_s: float = 0.0


@dataclass(frozen=True)
class CallRates:
    """The calls of one process for each second between two readings."""

    node: str
    served: float
    sent: float
    failed: float
    mean_ms: float  # of a call that it served, without HELD


def parse_counts(text: str, at: float) -> CallCounts | None:
    """Return the counts in a process's metrics, in Prometheus's text format; None if the process is not ours."""
    process = PROCESS.search(text)
    if process is None:
        return None
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for what, pairs, written in CALLS.findall(text):
        labels, value = dict(LABEL.findall(pairs)), _number(written)
        side = labels.get("side", "")
        sums[what, side] += value
        if labels.get("outcome") not in {"ok", *REFUSALS}:
            sums[what, "failed"] += value
        if side == "served" and labels.get("call") not in HELD:
            sums[what, "timed"] += value
    counts = (sums["count", "served"], sums["count", "sent"], sums["count", "failed"])
    return CallCounts(process[1], at, *counts, sums["count", "timed"], sums["sum", "timed"])


def rates_between(before: CallCounts, after: CallCounts) -> CallRates | None:
    """Return the rates; None if the process has started again in between."""
    seconds, served = after.at - before.at, after.served - before.served
    sent, failed = after.sent - before.sent, after.failed - before.failed
    timed, timed_s = after.timed - before.timed, after.timed_s - before.timed_s
    if seconds <= 0 or before.node != after.node or min(served, sent, failed, timed, timed_s) < 0:
        return None
    mean_ms = 1000 * timed_s / timed if timed else 0.0
    return CallRates(after.node, served / seconds, sent / seconds, failed / seconds, mean_ms)


def _number(written: str) -> float:
    try:
        value = float(written)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0
