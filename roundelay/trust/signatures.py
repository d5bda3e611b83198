"""Signatures of records: 64 bytes of Ed25519, then the signer's certificate, so that anybody can verify them later.

The revocation list is verified here too; the authority has signed it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from roundelay.trust.errors import NotTrusted
from roundelay.trust.identity import Identity
from roundelay.trust.kit import Kit, identity_in, is_issued_by
from roundelay.trust.revocation import Revocations

SIGNATURE_SIZE = 64
SIGNED_BYTES_MAX = 2048  # of a signature with its certificate
LIST_BYTES_MAX = 1 << 20  # of a revocation list
VERIFIED_MAX = 4096  # remembered, because replicas see the same records again and again


class Signatures:
    """Signs with a kit, and verifies what members of the same ring have signed. `kit` returns the kit as of now."""

    def __init__(self, kit: Callable[[], Kit]) -> None:
        self._kit = kit
        self.signer_of = lru_cache(VERIFIED_MAX)(self._signer_of)

    def sign(self, message: bytes) -> bytes:
        kit = self._kit()
        return kit.key.sign(message) + kit.certificate.public_bytes(Encoding.DER)

    def _signer_of(self, signature: bytes, message: bytes) -> Identity:
        """Return the identity that has signed a message; its validity is the caller's to judge. Raises NotTrusted."""
        return signer_of(signature, message, self._kit().authorities)


def signer_of(signature: bytes, message: bytes, authorities: Sequence[x509.Certificate]) -> Identity:
    """Return the identity, certified by one of these authorities, that has signed a message. Raises NotTrusted."""
    if not SIGNATURE_SIZE < len(signature) <= SIGNED_BYTES_MAX:
        raise NotTrusted("a record without a signature")
    identity, key = _certified(signature[SIGNATURE_SIZE:], tuple(authorities))
    try:
        key.verify(signature[:SIGNATURE_SIZE], message)
    except InvalidSignature:
        raise NotTrusted(f"the signature is not that of {identity}") from None
    return identity


@lru_cache(256)
def _certified(content: bytes, authorities: Sequence[x509.Certificate]) -> tuple[Identity, Ed25519PublicKey]:
    """Return identity and key of a certificate that one of the authorities has issued. Raises NotTrusted."""
    try:
        certificate = x509.load_der_x509_certificate(content)
    except ValueError as error:
        raise NotTrusted("a signature with a malformed certificate") from error
    key = certificate.public_key()
    if not isinstance(key, Ed25519PublicKey) or not any(is_issued_by(certificate, each) for each in authorities):
        raise NotTrusted("a signature with a certificate of another ring")
    return identity_in(certificate), key


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
