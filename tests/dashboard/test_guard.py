"""The page is closed to requests without Host, Origin and token, by HTTP and by websocket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from roundelay.dashboard.guard import Admission, Guard, admission, judge

TOKEN = "t" * 32
WANTED = admission(["127.0.0.1", "localhost", "::1"], 8080, TOKEN)
COOKIE = f"roundelay-8080={TOKEN}"
OURS = "http://127.0.0.1:8080"


def scope(
    kind: str = "http",
    host: str | None = "127.0.0.1:8080",
    origin: str | None = None,
    cookie: str | None = COOKIE,
    query: str = "",
    method: str = "GET",
) -> dict[str, Any]:
    named = {b"host": host, b"origin": origin, b"cookie": cookie}
    headers = [(name, value.encode()) for name, value in named.items() if value is not None]
    return {"type": kind, "method": method, "path": "/", "query_string": query.encode(), "headers": headers}


def status(**about: Any) -> int:
    return judge(scope(**about), WANTED).status


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "LOCALHOST:8080", "[::1]:8080"])
def test_the_names_of_this_page_are_let_through_with_the_token(host: str) -> None:
    assert status(host=host) == 0
    assert status(host=host, origin=f"http://{host}") == 0


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "evil.example:8080",
        "127.0.0.1",
        "127.0.0.1:8081",
        "127.0.0.1:8080.evil.example",
        "localhost.evil.example:8080",
    ],
)
def test_a_foreign_host_is_refused_even_with_the_token(host: str | None) -> None:
    assert status(host=host) == 421


def test_two_hosts_are_none() -> None:
    twice = scope()
    twice["headers"].append((b"host", b"127.0.0.1:8080"))

    assert judge(twice, WANTED).status == 421


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "",
        "http://127.0.0.1",
        "http://127.0.0.1:80801",
        "http://127.0.0.1:8080.evil.example",
        "file://127.0.0.1:8080",
    ],
)
def test_a_foreign_origin_is_refused_even_with_the_token(kind: str, origin: str) -> None:
    assert status(kind=kind, origin=origin) == 403


def test_a_websocket_must_have_an_origin_and_the_token() -> None:
    assert status(kind="websocket") == 403
    assert status(kind="websocket", origin=OURS) == 0
    assert status(kind="websocket", origin=OURS, cookie=None) == 401
    assert status(kind="websocket", origin=OURS, cookie=None, query=f"token={TOKEN}") == 401


@pytest.mark.parametrize(
    "cookie",
    [None, "", f"roundelay-8080={TOKEN}x", "roundelay-8080=", f"roundelay-8081={TOKEN}", f"other={TOKEN}", "\x00;;=;"],
)
def test_without_the_token_nothing_is_shown(cookie: str | None) -> None:
    assert status(cookie=cookie) == 401


def test_the_token_of_the_address_becomes_a_cookie_once() -> None:
    assert status(cookie=None, query=f"token={TOKEN}") == 303
    assert status(cookie=None, query=f"token={TOKEN}", method="POST") == 401
    assert status(cookie=None, query="token=wrong") == 401
    assert status(cookie=None, query=f"token={TOKEN}&token=wrong") == 401


def ask(about: dict[str, Any], wanted: Admission = WANTED) -> tuple[list[Any], list[Any]]:
    """What reaches the app behind the guard, and what is answered."""
    reached: list[Any] = []
    answered: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> dict[str, Any]:
        return {}

    async def send(message: Any) -> None:
        answered.append(message)

    asyncio.run(Guard(app, wanted)(about, receive, send))
    return reached, answered


def test_what_is_refused_never_reaches_the_app() -> None:
    assert ask(scope(cookie=None))[0] == []
    assert ask(scope(kind="websocket", origin="http://evil.example"))[0] == []


def test_a_refused_websocket_is_closed_before_it_opens() -> None:
    _, (answer,) = ask(scope(kind="websocket", origin="http://evil.example"))

    assert (answer["type"], answer["code"]) == ("websocket.close", 1008)


def test_the_cookie_is_for_no_script_and_no_other_site() -> None:
    _, (start, _) = ask(scope(cookie=None, query=f"token={TOKEN}"))
    headers = dict(start["headers"])

    assert start["status"] == 303
    assert headers[b"location"] == b"/"
    assert headers[b"set-cookie"].decode() == f"roundelay-8080={TOKEN}; Path=/; HttpOnly; SameSite=Strict"


def test_every_answer_forbids_frames() -> None:
    for about in (scope(), scope(cookie=None)):
        assert dict(ask(about)[1][0]["headers"])[b"x-frame-options"] == b"DENY"


def test_the_life_of_the_server_is_not_judged() -> None:
    assert len(ask({"type": "lifespan"})[0]) == 1
