"""A condition lock wakes a waiter when what it waits for is true, and no other."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from roundelay.node.condition_lock import ConditionLock

PATIENCE_S = 20.0
ENTERED_POLL_S = 0.001


@contextmanager
def waiting(lock: ConditionLock, name: str, is_true: Callable[[], bool], done: list[str]) -> Iterator[threading.Thread]:
    """Start a thread that waits, and yield it when it does."""
    entered = threading.Event()

    def first_look() -> bool:
        entered.set()
        return is_true()

    def wait() -> None:
        with lock:
            lock.wait_until(first_look, PATIENCE_S)
            done.append(name)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    assert entered.wait(PATIENCE_S)
    yield thread
    thread.join(PATIENCE_S)


def test_only_the_waiter_whose_predicate_has_become_true_is_woken() -> None:
    lock, state, done, looks = ConditionLock(), set[str](), list[str](), Counter[tuple[str, int]]()

    def is_in(name: str) -> Callable[[], bool]:
        def look() -> bool:
            looks[name, threading.get_ident()] += 1
            return name in state

        return look

    with waiting(lock, "a", is_in("a"), done) as a, waiting(lock, "b", is_in("b"), done) as b:
        with lock:
            state.add("b")
            lock.wake()
        b.join(PATIENCE_S)
        assert done == ["b"]
        assert looks["a", a.ident or 0] == 1, "it slept on: the others have looked for it"
        with lock:
            state.add("a")
            lock.wake()

    assert done == ["b", "a"]


def test_a_wait_ends_after_its_time_and_says_so() -> None:
    lock = ConditionLock()
    with lock:
        assert not lock.wait_until(lambda: False, 0.001)
        assert lock.wait_until(lambda: True, 0.001)


def test_a_wait_releases_a_lock_that_is_held_twice() -> None:
    lock, state, done = ConditionLock(), list[int](), list[str]()

    def wait() -> None:
        with lock, lock:
            lock.wait_until(lambda: bool(state), PATIENCE_S)
            done.append("woken")

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    while not lock._waiters:
        thread.join(ENTERED_POLL_S)
    with lock:
        state.append(1)
        lock.wake()
    thread.join(PATIENCE_S)

    assert done == ["woken"]


def test_a_predicate_that_fails_ends_its_own_wait_only() -> None:
    lock = ConditionLock()
    with lock, pytest.raises(ZeroDivisionError):
        lock.wait_until(lambda: bool(1 // 0), 0.001)

    assert not lock._waiters
