"""Errors of this package."""

from __future__ import annotations

from collections.abc import Sequence


class FederationError(Exception):
    """Base of all errors of this package."""


class BadSpec(FederationError):
    """A setting is out of range, or two cannot be combined. Definite, and final."""


class BadRecord(FederationError):
    """A record of a job is malformed or inconsistent. Definite."""


class Diverged(FederationError):
    """Two different results stand for one round. Definite: the job stops, both are named."""


class JobEnded(FederationError):
    """The job has come to an end meanwhile: it was cancelled, or it failed."""


class CannotDrive(FederationError):
    """This process lacks the job's model, so that it cannot drive it; another may. No verdict on the job."""


class Overtaken(FederationError):
    """Of a job that promises no bits: another driver has made this round, and drives on. No verdict on the job."""


class TooManyJobs(FederationError):
    """As many jobs are waiting as may wait. Try again later."""


class NoSuchJob(FederationError):
    """No node that was asked knows a job with that id. Definite for those nodes."""


class FileUnavailable(FederationError):
    """No live node has a copy of a training file: wait for its holders to return."""


class FilesLacking(FederationError):
    """The trainer lacks files of an order, and was not given them. Nothing was done: give it those of `digests`."""

    def __init__(self, digests: Sequence[str]) -> None:
        super().__init__(f"the trainer lacks {len(digests)} files")
        self.digests = frozenset(digests)


class OtherBits(FederationError):
    """This machine's arithmetic gives different bits from the job's: its part would not be what others make of it."""


class NobodyFits(FederationError):
    """Every node of the ring computes different bits from the job's: none of them may train it."""


class WorkFailed(FederationError):
    """A node carried an order out and failed, for the reason given. Trying elsewhere will not help."""
