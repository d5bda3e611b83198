"""Checks of single fields from the wire, and the conversions of identifiers and digests.

Each check returns the value, or raises Malformed, which names the field. No other error leaves a decoder.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from thrift.protocol.TProtocol import TProtocolException
from thrift.Thrift import TType

from roundelay.chord.errors import Malformed
from roundelay.chord.ring import BITS_MAX
from roundelay.ml.errors import printable
from roundelay.store.names import check_name

ID_BYTES = 20
DIGEST_BYTES = 32
HOST_CHARACTERS_MAX = 255
PORT_MAX = 65535
TEXT_CHARACTERS_MAX = 64  # a digest in hexadecimal
MESSAGE_CHARACTERS_MAX = 4096  # longer messages are cut off
LONG_MAX = (1 << 63) - 1
CLOCK_SKEW_MAX_NS = 3600 * 10**9  # a version or incarnation further ahead of this machine's clock is refused
NAMES_KEPT_MAX = 8192
FRACTION_MAX = 1.000001
BITMAP_BYTES_MAX = 1 << 14  # enough for the files of the largest job

_BITS = tuple(tuple(bit for bit in range(8) if byte >> bit & 1) for byte in range(256))  # the set bits of a byte


def id_to_wire(identifier: int) -> bytes:
    return identifier.to_bytes(ID_BYTES)


def id_from_wire(raw: bytes) -> int:
    if len(raw) != ID_BYTES:
        raise Malformed(f"identifier: {len(raw)} bytes, expected {ID_BYTES}")
    return int.from_bytes(raw)


def digest_to_wire(digest: str) -> bytes:
    return bytes.fromhex(digest)


def digest_from_wire(raw: bytes) -> str:
    if len(raw) != DIGEST_BYTES:
        raise Malformed(f"digest: {len(raw)} bytes, expected {DIGEST_BYTES}")
    return raw.hex()


def bits_of(places: Sequence[int]) -> bytes:
    """Return a bitmap: bit i % 8 of byte i / 8 stands for place i."""
    bits = bytearray(max(places, default=-1) // 8 + 1)
    for place in places:
        bits[place // 8] |= 1 << place % 8
    return bytes(bits)


def places_in(field: str, raw: bytes) -> tuple[int, ...]:
    """Return the places that a bitmap names, ascending. Raises Malformed."""
    at_most(field, len(raw), BITMAP_BYTES_MAX)
    return tuple([8 * at + bit for at, byte in enumerate(raw) if byte for bit in _BITS[byte]])


def in_range(field: str, number: int, least: int, most: int) -> int:
    if not least <= number <= most:
        raise Malformed(f"{field}: {number}, expected {least} to {most}")
    return number


def count(field: str, number: int | None) -> int:
    """Check a number that cannot be negative; a missing one is 0."""
    return in_range(field, number or 0, 0, LONG_MAX)


def at_most(field: str, length: int, most: int) -> None:
    """Check the length of a list or a bitmap, before it is read."""
    if length > most:
        raise Malformed(f"{field}: {length} entries, at most {most}")


def finite(field: str, number: float | None) -> float:
    """Check a number that is not NaN or infinite; a missing one is 0."""
    number = number or 0.0
    if not math.isfinite(number):
        raise Malformed(f"{field}: {number}, expected a finite number")
    return number


def within(field: str, number: float, least: float, most: float) -> float:
    """Check a real number in a range; NaN lies in none."""
    if not least <= number <= most:
        raise Malformed(f"{field}: {number}, expected {least:g} to {most:g}")
    return number


def seconds(field: str, number: float | None) -> float:
    number = finite(field, number)
    if number < 0:
        raise Malformed(f"{field}: {number}, expected 0 or more")
    return number


def fraction(field: str, number: float | None) -> float:
    """Check a number from 0 to 1, with room for rounding in a mean."""
    number = finite(field, number)
    if not 0 <= number <= FRACTION_MAX:
        raise Malformed(f"{field}: {number}, expected 0 to 1")
    return number


def text(field: str, value: str, length_max: int = TEXT_CHARACTERS_MAX) -> str:
    """Check a short text that is shown to people and used as a name: printable, on one line."""
    if len(value) > length_max or not value.isprintable():
        raise Malformed(f"{field} {printable(value, 80)!r}: expected at most {length_max} printable characters")
    return value


def message(value: str) -> str:
    """Return a message for people, escaped and cut off: it is shown, and never compared."""
    return printable(value, MESSAGE_CHARACTERS_MAX)


@lru_cache(NAMES_KEPT_MAX)
def name(value: str) -> str:
    """Check the name of an entry, cached: the same names arrive again and again."""
    check_name(value)
    return value


def version(field: str, number: int) -> int:
    """Check a writer's clock: one that is far ahead would outlive every later write."""
    if not 0 <= number <= time.time_ns() + CLOCK_SKEW_MAX_NS:
        raise Malformed(f"{field}: {number} is more than an hour ahead of this machine's clock, or negative")
    return number


def address(host: str, port: int) -> None:
    """Check the address of a process. Raises Malformed."""
    if not 0 < len(host) <= HOST_CHARACTERS_MAX or not host.isprintable():
        raise Malformed(f"host {printable(host, 80)!r}: expected 1 to {HOST_CHARACTERS_MAX} printable characters")
    in_range("port", port, 1, PORT_MAX)


# --- whole structs


def check_complete(value: Any) -> None:
    """Raise Malformed if a required field is missing, which Thrift's C decoder does not check.

    Structs whose decoder checks it (`checked_by_its_decoder`) are left to it where they are nested.
    """
    kind = type(value)
    if kind is list or kind is tuple:
        for each in value:
            if type(each) not in _WHOLE:
                check_complete(each)
        return
    parts = _PARTS.get(kind) or _parts(kind)
    for field in parts.required:
        if getattr(value, field) is None:
            raise Malformed(f"{kind.__name__}.{field} is missing")
    for field in parts.unchecked:
        part = getattr(value, field)
        if part:  # neither absent nor an empty list
            check_complete(part)


def check_identifiers(value: Any, bits: int) -> None:
    """Raise Malformed if an identifier does not fit into a ring of this many bits.

    Only a struct's fields hold identifiers: bytes that are an answer by themselves are a content.
    """
    if bits >= BITS_MAX or type(value) in _WHOLE:
        return
    if isinstance(value, list | tuple):
        for each in value:
            check_identifiers(each, bits)
        return
    parts = _PARTS.get(type(value)) or _parts(type(value))
    for field in parts.identifiers:
        raw = getattr(value, field)
        if isinstance(raw, bytes) and len(raw) == ID_BYTES and int.from_bytes(raw) >> bits:
            raise Malformed(f"identifier {raw.hex()} does not fit into a ring of {bits} bits")
    for field in parts.nested:
        check_identifiers(getattr(value, field), bits)


def checked_by_its_decoder(kind: type[Any]) -> None:
    """Leave a nested struct's required fields to its decoder, which keeps what it has decoded before."""
    _OWN_CHECK.add(kind)


@dataclass(frozen=True)
class Parts:
    """The names of a struct's fields, by what has to be checked in them."""

    required: tuple[str, ...]
    nested: tuple[str, ...]  # hold structs or lists
    unchecked: tuple[str, ...]  # of the nested ones: those whose decoder does not check them
    identifiers: tuple[str, ...]


_WHOLE = frozenset((bool, bytes, float, int, str))  # these have no fields
_IDENTIFIERS = frozenset(("id", "key", "start", "end", "limit"))  # the names of fields that hold one

_OWN_CHECK: set[type[Any]] = set()
_PARTS: dict[type[Any], Parts] = {}  # by class, of all that were checked


def _parts(kind: type[Any]) -> Parts:
    """Return the parts of a struct. Only its `validate` tells what is required."""
    fields = [field for field in getattr(kind, "thrift_spec", None) or () if field]  # other classes have none
    nested = {name: detail for _, what, name, detail, *_ in fields if what in (TType.STRUCT, TType.LIST)}
    _PARTS[kind] = parts = Parts(
        required=tuple(name for _, _, name, *_ in fields if not _is_complete_without(kind, name, fields)),
        nested=tuple(nested),
        unchecked=tuple(name for name, detail in nested.items() if _struct_in(detail) not in _OWN_CHECK),
        identifiers=tuple(name for _, _, name, *_ in fields if name in _IDENTIFIERS),
    )
    return parts


def _struct_in(detail: Any) -> Any:
    """Return the class of a field of a struct or of a list, from its detail in thrift_spec."""
    return detail[1][0] if detail[0] == TType.STRUCT else detail[0]


def _is_complete_without(kind: type[Any], missing: str, fields: list[Any]) -> bool:
    value = kind(**{name: name for _, _, name, *_ in fields if name != missing})  # validate only looks for None
    try:
        value.validate()
    except TProtocolException:
        return False
    return True
