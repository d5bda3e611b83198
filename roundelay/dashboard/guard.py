"""Access control for the page: an ASGI wrapper in front of everything, websockets included.

Three independent checks: the Host header must be one of the page's names (against DNS rebinding), an Origin header
must be the page's own (against cross-site requests), and the access token must be present. The token is sent once, in
the address printed at startup, and then as a cookie that scripts cannot read and other sites cannot send.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY_VIOLATION = 1008  # RFC 6455, section 7.4.1
HEADERS = (
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (
        b"content-security-policy",
        b"default-src 'self' data: 'unsafe-inline' 'unsafe-eval'; frame-ancestors 'none'; "
        b"base-uri 'self'; form-action 'self'; object-src 'none'",
    ),
)  # the widgets evaluate what they are sent: what is ruled out is other hosts, frames and forms


@dataclass(frozen=True)
class Admission:
    """What a request must present. hosts: as in a Host header, in lower case."""

    hosts: frozenset[str]
    token: str
    cookie: str

    @property
    def origins(self) -> frozenset[str]:
        return frozenset(f"{scheme}://{host}" for host in self.hosts for scheme in ("http", "https"))


@dataclass(frozen=True)
class Verdict:
    """status: 0 lets the request pass; 303 sets the cookie and redirects to the bare address; else a refusal."""

    status: int
    line: str = ""


PASS = Verdict(0)


def admission(names: Iterable[str], port: int, token: str) -> Admission:
    """Return the admission for a page with these names at this port."""
    hosts = {f"[{name}]" if ":" in name else name.lower() for name in names}
    shown = {f"{host}:{port}" for host in hosts} | (hosts if port == 80 else set())
    return Admission(frozenset(shown), token, f"roundelay-{port}")


def judge(scope: Scope, wanted: Admission) -> Verdict:
    """Decide whether a request, or the opening of a websocket, may pass."""
    hosts = _headers(scope, b"host")
    if len(hosts) != 1 or hosts[0].lower() not in wanted.hosts:
        return Verdict(421, "not a name of this page")
    origins = _headers(scope, b"origin")
    if len(origins) > 1 or any(origin.lower() not in wanted.origins for origin in origins):
        return Verdict(403, "requests from other sites are refused")
    if scope["type"] == "websocket" and not origins:
        return Verdict(403, "a websocket request needs an Origin header")
    if any(_equal(token, wanted.token) for token in _cookies(scope, wanted.cookie)):
        return PASS
    shown = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [])
    if scope["type"] == "http" and scope["method"] == "GET" and len(shown) == 1 and _equal(shown[0], wanted.token):
        return Verdict(303)
    return Verdict(401, "open the address that the dashboard printed when it started: the token is in it")


class Guard:
    """An ASGI application that passes on to `app` only what is admitted."""

    def __init__(self, app: App, wanted: Admission) -> None:
        self.app = app
        self._wanted = wanted

    def expect(self, wanted: Admission) -> None:
        """Use this admission from now on: the port may be known only once it is bound."""
        self._wanted = wanted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        verdict = judge(scope, self._wanted)
        if verdict.status == 0:
            await self.app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": verdict.line})
        else:
            await self._answer(verdict, _with_headers(send))

    async def _answer(self, verdict: Verdict, send: Send) -> None:
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
        if verdict.status == 303:
            cookie = f"{self._wanted.cookie}={self._wanted.token}; Path=/; HttpOnly; SameSite=Strict"
            headers += [(b"location", b"/"), (b"set-cookie", cookie.encode())]
        await send({"type": "http.response.start", "status": verdict.status, "headers": headers})
        await send({"type": "http.response.body", "body": verdict.line.encode()})


def _with_headers(send: Send) -> Send:
    """Return a `send` that adds our headers to every answer."""

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
        await send(message)

    return sending


def _headers(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope.get("headers", ()) if key.lower() == name]


def _cookies(scope: Scope, name: str) -> list[str]:
    found = []
    for header in _headers(scope, b"cookie"):
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(header)
        except CookieError:
            continue
        found += [jar[name].value] if name in jar else []
    return found


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
