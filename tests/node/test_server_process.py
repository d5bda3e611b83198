"""Tests of the settings of a process that serves connections."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from roundelay.node import server_process


@pytest.fixture(autouse=True)
def kept_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the settings of the process that runs the tests."""
    monkeypatch.setattr(server_process, "return_freed_memory", lambda: None)
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


def test_a_server_gives_its_threads_short_turns() -> None:
    server_process.tune()

    assert sys.getswitchinterval() == pytest.approx(server_process.SWITCH_INTERVAL_S)
