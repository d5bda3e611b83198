"""What can go wrong with a job."""

from __future__ import annotations


class FederationError(Exception):
    """Base of all errors of this package."""


class BadSpec(FederationError):
    """A setting is out of range or two of them exclude one another. Definite, and final."""


class FileUnavailable(FederationError):
    """No live node has a copy of a training file: wait for its holders to return."""


class WorkFailed(FederationError):
    """A node carried an order out and failed, for the reason given. Trying elsewhere will not help."""
