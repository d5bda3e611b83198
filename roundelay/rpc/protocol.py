"""Thrift's binary protocol over our transport: strict, with limits, and fast where Thrift's own is slow.

Errors: TProtocolException says that the other side sent what is no message. What happens to the
connection is the transport's business.
"""

import struct
import typing

from thrift.protocol.TBinaryProtocol import TBinaryProtocolAccelerated
from thrift.Thrift import TApplicationException, TMessageType, TType

from roundelay.rpc.method import MESSAGE, SEQUENCE, Method, message_begin
from roundelay.rpc.transport import FRAME_SIZE_MAX, LARGE_SIZE, FramedSocket, no_message

STRING_SIZE_MAX = FRAME_SIZE_MAX
NAME_SIZE_MAX = 256  # bytes, of a method
CONTAINER_LENGTH_MAX = 1 << 16  # entries


class BinaryProtocol(TBinaryProtocolAccelerated):  # type: ignore[misc]  # thrift ships no types
    """Thrift's binary protocol: strict, with limits, and fast in the places where Thrift's own is slow."""

    def __init__(self, transport: FramedSocket) -> None:
        super().__init__(transport, string_length_limit=STRING_SIZE_MAX, container_length_limit=CONTAINER_LENGTH_MAX)
        self.message: tuple[str, int, int] | None = None  # name, type and seqid of the message being read
        self._in_c = self._fast_decode, self._fast_encode
        if None not in self._in_c:
            del self._fast_decode, self._fast_encode  # the class's own, below, take their place

    def call(self, method: Method, arguments: tuple[typing.Any, ...]) -> typing.Any:
        """Call, and return what is answered. Raises what the contract declares, or TApplicationException."""
        self.send(method.call_begins, method.arguments(*arguments), method.arguments_spec, method.is_bulky)
        frame = self.trans.frame()
        if frame.read(len(method.reply_begins)) != method.reply_begins:
            self._fail_otherwise(method)
        result = self.read(method.result, method.result_spec)
        self.trans.let_go()
        return method.outcome(result)

    def send(self, begins: bytes, message: "_Struct", spec: object, is_bulky: bool) -> None:
        """Send a message: its first bytes, and its struct, which may hold a large binary where it is bulky."""
        # Not appended: a message that could not be encoded leaves its beginning behind.
        self.trans.unsent = unsent = [begins]
        encode = self._fast_encode if is_bulky else self._in_c[1]
        if encode is None:
            message.write(self)
        else:
            unsent.append(encode(message, spec))
        self.trans.flush()

    def refuse(self, name: str, seqid: int, kind: int, why: str) -> None:
        """Answer a call by Thrift's own exception, which every client knows."""
        self.writeMessageBegin(name, TMessageType.EXCEPTION, seqid)
        TApplicationException(kind, why).write(self)
        self.trans.flush()

    def read(self, kind: "type[_Struct]", spec: object) -> typing.Any:
        """The struct that comes next."""
        made = kind()
        if self._fast_decode is None:
            made.read(self)
        else:
            self._fast_decode(made, self, spec)
        return made

    def _fail_otherwise(self, method: Method) -> None:
        """It is not the reply to this call: raise what was answered in its place."""
        self.trans.frame().seek(0)
        name, kind, _ = self.readMessageBegin()
        if kind != TMessageType.EXCEPTION:
            raise no_message(f"{name[:NAME_SIZE_MAX]!r} answers {method.name}")
        failure = TApplicationException()
        failure.read(self)
        self.readMessageEnd()
        raise failure

    def readMessageBegin(self) -> tuple[str, int, int]:  # noqa: N802 - thrift's name
        self.message = None
        frame = self.trans.frame()
        try:
            version, size = MESSAGE.unpack(frame.read(MESSAGE.size))
            if version & self.VERSION_MASK != self.VERSION_1:
                raise no_message(f"begins with {version:#x}")
            if size > NAME_SIZE_MAX:
                raise no_message(f"its name has {size} bytes")
            rest = frame.read(size + SEQUENCE.size)
            name = rest[:size].decode()
            (seqid,) = SEQUENCE.unpack_from(rest, size)
        except (struct.error, UnicodeDecodeError) as error:
            raise no_message(str(error)) from error
        self.message = message = (name, version & self.TYPE_MASK, seqid)
        return message

    def readMessageEnd(self) -> None:  # noqa: N802 - thrift's name
        self.trans.let_go()

    def writeMessageBegin(self, name: str, kind: int, seqid: int) -> None:  # noqa: N802 - thrift's name
        self.trans.unsent = [message_begin(name, kind, seqid)]

    def skip(self, ttype: int, max_depth: int = 64) -> None:
        """Skip a value, in C: the arguments of an unknown method may be 2 MiB, seconds of work in Python."""
        if ttype == TType.STRUCT and self._fast_decode is not None:
            self._fast_decode(_Nothing(), self, [_Nothing, ()])
        else:
            super().skip(ttype, max_depth)

    def _fast_decode(self, value: object, protocol: object, spec: object) -> None:
        decode, _ = self._in_c
        try:
            decode(value, protocol, spec)
        except (OverflowError, TypeError, ValueError) as error:
            raise no_message(str(error)) from error

    def _fast_encode(self, value: "_Struct", spec: object) -> bytes:
        """Encode in C, or a large binary in Python: C appends it byte by byte, at a tenth of the speed."""
        _, encode = self._in_c
        if not _is_large(value):
            return encode(value, spec)
        self._fast_encode = None  # type: ignore[assignment,method-assign]  # which tells value to use Python
        try:
            value.write(self)
        finally:
            del self._fast_encode
        return b""  # all is written


def protocol(transport: FramedSocket) -> BinaryProtocol:
    """The protocol that both ends speak over a transport."""
    return BinaryProtocol(transport)


class _Struct(typing.Protocol):
    """What the Thrift compiler generates."""

    def read(self, protocol: BinaryProtocol) -> None: ...

    def write(self, protocol: BinaryProtocol) -> None: ...


class _Nothing:
    """A struct without fields, which the C decoder fills by skipping every field."""


def _is_large(message: object) -> bool:
    """Whether a struct, or a struct in one of its fields, holds a large binary."""
    for value in vars(message).values():
        if isinstance(value, bytes):
            if len(value) >= LARGE_SIZE:
                return True
        elif hasattr(value, "thrift_spec") and _is_large(value):
            return True
    return False
