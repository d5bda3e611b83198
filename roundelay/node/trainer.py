"""Has orders carried out by the training process: restarts it when it dies, and ends it after a minute without work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from roundelay.chord.errors import NotFound
from roundelay.chord.requests import TrainingStatus
from roundelay.federation.effects import Compute, Done
from roundelay.federation.errors import OtherBits, WorkFailed
from roundelay.federation.requests import Order
from roundelay.federation.tasks import TrainTask
from roundelay.federation.trainer_client import TrainerClient
from roundelay.ml import answers
from roundelay.ml.errors import EndOfFrames, FrameError
from roundelay.ml.frames import Frame, Header
from roundelay.ml.readers.limits import DEFAULT
from roundelay.ml.sliced import Sliced
from roundelay.node import failpoints
from roundelay.node.checkpoints import Checkpoints
from roundelay.node.failpoints import Failpoints
from roundelay.node.runtime import Stopped
from roundelay.node.trainer_process import Surveyed, TrainerProcess

if TYPE_CHECKING:  # most nodes have none
    from roundelay.node.private import Private

IDLE_S = 60.0
STARTS_MAX = 3  # of the process with the same order, without a new checkpoint; then the order fails

OnTraining = Callable[[str, TrainingStatus], None]  # ticket, progress


class Trainer:
    """At most one child process; one order at a time.

    on_training: called with each epoch that ends. log: given one line when an order begins, or is not taken.
    own: the node's private data, if it has any. checkpoints: those of orders.
    """

    def __init__(
        self,
        on_training: OnTraining,
        log: Callable[[str], None],
        idle_s: float = IDLE_S,
        faults: Failpoints | None = None,
        own: Private | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self._on_training = on_training
        self._log = log
        self._idle_s = idle_s
        self._faults = faults or failpoints.from_environment()
        self._lock = threading.Lock()  # held while an order is carried out, and to end the child
        self._process = TrainerProcess(own.limits if own is not None else DEFAULT)
        self._checkpoints = checkpoints or Checkpoints()
        find_own = (lambda digest: own.find(digest, self._survey)) if own is not None else None
        self._client = TrainerClient(self._ask, find_own, self._checkpoints.load)
        self._running = ""  # the ticket of the order that is carried out
        self._settings = ""  # of the order that was logged last
        self._cancelled = ""  # why it is no longer wanted
        self._idle_timer: threading.Timer | None = None
        self._stopped = False

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is no child."""
        return self._process.pid

    def perform(self, effect: Compute) -> Done:
        """Carry out an order. Raises WorkFailed, FilesLacking, OtherBits, NotFound; Stopped when this node ends."""
        with self._lock:
            self._cancel_idle_timer()
            try:
                return self._faults.around("train", effect.order, lambda: self._perform(effect))
            finally:
                self._running = ""
                self._start_idle_timer()

    def cancel(self, ticket: str, why: str) -> None:
        """Stop carrying out an order: `perform` raises NotFound. Without effect if it is not carried out now."""
        if self._running == ticket:
            self._cancelled = why
            self._process.kill()

    def stop(self) -> None:
        """End the child, whatever it is doing, and take no more orders."""
        self._stopped = True
        self._process.kill_for_good()
        with self._lock:
            self._cancel_idle_timer()
            self._process.end()

    # --- one order

    def _perform(self, effect: Compute) -> Done:
        """Carry out an order; a child that dies is restarted, sent its files again, and goes on from its checkpoint."""
        order, code, starts = effect.order, None, 0
        self._cancelled, self._running = "", order.ticket
        while starts < STARTS_MAX:  # ends: checkpoints are made at the ends of epochs
            kept = self._checkpoints.made
            try:
                return self._carry_out(effect)
            except (EndOfFrames, FrameError, OSError):
                code = self._process.end()
            starts = starts + 1 if self._checkpoints.made == kept else 1
            if self._stopped:
                raise Stopped
            if self._cancelled:
                raise NotFound(self._cancelled)
        names = ", ".join(file.name for file in order.files)
        raise WorkFailed(f"the trainer died {STARTS_MAX} times (exit code {code}) on {names}")

    def _carry_out(self, effect: Compute) -> Done:
        began, order = time.monotonic(), effect.order
        self._process.start()
        try:
            done = self._client.carry_out(effect, lambda: self._log_start(order))
        except OtherBits as error:
            self._log(f"job {order.job[:8]}: this node {error}")
            raise
        except (NotFound, WorkFailed) as error:
            if error.__cause__ is not None:  # only the owner of private data may see all of it
                self._log(f"job {order.job[:8]}: {error.__cause__}")
            raise
        return replace(done, seconds=time.monotonic() - began)

    def _log_start(self, order: Order) -> None:
        """Log what is to be computed, and how, unless that is as in the order before."""
        settings = _settings_of(order)
        self._log(f"job {order.job[:8]}, {order.status}{'' if settings == self._settings else settings}")
        self._settings = settings or self._settings

    def _ask(self, header: Header, payload: Sequence[Sliced], order: Order) -> Frame:
        """Ask the child; the order's epochs are reported as they end."""

        def ask() -> Frame:
            return self._process.ask(
                header,
                payload,
                lambda progress: self._report(order, progress),
                lambda frame: self._checkpoints.save(order, frame),
            )

        return self._faults.around(f"trainer.{header['do']}", order, ask, self._process.kill)

    def _survey(self, folder: Path) -> Surveyed:
        """Have the child find the private data in a folder, anew if it dies.

        Raises PrivateFolderError; WorkFailed if it dies again and again; EndOfFrames, FrameError or OSError when the
        order is no longer wanted.
        """
        code = None
        for _ in range(STARTS_MAX):
            try:
                return self._process.survey(folder)
            except (EndOfFrames, FrameError, OSError):
                code = self._process.end()
                self._process.start()
                if self._stopped or self._cancelled:  # looked at when there is a child to be killed
                    raise
        raise WorkFailed(f"the trainer died {STARTS_MAX} times (exit code {code}) as it read the private data again")

    def _report(self, order: Order, header: Header) -> None:
        for end in answers.progress(header, len(order.files)):
            file = order.files[end.file].name
            status = replace(order.status, file=file, epoch=end.epoch, accuracy=end.accuracy, loss=end.loss)
            self._on_training(order.ticket, status)
            self._faults.hit("trainer.epoch", order, self._process.kill)

    # --- ending an idle child

    def _start_idle_timer(self) -> None:
        self._idle_timer = threading.Timer(self._idle_s, self._end_idle_child)
        self._idle_timer.daemon = True
        self._idle_timer.start()

    def _cancel_idle_timer(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()

    def _end_idle_child(self) -> None:
        if self._lock.acquire(blocking=False):  # otherwise an order has begun meanwhile
            try:
                self._process.end()
            finally:
                self._lock.release()


def _settings_of(order: Order) -> str:
    """Return how an order trains; nothing if it does not."""
    if not isinstance(order.task, TrainTask):
        return ""
    design, config = order.task.plan.design, order.task.plan.config
    settings = f"optimizer {config.optimizer} epochs {config.epochs} eta {config.eta:g} batch {config.batch}"
    settings += f" momentum {config.momentum:g}"
    for name, value in (("dropout", config.dropout), ("mu", config.mu)):
        settings += f" {name} {value:g}" if value else ""
    settings += " class weights" if config.class_weights else ""
    model = "" if design.model == "mlp" else f"model {design.model}, "
    return f", {model}layers {'-'.join(map(str, design.sizes))}, {settings}"
