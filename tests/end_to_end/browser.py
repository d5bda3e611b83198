"""The dashboard as a process, and a headless browser that looks at it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from roundelay.node.parent import ready_address
from tests.processes import PATIENCE_S, ROOT, environment

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LINES_MAX = 20


def require_browser() -> Any:
    """Playwright; skips where the extra or the browser is missing."""
    pytest.importorskip("nicegui", reason="the extra `dashboard` is not installed (make dashboard-test does it)")
    found = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (make dashboard-test)")
    if CHROMIUM is None:
        pytest.skip("no Chromium here (apt-get install chromium)")
    return found


@contextmanager
def dashboard(*arguments: object, cwd: Path = ROOT) -> Iterator[str]:
    """`python -m dashboard` with these; its address."""
    command = [sys.executable, "-m", "roundelay", "dashboard", "--port", "0", "--end-with-parent", *map(str, arguments)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        try:
            yield _address(child.stdout)
        finally:
            child.stdin.close()
            try:
                child.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                child.kill()


def _address(lines: Any) -> str:
    for _ in range(LINES_MAX):
        line = lines.readline()
        if address := ready_address(line):
            return address
        assert line, "the dashboard ended before it listened"
    raise AssertionError("the dashboard did not announce that it is ready")


def is_served(address: str) -> bool:
    """Return whether the page answers at its address."""
    try:
        urllib.request.urlopen(address.partition("?")[0], timeout=PATIENCE_S)
    except HTTPError:  # the token is missing
        return True
    except OSError:
        return False
    return True


@contextmanager
def browser(playwright: Any, flags: Sequence[str] = FLAGS) -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=list(flags))
        try:
            yield opened
        finally:
            opened.close()
