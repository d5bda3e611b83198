"""A node's side of its leaves, with threads: holds their calls, and polls of their orders, until there is news.

Each held call takes the thread of its connection; it is woken only by what concerns its leaf.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from roundelay.chord.effects import Request
from roundelay.chord.errors import NotYet
from roundelay.chord.refs import NodeRef
from roundelay.federation.leaf_host import LeafHost, with_weights
from roundelay.federation.requests import WAIT_MAX_S, Attach, Collect, Errands, Order
from roundelay.store.items import Read, Write

COLLECTS_HELD_MAX = 128  # polls of drivers; each takes a thread

Answer = Callable[[Request[Any]], Any]


class LeafHosting:
    """Serves the leaves of one node. answer_from_store: of the node, where the contents of orders are staged."""

    def __init__(self, host: LeafHost, answer_from_store: Answer, stopping: threading.Event) -> None:
        self._host = host
        self._answer_from_store = answer_from_store
        self._stopping = stopping
        self._lock = threading.Lock()
        self._woken: dict[int, set[threading.Event]] = {}  # by leaf: of the calls that are held for it
        self._held_collects = 0

    def attach(self, request: Attach) -> Errands:
        """Answer a leaf's call as soon as there is something to do. Raises what LeafHost.report raises."""
        ref = request.leaf
        with self._lock:
            self._host.report(request)
            self._wake(ref)
        if request.wait_s:
            with self._poll(ref) as is_held:
                if is_held:
                    self._hold(ref, lambda: self._host.has_errands(ref), request.wait_s)
        with self._lock:
            errands = self._host.errands(ref)
        return replace(errands, orders=with_weights(errands.orders, self._answer_from_store))

    def answerer(self, leaf_id: int, incarnation: int) -> Answer | None:
        """Return what answers requests to a leaf; None if it is not known here. Raises WrongIncarnation."""
        with self._lock:
            ref = self._host.leaf(leaf_id, incarnation)
        return None if ref is None else lambda request: self._answer(ref, request)

    # --- requests to a leaf

    def _answer(self, ref: NodeRef, request: Request[Any]) -> Any:
        match request:
            case Order():
                return self._accept(ref, request)
            case Collect():
                return self._collect(ref, request)
            case Read() | Write():
                return self._answer_from_store(request)
        raise NotYet(f"a leaf does not answer {type(request).__name__}")

    def _accept(self, ref: NodeRef, order: Order) -> str:
        if order.content:
            self._answer_from_store(order)
        with self._lock:
            ticket = self._host.accept(ref, order.without_content)
            self._wake(ref)
            return ticket

    def _collect(self, ref: NodeRef, poll: Collect) -> Any:
        with self._lock:
            progress = self._host.collect(ref, poll)
            if self._host.is_over(ref, poll.ticket):
                return progress
            self._wake(ref)  # its result may be wanted now
            if self._held_collects >= COLLECTS_HELD_MAX:
                return progress
            self._held_collects += 1
        try:
            self._hold(ref, lambda: self._host.is_over(ref, poll.ticket), poll.wait_s)
        finally:
            with self._lock:
                self._held_collects -= 1
        with self._lock:
            return self._host.collect(ref, poll)

    # --- helpers

    @contextmanager
    def _poll(self, ref: NodeRef) -> Iterator[bool]:
        with self._lock:
            held = self._host.begin_poll(ref)
        try:
            yield held is not None
        finally:
            if held is not None:
                with self._lock:
                    self._host.end_poll(held)

    def _hold(self, ref: NodeRef, is_over: Callable[[], bool], wait_s: float) -> None:
        """Wait until a condition of a leaf holds, at most WAIT_MAX_S."""
        deadline = time.monotonic() + min(wait_s, WAIT_MAX_S)
        woken = threading.Event()
        with self._lock:
            self._woken.setdefault(ref.id, set()).add(woken)
        try:
            while not self._stopping.is_set():
                with self._lock:
                    if is_over():
                        return
                    woken.clear()
                if not woken.wait(max(0.0, deadline - time.monotonic())):
                    return
        finally:
            with self._lock:
                self._woken[ref.id].discard(woken)
                if not self._woken[ref.id]:
                    del self._woken[ref.id]

    def _wake(self, ref: NodeRef) -> None:
        """Wake the calls that are held for a leaf. The caller holds the lock."""
        for woken in self._woken.get(ref.id, ()):
            woken.set()

    def stop(self) -> None:
        """Wake all calls, for a node that is stopping."""
        with self._lock:
            for events in self._woken.values():
                for woken in events:
                    woken.set()
