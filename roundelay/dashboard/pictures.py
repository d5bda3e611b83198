"""The pictures of the documents, taken by a headless browser.

python -m roundelay.dashboard.pictures [FOLDER [--views]]

Starts a dashboard with a lab of its own, trains two jobs, and photographs every view, light and dark, wide and narrow.
With --views, it photographs each view as a whole at three widths, light and dark, to be looked at.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from roundelay.node.dashboard_process import start_page
from roundelay.node.subprocesses import ROOT

FOLDER = ROOT / "docs" / "pictures"
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
NODES = 6
PATIENCE_MS = 300_000.0
WIDE, NARROW = {"width": 1280, "height": 860}, {"width": 420, "height": 860}
VIEWS = ("Nodes", "Lookup", "Training", "History", "Churn lab")
WIDTHS = (360, 800, 1600)
ROUNDS = "30"
LOOK_MS = 700.0  # for animations to end


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else FOLDER
    take = photograph_views if "--views" in arguments[1:] else photograph
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        address = start_page(["--lab", str(NODES)], stack)
        page = stack.enter_context(opened(address))
        take(page, folder)
    print("\n".join(str(path) for path in sorted(folder.glob("*.png"))))
    return 0


def photograph(page: Any, folder: Path) -> None:
    """Take a picture of every view, one after the other."""
    page.wait_for_function("n => document.querySelectorAll('.ring .node').length === n", arg=NODES)
    train(page)
    page.wait_for_function("document.querySelector('.jobhead + progress')?.value >= 15")
    shoot(page, folder / "training.png")
    page.locator(".state.done").wait_for()
    page.locator("table.confusion").wait_for()
    page.locator("#board-confusion h3").evaluate("e => e.scrollIntoView()")
    shoot(page, folder / "confusion.png")
    page.evaluate("scrollTo(0, 0)")
    tab(page, "Nodes")
    page.locator(".node .dot").nth(2).click()
    page.locator("#board-node h3").wait_for()
    shoot(page, folder / "ring.png")
    page.emulate_media(color_scheme="dark")
    shoot(page, folder / "ring-dark.png")
    page.emulate_media(color_scheme="light")
    look_up(page)
    shoot(page, folder / "lookup.png")
    disturb(page, folder)
    tab(page, "History")
    page.locator("#board-jobs td", has_text=" = job ").first.wait_for()
    shoot(page, folder / "history.png")
    tab(page, "Nodes")
    page.set_viewport_size(NARROW)
    shoot(page, folder / "narrow.png")


def photograph_views(page: Any, folder: Path) -> None:
    """Take a picture of each whole view at each width, light and dark, after a job and a lookup."""
    train(page)
    page.locator("table.confusion").wait_for()
    page.locator(".node .dot").nth(2).click()
    look_up(page)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": WIDE["height"]})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for name in VIEWS:
                tab(page, name)
                shoot(page, folder / f"{name.lower().replace(' ', '-')}-{width}-{scheme}.png", whole=True)


def train(page: Any) -> None:
    tab(page, "Training")
    page.get_by_label("rounds", exact=True).fill(ROUNDS)
    page.get_by_role("button", name="Launch training").click()
    page.locator(".state.waiting, .state.running").first.wait_for()


def look_up(page: Any) -> None:
    tab(page, "Lookup")
    page.get_by_role("button", name="Look up").click()
    page.locator("#board-route tr.chosen").wait_for()


def disturb(page: Any, folder: Path) -> None:
    """Train the same job again, while the selected node and the supernode are killed."""
    train(page)
    page.locator(".state.running").wait_for()
    tab(page, "Churn lab")
    page.get_by_role("button", name="Kill it").click()
    page.locator(".event.gone, .event.silent").first.wait_for()
    page.get_by_role("button", name="Kill the supernode").click()
    page.locator(".phase.away").wait_for()
    page.locator(".node .dot").nth(2).click()
    page.locator("#board-victim h3").wait_for()
    shoot(page, folder / "lab.png")
    page.get_by_role("button", name="Start it again").click()
    page.locator(".phase.away").wait_for(state="detached")


def tab(page: Any, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def shoot(page: Any, path: Path, whole: bool = False) -> None:
    """Take one picture when animations have ended, of what is in sight or of the whole page."""
    page.mouse.move(5, 5)
    page.wait_for_timeout(LOOK_MS)
    page.screenshot(path=path, full_page=whole)


@contextmanager
def opened(address: str) -> Iterator[Any]:
    """Open the page in a new browser context."""
    with sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        page = chromium.new_page(viewport=WIDE, device_scale_factor=1)
        page.set_default_timeout(PATIENCE_MS)
        page.goto(address)
        page.add_style_tag(content=".q-notifications { display: none }")  # they would cover the pictures
        yield page
        chromium.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
