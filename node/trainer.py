"""The parent's side of the training process: started at the first order, ended after a minute idle.

Training has a process of its own, so that this one answers its neighbours within milliseconds
while it goes on. The child ends when the pipe closes, so that a killed node leaves no orphan.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from federation.effects import Compute, Done
from federation.errors import WorkFailed
from federation.work import Order
from ml.errors import EndOfFrames, FrameError, MLError, from_dict
from ml.frames import Frame, Header, read_frame, write_frame

ROOT = Path(__file__).resolve().parent.parent
IDLE_S = 60.0
STARTS_MAX = 3  # of the process for one order: one that dies each time fails it
STOP_TIMEOUT_S = 1.0

Tell = Callable[[str, str], None]  # ticket, what is going on


class Trainer:
    """At most one child process; one order at a time."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._lock = threading.Lock()  # held while an order is carried out, and to end the child
        self._child: subprocess.Popen[bytes] | None = None
        self._idle: threading.Timer | None = None
        self._stopped = False

    def perform(self, effect: Compute) -> Done:
        """Have an order carried out. Raises WorkFailed."""
        with self._lock:
            self._cancel_idle()
            try:
                return self._perform(effect)
            finally:
                self._start_idle()

    def stop(self) -> None:
        """End the child, whatever it is doing."""
        self._stopped = True
        child = self._child
        if child is not None and child.poll() is None:
            child.kill()  # it owns nothing but its memory
        with self._lock:
            self._cancel_idle()
            self._end_child()

    # --- one order

    def _perform(self, effect: Compute) -> Done:
        for _ in range(STARTS_MAX):
            if self._stopped:
                break
            try:
                return self._converse(effect)
            except (EndOfFrames, FrameError, OSError):
                self._end_child()
            except MLError as error:
                raise WorkFailed(str(error)) from error
        raise WorkFailed(f"the trainer died {STARTS_MAX} times on {', '.join(f.name for f in effect.order.files)}")

    def _converse(self, effect: Compute) -> Done:
        """Have the order's files there, then its task done. Raises MLError, OSError."""
        began = time.monotonic()
        order, task = effect.order, json.loads(effect.order.task)
        self._bring_files(effect, task)
        last = _LastEpochs(order, self._tell)
        if task["kind"] == "moments":
            answer = self._ask({"do": "moments", "digests": [f.digest for f in order.files]})
        else:
            answer = self._ask({"do": "train", "task": task["task"], "progress": True},
                               effect.contents[order.weights], last)
        return Done(bytes(answer.payload), time.monotonic() - began, last.loss, last.accuracy)

    def _bring_files(self, effect: Compute, task: dict[str, object]) -> None:
        """The trainer keeps parsed files between rounds: only those that it lacks are sent."""
        digests = [f.digest for f in effect.order.files]
        missing = self._ask({"do": "missing", "digests": digests}).header["missing"]
        for file in effect.order.files:
            if isinstance(missing, list) and file.digest in missing:
                self._ask({"do": "add", "digest": file.digest, "name": file.name,
                           "features": task["features"], "classes": task["classes"]}, effect.contents[file.digest])

    def _ask(self, header: Header, payload: bytes = b"", last: _LastEpochs | None = None) -> Frame:
        """One request, and its answer; what is told on the way there goes to `last`."""
        child = self._running_child()
        orders, answers = cast(BinaryIO, child.stdin), cast(BinaryIO, child.stdout)
        write_frame(orders, header, payload)
        while True:  # ends: every request has one answer, or the pipe closes
            frame = read_frame(answers)
            if "error" in frame.header:
                raise from_dict(frame.header)
            if "progress" not in frame.header:
                return frame
            if last is not None:
                last.hear(frame.header["progress"])

    # --- the child

    def _running_child(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._end_child()
            self._child = subprocess.Popen(
                [sys.executable, "-m", "ml.trainer"], cwd=ROOT, env=_environment(),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
            )
        return self._child

    def _end_child(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        assert child.stdin is not None and child.stdout is not None
        child.stdin.close()
        try:
            child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()

    def _end_idle(self) -> None:
        if self._lock.acquire(blocking=False):  # an order has begun: it is not idle
            try:
                self._end_child()
            finally:
                self._lock.release()

    def _start_idle(self) -> None:
        self._idle = threading.Timer(IDLE_S, self._end_idle)
        self._idle.daemon = True
        self._idle.start()

    def _cancel_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()


def _environment() -> dict[str, str]:
    """BLAS with one thread: the processes of one machine share its cores, and bits depend on it."""
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return os.environ | threads


class _LastEpochs:
    """Tells of every epoch, and averages over the files what the last epoch of each came to."""

    def __init__(self, order: Order, tell: Tell) -> None:
        self._order = order
        self._tell = tell
        self._latest: dict[int, tuple[int, float, float]] = {}  # file's place -> rows, loss, accuracy

    def hear(self, progress: object) -> None:
        assert isinstance(progress, list)
        place, epoch, loss, accuracy = progress
        file, order = self._order.files[place], self._order
        loss = math.inf if loss is None else loss
        self._latest[place] = file.rows, loss, accuracy
        self._tell(order.ticket, f"round {order.round}, {file.name}, epoch {epoch}: "
                                 f"accuracy {accuracy:.3f}, loss {loss:.4f}")

    @property
    def loss(self) -> float:
        return self._mean(1)

    @property
    def accuracy(self) -> float:
        return self._mean(2)

    def _mean(self, column: int) -> float:
        rows = sum(latest[0] for latest in self._latest.values())
        return sum(latest[0] * latest[column] for latest in self._latest.values()) / rows if rows else 0.0
