"""A site's key for secure aggregation: seeds that it shares with another site, sealed boxes, pseudorandom streams.

The primitives are those that Bonawitz et al. 2017 name, from the package `cryptography`: X25519 for key agreement, HKDF
to derive seeds, AES-GCM for authenticated encryption, AES in counter mode as the pseudorandom generator. Everything
follows from one secret and a context, so that the same context gives the same bytes again, and another one others.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from roundelay.trust.errors import NotTrusted

SEED_BYTES = 32
TAG_BYTES = 16  # by which a sealed box is longer than its content
_NONCE, _COUNTER = bytes(12), bytes(16)  # each key is used for one content


class MaskingKey:
    """The key that follows from a secret of 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._key = X25519PrivateKey.from_private_bytes(secret)
        self.public = self._key.public_key().public_bytes_raw()

    def seed(self, context: bytes) -> bytes:
        """Return a seed of this site's own."""
        return _derive(self._secret, b"own seed " + context)

    def shared_seed(self, other: bytes, context: bytes) -> bytes:
        """Return the seed that this site shares with the one that has this public key. Raises NotTrusted."""
        return _derive(self._agreed(other), b"shared seed " + context)

    def seal(self, receiver: bytes, content: bytes, context: bytes) -> bytes:
        """Return a content that only the site with this public key can read. Raises NotTrusted."""
        return AESGCM(self._box_key(self.public, receiver, receiver, context)).encrypt(_NONCE, content, None)

    def open(self, sender: bytes, box: bytes, context: bytes) -> bytes:
        """Return what a site has sealed for this one. Raises NotTrusted."""
        try:
            return AESGCM(self._box_key(sender, self.public, sender, context)).decrypt(_NONCE, box, None)
        except InvalidTag:
            raise NotTrusted("a sealed share was damaged, or is meant for another site or sum") from None

    def _box_key(self, sender: bytes, receiver: bytes, other: bytes, context: bytes) -> bytes:
        return _derive(self._agreed(other), b"box " + sender + receiver + context)

    def _agreed(self, other: bytes) -> bytes:
        try:
            return self._key.exchange(X25519PublicKey.from_public_bytes(other))
        except ValueError as error:
            raise NotTrusted(f"not a site's public key: {error}") from error


def stream(seed: bytes, size: int) -> bytes:
    """Return `size` pseudorandom bytes, which follow from the seed."""
    return Cipher(AES256(seed), CTR(_COUNTER)).encryptor().update(bytes(size))


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), SEED_BYTES, None, b"roundelay secure aggregation: " + purpose).derive(secret)
