"""What a listing tells of a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from roundelay.federation.listed_job import ListedJob

NS_A_SECOND = 1_000_000_000


@dataclass(frozen=True)
class JobSummary:
    """One job of a listing."""

    job: str
    state: str  # waiting, running, paused, done, failed, cancelled, replaced; diverged, malformed or unreadable
    round: int
    rounds: int
    validation_error: float | None  # of the round whose model is kept; the RMSE of a regression
    driver: str
    reason: str
    malformed: tuple[str, ...] = ()  # records that cannot be read, by name; they are ignored
    liars: tuple[str, ...] = ()  # nodes that have lied, with the round
    forgets: str = ""  # the job that this one is, without some of its files
    started: int = 0  # Unix time at which it was published; 0 if its spec cannot be read
    files: int = 0  # that it trains on
    private: str = ""  # name of the private data that it trains on
    settings: Mapping[str, str] = field(default_factory=dict)  # others that differ from the defaults, as one types them
    name: str = ""  # that its user gave; empty if none

    @classmethod
    def of(cls, listed: ListedJob) -> JobSummary:
        """Return the summary of what nodes say of a job."""
        settings = {name: value for name, _, value in (each.partition("=") for each in listed.settings)}
        name = settings.pop("name", "")
        return cls(
            listed.job,
            listed.state,
            listed.round,
            listed.rounds,
            None if listed.validation_error is None else round(listed.validation_error, 6),
            listed.driver,
            listed.reason,
            listed.malformed,
            listed.liars,
            listed.forgets,
            listed.started_ns // NS_A_SECOND,
            listed.files,
            listed.pinned,
            settings,
            name,
        )
