"""Messages of browsers reach the web framework only if they are well-formed."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.dashboard.failure_log import PLACES_MAX, OncePerPlace
from roundelay.dashboard.form import VALUE_CHARACTERS_MAX, typed_value
from roundelay.dashboard.messages import MESSAGE_BYTES_MAX, Messages, is_packet

CLICK: dict[str, object] = {"id": 5, "client_id": "c", "listener_id": "l", "args": ['{"value": [1, "x"]}', None]}
SHAKE: dict[str, object] = {
    "client_id": "c",
    "tab_id": "t",
    "old_tab_id": None,
    "document_id": "d",
    "next_message_id": 3,
}


def event(name: object, *fields: object) -> str:
    return "42" + json.dumps([name, *fields])


GOOD = [
    *("40", "2", "2probe", "3", "5"),
    event("event", CLICK),
    event("handshake", SHAKE),
    "427" + event("handshake", SHAKE)[2:],
    event("ack", {"client_id": "c", "next_message_id": 9}),
    event("javascript_response", {"client_id": "c", "request_id": "r", "result": {"a": [1]}}),
    event("log", {"client_id": "c", "level": "error", "message": "lost"}),
]
NO_FIELDS: list[object] = [None, 5, [], "x"]
NO_NUMBERS: list[object] = ["x", None, True, 5.0]
NO_JSON: list[object] = [5, [], "{", "NaN", "1e999", "[" * 100_000]
BAD = [
    *("", "\x00", "9", "41x", "42", "42{}", "42null", "42[]", "43[]", '451-["x"]', "44", "40/x,", "bAAAA", "42٣[]"),
    *("42" + "[" * 100_000, "42" + "9" * 100_000 + "[]", "42[1e999]"),
    *(event(name, {}) for name in ("event", "ack", "log", "handshake", "javascript_response", "connect", None)),
    event("event"),
    event("event", CLICK, CLICK),
    *(event("event", fields) for fields in NO_FIELDS),
    *(event("event", CLICK | {"id": number}) for number in NO_NUMBERS),
    *(event("event", CLICK | {"args": [text]}) for text in NO_JSON),
    event("event", CLICK | {"args": ["[" * 99 + "]" * 99]}),
    event("event", CLICK | {"args": {}}),
    event("event", CLICK | {"client_id": []}),
    event("event", CLICK | {"listener_id": "l" * 1000}),
    event("event", CLICK | {"args": ['"' + "x" * MESSAGE_BYTES_MAX + '"']}),
    event("ack", {"client_id": "c", "next_message_id": "9"}),
    event("log", {"client_id": "c", "level": "exec", "message": "x"}),
    event("handshake", SHAKE | {"next_message_id": "x"}),
]


@pytest.mark.parametrize("packet", GOOD)
def test_what_a_page_sends_is_well_formed(packet: str) -> None:
    assert is_packet(packet)


@pytest.mark.parametrize("packet", BAD, ids=lambda packet: packet[:40])
def test_what_no_page_sends_is_malformed(packet: str) -> None:
    assert not is_packet(packet)


@given(
    st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda each: f"42{json.dumps(each)}")
)
def test_no_text_raises_an_error(packet: str) -> None:
    assert is_packet(packet) in (True, False)


def exchange(messages: list[dict[str, Any]], **about: Any) -> tuple[list[Any], list[Any]]:
    """Return what the application behind the check received, and what was sent to the browser."""
    scope = {"type": "websocket", "path": "/_nicegui_ws/socket.io/", "query_string": b"", **about}
    received: list[Any] = []
    sent: list[Any] = []
    waiting = iter(messages)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while True:
            received.append(await receive())
            if received[-1]["type"] in ("websocket.disconnect", "http.request"):
                return

    async def receive() -> dict[str, Any]:
        return next(waiting, {"type": "websocket.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Messages(app)(scope, receive, send))
    return received, sent


def test_a_malformed_message_ends_the_connection() -> None:
    messages = [{"type": "websocket.receive", "text": text} for text in (GOOD[5], "42[]", GOOD[5])]

    received, sent = exchange(messages)

    assert [each["type"] for each in received] == ["websocket.receive", "websocket.disconnect"]
    assert [(each["type"], each["code"]) for each in sent] == [("websocket.close", 1008)]


def test_bytes_end_the_connection() -> None:
    received, sent = exchange([{"type": "websocket.receive", "bytes": b"\x04"}])

    assert [each["type"] for each in received] == ["websocket.disconnect"]
    assert sent[0]["type"] == "websocket.close"


def test_lines_for_the_log_are_dropped() -> None:
    received, sent = exchange([{"type": "websocket.receive", "text": GOOD[-1]}])

    assert [each["type"] for each in received] == ["websocket.disconnect"]
    assert sent == []


@pytest.mark.parametrize("body", [b"42[]", b"\xff", b"x" * (MESSAGE_BYTES_MAX + 1), b"40\x1e9"])
def test_a_malformed_body_is_refused(body: bytes) -> None:
    received, sent = exchange([{"type": "http.request", "body": body}], type="http")

    assert (received, sent[0]["status"]) == ([], 400)


def test_packets_of_a_browser_without_websockets_are_passed_on_whole() -> None:
    body = "\x1e".join(GOOD).encode()
    first: dict[str, Any] = {"type": "http.request", "body": body[:9], "more_body": True}
    second: dict[str, Any] = {"type": "http.request", "body": body[9:]}

    received, sent = exchange([first, second], type="http")

    assert ([each["body"] for each in received], sent) == ([body], [])


@pytest.mark.parametrize("rest", [b"", b"&client_id=c&tab_id=t&document_id=d&next_message_id=x"])
def test_a_malformed_handshake_in_an_address_is_refused(rest: bytes) -> None:
    received, sent = exchange([], query_string=b"implicit_handshake=true" + rest)

    assert (received, sent[0]["type"]) == ([], "websocket.close")


def test_other_addresses_are_not_judged() -> None:
    received, _ = exchange([{"type": "http.request", "body": b"42[]"}], type="http", path="/")

    assert received[0]["body"] == b"42[]"


@pytest.mark.parametrize(
    ("value", "typed"),
    [(None, ""), (True, True), ("x", "x"), (5, "5"), ({}, "{}"), ("x" * 99_999, "x" * VALUE_CHARACTERS_MAX)],
)
def test_any_value_of_a_widget_becomes_a_text_or_a_truth_value(value: object, typed: object) -> None:
    assert typed_value(value) == typed


def failure(place: int) -> logging.LogRecord:
    """Return the record of a failure at one of many places."""
    try:
        exec(compile("\n" * place + "raise ValueError", "page", "exec"))
    except ValueError as error:
        return logging.LogRecord("", logging.ERROR, "", 0, "", (), (ValueError, error, error.__traceback__))
    raise AssertionError


def test_a_failure_is_logged_once_for_each_place() -> None:
    once = OncePerPlace()

    assert [once.filter(failure(place)) for place in (1, 1, 2, 1)] == [True, False, True, False]
    assert sum(once.filter(failure(place)) for place in range(2 * PLACES_MAX)) == PLACES_MAX - 2
    assert once.filter(logging.LogRecord("", logging.ERROR, "", 0, "", (), None))
