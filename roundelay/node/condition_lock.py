"""A lock whose waiters say what they wait for, so that a thread is woken only when that has become true.

C. A. R. Hoare, "Monitors: An operating system structuring concept", CACM 17(10), 1974, has one condition variable for
each thing that may be waited for. Here each waiter has its own, with its predicate. A plain condition variable wakes
every waiter at every change: on an idle node, whose state changes twenty times a second, most waits ended for nothing,
and took a quarter of its processor time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

IsTrue = Callable[[], bool]


class ConditionLock:
    """A reentrant lock; `wait_until` and `wake` are called by its holder."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._waiters: dict[threading.Condition, IsTrue] = {}
        self.acquire, self.release = self._lock.acquire, self._lock.release

    def __enter__(self) -> ConditionLock:
        self._lock.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def wait_until(self, is_true: IsTrue, timeout_s: float | None = None) -> bool:
        """Release the lock until something is true, or for `timeout_s` seconds at most. Return whether it is true.

        The holder of the lock calls `is_true`, in any thread: it must neither wait nor fail.
        """
        waiter = threading.Condition(self._lock)
        self._waiters[waiter] = is_true
        try:
            return waiter.wait_for(is_true, timeout_s)
        finally:
            del self._waiters[waiter]

    def wake(self) -> None:
        """Wake the waiters whose predicate is true. Call it after what they wait for may have changed."""
        for waiter, is_true in self._waiters.items():
            if is_true():
                waiter.notify_all()
