"""Check what browsers send before the web framework decodes it: an ASGI wrapper inside the guard.

NiceGUI takes messages for well-formed: each that is not is a traceback in the log. A browser that sends one loses its
connection. Messages are packets of Engine.IO 4, of which type 4 holds packets of Socket.IO 5.
"""

from __future__ import annotations

import json
import re
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import parse_qs

import msgspec

from roundelay.dashboard.guard import POLICY_VIOLATION, App, Receive, Scope, Send

PATH = "/_nicegui_ws/"
MESSAGE_BYTES_MAX = 1 << 20
DEPTH_MAX = 32  # of lists and objects
WORD_CHARACTERS_MAX = 200
ARGUMENTS_MAX = 16
SEPARATOR = "\x1e"  # between the packets of a POST
BARE_PACKETS = frozenset({"1", "2", "2probe", "3", "3probe", "5", "6", "40", "40{}", "41"})
TEXTS = {
    "event": ("client_id", "listener_id"),
    "ack": ("client_id",),
    "javascript_response": ("client_id", "request_id"),
    "handshake": ("client_id", "tab_id", "document_id"),
    "log": ("client_id", "message"),
}  # the events, and the fields of each that must be texts
NUMBERS = {"event": ("id",), "ack": ("next_message_id",)}
_EVENT = re.compile(r"42[0-9]{0,9}(?=\[)")  # and the number of its answer, if it wants one
LOG_LEVELS = ("debug", "info", "warning", "error")


class Messages:
    """An ASGI application that passes on to `app` only messages that are well-formed."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if not path.startswith(PATH):
            await self.app(scope, receive, send)
        elif not _is_handshake_possible(scope):
            await _refuse(scope, send)
        elif scope["type"] == "websocket":
            await self.app(scope, _checked(receive, send), send)
        else:
            await self._pass_body(scope, receive, send)

    async def _pass_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request whose body holds packets, of a browser that cannot open a websocket."""
        body = await _body(receive)
        if body is None or not all(map(is_packet, body.split(SEPARATOR) if body else ())):
            await _refuse(scope, send)
            return
        messages = iter([{"type": "http.request", "body": body.encode(), "more_body": False}])

        async def receiving() -> MutableMapping[str, Any]:
            return next(messages, None) or await receive()

        await self.app(scope, receiving, send)


def is_packet(text: str) -> bool:
    """Return whether a packet is one that a page sends."""
    if text in BARE_PACKETS:
        return True
    found = _EVENT.match(text)
    if found is None or len(text) > MESSAGE_BYTES_MAX:
        return False
    try:
        name, fields = msgspec.json.decode(text[found.end() :], type=tuple[str, dict[str, Any]])
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return False
    return name in TEXTS and _is_shallow(fields) and _are_fields(name, fields)


def _are_fields(name: str, fields: dict[str, Any]) -> bool:
    """Return whether the fields of an event have their types."""
    words = [fields.get(each) for each in TEXTS[name]]
    if not all(isinstance(word, str) and len(word) <= WORD_CHARACTERS_MAX for word in words if name != "log"):
        return False
    if not all(type(fields.get(each)) is int for each in NUMBERS.get(name, ())):
        return False
    match name:
        case "event":
            arguments = fields.get("args", [])
            return isinstance(arguments, list) and len(arguments) <= ARGUMENTS_MAX and all(map(_is_json, arguments))
        case "handshake":
            return _is_number(fields.get("next_message_id")) and isinstance(fields.get("old_tab_id"), str | None)
        case "log":
            return fields.get("level") in LOG_LEVELS
    return True


def _is_json(argument: object) -> bool:
    """Return whether an argument of an event is JSON in a text, or nothing."""
    if argument is None:
        return True
    if not isinstance(argument, str):
        return False
    try:
        return _is_shallow(msgspec.json.decode(argument))
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return False


def _is_number(value: object) -> bool:
    """Return whether a value is a whole number, also as a text of the page's address, or nothing."""
    if isinstance(value, str):
        return value.isascii() and value.isdecimal() and len(value) <= 15
    return value is None or type(value) is int


def _is_shallow(value: object) -> bool:
    """Return whether lists and objects are nested no deeper than DEPTH_MAX."""
    level = [value]
    for _ in range(DEPTH_MAX):
        level = [
            each
            for inner in level
            if isinstance(inner, list | dict)
            for each in (inner.values() if isinstance(inner, dict) else inner)
        ]
        if not level:
            return True
    return False


def _is_handshake_possible(scope: Scope) -> bool:
    """Return whether a handshake in the address of a connection, which spares the page a message, is well-formed."""
    query = {name: values[0] for name, values in parse_qs(scope.get("query_string", b"").decode("latin-1")).items()}
    return query.get("implicit_handshake") != "true" or is_packet("42" + json.dumps(["handshake", query]))


def _checked(receive: Receive, send: Send) -> Receive:
    """Return a `receive` that ends the connection at a message that is malformed, and drops lines for the log."""

    async def receiving() -> MutableMapping[str, Any]:
        while True:
            message = await receive()
            if message["type"] != "websocket.receive":
                return message
            text = message.get("text")
            if text is None or not is_packet(text):
                await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "malformed message"})
                return {"type": "websocket.disconnect", "code": POLICY_VIOLATION}
            if not text.startswith('42["log"'):  # the browser's own console shows it
                return message

    return receiving


async def _body(receive: Receive) -> str | None:
    """Return the body of a request; None if it is too large, or no text."""
    body = b""
    while len(body) <= MESSAGE_BYTES_MAX:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] != "http.request" or not message.get("more_body"):
            break
    try:
        return body.decode() if len(body) <= MESSAGE_BYTES_MAX else None
    except UnicodeDecodeError:
        return None


async def _refuse(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "malformed message"})
        return
    await send({"type": "http.response.start", "status": 400, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"malformed message"})
