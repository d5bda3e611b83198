"""Errors of this package. Every message says what to do next; none holds a secret."""

from __future__ import annotations


class TrustError(Exception):
    """Base class."""


class KitError(TrustError):
    """A kit cannot be used: it is missing, malformed, expired, or readable by others."""


class AuthorityError(TrustError):
    """An authority cannot do what was asked."""


class CannotWrite(TrustError):
    """A file of an authority cannot be written."""


class NotTrusted(TrustError):
    """A peer's certificate or signature is not accepted."""
