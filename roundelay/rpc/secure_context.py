"""TLS contexts of a kit, and its owner, found out by TLS itself: the kit shakes hands with itself in memory.

This takes milliseconds, and proves that key and certificate belong together and that an authority in the kit has issued
it. The package `cryptography`, whose import takes a third of a node's start, is loaded when the first record comes.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roundelay.trust.errors import KitError, NotTrusted
from roundelay.trust.identity import Identity, identity_of
from roundelay.trust.kit_file import KitFile, read_kit_file

if TYPE_CHECKING:
    from roundelay.trust.kit import Kit

NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME: SecureChannel.check does, and names who has expired


@dataclass(frozen=True)
class LoadedKit:
    """A kit file, its owner, and its contexts."""

    file: KitFile
    identity: Identity
    server: ssl.SSLContext
    client: ssl.SSLContext

    @cached_property
    def kit(self) -> Kit:
        """The kit's key and certificates, for signatures."""
        from roundelay.trust.kit import parse_kit

        return parse_kit(self.file)


def load(path: Path) -> LoadedKit:
    """Read a kit. Raises KitError."""
    file = read_kit_file(path)
    try:
        server, client = _context(file, ssl.PROTOCOL_TLS_SERVER), _context(file, ssl.PROTOCOL_TLS_CLIENT)
        return LoadedKit(file, certified_identity(_own_certificate(file, server)), server, client)
    except (ssl.SSLError, OSError, ValueError, NotTrusted) as error:
        from roundelay.trust.kit import parse_kit

        parse_kit(file)  # which says in detail what is wrong
        raise KitError(f"{path}: {error}") from error


def certified_identity(certificate: Mapping[str, Any] | None) -> Identity:
    """Return whom a peer's certificate names, as `getpeercert` gives it. Raises NotTrusted if it is not a member."""
    found = certificate or {}
    names = [each for each in found.get("subjectAltName", ()) if isinstance(each, tuple)]
    return identity_of(
        [str(value) for kind, value in names if kind == "URI"],
        [str(value) for kind, value in names if kind in ("DNS", "IP Address")],
        int(str(found.get("serialNumber", "0")), 16),
        ssl.cert_time_to_seconds(str(found["notBefore"])) if "notBefore" in found else 0.0,
        ssl.cert_time_to_seconds(str(found["notAfter"])) if "notAfter" in found else 0.0,
    )


def _context(file: KitFile, side: int) -> ssl.SSLContext:
    made = ssl.SSLContext(side)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.verify_flags |= NO_CHECK_TIME
    made.verify_mode = ssl.CERT_REQUIRED
    made.check_hostname = side == ssl.PROTOCOL_TLS_CLIENT
    made.load_verify_locations(cadata=file.authorities_pem)
    made.load_cert_chain(file.path)
    return made


def _own_certificate(file: KitFile, server: ssl.SSLContext) -> Mapping[str, Any] | None:
    """Return what a server is shown by a client with this kit. Raises SSLError, ValueError."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE  # the other end is this process
    client.load_cert_chain(file.path)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller, called = client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True)
    for end in (caller, called, caller, called):
        with suppress(ssl.SSLWantReadError):
            end.do_handshake()
    return called.getpeercert()
