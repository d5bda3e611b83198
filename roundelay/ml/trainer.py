"""The trainer process: python -m roundelay.ml.trainer [--max-file-bytes N].

It reads orders as frames on stdin, and writes answers as frames on stdout:

    {"do": "add", "digest", "name"}, content       ->  {"rows"}; optional: "features", "classes"
    {"do": "add", "digest", "trainer", "config"}   ->  {"rows"}; optional: "rows"; a Flower client (flower.py)
    {"do": "add", "digest", "name", "path", "number"}, reading  ->  {"rows"}; a private file, read from its folder
    {"do": "survey", "path"}                       ->  {"kind", "parts", "problem"}; the private files in a folder
    {"do": "describe", "path", "numbers"}, reading ->  {}, SiteSchema.to_bytes: names of columns and classes
    {"do": "compare", "path", "numbers", "reading_bytes"}, reading and digests  ->  {}, one byte: are many rows there?
    {"do": "histogram", "path", "numbers"}, reading  ->  {}, cells.to_bytes: counts of values in cells of many rows
    {"do": "missing", "digests"}                   ->  {"missing": the digests that must be added (again)}
    {"do": "moments", "digests"}                   ->  {}, FeatureSums.to_bytes
    {"do": "train", "task"}, weights               ->  {"rows", "loss", "accuracy"}, int64 sum and receipts;
                                                       optional: "begun", the header of a checkpoint, whose payload
                                                       follows the weights
    {"do": "evaluate", "task", "digest"}, weights  ->  {"loss", "accuracy"}
    {"do": "held_out", "task", "digests"}, weights ->  {}, Counts.to_bytes, on the rows that files hold out
    {"do": "personal", "task"}, weights            ->  {}, Counts.to_bytes, of the site's own model on the same rows
    {"do": "fingerprint", "plan"}                  ->  {"fingerprint"}; optional: "weights_bytes", of the job

During training it also writes {"progress": [[file's index in the task, epoch, loss, accuracy], ...]}. Epochs that end
within PROGRESS_EVERY_S share a frame, because each frame wakes the node and takes processor time from the training.
When an epoch ends CHECKPOINT_EVERY_S or more after the last checkpoint, it writes another: {"checkpoint": release, ...}
(checkpoint.py). A failed order is answered by {"error": kind, "message": ...} (errors.to_dict); then the next is read.
The process ends at the end of its input, so it does not outlive its parent. It ignores SIGINT: its parent handles it.
"""

import gc
import logging
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, BinaryIO

from roundelay.ml.errors import CannotWrite, EndOfFrames, FrameError, MLError, TrainerFault, private, to_dict
from roundelay.ml.frames import Frame, NotKept, read_frame, write_frame
from roundelay.ml.malloc import keep_freed_memory
from roundelay.ml.readers.limits import DEFAULT, OPTION, Limits
from roundelay.ml.temporary import file_for
from roundelay.ml.threads import one_blas_thread
from roundelay.ml.trainer_orders import Answer, carry_out

if TYPE_CHECKING:  # numpy must be imported after one_blas_thread()
    from roundelay.ml.checkpoint import Checkpoint, Keep
    from roundelay.ml.worker import OnProgress, Worker

log = logging.getLogger(__name__)

PROGRESS_EVERY_S = 0.1
CHECKPOINT_EVERY_S = 0.25  # shorter epochs share a checkpoint
CHECKPOINT_SHARE = 20  # the pause after a checkpoint, as a multiple of what writing it took


def main(arguments: Sequence[str] = ()) -> int:
    """Answer the orders on this process's stdin until it ends; return the exit status."""
    limits = Limits(int(arguments[1])) if arguments[:1] == [OPTION] else DEFAULT
    one_blas_thread()
    keep_freed_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(stream=sys.stderr, format="%(name)s: %(message)s")
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # only frames may be written to the real stdout
    gc.disable()  # imports create no garbage
    from roundelay.ml.worker import Worker

    gc.freeze()
    gc.enable()
    try:
        serve(Worker(limits=limits), sys.stdin.buffer, answers)
    except FrameError as error:
        log.error("ending: %s", error)
        return os.EX_PROTOCOL
    except BrokenPipeError:
        os._exit(os.EX_OK)  # the reader is gone; closing the stream would fail again
    return os.EX_OK


def serve(worker: "Worker", orders: BinaryIO, answers: BinaryIO, clock: Callable[[], float] = time.monotonic) -> None:
    """Answer orders one after the other until the stream ends."""
    progress = _Progress(answers, clock)
    while True:
        try:
            order = read_frame(orders, file_for)
        except EndOfFrames:
            return
        except NotKept as error:
            full = CannotWrite(f"no room for an order in the folder that TMPDIR names: {error.__cause__}")
            write_frame(answers, to_dict(full))
            continue
        header, payload = _answer(worker, order, progress, _Checkpoints(answers, clock))
        progress.flush()
        write_frame(answers, header, *payload)
        del order, payload  # before the next order: of a large model both take much room


class _Progress:
    """A callback that writes finished epochs in batches, the first one at once."""

    def __init__(self, answers: BinaryIO, clock: Callable[[], float]) -> None:
        self._answers = answers
        self._clock = clock
        self._flushed_at = -math.inf
        self._epochs: list[tuple[int, int, float, float]] = []

    def __call__(self, index: int, epoch: int, loss: float, accuracy: float) -> None:
        self._epochs.append((index, epoch, loss, accuracy))
        if self._clock() - self._flushed_at >= PROGRESS_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Write all epochs that are still unwritten."""
        if self._epochs:
            write_frame(self._answers, {"progress": self._epochs})
            self._epochs = []
            self._flushed_at = self._clock()


class _Checkpoints:
    """Writes checkpoints of one order as frames; the first one when the order has taken a while."""

    def __init__(self, answers: BinaryIO, clock: Callable[[], float]) -> None:
        self._answers = answers
        self._clock = clock
        self._due_at = clock() + CHECKPOINT_EVERY_S
        self._has_written = False

    def is_due(self, is_last: bool = False) -> bool:
        return self._clock() >= self._due_at or (is_last and self._has_written)

    def __call__(self, checkpoint: "Checkpoint") -> None:
        began = self._clock()
        header, payload = checkpoint.to_frame()
        write_frame(self._answers, header, *payload)
        ended, self._has_written = self._clock(), True
        self._due_at = ended + max(CHECKPOINT_EVERY_S, CHECKPOINT_SHARE * (ended - began))


def _answer(worker: "Worker", order: Frame, progress: "OnProgress", keep: "Keep") -> Answer:
    """Carry out an order; answer an error with its description."""
    try:
        return carry_out(worker, order.header, order.payload, progress, keep)
    except MLError as error:
        return to_dict(error), ()
    except BrokenPipeError:
        raise
    except Exception as error:
        log.exception("order %r failed", order.header.get("do"))
        return to_dict(TrainerFault(f"{type(error).__name__}: {private(error)}")), ()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
