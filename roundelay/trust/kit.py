"""A kit: all that a process needs to be a member of a secured ring, and to sign and verify records.

kit_file describes the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from roundelay.trust.errors import KitError, NotTrusted
from roundelay.trust.identity import Identity, identity_of
from roundelay.trust.kit_file import KIT_BYTES_MAX, KitFile, read_kit_file

AUTHORITIES_MAX = 4


@dataclass(frozen=True)
class Kit:
    """A kit as it was read; `key` is the only secret, and is never shown."""

    path: Path
    identity: Identity
    certificate: x509.Certificate
    authorities: tuple[x509.Certificate, ...]
    key: Ed25519PrivateKey = field(repr=False)


def load_kit(path: Path) -> Kit:
    """Read a kit file. Raises KitError."""
    return parse_kit(read_kit_file(path))


def parse_kit(file: KitFile) -> Kit:
    """Return the kit in a file. Raises KitError."""
    path, content = file.path, file.content
    try:
        key = load_pem_private_key(content, None)
        certificate, *authorities = x509.load_pem_x509_certificates(content)
        identity = identity_in(certificate)
    except (ValueError, TypeError, NotTrusted) as error:
        raise KitError(f"{path} is not a kit made by  client.py pki issue: {str(error) or 'malformed'}") from error
    public = certificate.public_key()
    if not isinstance(key, Ed25519PrivateKey) or not 0 < len(authorities) <= AUTHORITIES_MAX:
        raise KitError(f"{path} is not a kit made by  client.py pki issue: a key, its certificate and the authority's")
    if not isinstance(public, Ed25519PublicKey) or public != key.public_key():
        raise KitError(f"{path}: the key and the certificate belong to different kits")
    if not any(is_issued_by(certificate, authority) for authority in authorities):
        raise KitError(f"{path}: the certificate was issued by another authority than the one in the file")
    return Kit(path, identity, certificate, tuple(authorities), key)


def read_authorities(content: bytes) -> tuple[x509.Certificate, ...]:
    """Return the authorities' certificates in a PEM file, as in a kit. Raises NotTrusted if there are none."""
    try:
        found = x509.load_pem_x509_certificates(content[:KIT_BYTES_MAX])
        authorities = tuple(each for each in found if each.issuer == each.subject)
        for each in authorities:
            each.verify_directly_issued_by(each)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise NotTrusted(f"malformed certificate of a ring's authority: {str(error) or 'wrong signature'}") from error
    if not 0 < len(authorities) <= AUTHORITIES_MAX:
        raise NotTrusted("no certificate of a ring's authority")
    return authorities


def authorities_pem(authorities: Sequence[x509.Certificate]) -> str:
    """Return certificates as a PEM file has them."""
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in authorities)


def identity_in(certificate: x509.Certificate) -> Identity:
    """Return the identity that a certificate states; its signature is not checked. Raises NotTrusted."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        raise NotTrusted("the certificate names no member of a ring") from None
    hosts = [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]
    return identity_of(
        names.get_values_for_type(x509.UniformResourceIdentifier),
        hosts,
        certificate.serial_number,
        certificate.not_valid_before_utc.timestamp(),
        certificate.not_valid_after_utc.timestamp(),
    )


def is_issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Return whether this authority has signed a certificate, for a member of its own ring."""
    try:
        certificate.verify_directly_issued_by(authority)
        return identity_in(certificate).ring == ring_of(authority)
    except (ValueError, TypeError, NotTrusted, x509.UnsupportedGeneralNameType, InvalidSignature):
        return False


def ring_of(authority: x509.Certificate) -> str:
    """Return the name of an authority's ring: a digest of its public key."""
    digest = Hash(SHA256())
    digest.update(authority.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex()[:16]
