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
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from roundelay.ml.design import CLASSES_DEFAULT
from roundelay.ml.errors import BadTask, CannotWrite, EndOfFrames, FrameError, MLError, TrainerFault, private, to_dict
from roundelay.ml.frames import Frame, Header, NotKept, read_frame, write_frame
from roundelay.ml.malloc import keep_freed_memory
from roundelay.ml.readers.limits import DEFAULT, OPTION, Limits
from roundelay.ml.sliced import Sliced, as_bytes, part_of
from roundelay.ml.task import TrainerTask, task_from_dict
from roundelay.ml.temporary import file_for
from roundelay.ml.threads import one_blas_thread
from roundelay.ml.training_plan import plan_from_dict

if TYPE_CHECKING:  # numpy must be imported after one_blas_thread()
    from roundelay.ml.checkpoint import Checkpoint, Keep
    from roundelay.ml.flower import Client
    from roundelay.ml.partial_update import PartialUpdate
    from roundelay.ml.worker import OnProgress, Worker

log = logging.getLogger(__name__)

PROGRESS_EVERY_S = 0.1
CHECKPOINT_EVERY_S = 0.25  # shorter epochs share a checkpoint
CHECKPOINT_SHARE = 20  # the pause after a checkpoint, as a multiple of what writing it took

Answer = tuple[Header, tuple[Sliced, ...]]  # the payload in its parts


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


def carry_out(
    worker: "Worker",
    header: Header,
    payload: Sliced | bytearray,
    progress: "OnProgress | None" = None,
    keep: "Keep | None" = None,
) -> Answer:
    """Carry out an order; `keep` is given checkpoints of a training. Raises MLError."""
    match header.get("do"):
        case "add" if "trainer" in header:
            return {"rows": worker.add_client(_text(header, "digest"), _client(header))}, ()
        case "add" if "path" in header:
            digest, name, path = (_text(header, key) for key in ("digest", "name", "path"))
            return {
                "rows": worker.add_private(digest, Path(path), name, _number(header), as_bytes(payload).decode())
            }, ()
        case "add":
            digest, name = _text(header, "digest"), _text(header, "name")
            return {"rows": worker.add_file(digest, name, as_bytes(payload), *_shape(header))}, ()
        case "survey":
            return _survey(Path(_text(header, "path")), worker.limits), ()
        case "describe" | "compare" | "histogram":
            return {}, (_described(header, as_bytes(payload), worker.limits),)
        case "missing":
            return {"missing": worker.missing(_texts(header, "digests"))}, ()
        case "moments":
            return {}, (worker.moments(_texts(header, "digests")).to_bytes(),)
        case "train":
            update = _train(worker, header, payload, progress, keep)
            scores: Header = {"rows": update.rows, "loss": update.loss, "accuracy": update.accuracy}
            return scores, (update.sum, update.receipts)
        case "evaluate":
            evaluation = worker.evaluate(_task(header), payload, _text(header, "digest"))
            return {"loss": evaluation.loss, "accuracy": 1 - evaluation.error_rate}, ()
        case "held_out":
            counted, auc = worker.count_held_out(_task(header), payload, _texts(header, "digests"))
            return {}, (counted.to_bytes(auc),)
        case "personal":
            counted, auc = worker.count_personal(_task(header), payload)
            return {}, (counted.to_bytes(auc),)
        case "fingerprint":
            from roundelay.ml.fingerprint import fingerprint

            size = header.get("weights_bytes")
            if not (size is None or isinstance(size, int)):
                raise BadTask(f"weights_bytes {size!r}: expected an integer")
            return {"fingerprint": fingerprint(plan_from_dict(header.get("plan")), size)}, ()
        case other:
            raise BadTask(f"unknown order {other!r}")


def _survey(path: Path, limits: Limits = DEFAULT) -> Header:
    from roundelay.ml.readers import site

    kind, parts, problem = site.survey(path, limits)
    found = [[each.name, [str(p) for p in each.paths], each.digest, each.size_bytes, each.rows] for each in parts]
    return {"kind": kind, "parts": found, "problem": problem}


def _described(header: Header, payload: bytes, limits: Limits) -> bytes:
    """Return what may be told of the private files in a folder."""
    import numpy as np

    from roundelay.ml import cells
    from roundelay.ml.readers import site, site_counts
    from roundelay.ml.readers.reading import reading_from_json

    end = header.get("reading_bytes", len(payload))
    if not isinstance(end, int) or (len(payload) - end) % 8:
        raise BadTask("reading_bytes: expected where the digests begin")
    path, numbers, reading = Path(_text(header, "path")), _numbers(header), reading_from_json(payload[:end].decode())
    match header["do"]:
        case "describe":
            return site.describe(path, numbers, reading, limits).to_bytes()
        case "compare":
            rows = np.frombuffer(payload[end:], "<u8").astype(np.uint64)
            return bytes([site.holds_many(path, numbers, reading, rows, limits)])
        case _:
            return cells.to_bytes(site_counts.count_values(path, numbers, reading, limits))


def _number(header: Header) -> int:
    number = header.get("number")
    if not isinstance(number, int) or number < 0:
        raise BadTask(f"number {number!r}: expected that of a file")
    return number


def _numbers(header: Header) -> dict[str, int]:
    """Return the files that an order names, with their numbers in the job."""
    numbers = header.get("numbers")
    if not isinstance(numbers, dict) or not all(isinstance(each, int) and each >= 0 for each in numbers.values()):
        raise BadTask("numbers: expected those of files by their names")
    return numbers


def _train(
    worker: "Worker", header: Header, payload: Sliced | bytearray, progress: "OnProgress | None", keep: "Keep | None"
) -> "PartialUpdate":
    """Train, from a checkpoint if there is one that fits."""
    task, begun = _task(header), header.get("begun")
    if not isinstance(begun, dict):
        return worker.train(task, payload, progress, keep)
    from roundelay.ml.checkpoint import checkpoint_from_frame
    from roundelay.ml.models.catalogue import learner

    parameters = learner(task.plan.design).parameters
    end = 4 * parameters * task.start_vectors
    whole = bytes(payload) if isinstance(payload, bytearray) else payload
    weights, kept = part_of(whole, 0, end), whole[end:]
    try:
        epochs = task.plan.config.epochs
        checkpoint = checkpoint_from_frame(
            begun, kept, parameters * task.vectors, len(task.files), epochs, task.receipts
        )
        return worker.train(task, weights, progress, keep, checkpoint)
    except BadTask as error:  # of this release or of the task itself
        log.warning("training from the start: %s", error)
        return worker.train(task, weights, progress, keep)


def _task(header: Header) -> TrainerTask:
    return task_from_dict(header.get("task"))


def _shape(header: Header) -> tuple[int | None, int]:
    """Return the (features, classes) that a file must have."""
    features, classes = header.get("features"), header.get("classes", CLASSES_DEFAULT)
    if not (features is None or isinstance(features, int)) or not isinstance(classes, int):
        raise BadTask(f"features {features!r} and classes {classes!r}: expected integers")
    return features, classes


def _client(header: Header) -> "Client":
    from roundelay.ml.flower import Client

    settings, rows = header.get("config"), header.get("rows")
    if not isinstance(settings, dict) or not (rows is None or isinstance(rows, int)):
        raise BadTask(f"config {settings!r} and rows {rows!r} of a client: expected a dictionary and an integer")
    return Client(_text(header, "trainer"), settings, rows)


def _text(header: Header, key: str) -> str:
    text = header.get(key)
    if not isinstance(text, str):
        raise BadTask(f"{key} {text!r}: expected a string")
    return text


def _texts(header: Header, key: str) -> list[str]:
    texts = header.get(key)
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BadTask(f"{key}: expected a list of strings")
    return texts


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
