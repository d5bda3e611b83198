"""Two structs as Thrift's compiler would generate them, for tests of the transport and the protocol."""

from __future__ import annotations

from typing import Any

from thrift.Thrift import TType


class Blob:
    """A struct of one binary field."""

    thrift_spec = (None, (1, TType.STRING, "data", "BINARY", None))

    def __init__(self, data: bytes = b"") -> None:
        self.data = data

    def read(self, messages: Any) -> None:
        messages.readStructBegin()
        while (field := messages.readFieldBegin())[1] != TType.STOP:
            if field[1:] == (TType.STRING, 1):
                self.data = messages.readBinary()
            else:
                messages.skip(field[1])
            messages.readFieldEnd()

    def write(self, messages: Any) -> None:
        messages.writeFieldBegin("data", TType.STRING, 1)
        messages.writeBinary(self.data)
        messages.writeFieldStop()


class Box:
    """A struct with a Blob inside."""

    thrift_spec = (None, (1, TType.STRUCT, "blob", [Blob, Blob.thrift_spec], None))

    def __init__(self, blob: Blob) -> None:
        self.blob = blob

    def read(self, messages: Any) -> None:
        raise NotImplementedError

    def write(self, messages: Any) -> None:
        messages.writeFieldBegin("blob", TType.STRUCT, 1)
        self.blob.write(messages)
        messages.writeFieldStop()


BLOB_SPEC = [Blob, Blob.thrift_spec]
BOX_SPEC = [Box, Box.thrift_spec]
