"""Changes to messages and records: some by their structure, some by single bytes. Every choice comes from one seed."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Iterator
from typing import Any

from thrift.Thrift import TType

from roundelay.rpc.transport import HEADER

ENTRIES_MAX = 3000  # of a list that is made long
TEXT_MAX = 20_000
TEXTS = (
    "",
    "\0",
    "\x1b[31mred\x1b]0;title\x07",
    "one\nERROR forged line",
    "[bold]markup[/nothing]",
    "[link=file:///etc/passwd]here[/link]",
    "\u202egnp.exe",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "größe 数据.txt",
    "\U0001f600" * 300,
    "127.0.0.1",
    "no-such-host.invalid",
    "0" * 300,
    "x" * TEXT_MAX,
)
DOUBLES = (math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, -0.0, -1.0, 0.0)
INTEGER_BITS = {TType.BYTE: 8, TType.I16: 16, TType.I32: 32, TType.I64: 64}
STRUCTURE_SHARE = 0.6  # of the changed messages; single bytes are changed in the others


class Mutator:
    """Changes values in place, drawing from `rng`."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def change_struct(self, value: Any) -> None:
        """Change one to three fields of a generated struct, at any depth."""
        slots = list(_slots(value))
        for owner, name, ttype in self._rng.choices(slots, k=min(len(slots), self._rng.choice((1, 1, 1, 2, 3)))):
            setattr(owner, name, self._other(getattr(owner, name), ttype))

    def change_bytes(self, frame: bytes) -> bytes:
        """Return a frame with some bytes flipped, cut off, repeated or inserted; sometimes its length is wrong, too."""
        raw, rng = bytearray(frame[HEADER.size :]), self._rng
        for _ in range(rng.choice((1, 1, 2, 4, 16))):
            at = rng.randrange(len(raw)) if raw else 0
            match rng.randrange(5):
                case 0 if raw:
                    raw[at] ^= 1 << rng.randrange(8)
                case 1 if raw:
                    raw[at] = rng.choice((0, 0x7F, 0x80, 0xFF))
                case 2:
                    del raw[at:]
                case 3:
                    raw[at:at] = raw[at : at + rng.randrange(1, 64)]
                case _:
                    raw[at:at] = struct.pack("!i", rng.choice((-1, 0, 1 << 16, 1 << 30, (1 << 31) - 1)))
        length = len(raw) if rng.random() < 0.9 else rng.choice((0, 1, len(raw) + 9, 1 << 30, -1))
        return HEADER.pack(length) + bytes(raw)

    def change_json(self, value: object, depth: int = 0) -> object:
        """Return a JSON value with one part changed, at any depth."""
        rng = self._rng
        if isinstance(value, dict) and value and (depth == 0 or rng.random() < 0.5):
            name = rng.choice(sorted(value))
            if rng.random() < 0.15:
                return {key: each for key, each in value.items() if key != name} | {"unknown": value[name]}
            return value | {name: self.change_json(value[name], depth + 1)}
        if isinstance(value, list) and value and rng.random() < 0.5:
            at = rng.randrange(len(value))
            return [*value[:at], self.change_json(value[at], depth + 1), *value[at + 1 :]]
        return self._other_json(value)

    def _other(self, value: Any, ttype: int) -> Any:
        """Return another value that a field of this type can hold; sometimes none at all."""
        rng = self._rng
        if rng.random() < 0.1:
            return None
        if bits := INTEGER_BITS.get(ttype):
            most = (1 << (bits - 1)) - 1
            return rng.choice((0, 1, -1, most, -most - 1, most - 1, rng.randint(-most, most)))
        match ttype:
            case TType.BOOL:
                return not value
            case TType.DOUBLE:
                return rng.choice(DOUBLES)
            case TType.LIST:
                return self._other_list(value or [])
            case TType.STRING if isinstance(value, bytes):
                return self._other_binary(value)
            case TType.STRING:
                return rng.choice(TEXTS)
        return value

    def _other_list(self, value: list[Any]) -> list[Any]:
        if not value or self._rng.random() < 0.3:
            return []
        return value * self._rng.choice((2, 64, ENTRIES_MAX // len(value)))

    def _other_binary(self, value: bytes) -> bytes:
        rng = self._rng
        sizes = (0, 1, len(value), len(value) + 1, 255, 1 << 14, 1 << 17)
        return rng.choice((rng.randbytes(rng.choice(sizes)), b"\xff" * rng.choice(sizes), value[:-1]))

    def _other_json(self, value: object) -> object:
        rng = self._rng
        others: list[object] = [None, True, -1, 0, 1 << 63, 10**400, rng.choice(DOUBLES), rng.choice(TEXTS)]
        others += [[], {}, [value] * 3, {"nested": value}, nested(rng.choice((3, 90))), [value] * ENTRIES_MAX]
        return rng.choice(others)


def nested(depth: int) -> list[Any]:
    """Return a list in a list in a list..."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def _slots(value: Any) -> Iterator[tuple[Any, str, int]]:
    """Yield every field of a struct, and of the structs in it: its owner, name and Thrift type."""
    for field in getattr(value, "thrift_spec", None) or ():
        if field is None:
            continue
        _, ttype, name, *_ = field
        inner = getattr(value, name)
        yield value, name, ttype
        for each in inner if isinstance(inner, list) else (inner,):
            if hasattr(each, "thrift_spec"):
                yield from _slots(each)
