"""Thrift's binary protocol over our transport: strict, with limits on every length.

Raises TProtocolException for bytes that are no message; what then happens to the connection is decided by its owner.
"""

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.Thrift import TApplicationException, TMessageType, TType

from roundelay.rpc.fast_binary import Struct, read_struct, skip_struct, write_struct
from roundelay.rpc.method import MESSAGE, SEQUENCE, Method, message_begin
from roundelay.rpc.transport import FRAME_SIZE_MAX, FramedSocket, no_message

if TYPE_CHECKING:
    from roundelay.rpc.access import Caller  # loaded only with certificates

STRING_SIZE_MAX = FRAME_SIZE_MAX
NAME_SIZE_MAX = 256  # bytes, of a method
CONTAINER_LENGTH_MAX = 1 << 16  # entries


class BinaryProtocol(TBinaryProtocol):  # type: ignore[misc]  # thrift ships no types
    """One end of a connection: calls and answers as whole messages."""

    def __init__(self, transport: FramedSocket) -> None:
        super().__init__(transport, string_length_limit=STRING_SIZE_MAX, container_length_limit=CONTAINER_LENGTH_MAX)
        self.message: tuple[str, int, int] | None = None  # name, type and seqid of the message being read
        self.caller: Caller | None = None  # at the other end, where the connection has shown that
        self.keep_connection: Callable[[bool], None] = lambda is_kept: None  # give the connection a place of its own

    def call(self, method: Method, arguments: tuple[Any, ...]) -> Any:
        """Call a method and return its answer. Raises what the contract declares, or TApplicationException."""
        self.ask(method, arguments)
        return self.answer(method)

    def ask(self, method: Method, arguments: tuple[Any, ...]) -> None:
        """Send a call. Its answer comes after those of the calls that were sent before it."""
        self.send(method.call_begins, method.arguments(*arguments), method.arguments_spec, method.is_bulky)

    def answer(self, method: Method) -> Any:
        """Receive the next answer, which is that of a call of this method. Raises as `call` does."""
        transport, begins = self.trans, method.reply_begins
        transport.receive()
        if transport.cstringio_buf.read(len(begins)) != begins:
            self._raise_other_answer(method)
        try:
            return method.outcome(read_struct(self, method.result, method.result_spec))
        finally:
            transport.let_go()

    def send(self, begins: bytes, value: Struct, spec: object, is_bulky: bool) -> None:
        """Send a message: its first bytes, and its struct. `is_bulky`: the struct may hold a large binary."""
        self.trans.unsent = [begins]  # also drops what a message left behind that could not be encoded
        write_struct(self, value, spec, is_bulky)
        self.trans.flush()

    def refuse(self, name: str, seqid: int, kind: int, why: str) -> None:
        """Answer a call by Thrift's own exception, which every client knows."""
        self.writeMessageBegin(name, TMessageType.EXCEPTION, seqid)
        TApplicationException(kind, why).write(self)
        self.trans.flush()

    def read(self, kind: type[Struct], spec: object) -> Any:
        """Return the struct that comes next."""
        return read_struct(self, kind, spec)

    def _raise_other_answer(self, method: Method) -> None:
        """Raise what was answered in the place of a reply to this call."""
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
        """Skip a value. The arguments of an unknown method may be 2 MiB: seconds of work in Python, little in C."""
        if ttype != TType.STRUCT or not skip_struct(self):
            super().skip(ttype, max_depth)
