"""The names that an entry may have."""

from __future__ import annotations

from roundelay.chord.errors import Malformed

NAME_BYTES_MAX = 255


def check_name(name: str) -> None:
    """Check a name; names are shown and compared, never used as paths. Raises Malformed for a harmful one."""
    size_bytes = len(name.encode(errors="replace"))
    if not 0 < size_bytes <= NAME_BYTES_MAX:
        raise Malformed(f"a name must have 1 to {NAME_BYTES_MAX} bytes, this one has {size_bytes}")
    if not name.isprintable() or any(c in "/\\" for c in name) or name in (".", ".."):
        raise Malformed(f"{name!r} cannot be used as a name: it must be printable, without slashes")
