"""Reader of CIFAR-10's pickled batches that never unpickles: it interprets a safe subset of the instructions.

The subset builds dictionaries, lists, numbers, strings and a numpy array of bytes. Any other instruction, class or
function is refused by name, so a malicious pickle cannot run code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from roundelay.ml.data import Ints
from roundelay.ml.errors import DataError, private
from roundelay.ml.readers.source import Rows

INSTRUCTIONS_MAX = 10_000_000
DEPTH_MAX = 100_000  # of the stack, which holds all labels of a batch at once

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
    """The name of a class or function that the file refers to."""


class _Mark:
    """The mark on the stack where a group of values begins."""


class _Array:
    """An array whose content follows in a BUILD instruction."""

    def __init__(self) -> None:
        self.data, self.dtype = b"", ""
        self.shape: tuple[int, ...] = ()


class _Dtype(str):
    """The type of an array's numbers."""


def read_batch(name: str, content: bytes, features: int) -> tuple[Rows, Ints]:
    """Read images (n, features) and classes (n,) of a batch. Raises DataError."""
    try:
        batch = _Machine().run(content)
        table = {_text(key): value for key, value in batch.items()}
        array, labels = table["data"], table.get("labels", table.get("fine_labels"))
        if not isinstance(array, _Array) or array.dtype not in ("u1", "uint8") or not isinstance(labels, list):
            raise ValueError("its data or labels are missing")
        rows = len(labels)
        if array.shape != (rows, features) or len(array.data) != rows * features or not rows:
            raise ValueError(f"its data have the shape {array.shape} and it has {rows} labels")
        x = np.frombuffer(array.data, np.uint8).reshape(rows, features)  # (n, d)
        return x, np.array([int(label) for label in labels], np.int64)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, AssertionError) as error:
        raise DataError(name, None, f"is not a pickled batch of CIFAR-10: {private(error)}") from error


class _Machine:
    """A stack machine for one pickle."""

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
        """Build the dictionary in the pickle. Raises ValueError and the other errors that read_batch catches."""
        import pickletools  # which only this format needs

        for count, (opcode, argument, _) in enumerate(pickletools.genops(content)):
            if count > INSTRUCTIONS_MAX or len(self._stack) > DEPTH_MAX:
                raise ValueError("it has too many instructions")
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
                raise ValueError(f"it uses the instruction {opcode.name}, which is not allowed")
        (result,) = self._stack
        if not isinstance(result, dict):
            raise ValueError(f"it holds a {type(result).__name__} instead of a dictionary")
        return result

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _put(self, place: Any) -> None:
        self._memo[len(self._memo) if place is None else int(place)] = self._stack[-1]

    def _get(self, place: Any) -> None:
        self._push(self._memo[int(place)])

    def _group(self) -> list[Any]:
        """Pop the values above the last mark, and the mark."""
        values: list[Any] = []
        while not isinstance(self._stack[-1], _Mark):
            values.append(self._stack.pop())
        self._stack.pop()
        return values[::-1]

    def _append(self, values: list[Any]) -> None:
        if not isinstance(self._stack[-1], list):
            raise ValueError("it appends to a value that is not a list")
        self._stack[-1].extend(values)

    def _set(self, values: list[Any]) -> None:
        if not isinstance(self._stack[-1], dict):
            raise ValueError("it sets items of a value that is not a dictionary")
        self._stack[-1].update(zip(values[::2], values[1::2], strict=True))

    def _global(self, name: str) -> None:
        if name not in _KNOWN:
            raise ValueError(f"it refers to {name}, which is not allowed")
        self._push(_Name(name))

    def _reduce(self, _: Any) -> None:
        """Carry out one of the allowed calls."""
        arguments, function = self._stack.pop(), self._stack.pop()
        if not isinstance(function, _Name):
            raise ValueError("it calls a value that is not a function")
        if function in _ARRAY:
            self._push(_Array())
        elif function == _DTYPE:
            self._push(_Dtype(_text(arguments[0])))
        elif function == _ENCODE and _text(arguments[1]) in ("latin1", "latin-1"):
            self._push(arguments[0].encode("latin-1"))
        else:
            raise ValueError(f"it calls {function} with arguments that are not allowed")

    def _build(self, _: Any) -> None:
        """Set the state of an array: version, shape, type, order, bytes. The state of a type is ignored."""
        state, target = self._stack.pop(), self._stack[-1]
        if isinstance(target, _Dtype):
            return
        if not isinstance(target, _Array) or len(state) != 5 or state[3] is not False:
            raise ValueError("it sets the state of a value that is not an array stored by rows")
        data = state[4]
        target.data = data.encode("latin-1") if isinstance(data, str) else bytes(data)
        target.shape, target.dtype = tuple(state[1]), str(state[2])


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if not isinstance(value, str):
        raise ValueError(f"found a {type(value).__name__}, expected a string")
    return value
