"""The identifier circle: keys, intervals and finger starts. Plain integer arithmetic."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

BITS_MIN, BITS_MAX = 3, 160
SUCCESSORS_MAX = 1024  # of a list
DECIMAL_BITS_MAX = 8  # up to this size identifiers are printed as decimals, as in the paper's figures


@dataclass(frozen=True)
class Ring:
    """The parameters that all nodes of a ring share. The supernode tells them to each joiner."""

    bits: int = 160
    successors: int = 8  # length of every successor list
    replicas: int = 3  # copies of everything stored

    def __post_init__(self) -> None:
        if not BITS_MIN <= self.bits <= BITS_MAX:
            raise ValueError(f"bits is {self.bits}, expected {BITS_MIN} to {BITS_MAX}")
        if not 1 <= self.successors <= SUCCESSORS_MAX:
            raise ValueError(f"successors is {self.successors}, expected 1 to {SUCCESSORS_MAX}")
        if not 1 <= self.replicas <= self.successors + 1:
            expected = f"expected 1 to {self.successors + 1}, as copies lie at a node and its successors"
            raise ValueError(f"replicas is {self.replicas}, {expected} (successors is {self.successors})")

    @cached_property
    def size(self) -> int:
        """The number of identifiers."""
        return 1 << self.bits

    def key(self, name: str) -> int:
        """Return the first `bits` bits of SHA-1(name). Paper, section 4.1."""
        digest = hashlib.sha1(name.encode(), usedforsecurity=False).digest()
        return int.from_bytes(digest) >> (BITS_MAX - self.bits)

    def finger_start(self, identifier: int, index: int) -> int:
        """Return the first identifier that finger `index` (from 0) covers. Paper, table 1."""
        return (identifier + (1 << index)) % self.size

    def fingers_up_to(self, identifier: int, owner: int) -> int:
        """Return how many finger starts, from the first on, lie in the arc (identifier, owner]."""
        reach = self.distance(identifier, owner) or self.size  # finger i starts 2^i away
        return min(reach.bit_length(), self.bits)

    def distance(self, start: int, end: int) -> int:
        """Return the clockwise distance from start to end; 0 if they are equal."""
        return (end - start) % self.size

    def show(self, identifier: int) -> str:
        """Format an identifier for people: as a decimal on small rings, else its first 8 hex digits."""
        if self.bits <= DECIMAL_BITS_MAX:
            return str(identifier)
        return self.digits(identifier)[:8]

    def digits(self, identifier: int) -> str:
        """Format a whole identifier: as a decimal on small rings, else all its hex digits."""
        if self.bits <= DECIMAL_BITS_MAX:
            return str(identifier)
        return f"{identifier:0{-(-self.bits // 4)}x}"

    def parse(self, text: str) -> int:
        """Read an identifier as `show` and `digits` write it; missing last digits are zeros. Raises ValueError."""
        if self.bits <= DECIMAL_BITS_MAX:
            if not text.isdecimal() or int(text) >= self.size:
                raise ValueError(f"{text[:80]!r} is not an identifier of this ring: 0 to {self.size - 1}")
            return int(text)
        length = -(-self.bits // 4)
        if not 1 <= len(text) <= length or any(c not in "0123456789abcdef" for c in text.lower()):
            raise ValueError(f"{text[:80]!r} is not an identifier of this ring: 1 to {length} hexadecimal digits")
        return int(text.ljust(length, "0"), 16) % self.size


def between(start: int, x: int, end: int) -> bool:
    """Return True if x is in the open arc (start, end); if start == end, it holds everything but start."""
    if start < end:
        return start < x < end
    return x > start or x < end


def between_right_closed(start: int, x: int, end: int) -> bool:
    """Return True if x is in the arc (start, end]; if start == end, it holds everything."""
    return x == end or (start < x < end if start < end else x > start or x < end)
