"""The page in a real browser, on a real ring: looked at, used, disturbed, and attacked."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from roundelay.ml.readers.saved_model import load
from tests.end_to_end.browser import browser, dashboard, require_browser
from tests.end_to_end.small_job import write_tiny
from tests.processes import PATIENCE_S

playwright = require_browser()
PATIENCE_MS = 1000 * PATIENCE_S
NODES = 4


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("page")
    write_tiny(folder)
    with dashboard("--lab", NODES, "--data", folder) as found:
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser(playwright) as opened:
        yield opened


@pytest.fixture
def page(address: str, chromium: Any) -> Iterator[Any]:
    """The page, in a browser of its own; whatever its console says against us fails the test."""
    context = chromium.new_context(viewport={"width": 1300, "height": 900}, accept_downloads=True)
    context.set_default_timeout(PATIENCE_MS)
    made = context.new_page()
    complaints: list[str] = []
    made.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.goto(address)
    made.wait_for_selector(".node")
    yield made
    context.close()
    assert complaints == []


def tab(page: Any, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def wait_for_nodes(page: Any, count: int) -> None:
    page.wait_for_function("n => document.querySelectorAll('.ring .node').length === n", arg=count)


def launch(page: Any, rounds: int) -> str:
    """Fill the form, launch, and return the job's short name as the page shows it."""
    tab(page, "Training")
    before = page.locator(".jobhead code").all_text_contents()
    page.get_by_label("rounds", exact=True).fill(str(rounds))
    page.get_by_label("hidden", exact=True).fill("8")
    page.get_by_role("button", name="Launch training").click()
    page.wait_for_function(
        "old => { const e = document.querySelector('.jobhead code'); return e && e.textContent !== old }",
        arg=before[0] if before else "",
    )
    return str(page.locator(".jobhead code").text_content())


def test_the_page_shows_the_ring_without_a_complaint(page: Any) -> None:
    wait_for_nodes(page, NODES)

    assert page.title() == "Roundelay"
    assert "token" not in page.url
    assert page.locator(".arc").count() == NODES
    assert page.locator("#board-nodes tbody tr").count() == NODES
    page.locator(".phase", has_text="IDLE").wait_for()


def test_a_node_is_chosen_by_keyboard_and_shows_its_fingers(page: Any) -> None:
    page.locator(".node").first.focus()
    page.keyboard.press("Enter")

    page.locator("#board-node h3").wait_for()
    assert page.locator(".ring .finger").count() >= 1
    assert page.locator(".node").first.get_attribute("aria-pressed") == "true"
    assert page.locator("#board-node tbody tr").count() >= 1


def test_a_lookup_is_walked_hop_by_hop_to_the_owner(page: Any) -> None:
    tab(page, "Lookup")
    page.get_by_label("Name of a file").fill("part-3")
    page.get_by_role("button", name="Look up").click()

    page.locator("#board-route tr.chosen").wait_for()
    assert page.locator(".ring .wanted").count() == 1
    assert page.locator(".ring .hop").count() >= 1


def test_a_wrong_option_is_refused_in_the_form(page: Any) -> None:
    tab(page, "Training")
    page.get_by_label("rounds", exact=True).fill("0")
    page.get_by_role("button", name="Launch training").click()

    page.get_by_role("alert").filter(has_text="rounds is 0, expected 1 to 10000").first.wait_for()


def test_a_folder_outside_of_the_pages_is_refused(page: Any) -> None:
    tab(page, "Training")
    page.get_by_label("training data").fill("../../..")
    page.get_by_role("button", name="Launch training").click()

    page.get_by_text("the folder of this page").first.wait_for()


def test_a_launched_job_reaches_its_end_with_an_error_and_a_model(page: Any, tmp_path: Path) -> None:
    launch(page, 3)

    page.locator(".state.done").wait_for()
    assert page.get_by_text("validation error 0.").count() >= 1
    page.locator(".phase", has_text="IDLE").wait_for()
    page.locator("table.confusion td.right").first.wait_for()
    with page.expect_download() as started:
        page.get_by_role("button", name="Download the model").click()
    started.value.save_as(tmp_path / "model.npz")

    assert load(tmp_path / "model.npz").design.sizes == (4, 8, 26)


def test_every_open_page_shows_the_metrics_that_one_of_them_has_measured(page: Any) -> None:
    others = [page.context.new_page() for _ in range(2)]
    for each in others:
        each.goto(page.url)
        tab(each, "Training")
    launch(page, 1)

    for each in (page, *others):
        each.locator(".phase", has_text="IDLE").wait_for()
        each.locator("table.confusion td.right").first.wait_for()


def test_a_running_job_can_be_stopped(page: Any) -> None:
    launch(page, 1500)
    page.locator(".state.running").wait_for()

    page.get_by_role("button", name="Stop this job").click()

    page.locator(".state.cancelled").wait_for()


def test_nodes_come_and_go_and_the_same_job_makes_the_same_model(page: Any) -> None:
    wait_for_nodes(page, NODES)
    tab(page, "Churn lab")
    page.get_by_role("button", name="Add a node").click()
    wait_for_nodes(page, NODES + 1)

    launch(page, 3)  # as the job of an earlier test, on another ring, which is disturbed
    tab(page, "Churn lab")
    page.locator(".node .dot").nth(1).click()
    page.get_by_role("button", name="Kill it").click()
    wait_for_nodes(page, NODES)
    page.get_by_role("button", name="Kill the supernode").click()
    page.locator(".phase.away").wait_for()
    page.get_by_role("button", name="Add a node").click()
    page.get_by_text("no node can join while the supernode is dead").first.wait_for()
    page.get_by_role("button", name="Start it again").click()
    page.locator(".phase.away").wait_for(state="detached")
    assert page.locator(".event.gone, .event.silent").count() >= 1
    tab(page, "History")

    page.locator("#board-jobs td", has_text=" = job ").first.wait_for()
    assert page.locator("#board-jobs td", has_text="≠").count() == 0
    page.locator("#board-lineage li", has_text="spec").wait_for()


def test_a_paused_node_is_shown_and_goes_on(page: Any) -> None:
    tab(page, "Churn lab")
    page.locator(".node .dot").nth(2).click()
    page.get_by_role("button", name="Pause it").click()
    page.locator(".node.paused").wait_for()

    page.get_by_role("button", name="Let it go on").click()

    page.wait_for_function("document.querySelectorAll('.node.paused, .node.silent').length === 0")
    wait_for_nodes(page, NODES)


@pytest.mark.parametrize("width", [360, 700])
def test_a_narrow_window_needs_no_scrolling_sideways(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for name in ("Nodes", "Training", "History"):
        tab(page, name)
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def test_every_button_and_field_has_a_name_to_be_heard(page: Any) -> None:
    for name in ("Nodes", "Training", "Lookup", "Churn lab"):
        tab(page, name)
        nameless = page.evaluate(
            "[...document.querySelectorAll('button, input, [role=button]')].filter(e => e.offsetParent && "
            "!(e.textContent.trim() || e.ariaLabel || e.closest('label') || e.labels?.length)).length"
        )
        assert nameless == 0


def ask(address: str, headers: dict[str, str], path: str = "/") -> int:
    where = urlsplit(address)
    assert where.hostname is not None
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=PATIENCE_S)
    connection.request("GET", path, headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_foreign_host_or_origin_or_no_token_is_refused_by_http_and_websocket(address: str) -> None:
    where = urlsplit(address)
    token = where.query.removeprefix("token=")
    cookie, ours = f"roundelay-{where.port}={token}", f"http://127.0.0.1:{where.port}"
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    socket = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"

    assert ask(address, {"Cookie": cookie}) == 200
    assert ask(address, {}) == 401
    assert ask(address, {"Cookie": cookie, "Origin": "http://evil.example"}) == 403
    assert ask(address, {"Cookie": cookie, "Host": "evil.example"}) == 421
    assert ask(address, {"Cookie": cookie, "Origin": ours, **upgrade}, socket) == 101
    assert ask(address, {"Cookie": cookie, "Origin": "http://evil.example", **upgrade}, socket) == 403
    assert ask(address, {"Cookie": cookie, **upgrade}, socket) == 403
    assert ask(address, {"Origin": ours, **upgrade}, socket) == 403
    assert ask(address, {}, "/assets/page.js") == 401


def test_a_page_that_only_looks_offers_nothing_to_set_in_motion(chromium: Any) -> None:
    with dashboard("--lab", 1, "--read-only") as found:
        context = chromium.new_context()
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(found)
        page.wait_for_selector(".node")
        tab(page, "Training")

        assert page.get_by_role("button", name="Launch training").count() == 0
        tab(page, "Churn lab")
        page.get_by_role("button", name="Add a node").click()
        page.get_by_text("this page is read-only").first.wait_for()
        context.close()
