"""Structs written and read by Thrift's C extension, where it is there and where it is the faster way.

The plain way is the struct's own generated `write` and `read` over the protocol. Both give the same bytes and the same
values (tests/rpc/test_fast_binary.py). The plain way is taken where Thrift was built without the extension.

C appends a large binary byte by byte, at a tenth of the speed. Where it comes last, as the weights of an order and the
sum of a result do, C writes the struct without it, and it is put in its place; elsewhere the plain way is taken.

Thrift documents neither the extension nor its two functions, so that nothing else of ours may call them.
"""

import struct
from typing import Any, Protocol

from roundelay.rpc.transport import LARGE_SIZE, FramedSocket, no_message

try:
    from thrift.protocol import fastbinary
except ImportError:  # Thrift was built without a C compiler
    fastbinary = None


LENGTH = struct.Struct("!i")  # before a binary
DEPTH_MAX = 8  # of structs in structs


class Struct(Protocol):
    """A struct as Thrift's compiler generates it."""

    def read(self, protocol: Any) -> None: ...

    def write(self, protocol: Any) -> None: ...


class Messages(Protocol):
    """A TBinaryProtocol over our transport."""

    trans: FramedSocket


def write_struct(messages: Messages, value: Struct, spec: object, is_bulky: bool) -> None:
    """Append a struct to the message being written. `is_bulky`: it may hold a large binary."""
    tail = _large_tail(value) if is_bulky and fastbinary is not None else None
    if tail is not None:
        messages.trans.unsent += _around(value, spec, *tail)
    elif fastbinary is None or (is_bulky and holds_large_binary(value)):
        value.write(messages)
    else:
        messages.trans.unsent.append(fastbinary.encode_binary(value, spec))


def read_struct(messages: Messages, kind: type[Struct], spec: object) -> Any:
    """Return the struct that comes next in the frame. Raises TProtocolException."""
    value = kind()
    if fastbinary is None:
        value.read(messages)
        return value
    try:
        fastbinary.decode_binary(value, messages, spec)
    except (OverflowError, TypeError, ValueError) as error:
        raise no_message(str(error)) from error
    return value


def skip_struct(messages: Messages) -> bool:
    """Skip the struct that comes next, in C; False if there is no extension, and nothing was skipped."""
    if fastbinary is not None:
        read_struct(messages, _Empty, [_Empty, ()])
    return fastbinary is not None


def holds_large_binary(struct: object) -> bool:
    """Return whether a struct, or a struct in one of its fields or lists, holds a large binary."""
    for value in vars(struct).values():
        if isinstance(value, bytes):
            if len(value) >= LARGE_SIZE:
                return True
        elif isinstance(value, list):
            if any(holds_large_binary(each) for each in value if hasattr(each, "thrift_spec")):
                return True
        elif hasattr(value, "thrift_spec") and holds_large_binary(value):
            return True
    return False


def _large_tail(value: Any) -> tuple[Any, str, int] | None:
    """Return the struct and the field of a large binary that is written last, and how many structs end after it."""
    for depth in range(1, DEPTH_MAX):
        last = next(
            (each[2] for each in reversed(value.thrift_spec) if each and getattr(value, each[2]) is not None), ""
        )
        found = getattr(value, last) if last else None
        if isinstance(found, bytes):
            return (value, last, depth) if len(found) >= LARGE_SIZE else None
        if not hasattr(found, "thrift_spec"):
            return None
        value = found
    return None


def _around(value: Struct, spec: object, holder: object, field: str, depth: int) -> list[bytes]:
    """Return the parts of a struct: what is before a field of `holder`, the field's content, and what follows."""
    content: bytes = getattr(holder, field)
    setattr(holder, field, b"")
    try:
        without = fastbinary.encode_binary(value, spec)
    finally:
        setattr(holder, field, content)
    end = len(without) - depth  # each struct ends with one byte
    return [without[: end - LENGTH.size], LENGTH.pack(len(content)), content, without[end:]]


class _Empty:
    """A struct without fields: the C decoder fills it by skipping every field that comes."""

    def read(self, protocol: Any) -> None: ...

    def write(self, protocol: Any) -> None: ...
