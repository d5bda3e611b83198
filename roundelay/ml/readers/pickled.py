"""One batch of CIFAR-10's pickled version, read without unpickling: its instructions are walked, none is carried out.

Known are the few that build dictionaries, lists, numbers, texts and a numpy array of bytes. Whatever else a file asks
for (any other class or function) is refused by name; so a pickle can do nothing here but be data.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import Any

import numpy as np

from roundelay.ml.data import Ints
from roundelay.ml.errors import DataError, printable
from roundelay.ml.readers.source import Rows

INSTRUCTIONS_MAX = 10_000_000
DEPTH_MAX = 100_000  # of the stack; the labels of a batch lie on it at once

_ARRAY = {"numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct"}
_DTYPE, _NDARRAY, _ENCODE = "numpy dtype", "numpy ndarray", "_codecs encode"
_KNOWN = {*_ARRAY, _DTYPE, _NDARRAY, _ENCODE}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = {
    "BININT",
    "BININT1",
    "BININT2",
    "INT",
    "LONG",
    "LONG1",
    "SHORT_BINSTRING",
    "BINSTRING",
    "STRING",
    "BINUNICODE",
    "SHORT_BINUNICODE",
    "UNICODE",
    "BINBYTES",
    "SHORT_BINBYTES",
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Name(str):
    """A class or a function that the file names."""


class _Mark:
    """Where a group of values begins."""


class _Array:
    """An array whose contents come later."""

    def __init__(self) -> None:
        self.data, self.dtype = b"", ""
        self.shape: tuple[int, ...] = ()


class _Dtype(str):
    """The type of an array's numbers."""


def read_batch(name: str, content: bytes, features: int) -> tuple[Rows, Ints]:
    """Images (n, features) and classes (n,) of a batch. Raises DataError."""
    try:
        batch = _Machine().run(content)
        table = {_text(key): value for key, value in batch.items()}
        array, labels = table["data"], table.get("labels", table.get("fine_labels"))
        if not isinstance(array, _Array) or array.dtype not in ("u1", "uint8") or not isinstance(labels, list):
            raise ValueError("it holds no data and labels")
        rows = len(labels)
        if array.shape != (rows, features) or len(array.data) != rows * features or not rows:
            raise ValueError(f"its data are {array.shape}, its labels {rows}")
        x = np.frombuffer(array.data, np.uint8).reshape(rows, features)  # (n, d)
        return x, np.array([int(label) for label in labels], np.int64)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, AssertionError) as error:
        raise DataError(name, None, f"is no pickled batch of CIFAR-10: {printable(str(error))}") from error


class _Machine:
    """The stack and the memo of one pickle."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._do: dict[str, Callable[[Any], None]] = {
            "PROTO": lambda _: None,
            "FRAME": lambda _: None,
            "MARK": lambda _: self._push(_Mark()),
            "EMPTY_DICT": lambda _: self._push({}),
            "EMPTY_LIST": lambda _: self._push([]),
            "EMPTY_TUPLE": lambda _: self._push(()),
            "GLOBAL": self._global,
            "TUPLE": lambda _: self._push(tuple(self._group())),
            "BINPUT": self._put,
            "LONG_BINPUT": self._put,
            "PUT": self._put,
            "MEMOIZE": self._put,
            "BINGET": self._get,
            "LONG_BINGET": self._get,
            "GET": self._get,
            "APPEND": lambda _: self._append([self._stack.pop()]),
            "APPENDS": lambda _: self._append(self._group()),
            "SETITEM": lambda _: self._set([self._stack.pop(-2), self._stack.pop()]),
            "SETITEMS": lambda _: self._set(self._group()),
            "REDUCE": self._reduce,
            "BUILD": self._build,
        }

    def run(self, content: bytes) -> dict[Any, Any]:
        """What the pickle describes. Raises ValueError and its like."""
        for count, (opcode, argument, _) in enumerate(pickletools.genops(content)):
            if count > INSTRUCTIONS_MAX or len(self._stack) > DEPTH_MAX:
                raise ValueError("it is too long")
            if opcode.name == "STOP":
                break
            if opcode.name in _CONSTANTS:
                self._push(_CONSTANTS[opcode.name])
            elif opcode.name in _VALUES:
                self._push(argument)
            elif opcode.name in _TUPLES:
                size = _TUPLES[opcode.name]
                self._stack[-size:] = [tuple(self._stack[-size:])]
            elif opcode.name in self._do:
                self._do[opcode.name](argument)
            else:
                raise ValueError(f"it asks for {opcode.name}, which a batch does not need")
        (result,) = self._stack
        if not isinstance(result, dict):
            raise ValueError(f"it holds a {type(result).__name__}, no dictionary")
        return result

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _put(self, place: Any) -> None:
        self._memo[len(self._memo) if place is None else int(place)] = self._stack[-1]

    def _get(self, place: Any) -> None:
        self._push(self._memo[int(place)])

    def _group(self) -> list[Any]:
        """The values since the last mark."""
        values: list[Any] = []
        while not isinstance(self._stack[-1], _Mark):
            values.append(self._stack.pop())
        self._stack.pop()
        return values[::-1]

    def _append(self, values: list[Any]) -> None:
        if not isinstance(self._stack[-1], list):
            raise ValueError("it appends to what is no list")
        self._stack[-1].extend(values)

    def _set(self, values: list[Any]) -> None:
        if not isinstance(self._stack[-1], dict):
            raise ValueError("it sets items of what is no dictionary")
        self._stack[-1].update(zip(values[::2], values[1::2], strict=True))

    def _global(self, name: str) -> None:
        if name not in _KNOWN:
            raise ValueError(f"it asks for {name}, which is not carried out here")
        self._push(_Name(name))

    def _reduce(self, _: Any) -> None:
        """One of the known calls."""
        arguments, called = self._stack.pop(), self._stack.pop()
        if not isinstance(called, _Name):
            raise ValueError("it calls what is no function")
        if called in _ARRAY:
            self._push(_Array())
        elif called == _DTYPE:
            self._push(_Dtype(_text(arguments[0])))
        elif called == _ENCODE and _text(arguments[1]) in ("latin1", "latin-1"):
            self._push(arguments[0].encode("latin-1"))
        else:
            raise ValueError(f"it calls {called}")

    def _build(self, _: Any) -> None:
        """The state of an array: version, shape, type, order, bytes. Types keep theirs to themselves."""
        state, built = self._stack.pop(), self._stack[-1]
        if isinstance(built, _Dtype):
            return
        if not isinstance(built, _Array) or len(state) != 5 or state[3] is not False:
            raise ValueError("it builds what is no array of rows")
        data = state[4]
        built.data = data.encode("latin-1") if isinstance(data, str) else bytes(data)
        built.shape, built.dtype = tuple(state[1]), str(state[2])


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if not isinstance(value, str):
        raise ValueError(f"a {type(value).__name__} where a text belongs")
    return value
