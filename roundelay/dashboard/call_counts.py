"""The calls of each process, as it counts them for Prometheus, and their rates between two readings."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass

CALLS = re.compile(r"roundelay_call_seconds_(count|sum)\{([^}]*)\} (\S+)")
LABEL = re.compile(r'(\w+)="([^"]*)"')
PROCESS = re.compile(r'^roundelay_info\{[^}]*node="([^"]*)"', re.MULTILINE)


@dataclass(frozen=True)
class CallCounts:
    """The calls of one process since its start; at: when they were read."""

    node: str
    at: float
    served: float = 0.0
    sent: float = 0.0
    failed: float = 0.0  # of both
    served_s: float = 0.0


@dataclass(frozen=True)
class CallRates:
    """The calls of one process for each second between two readings."""

    node: str
    served: float
    sent: float
    failed: float
    mean_ms: float  # of a call that it served


def parse_counts(text: str, at: float) -> CallCounts | None:
    """Return the counts in a process's metrics, in Prometheus's text format; None if the process is not ours."""
    process = PROCESS.search(text)
    if process is None:
        return None
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for what, pairs, written in CALLS.findall(text):
        labels, value = dict(LABEL.findall(pairs)), _number(written)
        sums[what, labels.get("side", "")] += value
        if what == "count" and labels.get("outcome") != "ok":
            sums["count", "failed"] += value
    counts = (sums["count", "served"], sums["count", "sent"], sums["count", "failed"])
    return CallCounts(process[1], at, *counts, sums["sum", "served"])


def rates_between(before: CallCounts, after: CallCounts) -> CallRates | None:
    """Return the rates; None if the process has started again in between."""
    seconds, served = after.at - before.at, after.served - before.served
    sent, failed, served_s = after.sent - before.sent, after.failed - before.failed, after.served_s - before.served_s
    if seconds <= 0 or before.node != after.node or min(served, sent, failed, served_s) < 0:
        return None
    mean_ms = 1000 * served_s / served if served else 0.0
    return CallRates(after.node, served / seconds, sent / seconds, failed / seconds, mean_ms)


def _number(written: str) -> float:
    try:
        value = float(written)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0
