"""Translation of errors from the layers below into ClientErrors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from roundelay.chord.errors import ChordError, NotAllowed, PeerNotTrusted
from roundelay.client.errors import (
    BadInput,
    CannotWrite,
    ClientError,
    InputNotFound,
    InvalidRequest,
    JobFailed,
    RequestRefused,
    RingUnavailable,
)
from roundelay.federation.errors import BadSpec, FederationError, TooManyJobs
from roundelay.ml import errors as ml_errors
from roundelay.ml.errors import InputMissing, MLError
from roundelay.node.errors import LocalRingFailed
from roundelay.node.runtime import Stopped


@contextmanager
def translated_errors(failure: type[ClientError] = JobFailed, prefix: str = "") -> Iterator[None]:
    """Raise errors of the layers below as ClientErrors: those of the ring or the job as `failure`, after `prefix`."""
    try:
        yield
    except BadSpec as error:
        raise InvalidRequest(str(error)) from error
    except InputMissing as error:
        raise InputNotFound(str(error)) from error
    except ml_errors.CannotWrite as error:
        raise CannotWrite(str(error)) from error
    except MLError as error:
        raise BadInput(str(error)) from error
    except LocalRingFailed as error:
        raise RingUnavailable(str(error)) from error
    except Stopped as error:
        raise RingUnavailable("this connection to the ring is closed") from error
    except TooManyJobs as error:
        raise RequestRefused(str(error)) from error
    except (NotAllowed, PeerNotTrusted) as error:
        raise RequestRefused(str(error)) from error
    except (ChordError, FederationError) as error:
        raise failure(f"{prefix}{error}") from error
