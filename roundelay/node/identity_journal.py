"""The journal of the identities that a supernode grants: a JSON line each, synced to disk before the grant is answered.

Of each address only the last identity and the highest incarnation count, so a journal with many more lines is
written anew with these: whoever asks for admission again and again does not fill the disk.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.ring import BITS_MAX, Ring
from roundelay.federation import strict_json
from roundelay.federation.errors import BadRecord
from roundelay.node import operating_system
from roundelay.node.errors import JournalError

log = logging.getLogger(__name__)

LINES_MIN = 4096  # from here on the journal is compacted when it has twice the lines that count
LINE_BYTES_MAX = 4096
HOST_CHARACTERS_MAX = 255
PORT_MAX = 65535
INCARNATION_MAX = (1 << 63) - 1


@dataclass(frozen=True)
class _Identity:
    """A line, as it is decoded."""

    bits: int
    id: str
    host: str
    port: int
    incarnation: int

    def __post_init__(self) -> None:
        strict_json.in_range("bits", self.bits, 1, BITS_MAX)
        strict_json.text("host", self.host, HOST_CHARACTERS_MAX)
        strict_json.in_range("port", self.port, 1, PORT_MAX)
        strict_json.in_range("incarnation", self.incarnation, 0, INCARNATION_MAX)
        strict_json.require(
            0 <= int(self.id, 16) < 1 << self.bits, f"id {self.id[:80]} does not fit in {self.bits} bits"
        )

    @property
    def node(self) -> NodeRef:
        return NodeRef(int(self.id, 16), self.host, self.port, self.incarnation)


class IdentityJournal:
    """All identities that count on this ring. Read it with `identities` before the first `record`."""

    def __init__(self, path: Path, ring: Ring) -> None:
        self._path = path
        self._bits = ring.bits
        self._lines = 0
        self._compact_at = LINES_MIN

    def record(self, node: NodeRef) -> None:
        """Append an identity; return when it is on the disk. Raises JournalError."""
        line = {
            "bits": self._bits,
            "id": f"{node.id:x}",
            "host": node.host,
            "port": node.port,
            "incarnation": node.incarnation,
        }
        try:
            if self._lines >= self._compact_at:
                self._compact()
            is_new = not self._path.exists()
            with self._path.open("a") as file:
                file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                operating_system.sync_folder(self._path.parent)
        except OSError as error:
            raise JournalError(f"{self._path}: {error.strerror}") from error
        self._lines += 1

    def identities(self) -> list[NodeRef]:
        """Return the identities for a ring of this size, in order; cut off a torn last line. Raises JournalError."""
        try:
            content = self._path.read_bytes()
            *whole, torn = content.split(b"\n")
            if torn:
                log.warning("%s ends in a torn line, whose grant was never answered: ignored", self._path)
                os.truncate(self._path, len(content) - len(torn))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise JournalError(f"{self._path}: {error.strerror}") from error
        self._lines = len(whole)
        found = [self._parse(line, number) for number, line in enumerate(whole, 1)]
        return [each.node for each in found if each.bits == self._bits]

    # --- helpers

    def _parse(self, line: bytes, number: int) -> _Identity:
        try:
            return strict_json.decode(_Identity, line, "identity", LINE_BYTES_MAX)
        except BadRecord as error:
            raise JournalError(f"{self._path}, line {number}: {error}") from error

    def _compact(self) -> None:
        """Write the journal anew with the lines that count, at once. Raises JournalError, OSError."""
        lines = self._path.read_bytes().splitlines()
        last: dict[tuple[int, Address], bytes] = {}
        highest: dict[tuple[int, Address], tuple[int, bytes]] = {}
        for number, line in enumerate(lines, 1):
            each = self._parse(line, number)
            place = each.bits, each.node.address
            last[place] = line
            highest[place] = max(highest.get(place, (-1, b"")), (each.incarnation, line))
        kept = [line for place, (_, line) in highest.items() if line != last[place]] + list(last.values())
        new = self._path.with_name(f".{self._path.name}.new")
        with new.open("wb") as file:
            file.write(b"".join(line + b"\n" for line in kept))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
        operating_system.sync_folder(self._path.parent)
        self._lines, self._compact_at = len(kept), max(LINES_MIN, 2 * len(kept))
