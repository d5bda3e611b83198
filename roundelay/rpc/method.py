"""One method of the contract: its generated structs, and the first bytes of its messages, which never change.

Generated clients and processors write and read the same bytes, in more steps per call.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from operator import attrgetter
from types import ModuleType
from typing import Any

from thrift.Thrift import TApplicationException, TMessageType

VERSION = -0x7FFF0000  # 0x80010000: a strict message of version 1
MESSAGE = struct.Struct("!iI")  # version and type; bytes of the name that follows
NOT_ALLOWED = 100  # type of a TApplicationException: the access rules refuse the call; Thrift uses 0 to 10
SEQUENCE = struct.Struct("!i")


class Method:
    """A method by its name: `Method(ComputeNode, "next_hop")`."""

    def __init__(self, service: ModuleType, name: str, is_bulky: bool = False) -> None:
        self.name = name
        self.is_bulky = is_bulky  # its arguments or its result may hold a large binary
        self.arguments: type[Any] = getattr(service, f"{name}_args")
        self.result: type[Any] = getattr(service, f"{name}_result")
        self.arguments_spec = [self.arguments, self.arguments.thrift_spec]  # as the C codec wants it
        self.result_spec = [self.result, self.result.thrift_spec]
        self.call_begins = message_begin(name, TMessageType.CALL)
        self.reply_begins = message_begin(name, TMessageType.REPLY)
        fields = {field[2]: field[3] for field in self.result.thrift_spec if field}
        self._is_void = "success" not in fields
        self._errors = {what[0]: field for field, what in fields.items() if field != "success"}
        self._error_fields = tuple(self._errors.values())
        names = [field[2] for field in self.arguments.thrift_spec or () if field]
        self.values = getter(names)  # returns the arguments in the contract's order

    def answered(self, answer: Any) -> Any:
        """Return the result struct that holds an answer."""
        return self.result() if self._is_void else self.result(answer)

    def failed(self, error: Exception) -> Any:
        """Return the result struct that holds an error. Raises the error itself if the contract does not declare it."""
        field = self._errors.get(type(error))
        if field is None:
            raise error
        return self.result(**{field: error})

    def outcome(self, result: Any) -> Any:
        """Return the answer in a result struct. Raises the declared error that it holds instead."""
        if not self._is_void and result.success is not None:
            return result.success
        for field in self._error_fields:
            error = getattr(result, field)
            if error is not None:
                try:
                    raise error
                finally:
                    del error, result  # it keeps this frame, which would keep it, until garbage is collected
        if not self._is_void:
            raise TApplicationException(TApplicationException.MISSING_RESULT, f"{self.name} answered nothing")
        return None


def getter(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that returns the values of some fields, where it can in C."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple([getattr(value, name) for name in names])


def message_begin(name: str, kind: int, seqid: int = 0) -> bytes:
    """Return the bytes of a message that come before its struct."""
    raw = name.encode()
    return MESSAGE.pack(VERSION | kind, len(raw)) + raw + SEQUENCE.pack(seqid)
