"""The errors of the client layer. Each message is one line for people."""

from __future__ import annotations


class ClientError(Exception):
    """Base of all errors that the client layer raises."""


class InvalidRequest(ClientError):
    """The request contradicts itself, or a value is out of range."""


class InputNotFound(ClientError):
    """A file, a folder or published data does not exist."""


class BadInput(ClientError):
    """A file is malformed, or does not fit the job."""


class RingUnavailable(ClientError):
    """No node of the ring answers, or the ring does not serve the request now."""


class RequestRefused(ClientError):
    """The ring refuses: too many jobs wait, or the job has already ended."""


class JobFailed(ClientError):
    """The job has failed or was cancelled, or its records cannot be read."""


class CannotWrite(ClientError):
    """A result file cannot be written."""


class MissingExtra(ClientError):
    """An optional dependency is not installed."""
