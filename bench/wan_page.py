"""The page of the benchmark `wan`: its figures beside those of version ef470aa and beside the limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.figures import shown
from bench.report import markdown_table

if TYPE_CHECKING:
    from bench.wan import FlowerMeasured, Measured

BEFORE = {  # at ef470aa: median round, beyond training
    "loopback": ("0.099 s", "11 ms"),
    "50ms": ("0.73 to 0.88 s", "13 to 16 round trips"),
    "200ms": ("3.48 s", "17 round trips"),
    "200ms-loss": ("3.59 s", ""),
    "50ms-narrow": ("2.55 s", ""),
    "300ms-kill": ("6 to 7 s", "more than 20 round trips"),
}
NEAR = "loopback"  # the setting that sets the model
BEYOND_MAX_S = {"50ms": 0.20, "200ms": 0.80}
START_TRIPS_MAX = 25
COMMAND_TRIPS_MAX = 4  # of status and jobs, beside connecting
MEMBERS_TRIPS = 1  # the supernode's answer, which is not on the wire here
NODES = 4
TRANSFER_MAX = 1.3  # times as long as the bytes need, at 2 Mbit/s
SHARE_MIN = 0.8  # of the link, with 10 MB of weights


def not_held(jobs: Sequence[Measured]) -> list[str]:
    """Return the promises that these jobs break."""
    found = [f"{job.setting}: its model is not that of loopback" for job in jobs if job.model != job.expected]
    for job in jobs:
        limit = BEYOND_MAX_S.get(job.setting)
        if limit and job.beyond_s > limit:
            found.append(f"{job.setting}: {job.beyond_s:.2f} s beyond training, limit {limit:g} s")
        trips = with_members(job.start_trips)
        if limit and trips is not None and trips > START_TRIPS_MAX:
            found.append(f"{job.setting}: first round after {trips:.0f} round trips, limit {START_TRIPS_MAX}")
        if job.setting == "50ms-narrow" and job.round_s > TRANSFER_MAX * job.transfer_s:
            found.append(f"{job.setting}: {job.round_s / job.transfer_s:.2f} times as long as the bytes need")
        if job.setting == "10MB" and job.transfer_s < SHARE_MIN * job.beyond_s:
            found.append(f"{job.setting}: {job.transfer_s / job.beyond_s:.0%} of the link, at least {SHARE_MIN:.0%}")
        if job.nodes_shown < NODES - (job.setting == "300ms-kill"):
            found.append(f"{job.setting}: status shows {job.nodes_shown} of {NODES} nodes")
        for name, counted in (("status", job.status_trips), ("jobs", job.jobs_trips)):
            trips = with_members(counted)
            if job.setting == "200ms" and trips is not None and trips > COMMAND_TRIPS_MAX:
                found.append(f"{job.setting}: {name} takes {trips} round trips, limit {COMMAND_TRIPS_MAX}")
        if job.deaths and job.setting != "300ms-kill":
            found.append(f"{job.setting}: {job.deaths[0]}")
    return found


def not_judged(jobs: Sequence[Measured]) -> list[str]:
    """Return the promises about round trips that were not counted."""
    found = [
        f"{job.setting}: first round after at most {START_TRIPS_MAX} round trips"
        for job in jobs
        if job.setting in BEYOND_MAX_S and with_members(job.start_trips) is None
    ]
    found += [
        f"{job.setting}: {name} takes at most {COMMAND_TRIPS_MAX} round trips"
        for job in jobs
        for name, counted in (("status", job.status_trips), ("jobs", job.jobs_trips))
        if job.setting == "200ms" and with_members(counted) is None
    ]
    return found


def with_members(counted: int) -> int | None:
    """Return the round trips of what began with the members' names; None if they were not counted."""
    return counted + MEMBERS_TRIPS if counted else None


def document(jobs: Sequence[Measured], flower: Sequence[FlowerMeasured], machine: str) -> str:
    """Return the page, as Markdown."""
    broken, unjudged, equal = not_held(jobs), not_judged(jobs), all(job.model == job.expected for job in jobs)
    return "\n".join(
        [
            "# Far apart: a job over a wide-area network",
            "",
            f"`python -m bench wan`. {machine} The supernode and the client are on one host and four nodes on four "
            "others; a hub in user space delays and limits their frames. The shipped letters, default settings. "
            "Medians without the first two rounds.",
            "",
            "## A round",
            "",
            *_rounds(jobs),
            "",
            "*Beyond training* is a round's time minus that of its slowest node. *Bytes need*: the busiest uplink's "
            "bytes and those of the next busiest, one after the other, because a node can send its sum only after it "
            "has received the weights.",
            "",
            *_flower(flower),
            "## Start and end",
            "",
            *_ends(jobs),
            "",
            "*Round trips*, at most, counted as those of the command line below.",
            "",
            "## The command line",
            "",
            *_commands(jobs),
            "",
            "Round trips beside connecting, at most: calls that left the client's host within one are one. The "
            "supernode is on that host, and its answer counts as one more. The number of nodes is that of the worst "
            "`status`.",
            "",
            "## Calls a round",
            "",
            *_calls(jobs),
            "",
            f"Models: {'all as on loopback, bit for bit' if equal else '**different**'}.",
            *(["", "Not held:", "", *(f"- {line}" for line in broken)] if broken else []),
            *(["", "Not judged, because not counted:", "", *(f"- {line}" for line in unjudged)] if unjudged else []),
            "",
        ]
    )


def _rounds(jobs: Sequence[Measured]) -> list[str]:
    return markdown_table(
        ("network", "round", "at ef470aa", "slowest training", "beyond training", "at ef470aa", "kB", "bytes need"),
        [
            (
                f"{job.network}{_what(job)}",
                f"{job.round_s:.3f} s",
                BEFORE.get(job.setting, ("", ""))[0],
                f"{job.training_s:.3f} s",
                f"{job.beyond_s:.3f} s{_trips(job)}",
                BEFORE.get(job.setting, ("", ""))[1],
                shown(job.all_bytes / 1000) if job.all_bytes else "",
                f"{job.transfer_s:.3f} s" if job.transfer_s else "",
            )
            for job in jobs
        ],
    )


def _flower(flower: Sequence[FlowerMeasured]) -> list[str]:
    if not flower:
        return []
    rows = [
        (each.network, each.why_not or f"{each.round_s:.2f} s", f"{each.beyond_s:.2f} s" if each.round_s else "")
        for each in flower
    ]
    return [
        "Flower, deployed on the same hub: a SuperNode on the host of each node, the SuperLink on the supernode's.",
        "",
        *markdown_table(("network", "round", "beyond training"), rows),
        "",
    ]


def _ends(jobs: Sequence[Measured]) -> list[str]:
    return markdown_table(
        ("network", "first round after", "round trips", "the client's end after the last round", "rounds", "job"),
        [
            (
                f"{job.network}{_what(job)}",
                f"{job.first_round_s:.2f} s",
                shown(with_members(job.start_trips)),
                f"{job.end_s:.2f} s",
                job.rounds,
                f"{job.seconds:.1f} s",
            )
            for job in jobs
        ],
    )


def _commands(jobs: Sequence[Measured]) -> list[str]:
    return markdown_table(
        ("network", "`status`", "round trips", "nodes shown", "`jobs`", "round trips"),
        [
            (
                f"{job.network}{_what(job)}",
                f"{job.status_s:.2f} s",
                shown(with_members(job.status_trips)),
                job.nodes_shown,
                f"{job.jobs_s:.2f} s",
                shown(with_members(job.jobs_trips)),
            )
            for job in jobs
        ],
    )


def _calls(jobs: Sequence[Measured]) -> list[str]:
    far = [job for job in jobs if job.calls]
    names = sorted(
        {name for job in far for name in job.calls}, key=lambda name: -max(j.calls.get(name, 0) for j in far)
    )
    return markdown_table(
        ("call", *(f"{job.network}{_what(job)}" for job in far)),
        [(name, *(shown(job.calls.get(name, 0.0)) for job in far)) for name in names],
    )


def _trips(job: Measured) -> str:
    return f", {job.beyond_s / job.round_trip_s:.1f} round trips" if job.round_trip_s else ""


def _what(job: Measured) -> str:
    kinds = {"300ms-kill": ", a node killed", "10MB": ", 10 MB of weights", "spikes": ", spikes of 2 s"}
    return kinds.get(job.setting, "")
