"""Decode an order of the trainer protocol (trainer.py), have the worker carry it out, and encode its answer."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from roundelay.ml.design import CLASSES_DEFAULT
from roundelay.ml.errors import BadTask
from roundelay.ml.frames import Header
from roundelay.ml.readers.limits import DEFAULT, Limits
from roundelay.ml.sliced import Sliced, as_bytes, part_of
from roundelay.ml.task import TrainerTask, task_from_dict
from roundelay.ml.training_plan import plan_from_dict

if TYPE_CHECKING:  # numpy must be imported after one_blas_thread()
    from roundelay.ml.checkpoint import Keep
    from roundelay.ml.flower import Client
    from roundelay.ml.partial_update import PartialUpdate
    from roundelay.ml.worker import OnProgress, Worker

log = logging.getLogger(__name__)

Answer = tuple[Header, tuple[Sliced, ...]]  # the payload in its parts


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
            return survey_folder(Path(_text(header, "path")), worker.limits), ()
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
            return {"fingerprint": _fingerprint(header)}, ()
        case other:
            raise BadTask(f"unknown order {other!r}")


def survey_folder(path: Path, limits: Limits = DEFAULT) -> Header:
    """Return what private data a folder has. Raises MLError."""
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


def _fingerprint(header: Header) -> str:
    from roundelay.ml.fingerprint import fingerprint

    size = header.get("weights_bytes")
    if not (size is None or isinstance(size, int)):
        raise BadTask(f"weights_bytes {size!r}: expected an integer")
    return fingerprint(plan_from_dict(header.get("plan")), size)


def _client(header: Header) -> "Client":
    from roundelay.ml.flower import Client

    settings, rows = header.get("config"), header.get("rows")
    if not isinstance(settings, dict) or not (rows is None or isinstance(rows, int)):
        raise BadTask(f"config {settings!r} and rows {rows!r} of a client: expected a dictionary and an integer")
    return Client(_text(header, "trainer"), settings, rows)


def _task(header: Header) -> TrainerTask:
    return task_from_dict(header.get("task"))


def _shape(header: Header) -> tuple[int | None, int]:
    """Return the (features, classes) that a file must have."""
    features, classes = header.get("features"), header.get("classes", CLASSES_DEFAULT)
    if not (features is None or isinstance(features, int)) or not isinstance(classes, int):
        raise BadTask(f"features {features!r} and classes {classes!r}: expected integers")
    return features, classes


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
