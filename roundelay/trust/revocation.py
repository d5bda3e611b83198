"""Revocations: which certificates the authority has revoked, and since when. Its signed list is read by signatures."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Revocations:
    """A revocation list: its number, which grows, and the time of each serial's revocation."""

    number: int = 0
    since: dict[int, float] = field(default_factory=dict)
