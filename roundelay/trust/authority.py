"""The ring's authority: a folder with its key, its certificate, a journal of what it has issued, and what it revoked.

The folder stays with the people who run the ring; no process of the ring needs it. A name keeps its node identifier,
which is drawn at random when the name is first certified.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from roundelay.trust.errors import AuthorityError, CannotWrite
from roundelay.trust.files import SECRET, append, cannot_write, whole_file, write_whole
from roundelay.trust.identity import ID_BITS, NAME, NODE, ROLES, SERVERS, Identity
from roundelay.trust.kit import identity_in, ring_of
from roundelay.trust.kit_file import read_secret

KEY_FILE, CERTIFICATE_FILE, JOURNAL_FILE, REVOKED_FILE = "authority.key", "authority.crt", "issued.jsonl", "revoked.crl"
AUTHORITY_DAYS, KIT_DAYS, DAYS_MAX = 3650, 365, 7300
SKEW = timedelta(hours=1)  # certificates are valid from a little earlier on: clocks differ
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Issued:
    """A certificate that was issued, as the journal has it."""

    role: str
    name: str
    serial: int
    node_id: int | None
    not_after: str


class Authority:
    """An authority that exists. Make one with `init`."""

    def __init__(self, folder: Path) -> None:
        """Read the folder. Raises AuthorityError, KitError."""
        self._folder = folder
        if not (folder / KEY_FILE).exists():
            raise AuthorityError(f"{folder} holds no authority: make one with  client.py pki init {folder}")
        key = load_pem_private_key(read_secret(folder / KEY_FILE), None)
        assert isinstance(key, Ed25519PrivateKey)
        self._key = key
        self.certificate = x509.load_pem_x509_certificate((folder / CERTIFICATE_FILE).read_bytes())
        self.ring = ring_of(self.certificate)

    def issued(self) -> list[Issued]:
        """Return what was issued, oldest first. Raises AuthorityError."""
        try:
            lines = (self._folder / JOURNAL_FILE).read_text().splitlines()
            return [Issued(**json.loads(line)) for line in lines]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError) as error:
            raise AuthorityError(f"{self._folder / JOURNAL_FILE}: malformed: {error}") from error

    def issue(
        self, role: str, name: str, hosts: Sequence[str] = (), out: Path | None = None, days: float = KIT_DAYS
    ) -> Path:
        """Make a key, certify it, and write both into a kit file. Raises AuthorityError, CannotWrite."""
        if role not in ROLES or NAME.fullmatch(name) is None:
            raise AuthorityError(
                f"{role} {name[:80]!r}: a role of {', '.join(ROLES)}, and a name of letters, digits, . _ -"
            )
        if not 0 < days <= DAYS_MAX:
            raise AuthorityError(f"--days {days:g}: expected more than 0, at most {DAYS_MAX}")
        if other := next((each for each in self.issued() if each.name == name and each.role != role), None):
            raise AuthorityError(f"{name} is the name of a {other.role}: choose another")
        path = out or self._folder / f"{name}.kit"
        identity = self._identity(role, name, hosts or (LOOPBACK if role in SERVERS else ()))
        key = Ed25519PrivateKey.generate()
        certificate = self._certify(key, identity, timedelta(days=days))
        certificates = (each.public_bytes(Encoding.PEM) for each in (certificate, self.certificate))
        with whole_file(path, b"".join((_pem_of(key), *certificates)), SECRET):
            self._record(certificate)  # first: only what is recorded can be revoked
        return path

    def revoke(self, name: str) -> int:
        """Revoke every certificate of a name; return how many. Write the list that the ring is given.

        Raises AuthorityError, CannotWrite.
        """
        serials = [each.serial for each in self.issued() if each.name == name]
        if not serials:
            raise AuthorityError(f"{name} has no certificate of this authority: see  client.py pki show {self._folder}")
        known = {each.serial_number: each.revocation_date_utc for each in self._revoked()}
        now = datetime.now(UTC)
        dates = known | {serial: now for serial in serials if serial not in known}
        made = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        made = made.last_update(now).next_update(now + timedelta(days=AUTHORITY_DAYS))
        made = made.add_extension(x509.CRLNumber(int(now.timestamp() * 1000)), critical=False)
        for serial, date in sorted(dates.items()):
            each = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(date).build()
            made = made.add_revoked_certificate(each)
        write_whole(self._folder / REVOKED_FILE, made.sign(self._key, None).public_bytes(Encoding.PEM))
        return len(serials)

    def revoked_serials(self) -> frozenset[int]:
        return frozenset(each.serial_number for each in self._revoked())

    def revocation_list(self) -> bytes:
        """Return the signed list of revoked certificates; empty if nothing was revoked."""
        path = self._folder / REVOKED_FILE
        return path.read_bytes() if path.exists() else b""

    # --- helpers

    def _revoked(self) -> list[x509.RevokedCertificate]:
        content = self.revocation_list()
        return list(x509.load_pem_x509_crl(content)) if content else []

    def _identity(self, role: str, name: str, hosts: Sequence[str]) -> Identity:
        node_id = next((each.node_id for each in self.issued() if each.name == name), None)
        if node_id is None and role == NODE:
            node_id = secrets.randbits(ID_BITS)
        return Identity(self.ring, role, name, node_id, tuple(dict.fromkeys(hosts)), 0, 0.0, 0.0)

    def _certify(self, key: Ed25519PrivateKey, identity: Identity, life: timedelta) -> x509.Certificate:
        now = datetime.now(UTC)
        names = [x509.UniformResourceIdentifier(identity.uri), *map(_general_name, identity.hosts)]
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if identity.is_server else ())]
        made = _builder(identity.name, self.certificate.subject, key, now - SKEW, now + life)
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        made = made.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        return made.sign(self._key, None)

    def _record(self, certificate: x509.Certificate) -> None:
        made = identity_in(certificate)
        line = {
            "role": made.role,
            "name": made.name,
            "serial": made.serial,
            "node_id": made.node_id,
            "not_after": certificate.not_valid_after_utc.isoformat(),
        }
        append(self._folder / JOURNAL_FILE, f"{json.dumps(line)}\n".encode())


def init(folder: Path, days: float = AUTHORITY_DAYS) -> Authority:
    """Make an authority in a new folder, whole or not at all. Raises AuthorityError, CannotWrite."""
    if (folder / KEY_FILE).exists():
        raise AuthorityError(f"{folder} holds an authority already: its certificates would no longer be valid")
    if not 0 < days <= DAYS_MAX:
        raise AuthorityError(f"--days {days:g}: expected more than 0, at most {DAYS_MAX}")
    key, now = Ed25519PrivateKey.generate(), datetime.now(UTC)
    subject = _name(f"Roundelay authority {secrets.token_hex(4)}")
    made = _builder("", subject, key, now - SKEW, now + timedelta(days=days)).subject_name(subject)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    _write_authority(folder, _pem_of(key), made.sign(key, None).public_bytes(Encoding.PEM))
    return Authority(folder)


def _write_authority(folder: Path, key: bytes, certificate: bytes) -> None:
    """Write both files, the key last: it makes the folder an authority. Raises CannotWrite."""
    is_new = not folder.exists()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with whole_file(folder / KEY_FILE, key, SECRET):
            write_whole(folder / CERTIFICATE_FILE, certificate)
    except OSError as error:
        raise cannot_write(folder, error) from error
    except CannotWrite:
        if is_new:
            with suppress(OSError):
                folder.rmdir()
        raise


def _builder(
    name: str, issuer: x509.Name, key: Ed25519PrivateKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    made = x509.CertificateBuilder().issuer_name(issuer).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end)
    return made.subject_name(_name(name)) if name else made


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general_name(host: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ip_address(host))
    try:
        return x509.DNSName(host)
    except ValueError as error:
        raise AuthorityError(f"--host {host[:80]!r} is not a host: {error}") from error


def _pem_of(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
