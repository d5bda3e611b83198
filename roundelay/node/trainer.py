"""The parent's side of the training process: started at the first order, ended after a minute idle.

Training has a process of its own, so that this one answers its neighbours within milliseconds
while it goes on. The child ends when the pipe closes, so that a killed node leaves no orphan.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from roundelay.chord.errors import NotFound
from roundelay.federation.effects import Compute, Done
from roundelay.federation.errors import FilesLacking, OtherBits, WorkFailed
from roundelay.federation.requests import Order
from roundelay.ml.errors import EndOfFrames, FileUnknown, FrameError, MLError, ModelUnknown, from_dict
from roundelay.ml.frames import Frame, Header, read_frame, write_frame
from roundelay.ml.task import task_from_dict
from roundelay.node import failpoints
from roundelay.node.failpoints import Failpoints
from roundelay.node.runtime import Stopped

ROOT = Path(__file__).resolve().parents[2]
IDLE_S = 60.0
STARTS_MAX = 3  # of the process for one order: one that dies each time fails it
STOP_TIMEOUT_S = 1.0
FINGERPRINTS_MAX = 16  # shapes whose fingerprints are remembered
KINDS = ("moments", "train", "evaluate")
SHOWN = ("optimizer", "epochs", "eta", "batch", "momentum")  # of a configuration; the rest where it is not 0

Tell = Callable[[str, str], None]  # ticket, what is going on


class Trainer:
    """At most one child process; one order at a time."""

    def __init__(
        self,
        tell: Tell,
        idle_s: float = IDLE_S,
        faults: Failpoints | None = None,
        clients: Mapping[str, Header] | None = None,
    ) -> None:
        self._tell = tell
        self._clients = clients or {}  # by the digest of what stands for a file: a Flower client's data
        self._faults = faults or failpoints.from_environment()
        self._idle_s = idle_s
        self._lock = threading.Lock()  # held while an order is carried out, and to end the child
        self._child: subprocess.Popen[bytes] | None = None
        self._idle: threading.Timer | None = None
        self._stopped = False
        self._died: dict[str, int] = {}  # by ticket: how often over the order that is about to be given its files
        self._fingerprints: dict[str, str] = {}  # this machine's, by the shapes of a job

    def perform(self, effect: Compute) -> Done:
        """Have an order carried out. Raises WorkFailed, FilesLacking, OtherBits; Stopped, as this node ends."""
        with self._lock:
            self._cancel_idle()
            try:
                return self._faults.around("train", effect.order, lambda: self._perform(effect))
            finally:
                self._start_idle()

    def introduce(self, client: Header) -> int:
        """How many examples a Flower client trains on, as it says when it is made. Raises WorkFailed."""
        with self._lock:
            try:
                return cast(int, self._ask(client).header["rows"])
            except (EndOfFrames, FrameError, OSError) as error:
                raise WorkFailed(
                    f"the training process ended (exit code {self._end_child()}) while it made {client['trainer']}"
                ) from error
            except MLError as error:
                raise WorkFailed(str(error)) from error

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
        order, work = effect.order, _read_work(effect.order)
        code: int | None = None
        is_told = order.ticket in self._died
        died = self._died.pop(order.ticket, 0)
        while died < STARTS_MAX:
            try:
                return self._converse(effect, work, is_told)
            except (EndOfFrames, FrameError, OSError):
                code = self._end_child()
                died += 1
            except FilesLacking:
                self._died = {order.ticket: died}
                raise
            except ModelUnknown as error:  # another node may have it
                raise NotFound(str(error)) from error
            except MLError as error:
                raise WorkFailed(str(error)) from error
            if self._stopped:
                raise Stopped
        raise WorkFailed(
            f"the trainer died {STARTS_MAX} times (exit code {code}) on {', '.join(f.name for f in order.files)}"
        )

    def _converse(self, effect: Compute, work: dict[str, object], is_told: bool) -> Done:
        """Have its task done; its files are brought where they are not there. Raises FilesLacking, OtherBits, MLError,
        OSError."""
        began = time.monotonic()
        order = effect.order
        self._running_child()
        self._require_bits(order, work)
        if not is_told:
            self._tell(order.ticket, _configuration(order, work))
        try:
            answer = self._do(effect, work)
        except FileUnknown as error:  # its first order, or what it has used least recently
            if any(file.digest not in effect.contents for file in order.files if file.digest not in self._clients):
                raise FilesLacking(str(error)) from error
            self._bring_files(effect, work)
            answer = self._do(effect, work)
        loss, accuracy = (cast(float, answer.header.get(key, 0.0)) for key in ("loss", "accuracy"))
        return Done(bytes(answer.payload), time.monotonic() - began, loss, accuracy)

    def _do(self, effect: Compute, work: dict[str, object]) -> Frame:
        """The task itself. Raises FileUnknown at once where the trainer lacks a file; MLError, OSError."""
        order = effect.order
        if work["kind"] == "moments":
            return self._ask({"do": "moments", "digests": [f.digest for f in order.files]})
        weights = effect.contents.get(order.weights, b"")
        if work["kind"] == "evaluate":
            return self._ask({"do": "evaluate", "task": work["task"], "digest": order.files[0].digest}, weights)
        return self._ask({"do": "train", "task": work["task"]}, weights, order)

    def _require_bits(self, order: Order, work: dict[str, Any]) -> None:
        """Would the trainer make the bits that the job promises? Its fingerprint costs a tiny training, once."""
        if not work.get("bits"):
            return
        task = work["task"] | {"files": [], "moments": "", "round": 0}
        shapes = json.dumps(task, sort_keys=True)
        if shapes not in self._fingerprints:
            if len(self._fingerprints) >= FINGERPRINTS_MAX:
                self._fingerprints.clear()
            self._fingerprints[shapes] = cast(str, self._ask({"do": "fingerprint", "task": task}).header["fingerprint"])
        ours = self._fingerprints[shapes]
        if ours != work["bits"]:
            why = (
                f"computes other bits (fingerprint {ours[:8]}, the job's {str(work['bits'])[:8]}): "
                "given none of its files"
            )
            self._tell(order.ticket, f"job {order.job[:8]}: this node {why}")
            raise OtherBits(why)

    def _bring_files(self, effect: Compute, work: dict[str, object]) -> None:
        """The trainer keeps parsed files between rounds: only those that it lacks are sent."""
        digests = [f.digest for f in effect.order.files]
        missing = cast("list[str]", self._ask({"do": "missing", "digests": digests}).header["missing"])
        for file in effect.order.files:
            if file.digest not in missing:
                continue
            if file.digest in self._clients:
                self._ask(self._clients[file.digest])
            else:
                self._ask(
                    {
                        "do": "add",
                        "digest": file.digest,
                        "name": file.name,
                        "features": work["features"],
                        "classes": work["classes"],
                    },
                    effect.contents[file.digest],
                )

    def _ask(self, header: Header, payload: bytes = b"", order: Order | None = None) -> Frame:
        """One request, and its answer; the epochs of an order are told on the way there."""
        child, step = self._running_child(), f"trainer.{header['do']}"
        return self._faults.around(step, order, lambda: self._put_to(child, header, payload, order), child.kill)

    def _put_to(self, child: subprocess.Popen[bytes], header: Header, payload: bytes, order: Order | None) -> Frame:
        orders, answers = cast(BinaryIO, child.stdin), cast(BinaryIO, child.stdout)
        write_frame(orders, header, payload)
        while True:  # ends: every request has one answer, or the pipe closes
            frame = read_frame(answers)
            if "error" in frame.header:
                raise from_dict(frame.header)
            if "progress" not in frame.header:
                return frame
            for ended in cast("list[list[Any]]", frame.header["progress"]):
                if order is not None:
                    self._tell(order.ticket, _epoch(order, *ended))
                self._faults.hit("trainer.epoch", order, child.kill)

    # --- the child

    def _running_child(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._end_child()
            self._child = subprocess.Popen(
                [sys.executable, "-m", "roundelay.ml.trainer"],
                cwd=ROOT,
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
        if self._stopped:  # it may have been started too late for `stop` to see it
            self._child.kill()
        return self._child

    def _end_child(self) -> int | None:
        """Close its pipe and see it end; its exit code, if there was one to end."""
        child, self._child = self._child, None
        if child is None:
            return None
        assert child.stdin is not None and child.stdout is not None
        with suppress(OSError):  # it flushes first what a dead child did not read
            child.stdin.close()
        try:
            child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()
        return child.returncode

    def _end_idle(self) -> None:
        if self._lock.acquire(blocking=False):  # an order has begun: it is not idle
            try:
                self._end_child()
            finally:
                self._lock.release()

    def _start_idle(self) -> None:
        self._idle = threading.Timer(self._idle_s, self._end_idle)
        self._idle.daemon = True
        self._idle.start()

    def _cancel_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()


def _configuration(order: Order, work: dict[str, Any]) -> str:
    """What is to be done, and how, for people."""
    files = f"{len(order.files)} file{'s' * (len(order.files) != 1)}"
    if work["kind"] == "moments":
        return f"round {order.round}: summing the features of {files}"
    if work["kind"] == "evaluate":
        return f"round {order.round}: evaluating what came of it here"
    task = work["task"]
    settings = " ".join(f"{name} {value}" for name, value in task["config"].items() if value or name in SHOWN)
    model = "" if task["model"] == "mlp" else f"model {task['model']}, "
    return f"round {order.round}: training {files}, {model}layers {'-'.join(map(str, task['sizes']))}, {settings}"


def _environment() -> dict[str, str]:
    """BLAS with one thread: the processes of one machine share its cores, and bits depend on it."""
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return os.environ | threads


def _read_work(order: Order) -> dict[str, object]:
    """The order's task, which may come from anybody: whatever is wrong with it fails the order, not this node."""
    try:
        work: dict[str, object] = json.loads(order.task)
        kind, features, classes = work["kind"], work["features"], work["classes"]
        if not isinstance(features, int) or not isinstance(classes, int):
            raise TypeError(f"features {features!r} and classes {classes!r} must be numbers")
        if kind not in KINDS:
            raise ValueError(f"work of the kind {kind!r}")
        if kind == "evaluate" and len(order.files) != 1:
            raise ValueError(f"{len(order.files)} files to evaluate on")
        task, ours = task_from_dict(work["task"]), [f.digest for f in order.files]
        if kind == "train" and [f.digest for f in task.files] != ours:
            raise ValueError("its task is about other files")
    except (ValueError, KeyError, TypeError, RecursionError, MLError) as error:
        raise WorkFailed(f"an order that cannot be understood: {type(error).__name__}: {error}") from error
    return work


def _epoch(order: Order, index: int, epoch: int, loss: float, accuracy: float) -> str:
    """A line on one epoch of one file."""
    return f"round {order.round}, {order.files[index].name}, epoch {epoch}: accuracy {accuracy:.3f}, loss {loss:.4f}"
