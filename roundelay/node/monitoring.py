"""An HTTP server for monitoring: /metrics, /healthz (the process lives) and /readyz (it serves the ring).

It answers GET only, from this process's own state, and holds no connection longer than TIMEOUT_S.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from roundelay.chord.refs import Address

TIMEOUT_S = 5.0
CONNECTIONS_MAX = 8
TEXT = "text/plain; charset=utf-8"
METRICS = "text/plain; version=0.0.4; charset=utf-8"


class Monitoring:
    """Serves one process's metrics and health.

    why_not_ready: why the process does not serve the ring; empty if it does. why_unhealthy: why it cannot go on.
    """

    def __init__(
        self,
        address: Address,
        metrics: Callable[[], bytes],
        why_not_ready: Callable[[], str],
        why_unhealthy: Callable[[], str] = str,
    ) -> None:
        self._pages: dict[str, Callable[[], tuple[int, str, bytes]]] = {
            "/metrics": lambda: (200, METRICS, metrics()),
            "/healthz": lambda: _verdict(why_unhealthy()),
            "/readyz": lambda: _verdict(why_unhealthy() or why_not_ready()),
        }
        self._server = _Server((address.host, address.port), self._handler())

    @property
    def address(self) -> Address:
        """Where it listens."""
        host, port = self._server.server_address[:2]
        return Address(str(host), port)

    def start(self) -> None:
        """Serve in a thread of its own, until the process ends or `stop`."""
        threading.Thread(target=self._server.serve_forever, name="monitoring", daemon=True).start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        pages = self._pages

        class Handler(BaseHTTPRequestHandler):
            timeout = TIMEOUT_S

            def do_GET(self) -> None:
                page = pages.get(self.path.partition("?")[0])
                code, kind, body = page() if page is not None else (404, TEXT, _known(pages))
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Log nothing: a scrape comes every few seconds."""

        return Handler


class _Server(ThreadingHTTPServer):
    """A server with a limited number of connections; a connection beyond it is closed."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._slots = threading.BoundedSemaphore(CONNECTIONS_MAX)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a peer that goes away or is silent."""


def _verdict(reason: str) -> tuple[int, str, bytes]:
    return (503, TEXT, f"{reason}\n".encode()) if reason else (200, TEXT, b"ok\n")


def _known(pages: dict[str, Any]) -> bytes:
    return f"there are {', '.join(pages)}\n".encode()
