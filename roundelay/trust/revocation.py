"""Revocation lists: which certificates the authority has revoked, and since when; signed by the authority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from roundelay.trust.errors import NotTrusted

LIST_BYTES_MAX = 1 << 20


@dataclass(frozen=True)
class Revocations:
    """A revocation list: its number, which grows, and the time of each serial's revocation."""

    number: int = 0
    since: dict[int, float] = field(default_factory=dict)


def read_revocations(content: bytes, authorities: Sequence[x509.Certificate]) -> Revocations:
    """Read a revocation list that one of these authorities has signed. Raises NotTrusted."""
    try:
        found = x509.load_pem_x509_crl(content[:LIST_BYTES_MAX])
        number = found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except (ValueError, x509.ExtensionNotFound) as error:
        raise NotTrusted(f"malformed revocation list: {error}") from error
    keys = [key for each in authorities if isinstance(key := each.public_key(), Ed25519PublicKey)]
    if not any(found.is_signature_valid(key) for key in keys):
        raise NotTrusted("the revocation list is not signed by the ring's authority")
    return Revocations(number, {each.serial_number: each.revocation_date_utc.timestamp() for each in found})
