"""Errors of this package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roundelay.federation.spec import JobSpec


class FederationError(Exception):
    """Base of all errors of this package."""


class BadSpec(FederationError):
    """A setting is out of range, or two cannot be combined. Definite, and final."""


class BadRecord(FederationError):
    """A record of a job is malformed or inconsistent. Definite."""


class BadPolicy(FederationError):
    """A site's policy cannot be used; the message names the key."""


class Diverged(FederationError):
    """A round has two different results. Definite: the job ends, and the message names both."""


class JobEnded(FederationError):
    """The job has ended meanwhile: it was cancelled, or it failed."""


class CannotDrive(FederationError):
    """This process lacks what it needs to drive the job, such as its model or disk space. Another may drive it."""


class Replaced(FederationError):
    """Nodes have lied in the job, which another job replaces: `successor` is that job's spec."""

    def __init__(self, message: str, successor: JobSpec) -> None:
        super().__init__(message)
        self.successor = successor


class Overtaken(FederationError):
    """Another driver of a `recorded` job has stored this round and continues. The job goes on."""


class TooManyJobs(FederationError):
    """The limit of waiting jobs is reached. Try again later."""


class NoSuchJob(FederationError):
    """No node that was asked knows a job with that id. Definite for those nodes."""


class FileUnavailable(FederationError):
    """No live node has a copy of a training file: wait for its holders to return."""


class FilesLacking(FederationError):
    """The trainer lacks files of an order and did nothing. Add those in `digests` and ask again."""

    def __init__(self, digests: Sequence[str]) -> None:
        super().__init__(f"the trainer lacks {len(digests)} files")
        self.digests = frozenset(digests)


class OtherBits(FederationError):
    """This machine's arithmetic gives different bits from the job's, so it must not train the job."""


class NobodyFits(FederationError):
    """Every node of the ring computes different bits from the job's: none of them may train it."""


class StepTooLarge(FederationError):
    """Training has left the range of numbers, as it would on any node. With a smaller step it may not."""


class WorkFailed(FederationError):
    """A node carried an order out and failed, for the reason given. Trying elsewhere will not help."""


class BadProof(FederationError):
    """A file is not a proof, or one that is damaged or of another version; the message names the part."""
