"""Pages that no browser looks at make room for those of new visitors."""

from __future__ import annotations

import sys
import urllib.request
from http.cookiejar import CookieJar
from subprocess import PIPE

import pytest

from roundelay.dashboard.site import PAGES_MAX, OpenPages
from roundelay.testing.waiting import until
from tests.end_to_end.browser import is_served
from tests.processes import PATIENCE_S, ROOT, environment, started


def opened(count: int) -> tuple[OpenPages, list[str]]:
    """Return pages that have just been loaded, and where it is noted which of them are dropped."""
    pages, dropped = OpenPages(), list[str]()
    for number in range(count):
        assert open_page(pages, f"page {number}", dropped)
    return pages, dropped


def open_page(pages: OpenPages, page: str, dropped: list[str]) -> bool:
    def drop() -> None:
        dropped.append(page)
        pages.close(page)  # as a page does that is deleted

    return pages.open(page, drop)


def test_the_oldest_page_that_has_never_connected_makes_room() -> None:
    pages, dropped = opened(PAGES_MAX)
    pages.connect("page 0")

    assert open_page(pages, "another", dropped) and open_page(pages, "a third", dropped)

    assert dropped == ["page 1", "page 2"]


def test_pages_that_have_connected_stay_and_others_are_refused() -> None:
    pages, dropped = opened(PAGES_MAX)
    for number in range(PAGES_MAX):
        pages.connect(f"page {number}")
    assert not open_page(pages, "another", dropped)

    pages.close("page 3")

    assert open_page(pages, "another", dropped)
    assert not dropped


def test_a_page_that_connects_again_after_it_was_dropped_is_not_counted() -> None:
    pages, dropped = opened(PAGES_MAX)
    assert open_page(pages, "another", dropped)

    pages.connect("page 0")
    pages.connect("another")
    pages.connect("another")

    assert open_page(pages, "a third", dropped)
    assert dropped == ["page 0", "page 1"]


def test_a_visitor_gets_a_page_after_many_loads_that_never_connected() -> None:
    pytest.importorskip("nicegui", reason="the extra `dashboard` is not installed (make dashboard-test does it)")
    command = [sys.executable, "client.py", "dashboard", "--port", "0", "--supernode", "127.0.0.1:1"]
    with started(command, cwd=ROOT, stdout=PIPE, text=True, env=environment()) as dashboard:
        assert dashboard.stdout is not None
        address = dashboard.stdout.readline().split()[-1]
        visitor = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

        def load() -> str:
            content: bytes = visitor.open(address, timeout=PATIENCE_S).read()
            return content.decode()

        until(lambda: is_served(address), "the page is served")
        loads = [load() for _ in range(PAGES_MAX + 1)]

    assert all("What has happened" in each for each in loads)
