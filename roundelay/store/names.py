"""What may be the name of something that is kept."""

from __future__ import annotations

from roundelay.chord.errors import Malformed

NAME_BYTES_MAX = 255


def check_name(name: str) -> None:
    """Names are shown and compared, never made into paths. Raises Malformed for what could harm."""
    if not name or len(name.encode(errors="replace")) > NAME_BYTES_MAX:
        raise Malformed(f"a name has 1 to {NAME_BYTES_MAX} bytes, this one {len(name.encode(errors='replace'))}")
    if not name.isprintable() or any(c in "/\\" for c in name) or name in (".", ".."):
        raise Malformed(f"{name!r} is no name of a file")
