"""What a listing shows of a job, as the records of one node say it."""

from __future__ import annotations

from dataclasses import dataclass

from roundelay.federation.states import JOB_STATES

DIVERGED, MALFORMED, UNREADABLE = "diverged", "malformed", "unreadable"
LISTED_STATES = (*JOB_STATES, DIVERGED, MALFORMED)  # that a node may answer
TWO_RESULTS = "a round has two different results"
LINES_MAX = 64  # about malformed records, and about liars
SITES_MAX = 1024


@dataclass(frozen=True)
class ListedJob:
    """One job of a listing. UNREADABLE: no node has answered, or none has it."""

    job: str
    state: str
    round: int = 0  # the last one that is stored
    rounds: int = 0  # of the settings
    validation_error: float | None = None  # of the round whose model is kept, so far
    result: str = ""  # digest of the last RESULT
    driver: str = ""  # of the last round
    reason: str = ""  # why it failed, waits or cannot be read, or what replaces it
    forgets: str = ""  # the job that this one is, without some of its files
    pinned: str = ""  # name of the private data that it trains on
    malformed: tuple[str, ...] = ()  # records that were ignored, among those that were read
    liars: tuple[str, ...] = ()  # nodes that have lied, with the round
    sites: tuple[str, ...] = ()  # addresses of the private sites that trained the last round
    may_fork: bool = False  # two drivers may have stored different RESULTs of a round, as nobody can repeat it
    started_ns: int = 0  # when its spec was published, by the clock of its client: nanoseconds since 1970
    files: int = 0  # that it trains on
    settings: tuple[str, ...] = ()  # that differ from the defaults, as NAME=VALUE (setting_texts.listed_texts)
