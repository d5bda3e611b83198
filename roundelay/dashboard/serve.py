"""The web server of the page: NiceGUI behind the guard, on one port."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from nicegui import core, ui

from roundelay.client.errors import RingUnavailable
from roundelay.dashboard import page
from roundelay.dashboard.connections import BoundedProtocol
from roundelay.dashboard.failure_log import OncePerPlace
from roundelay.dashboard.guard import Guard, admission
from roundelay.dashboard.messages import MESSAGE_BYTES_MAX, Messages
from roundelay.dashboard.options import DashboardOptions
from roundelay.dashboard.site import Site
from roundelay.node.operating_system import handler_of_later_signals
from roundelay.node.parent import ready_line

STOP_TIMEOUT_S = 2
HISTORY_MAX = 100  # messages kept for a browser that has lost its connection for a moment
RECONNECT_S = 15.0  # a browser that reconnects later reloads the page and loses what was typed


def serve(site: Site, options: DashboardOptions, say: Callable[[str], None]) -> None:
    """Serve until a signal; `say` prints the address, which contains the token. Raises ClientError."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    page.install(site)
    ui.run_with(
        app,
        title="Roundelay",
        reconnect_timeout=RECONNECT_S,
        message_history_length=HISTORY_MAX,
        binding_refresh_interval=None,
        tailwind=False,
        show_welcome_message=False,
    )
    contain_failures()
    guard = Guard(Messages(app), admission(options.names, 0, ""))
    config = uvicorn.Config(
        guard,
        host=options.host,
        port=options.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_TIMEOUT_S,
        ws_max_size=MESSAGE_BYTES_MAX,
        proxy_headers=False,
        http=BoundedProtocol,
    )
    try:
        bound = config.bind_socket()
    except SystemExit as error:
        raise RingUnavailable(f"cannot listen at {options.host}:{options.port}: choose another --port") from error
    port, token = bound.getsockname()[1], options.token()
    guard.expect(admission(options.names, port, token))
    name = options.names[0]
    address = f"http://{f'[{name}]' if ':' in name else name}:{port}/?token={token}"
    say(f"dashboard at {address}")
    if options.end_with_parent:
        say(ready_line("dashboard", address))
    PageServer(config).run(sockets=[bound])


class PageServer(uvicorn.Server):  # type: ignore[misc]  # types are checked without the extra
    """The web server, which signals end as they end the other programs: the first cleanly, a second one at once.

    By itself it stops without its tasks at the second one, and prints what they raise.
    """

    _end_if_later: Callable[[int, FrameType | None], None]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop. The signal is raised again afterwards, so that the exit code is that of the other programs."""
        if self.should_exit:
            self._end_if_later(sig, frame)
            return
        self._end_if_later = handler_of_later_signals()
        super().handle_exit(sig, frame)


def contain_failures() -> None:
    """Ignore events of widgets that are not there, and log a failure of a handler once: a page may repeat it."""
    inner = core.sio.handlers["/"]["event"]

    def on_event(session: str, message: dict[str, Any]) -> None:
        with suppress(KeyError):  # handlers contain their own errors
            inner(session, message)

    core.sio.on("event", on_event)
    logging.getLogger("nicegui").addFilter(OncePerPlace())
