"""Kits for a ring under test: one authority in its folder, and a kit for each name on demand."""

from __future__ import annotations

from pathlib import Path

from roundelay.trust.authority import Authority, init
from roundelay.trust.identity import NODE, SUPERNODE

LOOPBACK = ("127.0.0.1", "localhost")


class Kits:
    """An authority, and the kits that it has issued."""

    def __init__(self, folder: Path) -> None:
        self.authority: Authority = init(folder)

    def issue(self, role: str, name: str, days: float = 2) -> Path:
        """Return a new kit, which replaces an earlier one of the same name."""
        return self.authority.issue(role, name, LOOPBACK if role in (NODE, SUPERNODE) else (), days=days)
