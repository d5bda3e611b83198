"""Tests of the resolver: a deadline, few lookups at a time, and a memory of what was not found."""

from __future__ import annotations

import socket
import threading

import pytest

from roundelay.rpc.resolver import FOUND_TTL_S, LOOKUPS_MAX, NOT_FOUND_TTL_S, Found, Resolver

PLACE: Found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9))]
PATIENCE_S = 30.0


class Names:
    """A name service by hand: some names take for ever, others have no address."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.hung = threading.Event()
        self.now = 0.0

    def lookup(self, host: str, port: int) -> Found:
        self.asked.append(host)
        if host.startswith("slow"):
            self.hung.wait(PATIENCE_S)
        if host == "unknown":
            raise socket.gaierror("Name or service not known")
        return PLACE

    def resolver(self) -> Resolver:
        return Resolver(self.lookup, lambda: self.now)


def test_a_literal_address_is_not_looked_up() -> None:
    names = Names()

    assert names.resolver().resolve("127.0.0.1", 9, 0.0)[0][4] == ("127.0.0.1", 9)
    assert not names.asked


def test_a_name_is_remembered_for_a_while() -> None:
    names = Names()
    resolver = names.resolver()

    assert resolver.resolve("node", 9, PATIENCE_S) == resolver.resolve("node", 9, PATIENCE_S) == PLACE
    assert names.asked == ["node"]
    names.now += FOUND_TTL_S
    resolver.resolve("node", 9, PATIENCE_S)
    assert names.asked == ["node", "node"]


def test_so_is_a_name_without_an_address() -> None:
    names = Names()
    resolver = names.resolver()

    for _ in range(3):
        with pytest.raises(OSError, match="unknown: "):
            resolver.resolve("unknown", 9, PATIENCE_S)
    assert names.asked == ["unknown"]
    names.now += NOT_FOUND_TTL_S
    with pytest.raises(OSError, match="unknown: "):
        resolver.resolve("unknown", 9, PATIENCE_S)
    assert names.asked == ["unknown", "unknown"]


def test_a_name_that_takes_too_long_fails_at_once_for_the_next_caller_and_is_used_when_it_comes() -> None:
    names = Names()
    resolver = names.resolver()

    for timeout_s in (0.01, PATIENCE_S):
        with pytest.raises(OSError, match="not resolved in time"):
            resolver.resolve("slow", 9, timeout_s)
    names.hung.set()
    known = resolver._names["slow", 9]
    assert known.done.wait(PATIENCE_S)

    assert resolver.resolve("slow", 9, PATIENCE_S) == PLACE
    assert names.asked == ["slow"]


def test_few_names_are_looked_up_at_a_time() -> None:
    names = Names()
    resolver = names.resolver()
    for number in range(LOOKUPS_MAX):
        with pytest.raises(OSError, match="in time"):
            resolver.resolve(f"slow {number}", 9, 0.0)

    with pytest.raises(OSError, match="other names"):
        resolver.resolve("one more", 9, PATIENCE_S)
    names.hung.set()
