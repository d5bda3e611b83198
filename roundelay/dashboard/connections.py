"""Limits on connections to the page: silent ones make room for others, as at a node's port.

The web server itself waits for ever for a request that does not come, until no descriptor is left.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

from roundelay.rpc.server import HANDSHAKE_TIMEOUT_S

SILENT_MAX = 128  # connections without a whole request yet; the oldest makes room
OPEN_MAX = 512  # connections in all


class BoundedProtocol(H11Protocol):  # type: ignore[misc]  # types are checked without the extra
    """HTTP as the web server speaks it; a connection must make its first request soon."""

    silent: ClassVar[dict[BoundedProtocol, None]] = {}  # the oldest first
    count: ClassVar[int] = 0

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        BoundedProtocol.count += 1
        self.silent[self] = None
        self._deadline = self.loop.call_later(HANDSHAKE_TIMEOUT_S, transport.abort)
        if len(self.silent) > SILENT_MAX or BoundedProtocol.count > OPEN_MAX:
            next(iter(self.silent)).give_up()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and self in self.silent:  # a request is being answered
            self._speaks()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Hand the connection over: from here on it is a websocket of an admitted browser."""
        BoundedProtocol.count -= 1
        self._speaks()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        BoundedProtocol.count -= 1
        self._speaks()
        super().connection_lost(exc)

    def give_up(self) -> None:
        """Close a connection that has said nothing yet."""
        self._speaks()
        transport: Any = self.transport
        transport.abort()

    def _speaks(self) -> None:
        self._deadline.cancel()
        self.silent.pop(self, None)
