"""The errors of the client layer. Each message is one line for people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from roundelay.chord.errors import ChordError
from roundelay.federation.errors import BadSpec, FederationError, TooManyJobs
from roundelay.ml.errors import InputMissing, MLError
from roundelay.node.errors import LocalRingFailed


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


@contextmanager
def translated_errors(failure: type[ClientError] = JobFailed, prefix: str = "") -> Iterator[None]:
    """Raise errors of the layers below as ClientErrors: those of the ring or the job as `failure`, after `prefix`."""
    try:
        yield
    except BadSpec as error:
        raise InvalidRequest(str(error)) from error
    except InputMissing as error:
        raise InputNotFound(str(error)) from error
    except MLError as error:
        raise BadInput(str(error)) from error
    except LocalRingFailed as error:
        raise RingUnavailable(str(error)) from error
    except TooManyJobs as error:
        raise RequestRefused(str(error)) from error
    except (ChordError, FederationError) as error:
        raise failure(f"{prefix}{error}") from error
