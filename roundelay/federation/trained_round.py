"""What a round's training leads to, and what the next round starts from."""

from __future__ import annotations

from dataclasses import dataclass, field

from roundelay.federation import compression, receipts
from roundelay.federation.order_sender import WeightsDelta
from roundelay.federation.records import RoundResult, Taken
from roundelay.federation.spec import JobSpec
from roundelay.ml.mlp import Evaluation
from roundelay.ml.models.catalogue import learner
from roundelay.ml.sliced import Joined, as_bytes
from roundelay.store.blobs import Content, digest_of
from roundelay.store.items import CHUNK_BYTES
from roundelay.store.packing import SUM_BYTES, WEIGHT_BYTES, pack


@dataclass(frozen=True)
class TrainedRound:
    """What a round's training leads to, which the next round starts from."""

    number: int
    content: Content  # the weights; of a large model they are in a file
    state: bytes = b""  # of the rule
    loss: float = 0.0  # of training
    halvings: int = 0  # of the step, so far
    receipts: receipts.Receipts = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    left_out: tuple[int, ...] = ()  # files of nodes that were away
    taken: Taken = ()  # updates that a round of a buffered job took

    @property
    def weights(self) -> bytes:
        """The weights in memory."""
        return as_bytes(self.content)


def first_weights(spec: JobSpec) -> bytes:
    """Return the initial weights that follow from the job's seed: little-endian float32."""
    return learner(spec.design).init_weights(spec.settings.seed).astype("<f4", copy=False).tobytes()


def weights_bytes(spec: JobSpec) -> int:
    """Return the size of a job's weights."""
    return WEIGHT_BYTES * learner(spec.design).parameters


def start_of(spec: JobSpec, before: TrainedRound) -> Content:
    """Return what training starts from in the round after this one: the weights, and the state that trainers need."""
    return Joined([before.content, before.state]) if needs_state(spec, before) else before.content


def needs_state(spec: JobSpec, before: TrainedRound) -> bool:
    """Return whether trainers need the rule's state in the round after this one."""
    return spec.updates == "sum-with-gradient" and bool(before.state)


def result_of(
    spec: JobSpec, trained: TrainedRound, previous: str, standardised_by: bytes, found: Evaluation
) -> RoundResult:
    """Return the RESULT of a round. previous: digest of the RESULT before it. standardised_by: the job's moments."""
    return RoundResult(
        spec.job,
        trained.number,
        previous,
        digest_of(trained.content),
        len(trained.content),
        "" if trained.number else standardised_by.hex(),
        found.errors,
        found.rows,
        trained.left_out,
        digest_of(trained.state) if trained.state else "",
        len(trained.state),
        trained.loss,
        trained.halvings,
        receipts.root(trained.receipts),
        found.fit,
        trained.taken,
    )


def delta_between(spec: JobSpec, base: Content, trained: TrainedRound) -> WeightsDelta | None:
    """Return the delta of a round's weights to those before it; None if it is too large for a message."""
    before = as_bytes(base)
    state = compression.state_of(spec, before, trained.state)
    packed = pack(compression.delta_of(before, trained.weights, state), SUM_BYTES)
    return WeightsDelta(digest_of(base), packed) if 0 < len(packed) <= CHUNK_BYTES else None
