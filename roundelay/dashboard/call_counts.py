"""The calls and bytes of each process, as it counts them for Prometheus, and their rates between two readings."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass

from roundelay.chord.errors import Busy, NotFound, NotOwner, NotYet, WrongIncarnation
from roundelay.federation.requests import Attach, Collect

CALLS = re.compile(r"roundelay_call_seconds_(count|sum)\{([^}]*)\} (\S+)")
BYTES = re.compile(r"roundelay_call_bytes_total\{([^}]*)\} (\S+)")
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
    bytes_in: float = 0.0  # of the frames of its calls
    bytes_out: float = 0.0


@dataclass(frozen=True)
class CallRates:
    """The calls and bytes of one process for each second between two readings."""

    node: str
    served: float
    sent: float
    failed: float
    mean_ms: float  # of a call that it served, without HELD
    bytes_in: float
    bytes_out: float


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
    for pairs, written in BYTES.findall(text):
        sums["bytes", dict(LABEL.findall(pairs)).get("direction", "")] += _number(written)
    counts = (sums["count", "served"], sums["count", "sent"], sums["count", "failed"])
    timed = (sums["count", "timed"], sums["sum", "timed"])
    return CallCounts(process[1], at, *counts, *timed, sums["bytes", "in"], sums["bytes", "out"])


def rates_between(before: CallCounts, after: CallCounts) -> CallRates | None:
    """Return the rates; None if the process has started again in between."""
    seconds = after.at - before.at
    names = ("served", "sent", "failed", "timed", "timed_s", "bytes_in", "bytes_out")
    more = {name: getattr(after, name) - getattr(before, name) for name in names}
    if seconds <= 0 or before.node != after.node or min(more.values()) < 0:
        return None
    served, sent, failed, bytes_in, bytes_out = (
        more[name] / seconds for name in ("served", "sent", "failed", "bytes_in", "bytes_out")
    )
    mean_ms = 1000 * more["timed_s"] / more["timed"] if more["timed"] else 0.0
    return CallRates(after.node, served, sent, failed, mean_ms, bytes_in, bytes_out)


def _number(written: str) -> float:
    try:
        value = float(written)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0
