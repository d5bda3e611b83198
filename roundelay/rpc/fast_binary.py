"""Structs written and read by Thrift's C extension, where it is there and where it is the faster way.

The plain way is the struct's own generated `write` and `read` over the protocol. Both give the same bytes and the same
values (tests/rpc/test_fast_binary.py). The plain way is taken where Thrift was built without the extension, and for a
struct that holds a large binary: C appends it byte by byte, at a tenth of the speed.

Thrift documents neither the extension nor its two functions, so that nothing else of ours may call them.
"""

from typing import Any, Protocol

from roundelay.rpc.transport import LARGE_SIZE, FramedSocket, no_message

try:
    from thrift.protocol import fastbinary
except ImportError:  # Thrift was built without a C compiler
    fastbinary = None


class Struct(Protocol):
    """A struct as Thrift's compiler generates it."""

    def read(self, protocol: Any) -> None: ...

    def write(self, protocol: Any) -> None: ...


class Messages(Protocol):
    """A TBinaryProtocol over our transport."""

    trans: FramedSocket


def write_struct(messages: Messages, value: Struct, spec: object, is_bulky: bool) -> None:
    """Append a struct to the message being written. `is_bulky`: it may hold a large binary."""
    if fastbinary is None or (is_bulky and holds_large_binary(value)):
        value.write(messages)
    else:
        messages.trans.unsent.append(fastbinary.encode_binary(value, spec))


def read_struct(messages: Messages, kind: type[Struct], spec: object) -> Any:
    """Return the struct that comes next in the frame. Raises TProtocolException."""
    value = kind()
    if fastbinary is None:
        value.read(messages)
    else:
        _decode(value, messages, spec)
    return value


def skip_struct(messages: Messages) -> bool:
    """Skip the struct that comes next, in C; False if there is no extension, and nothing was skipped."""
    if fastbinary is None:
        return False
    _decode(_Empty(), messages, [_Empty, ()])
    return True


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


class _Empty:
    """A struct without fields: the decoder fills it by skipping every field that comes."""


def _decode(value: object, messages: Messages, spec: object) -> None:
    try:
        fastbinary.decode_binary(value, messages, spec)
    except (OverflowError, TypeError, ValueError) as error:
        raise no_message(str(error)) from error
