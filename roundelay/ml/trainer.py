"""The trainer process: python -m roundelay.ml.trainer. Reads orders as frames on stdin, answers as frames on stdout.

    {"do": "add", "digest", "name"}, content       ->  {"rows"}; optional: "features", "classes"
    {"do": "add", "digest", "trainer", "config"}   ->  {"rows"}; optional: "rows"; a Flower client (flower.py)
    {"do": "missing", "digests"}                   ->  {"missing": the digests that must be added (again)}
    {"do": "moments", "digests"}                   ->  {}, FeatureSums.to_bytes
    {"do": "train", "task"}, weights               ->  {"rows", "loss", "accuracy"}, int64 sum
    {"do": "evaluate", "task", "digest"}, weights  ->  {"loss", "accuracy"}
    {"do": "fingerprint", "plan"}                  ->  {"fingerprint"}

While it trains it also writes {"progress": [[file's index in the task, epoch, loss, accuracy], ...]}: every epoch, but
those that end within PROGRESS_EVERY_S together, as each frame wakes the node on a core that somebody trains on. What
cannot be done is answered by {"error": kind, "message": ...} (errors.to_dict), and the process goes on.
It ends at the end of its input: when its parent is gone, so is it. SIGINT is its parent's to handle.
"""

import gc
import logging
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from roundelay.ml.errors import BadTask, EndOfFrames, FrameError, MLError, TrainerFault, to_dict
from roundelay.ml.frames import Frame, Header, read_frame, write_frame
from roundelay.ml.malloc import keep_freed_memory
from roundelay.ml.task import CLASSES_DEFAULT, TrainerTask, plan_from_dict, task_from_dict
from roundelay.ml.threads import one_blas_thread

if TYPE_CHECKING:  # numpy may only come in after one_blas_thread()
    from roundelay.ml.flower import Client
    from roundelay.ml.worker import OnProgress, Worker

log = logging.getLogger(__name__)

PROGRESS_EVERY_S = 0.1

Answer = tuple[Header, bytes]


def main() -> int:
    """Serve the frames of this process's stdin until they end; returns the exit status."""
    one_blas_thread()
    keep_freed_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(stream=sys.stderr, format="%(name)s: %(message)s")
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # stdout belongs to the frames: nothing else gets in
    gc.disable()  # nothing that is imported is ever garbage
    from roundelay.ml.worker import Worker

    gc.freeze()
    gc.enable()
    try:
        serve(Worker(), sys.stdin.buffer, answers)
    except FrameError as error:
        log.error("ending: %s", error)
        return os.EX_PROTOCOL
    except BrokenPipeError:
        os._exit(os.EX_OK)  # nobody reads any more; closing the stream would only fail again
    return os.EX_OK


def serve(worker: "Worker", orders: BinaryIO, answers: BinaryIO, clock: Callable[[], float] = time.monotonic) -> None:
    """Answer every order, one after the other, until they end."""
    progress = _Progress(answers, clock)
    while True:
        try:
            order = read_frame(orders)
        except EndOfFrames:
            return
        header, payload = _answer(worker, order, progress)
        progress.tell()
        write_frame(answers, header, payload)


class _Progress:
    """Epochs that have ended, told a few at a time: the first at once."""

    def __init__(self, answers: BinaryIO, clock: Callable[[], float]) -> None:
        self._answers = answers
        self._clock = clock
        self._told_at = -math.inf
        self._epochs: list[tuple[int, int, float, float]] = []

    def __call__(self, index: int, epoch: int, loss: float, accuracy: float) -> None:
        self._epochs.append((index, epoch, loss, accuracy))
        if self._clock() - self._told_at >= PROGRESS_EVERY_S:
            self.tell()

    def tell(self) -> None:
        """All that has not been told yet."""
        if self._epochs:
            write_frame(self._answers, {"progress": self._epochs})
            self._epochs = []
            self._told_at = self._clock()


def _answer(worker: "Worker", order: Frame, progress: "OnProgress") -> Answer:
    """What one order brings; whatever is wrong with it is an answer too."""
    try:
        return carry_out(worker, order.header, bytes(order.payload), progress)
    except MLError as error:
        return to_dict(error), b""
    except BrokenPipeError:
        raise
    except Exception as error:
        log.exception("order %r failed", order.header.get("do"))
        return to_dict(TrainerFault(f"{type(error).__name__}: {error}")), b""


def carry_out(worker: "Worker", header: Header, payload: bytes, progress: "OnProgress | None" = None) -> Answer:
    """Do what one request says. Raises MLError."""
    match header.get("do"):
        case "add" if "trainer" in header:
            return {"rows": worker.add_client(_text(header, "digest"), _client(header))}, b""
        case "add":
            digest, name = _text(header, "digest"), _text(header, "name")
            return {"rows": worker.add_file(digest, name, payload, *_shape(header))}, b""
        case "missing":
            return {"missing": worker.missing(_texts(header, "digests"))}, b""
        case "moments":
            return {}, worker.moments(_texts(header, "digests")).to_bytes()
        case "train":
            update = worker.train(_task(header), payload, progress)
            return {"rows": update.rows, "loss": update.loss, "accuracy": update.accuracy}, update.sum
        case "evaluate":
            found = worker.evaluate(_task(header), payload, _text(header, "digest"))
            return {"loss": found.loss, "accuracy": 1 - found.error_rate}, b""
        case "fingerprint":
            from roundelay.ml.fingerprint import fingerprint

            return {"fingerprint": fingerprint(plan_from_dict(header.get("plan")))}, b""
        case other:
            raise BadTask(f"an order to do {other!r}")


def _task(header: Header) -> TrainerTask:
    return task_from_dict(header.get("task"))


def _shape(header: Header) -> tuple[int | None, int]:
    """(features, classes) that a file is to have."""
    features, classes = header.get("features"), header.get("classes", CLASSES_DEFAULT)
    if not (features is None or isinstance(features, int)) or not isinstance(classes, int):
        raise BadTask(f"features {features!r} and classes {classes!r}: expected integers")
    return features, classes


def _client(header: Header) -> "Client":
    from roundelay.ml.flower import Client

    settings, rows = header.get("config"), header.get("rows")
    if not isinstance(settings, dict) or not (rows is None or isinstance(rows, int)):
        raise BadTask(f"config {settings!r} and rows {rows!r} of a client: expected settings and a number")
    return Client(_text(header, "trainer"), settings, rows)


def _text(header: Header, key: str) -> str:
    text = header.get(key)
    if not isinstance(text, str):
        raise BadTask(f"{key} {text!r}: expected a text")
    return text


def _texts(header: Header, key: str) -> list[str]:
    texts = header.get(key)
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BadTask(f"{key}: expected a list of texts")
    return texts


if __name__ == "__main__":
    sys.exit(main())
