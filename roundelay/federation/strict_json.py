"""Strict decoding of the JSON records that other processes have written, into the dataclasses that describe them.

A record is decoded straight into its type by msgspec: a value of another type, NaN, a number that no float holds or a
nesting that the type does not have ends the decoding before memory is spent on it. What a type cannot say, as a range,
is checked by its module.

msgspec is imported with the first record: a node that only trains reads none, and starts sooner.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, TypeVar, cast

from roundelay.chord.errors import Malformed
from roundelay.federation.errors import BadRecord, BadSpec
from roundelay.ml.errors import MLError, printable
from roundelay.store.names import check_name

if TYPE_CHECKING:
    import msgspec

T = TypeVar("T")

RECORD_BYTES_MAX = 48 << 20  # of any record
TEXT_CHARACTERS_MAX = 64  # of a job's id, a name of private data, a nonce
ADDRESS_CHARACTERS_MAX = 300
DIGEST_CHARACTERS = 64
REASON_CHARACTERS_MAX = 1000


def decode(kind: type[T], content: bytes, what: str, bytes_max: int) -> T:
    """Return the value in a record. Raises BadRecord, which names the field."""
    if len(content) > bytes_max:
        raise malformed(what, f"{len(content)} bytes, at most {bytes_max}")
    try:
        return cast(T, _decoder(cast(Hashable, kind)).decode(content))
    except refusals() as error:
        raise malformed(what, str(error)) from error


def malformed(what: str, why: str) -> BadRecord:
    """Return the error for a record that cannot be read; what it holds is escaped."""
    return BadRecord(f"malformed {what}: {printable(why, REASON_CHARACTERS_MAX)}")


@cache
def refusals() -> tuple[type[Exception], ...]:
    """Return what decoding, and the constructors that it calls, raise for a record that is not one."""
    import msgspec

    return msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError, MLError, BadSpec, Malformed


@lru_cache
def _decoder(kind: Hashable) -> msgspec.json.Decoder[object]:
    import msgspec

    return msgspec.json.Decoder(cast(type[object], kind))


# --- checks of decoded fields: each raises ValueError, which names the field


def require(holds: bool, problem: str) -> None:
    if not holds:
        raise ValueError(problem)


def in_range(field: str, number: int, least: int, most: int) -> None:
    if not least <= number <= most:
        raise ValueError(f"{field} is {number}, expected {least} to {most}")


def digest(field: str, text: str, empty_allowed: bool = False) -> None:
    """Check 64 hexadecimal digits, in lower case."""
    if empty_allowed and not text:
        return
    if len(text) != DIGEST_CHARACTERS or bytes.fromhex(text).hex() != text:
        raise ValueError(f"{field} {text[:80]!r} is not a digest")


def text(field: str, value: str, characters_max: int = TEXT_CHARACTERS_MAX) -> None:
    """Check a text that people are shown: printable, on one line."""
    if len(value) > characters_max or not value.isprintable():
        raise ValueError(f"{field} {value[:80]!r}: expected at most {characters_max} printable characters")


def name(field: str, value: str) -> None:
    try:
        check_name(value)
    except Malformed as error:
        raise ValueError(f"{field}: {error}") from error
