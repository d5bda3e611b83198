"""The parent's side of the trainer protocol (roundelay.ml.trainer): one order, from its missing files to its result.

The trainer keeps parsed files between rounds. It is asked first which files of an order it lacks; exactly those are
added, and only then does it compute. The client does no I/O: `ask` carries one request to a trainer, in a process of
its own (roundelay.node.trainer) or inline (roundelay.sim.program).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace

from roundelay.chord.errors import NotFound
from roundelay.federation.effects import Compute, Done
from roundelay.federation.errors import FilesLacking, OtherBits, StepTooLarge, WorkFailed
from roundelay.federation.requests import Order, TrainingFile, trainer_task
from roundelay.federation.tasks import (
    CompareTask,
    DescribeTask,
    EvaluateTask,
    HeldOutTask,
    HistogramTask,
    MixTask,
    MomentsTask,
    PersonalTask,
    PromiseTask,
    RevealTask,
    TrainTask,
)
from roundelay.ml import answers
from roundelay.ml import errors as ml_errors
from roundelay.ml.errors import CannotWrite, DataError, EndOfFrames, FrameError, InputMissing, MLError, PluginUnknown
from roundelay.ml.frames import Frame, Header
from roundelay.ml.sliced import Sliced
from roundelay.ml.task import TrainerTask
from roundelay.ml.training_plan import TrainingPlan
from roundelay.store.blobs import digest_of

FINGERPRINTS_MAX = 16  # plans whose fingerprint is remembered
UNPROVEN_MAX = 1 << 18  # weights of a model that is tried on an order's word: it takes some 28 bytes for each

AskTrainer = Callable[[Header, Sequence[Sliced], Order], Frame]  # header; the payload in its parts
# Returns what adds a file of the node's own, by its digest; None for any other file. Raises NotFound if it has changed.
FindOwn = Callable[[str], Header | None]


class TrainerClient:
    """Has orders carried out by one trainer. own: finds the node's private data, if it has any."""

    def __init__(
        self, ask: AskTrainer, own: FindOwn | None = None, begun: Callable[[Order], Frame | None] = lambda order: None
    ) -> None:
        """begun: returns the latest checkpoint of an order, if there is one."""
        self._ask = ask
        self._own = own or (lambda digest: None)
        self._begun = begun
        self._fingerprints: dict[TrainingPlan, str] = {}  # this machine's

    def carry_out(self, effect: Compute, on_start: Callable[[], None] = lambda: None) -> Done:
        """Carry out an order; `on_start` is called when the trainer has all it needs.

        Raises FilesLacking with the digests that `effect.contents` must have; OtherBits; NotFound where only this
        trainer cannot; StepTooLarge, WorkFailed; what `ask` raises when the trainer does not answer. What is raised of
        private data quotes no value of a row; its cause does.
        """
        own = {file.digest: found for file in effect.order.files if (found := self._own(file.digest)) is not None}
        try:
            if isinstance(effect.order.task, DescribeTask | CompareTask | HistogramTask):
                return self._describe(effect.order, effect.order.task, own)
            self._require_fingerprint(effect)
            self._add_missing_files(effect, own.keys())
            named = self._add_own(effect.order, own) if own else effect.order
            on_start()
            return self._compute(effect, named)
        except (EndOfFrames, FrameError):
            raise
        except (PluginUnknown, CannotWrite) as error:  # another node may have it, or room
            raise NotFound(str(error)) from error
        except ml_errors.StepTooLarge as error:
            raise StepTooLarge(str(error)) from error
        except MLError as error:
            raise WorkFailed(error.without_values() if own else str(error)) from error

    def _require_fingerprint(self, effect: Compute) -> None:
        """Raise OtherBits unless this machine computes the bits that the job promises. Costs a tiny training, once.

        A large model is tried only when its weights have come: an order alone could name any size.
        """
        order, plan, weights = effect.order, _plan(effect.order), effect.contents.get(effect.order.weights)
        if not plan.fingerprint or (weights is None and plan.design.connections > UNPROVEN_MAX):
            return
        tried = plan.of_fingerprint()
        if tried not in self._fingerprints:
            if len(self._fingerprints) >= FINGERPRINTS_MAX:
                self._fingerprints.clear()
            request: Header = {"do": "fingerprint", "plan": tried.to_dict()}
            if weights is not None:
                request["weights_bytes"] = len(weights) // order.start_vectors
            answer = self._ask(request, (), order)
            self._fingerprints[tried] = answers.fingerprint(answer.header)
        ours = self._fingerprints[tried]
        if ours != plan.fingerprint:
            prints = f"fingerprint {ours[:8]}, the job's {plan.fingerprint[:8]}"
            raise OtherBits(f"computes different bits ({prints}): it trains none of the files")

    def _add_missing_files(self, effect: Compute, own: Set[str]) -> None:
        """Add the files that the trainer lacks, except the node's own."""
        order, design = effect.order, _plan(effect.order).design
        asked = [digest for digest in _digests(order) if digest not in own]
        if own and not asked:
            return
        missing = answers.missing(self._ask({"do": "missing", "digests": asked}, (), order).header, asked)
        if absent := missing - effect.contents.keys():
            raise FilesLacking(sorted(absent))
        for file in order.files:
            if file.digest not in missing:
                continue
            add: Header = {"do": "add", "digest": file.digest, "name": file.name}
            add |= {"features": design.features, "classes": design.label_classes}
            self._ask(add, (effect.contents[file.digest],), order)

    def _describe(
        self, order: Order, task: DescribeTask | CompareTask | HistogramTask, own: Mapping[str, Header]
    ) -> Done:
        """Have private files described. Raises NotFound: what is wrong with them concerns this node only."""
        requests = [own[file.digest] for file in order.files if "path" in own.get(file.digest, {})]
        if not order.files or len(requests) < len(order.files):
            raise NotFound("asked to describe files that are not among its private ones")
        numbers = {str(r["name"]): file.index for r, file in zip(requests, order.files, strict=True)}
        request: Header = {"do": task.asks, "path": requests[0]["path"], "numbers": numbers}
        payload = task.reading.encode()
        if isinstance(task, CompareTask):
            request["reading_bytes"], payload = len(payload), payload + task.rows
        return Done(self._ask_own(request, payload, order).content, 0.0)

    def _add_own(self, order: Order, own: Mapping[str, Header]) -> Order:
        """Add the private files that the trainer lacks; return the order with the digests by which it knows files.

        A file that two jobs read differently is two files to the trainer. Raises NotFound for one that cannot be read.
        """
        reading = _plan(order).reading
        known = {f: f.digest if "path" not in own.get(f.digest, {}) else _key(f, reading) for f in order.files}
        named = replace(order, files=tuple(replace(file, digest=known[file]) for file in order.files))
        asked = [known[file] for file in order.files if file.digest in own]
        missing = answers.missing(self._ask({"do": "missing", "digests": asked}, (), order).header, asked)
        for file in order.files:
            if file.digest in own and known[file] in missing:
                request = {**own[file.digest], "digest": known[file], "number": file.index}
                self._ask_own(request, reading.encode() if "path" in request else b"", order)
        return named

    def _ask_own(self, request: Header, payload: bytes, order: Order) -> Frame:
        """Ask for what reads private data. Raises NotFound with what is wrong with them, without a value of theirs."""
        try:
            return self._ask(request, (payload,), order)
        except (DataError, InputMissing, CannotWrite) as error:
            raise NotFound(error.without_values()) from error

    def _compute(self, effect: Compute, named: Order) -> Done:
        """Have the trainer compute the task. named: the order with the digests by which the trainer knows files."""
        request, payload = _request(named), [effect.contents.get(named.weights, b"")]
        if isinstance(named.task, TrainTask) and (begun := self._begun(effect.order)) is not None:
            request, payload = request | {"begun": begun.header}, [*payload, begun.content]
        answer = self._ask(request, payload, effect.order)
        return Done(answer.content, 0.0, *answers.scores(answer.header))


def _request(order: Order) -> Header:
    """Return the request that carries out the order's task: the one place that tells the tasks apart."""
    match order.task:
        case MomentsTask():
            return {"do": "moments", "digests": _digests(order)}
        case TrainTask() as task:
            return {"do": "train", "task": trainer_task(task, order.round, order.files).to_dict()}
        case PersonalTask() as task:
            return {"do": "personal", "task": trainer_task(task, order.round, order.files).to_dict()}
        case EvaluateTask(plan, moments):
            read_as = TrainerTask(plan, moments=moments).to_dict()
            return {"do": "evaluate", "task": read_as, "digest": order.files[0].digest}
        case HeldOutTask(plan, moments):
            read_as = TrainerTask(plan, moments=moments).to_dict()
            return {"do": "held_out", "task": read_as, "digests": _digests(order)}
        case _:
            raise WorkFailed("a trainer does not mix models: the order names no other nodes")


def _plan(order: Order) -> TrainingPlan:
    if isinstance(order.task, MixTask | DescribeTask | CompareTask | PromiseTask | RevealTask):
        raise WorkFailed("a trainer does not mix models: the order names no other nodes")
    return order.task.plan


def _key(file: TrainingFile, reading: str) -> str:
    """Return the digest of a private file as it is read for a job."""
    return digest_of(f"{file.digest} {file.index} {reading}".encode())


def _digests(order: Order) -> Sequence[str]:
    return [file.digest for file in order.files]
