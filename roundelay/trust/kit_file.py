"""A kit as a file: read without parsing it, so that a process that only talks needs no package beside the library.

It is a PEM file with a private key, its certificate, and the certificate of the ring's authority (of two authorities,
while one replaces the other). It is refused if others can read it.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from roundelay.trust.errors import KitError

KIT_BYTES_MAX = 64 << 10
OTHERS = stat.S_IRWXO  # no file with a key may give these permissions
GROUP_TOO = stat.S_IRWXG | OTHERS  # nor these, unless root owns it, as where Kubernetes mounts a secret
KEY = b"PRIVATE KEY-----"
CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)


@dataclass(frozen=True)
class KitFile:
    """A kit file as it was read."""

    path: Path
    content: bytes = field(repr=False)  # with the key

    @property
    def authorities_pem(self) -> str:
        """The certificates after the first one, which is the kit's own."""
        return b"".join(CERTIFICATE.findall(self.content)[1:]).decode("ascii", "replace")


def read_kit_file(path: Path) -> KitFile:
    """Read a kit file; whether its content is a kit is not checked. Raises KitError."""
    return KitFile(path, read_secret(path))


def read_secret(path: Path) -> bytes:
    """Read a file that holds a key. Raises KitError, also if others can read the file."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            content = file.read(KIT_BYTES_MAX + 1)
    except OSError as error:
        raise KitError(f"cannot read {path}: {error.strerror}") from error
    if len(content) > KIT_BYTES_MAX:
        raise KitError(f"{path} is not a kit: more than {KIT_BYTES_MAX} bytes")
    mode = stat.S_IMODE(found.st_mode)
    if KEY in content and mode & (OTHERS if found.st_uid == 0 != os.geteuid() else GROUP_TOO):
        raise KitError(f"{path} holds a key and can be read by others (mode {mode:o}): chmod 600 {path}")
    return content
