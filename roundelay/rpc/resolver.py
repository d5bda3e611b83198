"""Names to addresses within a deadline, which the system's resolver does not have: it may take half a minute.

A name is looked up in a thread of its own, and few at a time: anybody can announce nodes at any host. What was found is
kept for a while, and so is that nothing was.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

LOOKUPS_MAX = 16  # at a time
NAMES_MAX = 1024  # remembered; the oldest is forgotten
FOUND_TTL_S = 30.0
NOT_FOUND_TTL_S = 10.0

Found = list[tuple[Any, ...]]  # as getaddrinfo returns it
Lookup = Callable[[str, int], Found]


@dataclass
class _Name:
    """What is known of one name and port."""

    done: threading.Event = field(default_factory=threading.Event)
    found: Found = field(default_factory=list)
    error: str = ""
    until: float = 0.0  # 0: being looked up


class Resolver:
    """Resolves names for all connections of a process."""

    def __init__(self, lookup: Lookup | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._lookup = lookup or _ask_system
        self._clock = clock
        self._lock = threading.Lock()
        self._names: OrderedDict[tuple[str, int], _Name] = OrderedDict()

    def resolve(self, host: str, port: int, timeout_s: float) -> Found:
        """Return a host's addresses, at least one. Raises OSError."""
        try:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except socket.gaierror:
            name = self._name(host, port)
        if not name.until and not name.done.wait(timeout_s):
            self._give_up(name, f"{host} was not resolved in time")
        if name.error:
            raise OSError(name.error)
        return name.found

    def _name(self, host: str, port: int) -> _Name:
        """Return what is known of a name, or is being looked up. Raises OSError if too many names are."""
        now, key = self._clock(), (host, port)
        with self._lock:
            name = self._names.get(key)
            if name is not None and (not name.until or now < name.until):
                return name
            if sum(not each.done.is_set() for each in self._names.values()) >= LOOKUPS_MAX:
                raise OSError(f"{LOOKUPS_MAX} other names are being resolved")
            name = self._names[key] = _Name()
            self._names.move_to_end(key)
            if len(self._names) > NAMES_MAX:
                self._names.popitem(last=False)
        threading.Thread(target=self._look_up, args=(key, name), name="resolve", daemon=True).start()
        return name

    def _look_up(self, key: tuple[str, int], name: _Name) -> None:
        try:
            found, error = self._lookup(*key), ""
        except (OSError, ValueError) as failure:  # UnicodeError: not a name at all
            found, error = [], f"{key[0]}: {failure}"
        with self._lock:
            name.found, name.error = found, error or ("" if found else f"{key[0]} has no address")
            name.until = self._clock() + (NOT_FOUND_TTL_S if name.error else FOUND_TTL_S)
        name.done.set()

    def _give_up(self, name: _Name, error: str) -> None:
        """Refuse this name for a while, so that no other caller waits for it; its thread goes on."""
        with self._lock:
            if not name.until:
                name.error, name.until = error, self._clock() + NOT_FOUND_TTL_S


def _ask_system(host: str, port: int) -> Found:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


RESOLVER = Resolver()  # this process's
