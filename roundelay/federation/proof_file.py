"""The file of a proof: a ZIP archive in one canonical form, so that the same parts are the same bytes.

Parts are stored, not compressed, in a fixed order, without dates, comments and extra fields. A file in any other form
is refused, so no byte of a proof is free: PKWARE's APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16, with constants in
all fields but name, size, checksum and offset.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Protocol

from roundelay.federation.errors import BadProof
from roundelay.ml.errors import printable

MANIFEST, SPEC, SIGNATURES = "proof.json", "spec.json", "signatures.json"
KINDS = ("result", "receipts", "report", "weights", "state")  # of a round, in their order in the file
ENDINGS = {"result": ".json", "report": ".json"}
PART_OF_ROUND = re.compile(r"(result|receipts|report|weights|state)-(0|[1-9][0-9]{0,5})(\.json)?")
PARTS_MAX = (1 << 16) - 2
PROOF_BYTES_MAX = (1 << 32) - 2  # without the 64-bit form of the format

_LOCAL = struct.Struct("<4s5H3I2H")
HEAD_BYTES = _LOCAL.size  # before a part's name
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\3\4", b"PK\1\2", b"PK\5\6"
_NEEDED, _MADE_BY, _DATE, _MODE = 10, 3 << 8 | 10, 33, 0o100644 << 16  # version 1.0, Unix, 1980-01-01, rw-r--r--
_NAME_BYTES_MAX = 64

Parts = Mapping[str, bytes]


class Source(Protocol):
    """The bytes of a file, or something that returns slices of itself, as a mapped file does."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...


def part_name(kind: str, number: int) -> str:
    """Return the name of a round's part: result-7.json, receipts-7."""
    return f"{kind}-{number}{ENDINGS.get(kind, '')}"


def encode(parts: Parts) -> Iterator[bytes]:
    """Yield the bytes of a file with these parts, piece by piece. Raises BadProof if they are too many or too large."""
    if len(parts) > PARTS_MAX:
        raise BadProof(f"{len(parts)} parts, at most {PARTS_MAX}")
    directory, at = [], 0
    for name in sorted(parts, key=_place):
        content = parts[name]
        head = _head(name, content)
        directory.append(_entry(name, content, at))
        at += len(head) + len(content)
        if at > PROOF_BYTES_MAX:
            raise BadProof(f"more than {PROOF_BYTES_MAX} bytes")
        yield head
        yield content
    yield _end(directory, at)


def decode(file: Source) -> dict[str, bytes]:
    """Return the parts of a file. Raises BadProof, which names the part, unless the file is in canonical form."""
    parts: dict[str, bytes] = {}
    directory, at, last = [], 0, ""
    while file[at : at + len(_LOCAL_MARK)] == _LOCAL_MARK:
        name, content = _part_at(file, at, last)
        if last and _place(name) <= _place(last):
            raise BadProof(f"part {name} follows {last}: out of order or twice")
        if len(parts) >= PARTS_MAX or at > PROOF_BYTES_MAX:
            raise BadProof(f"more than {PARTS_MAX} parts, or {PROOF_BYTES_MAX} bytes")
        directory.append(_entry(name, content, at))
        at += len(_head(name, content)) + len(content)
        parts[name], last = content, name
    if not parts:
        raise BadProof("not a proof: it is not an archive that  client.py export --proof  has written")
    if file[at : len(file)] != (end := _end(directory, at)):
        rest = len(file) - at
        how = "cut short" if rest < len(end) else "damaged, or not in canonical form"
        raise BadProof(f"{how} after part {last}, in the archive's directory or before it")
    return parts


def _part_at(file: Source, at: int, last: str) -> tuple[str, bytes]:
    """Return the part that begins here. Raises BadProof."""
    where = f"after part {last}" if last else "not a proof"
    raw = file[at : at + _LOCAL.size]
    if len(raw) < _LOCAL.size:
        raise BadProof(f"cut short {where}")
    *_, size, name_bytes, _ = _LOCAL.unpack(raw)
    if not 0 < name_bytes <= _NAME_BYTES_MAX:
        raise BadProof(f"{where}: a part whose name has {name_bytes} bytes")
    start = at + _LOCAL.size + name_bytes
    if start > len(file):
        raise BadProof(f"cut short {where}")
    name = file[at + _LOCAL.size : start].decode("ascii", errors="replace")
    if not is_known(name):
        raise BadProof(f"{where}: {printable(name, _NAME_BYTES_MAX)!r} is not a part of a proof")
    if size > len(file) - start:
        raise BadProof(f"cut short in part {name}: {len(file) - start} of {size} bytes")
    content = file[start : start + size]
    if file[at:start] != _head(name, content):
        raise BadProof(f"part {name} is damaged: its header or its checksum is wrong")
    return name, content


def is_known(name: str) -> bool:
    """Return whether a part of a proof may have this name."""
    match = PART_OF_ROUND.fullmatch(name)
    return name in (MANIFEST, SPEC, SIGNATURES) or (match is not None and name == part_name(match[1], int(match[2])))


def numbered(parts: Parts) -> list[tuple[str, int]]:
    """Return kind and round of the parts that belong to a round."""
    matches = [PART_OF_ROUND.fullmatch(name) for name in parts]
    return [(match[1], int(match[2])) for match in matches if match]


def _place(name: str) -> tuple[int, int]:
    """Return a part's place in the file."""
    if match := PART_OF_ROUND.fullmatch(name):
        return 2 + KINDS.index(match[1]), int(match[2])
    return (MANIFEST, SPEC).index(name) if name != SIGNATURES else 2 + len(KINDS), 0


def _head(name: str, content: bytes) -> bytes:
    fields = (_NEEDED, 0, 0, 0, _DATE, zlib.crc32(content), len(content), len(content), len(name), 0)
    return _LOCAL.pack(_LOCAL_MARK, *fields) + name.encode("ascii")


def _entry(name: str, content: bytes, at: int) -> bytes:
    sizes = (zlib.crc32(content), len(content), len(content), len(name))
    raw = _CENTRAL.pack(_CENTRAL_MARK, _MADE_BY, _NEEDED, 0, 0, 0, _DATE, *sizes, 0, 0, 0, 0, _MODE, at)
    return raw + name.encode("ascii")


def _end(directory: list[bytes], at: int) -> bytes:
    entries = b"".join(directory)
    return entries + _END.pack(_END_MARK, 0, 0, len(directory), len(directory), len(entries), at, 0)
