"""The dashboard ends at a signal without a word, however often it is sent."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from roundelay.node.operating_system import ONE_PRESS_S
from roundelay.testing.waiting import until
from tests.end_to_end.browser import is_served
from tests.processes import PATIENCE_S, ROOT, environment, started

pytest.importorskip("nicegui", reason="the extra `dashboard` is not installed (make dashboard-test does it)")
COMMAND = [sys.executable, "client.py", "dashboard", "--port", "0", "--supernode", "127.0.0.1:1"]


@pytest.mark.parametrize("presses", [1, 2, 1000])
def test_signals_end_it_without_a_word(presses: int) -> None:
    with started(
        COMMAND, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as page:
        assert page.stdout is not None
        address = page.stdout.readline().split()[-1]
        until(lambda: is_served(address), "the page is served")
        for _ in range(presses):
            page.send_signal(signal.SIGINT)
            if page.poll() is not None:
                break
            time.sleep(ONE_PRESS_S / 8)  # signals that are sent at the same moment arrive as one
        out, err = page.communicate(timeout=PATIENCE_S)

    assert (page.returncode, out, err) == (130, "", "")
