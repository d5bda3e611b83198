"""The parent's side of the trainer protocol (roundelay.ml.trainer): one order, from its missing files to its result.

The trainer keeps parsed files between rounds. It is asked first which files of an order it lacks; exactly those are
added, and only then does it compute. The client does no I/O: `ask` carries one request to a trainer, in a process of
its own (roundelay.node.trainer) or inline (roundelay.sim.program).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from roundelay.chord.errors import NotFound
from roundelay.federation.effects import Compute, Done
from roundelay.federation.errors import FilesLacking, OtherBits, StepTooLarge, WorkFailed
from roundelay.federation.requests import Order, trainer_task
from roundelay.federation.tasks import EvaluateTask, MixTask, MomentsTask, TrainTask
from roundelay.ml import answers
from roundelay.ml import errors as ml_errors
from roundelay.ml.errors import EndOfFrames, FrameError, MLError, PluginUnknown
from roundelay.ml.frames import Frame, Header
from roundelay.ml.task import TrainerTask, TrainingPlan

FINGERPRINTS_MAX = 16  # plans whose fingerprint is remembered
UNPROVEN_MAX = 1 << 20  # weights of a model that is tried on an order's word

AskTrainer = Callable[[Header, bytes, Order], Frame]


class TrainerClient:
    """Has orders carried out by one trainer.

    clients: by digest, the requests that add a Flower client in the place of a file.
    """

    def __init__(self, ask: AskTrainer, clients: Mapping[str, Header] | None = None) -> None:
        self._ask = ask
        self._clients = clients or {}
        self._fingerprints: dict[TrainingPlan, str] = {}  # this machine's

    def carry_out(self, effect: Compute, on_start: Callable[[], None] = lambda: None) -> Done:
        """Carry out an order; `on_start` is called when the trainer has all it needs.

        Raises FilesLacking with the digests that `effect.contents` must have; OtherBits; NotFound where only this
        trainer cannot; StepTooLarge, WorkFailed; what `ask` raises when the trainer does not answer.
        """
        try:
            self._require_fingerprint(effect)
            self._add_missing_files(effect)
            on_start()
            return self._compute(effect)
        except (EndOfFrames, FrameError):
            raise
        except PluginUnknown as error:  # another node may have it
            raise NotFound(str(error)) from error
        except ml_errors.StepTooLarge as error:
            raise StepTooLarge(str(error)) from error
        except MLError as error:
            raise WorkFailed(str(error)) from error

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
                request["weights_bytes"] = len(weights)
            answer = self._ask(request, b"", order)
            self._fingerprints[tried] = answers.fingerprint(answer.header)
        ours = self._fingerprints[tried]
        if ours != plan.fingerprint:
            prints = f"fingerprint {ours[:8]}, the job's {plan.fingerprint[:8]}"
            raise OtherBits(f"computes different bits ({prints}): it trains none of the files")

    def _add_missing_files(self, effect: Compute) -> None:
        order, design = effect.order, _plan(effect.order).design
        asked = _digests(order)
        missing = answers.missing(self._ask({"do": "missing", "digests": asked}, b"", order).header, asked)
        if absent := missing - effect.contents.keys() - self._clients.keys():
            raise FilesLacking(sorted(absent))
        for file in order.files:
            if file.digest not in missing:
                continue
            if file.digest in self._clients:
                self._ask(self._clients[file.digest], b"", order)
                continue
            add: Header = {"do": "add", "digest": file.digest, "name": file.name}
            add |= {"features": design.features, "classes": design.label_classes}
            self._ask(add, effect.contents[file.digest], order)

    def _compute(self, effect: Compute) -> Done:
        """Have the trainer compute the task."""
        order, request = effect.order, _request(effect.order)
        answer = self._ask(request, effect.contents.get(order.weights, b""), order)
        return Done(bytes(answer.payload), 0.0, *answers.scores(answer.header))


def _request(order: Order) -> Header:
    """Return the request that carries out the order's task: the one place that tells the tasks apart."""
    match order.task:
        case MomentsTask():
            return {"do": "moments", "digests": _digests(order)}
        case TrainTask() as task:
            return {"do": "train", "task": trainer_task(task, order.round, order.files).to_dict()}
        case EvaluateTask(plan, moments):
            read_as = TrainerTask(plan, moments=moments).to_dict()
            return {"do": "evaluate", "task": read_as, "digest": order.files[0].digest}
        case MixTask():
            raise WorkFailed("a trainer does not mix models: the order names no other nodes")


def _plan(order: Order) -> TrainingPlan:
    if isinstance(order.task, MixTask):
        raise WorkFailed("a trainer does not mix models: the order names no other nodes")
    return order.task.plan


def _digests(order: Order) -> Sequence[str]:
    return [file.digest for file in order.files]
