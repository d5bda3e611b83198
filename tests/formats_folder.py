"""Where files of each format of earlier releases are kept, for tests that read them."""

from __future__ import annotations

from pathlib import Path

FORMATS = Path(__file__).resolve().parent / "formats"
