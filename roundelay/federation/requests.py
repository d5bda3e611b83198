"""Requests about jobs: orders, polls of their tickets, pushes of gossip, heartbeats, listings.

An order is idempotent: its ticket is a digest of everything in it. Its task is one of the values in
roundelay.federation.tasks, never code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from roundelay.chord.effects import Request
from roundelay.chord.errors import Malformed
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import Activity, TrainingStatus
from roundelay.federation.listed_job import ListedJob
from roundelay.federation.secure_sum import Masking, sum_id
from roundelay.federation.settings import PRIORITY
from roundelay.federation.states import FINAL_STATES
from roundelay.federation.tasks import (
    CompareTask,
    EvaluateTask,
    MomentsTask,
    PersonalTask,
    RevealTask,
    SiteTask,
    Task,
    TrainTask,
)
from roundelay.ml.errors import first_of
from roundelay.ml.task import RECEIPT_BYTES, FileTask, TrainerTask, local_seed, vectors_sent
from roundelay.store.items import CONTENT_BYTES_MAX, Write, WriteDelta
from roundelay.store.packing import SUM_BYTES, WEIGHT_BYTES, pack, unpack_along
from roundelay.trust.identity import Identity

NAMES_SHOWN = 8  # of files, in a message
WAIT_MAX_S = 5.0  # longest that a poll is held
WORK_MAX = 10**16  # rows x epochs x weights of an order: some days on one core
FILE_BYTES, PLACE_BYTES, SHARE_BYTES, NUMBER_BYTES = 700, 36, 500, 32  # about what they take in memory


@dataclass(frozen=True)
class TrainingFile:
    """One training file of a job; `index` is its place in the job's sorted list."""

    index: int
    name: str
    digest: str
    size_bytes: int
    rows: int


def names(files: Sequence[TrainingFile], shown: int = NAMES_SHOWN) -> str:
    """Return the files' names for a message, the first of them if there are many."""
    return first_of([file.name for file in files], shown)


@dataclass(frozen=True)
class Share:
    """The files of an order that one node works on, by their index in the job's list."""

    node: NodeRef
    files: tuple[int, ...]  # ascending


@dataclass(frozen=True)
class Order(Request[str]):
    """Do this task on these files. Answered with a ticket at once."""

    job: str
    round: int
    files: tuple[TrainingFile, ...]
    task: Task
    weights: str = ""  # digest of the weights that training starts from, where it needs any
    weights_bytes: int = 0
    may_refuse: bool = False  # a busy node may refuse, and the order goes to another
    shares: tuple[Share, ...] = ()  # of an order for several nodes: which node trains which files
    limit: int = 0  # of such an order: where the receiver's part of the ring ends
    attempt: int = 0  # of gossip: the driver's attempt at the round; the receiver keeps its result
    masking: Masking | None = field(default=None, repr=False)  # the result leaves masked, for a sum with these sites
    content: bytes = field(
        default=b"", repr=False, compare=False
    )  # the weights, perhaps packed, where they travel along
    base: str = field(default="", repr=False, compare=False)  # `content` is the delta to the weights of this digest
    priority: float = field(default=PRIORITY, repr=False, compare=False)  # of its job; not part of what is ordered

    def __post_init__(self) -> None:
        if isinstance(self.task, EvaluateTask) and len(self.files) != 1:
            raise Malformed(f"order.files: {len(self.files)} to evaluate on, expected 1")
        if self.masking is not None and (not isinstance(self.task, TrainTask | MomentsTask) or self.has_receipts):
            raise Malformed("order.masking: only an update without receipts, or sums of features, can be masked")
        if self.has_receipts and self.attempt:
            raise Malformed("order.task: receipts of a round whose results stay on their nodes")
        if isinstance(self.task, TrainTask) and self.task.vectors > 1 and (self.attempt or self.masking is not None):
            raise Malformed("order.task: gradients are summed neither in gossip nor under masks")
        if self.is_single and (self.attempt or self.shares):
            raise Malformed("order.task: single updates of a round in which nodes add up sums")
        if isinstance(self.task, TrainTask) and self.sums_bytes > CONTENT_BYTES_MAX:
            raise Malformed(f"order: updates of {self.sums_bytes} bytes, at most {CONTENT_BYTES_MAX}")
        if isinstance(self.task, TrainTask | PersonalTask) and self._work(self.task) > WORK_MAX:
            raise Malformed(f"order: {self._work(self.task):.1e} rows x epochs x weights, at most {WORK_MAX:.0e}")

    @cached_property
    def ticket(self) -> str:
        """Return a digest of everything that is ordered: the same in the driver and in the node."""
        return hashlib.sha256(f"{self!r}{self.masking or ''}".encode()).hexdigest()

    @property
    def sum_id(self) -> str:
        """Return the id of the secure sum that its result enters: the same at every site, whoever takes part."""
        return sum_id(f"{self.job} {self.round} {self.task} {self.weights} {self.weights_bytes}")

    @property
    def has_receipts(self) -> bool:
        """Return whether its result ends with a receipt of each file."""
        return isinstance(self.task, TrainTask) and self.task.receipts

    @property
    def receipts_bytes(self) -> int:
        """Return the bytes of the receipts behind its result."""
        return RECEIPT_BYTES * len(self.files) if self.has_receipts and not self.shares else 0

    @property
    def is_single(self) -> bool:
        """Return whether its result has each file's update by itself."""
        return isinstance(self.task, TrainTask) and self.task.is_single

    @property
    def start_vectors(self) -> int:
        """Return the number of vectors, each as long as the weights, that it starts from: the weights are the first."""
        return vectors_sent(self.task.updates, self.round) if isinstance(self.task, TrainTask) else 1

    @property
    def parameters(self) -> int:
        """Return the number of weights that it starts from."""
        return self.weights_bytes // (WEIGHT_BYTES * self.start_vectors)

    @property
    def vector_bytes(self) -> int:
        """Return the bytes of one exact sum or, where each update is returned by itself, of one file's."""
        if not isinstance(self.task, TrainTask):
            return SUM_BYTES * self.parameters
        return SUM_BYTES * (self.parameters * self.task.vectors + (self.task.updates == "each-with-loss"))

    @property
    def sums_bytes(self) -> int:
        """Return the bytes of what a training returns before its receipts."""
        return self.vector_bytes * (len(self.files) if self.is_single else 1)

    @property
    def memory_bytes(self) -> int:
        """Return about how much memory this order takes while it is kept."""
        size = len(self.job) + FILE_BYTES * (len(self.files) + 1) + SHARE_BYTES * len(self.shares)
        size += PLACE_BYTES * sum(len(share.files) for share in self.shares)
        if isinstance(self.task, TrainTask | EvaluateTask | SiteTask):
            size += len(self.task.moments) + NUMBER_BYTES * len(self.task.plan.config.class_weights)
            size += len(self.task.units) if isinstance(self.task, TrainTask) else 0
        if isinstance(self.task, CompareTask):
            size += len(self.task.rows)
        if isinstance(self.task, RevealTask):
            size += sum(map(len, self.task.boxes)) + masking_bytes(self.task.chosen.masking)
        if self.masking is not None:
            size += masking_bytes(self.masking)
        return size

    def _work(self, task: TrainTask | PersonalTask) -> int:
        epochs = task.plan.personal.epochs + (task.plan.config.epochs if isinstance(task, TrainTask) else 0)
        return sum(file.rows for file in self.files) * epochs * task.plan.design.connections

    @property
    def without_content(self) -> Order:
        """This order without the content that came with it."""
        return replace(self, content=b"", base="")

    @property
    def staging(self) -> Write | WriteDelta:
        """The write that stages the content that came with this order. Raises Malformed."""
        if self.base:
            return WriteDelta(self.weights, self.weights_bytes, self.base, self.content)
        return Write(self.weights, self.weights_bytes, 0, unpack_along(self.content, self.weights_bytes))

    @property
    def status(self) -> TrainingStatus:
        """Return the status line of this order at its start."""
        activity: Activity = "aggregate" if self.shares and not self.attempt else self.task.activity
        return TrainingStatus(self.job, self.round, activity, len(self.files))


def masking_bytes(masking: Masking) -> int:
    """Return about how much memory a masking takes."""
    return sum(SHARE_BYTES + PLACE_BYTES * len(site.files) for site in masking.sites)


def trainer_task(task: TrainTask | PersonalTask, number: int, files: Sequence[TrainingFile]) -> TrainerTask:
    """Return what a trainer does for these files. A file's seed depends on its place in the job, not on the node."""
    tasks = tuple(FileTask(f.digest, f.rows, local_seed(task.seed, number, f.index)) for f in files)
    if isinstance(task, PersonalTask):
        return TrainerTask(task.plan, tasks, task.moments, number)
    return TrainerTask(task.plan, tasks, task.moments, number, task.receipts, task.updates, task.units)


@dataclass(frozen=True)
class Progress:
    """How far an order has come.

    state: queued, running or done; failed, where another node would fail as well; unable, where
    only this node lacks an input; unfit, where its arithmetic gives different bits from the job's; unstable, where
    training left the range of numbers, as it would anywhere with this step.
    """

    state: str
    message: str = ""
    result: str = ""  # of a done order: the digest of its result
    size_bytes: int = 0
    seconds: float = 0.0
    loss: float = 0.0
    accuracy: float = 0.0
    training: TrainingStatus | None = None  # of a running order
    content: bytes = field(default=b"", repr=False)  # the result, perhaps packed, if it is small; a large one is read

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES

    def packed(self, tail_bytes: int = 0) -> Progress:
        """Return the same with its content packed; of that, `tail_bytes` at the end are receipts."""
        if not self.content or len(self.content) < self.size_bytes:
            return self
        return replace(self, content=pack(self.content, SUM_BYTES, tail_bytes))


@dataclass(frozen=True)
class Collect(Request[Progress]):
    """The progress of a ticket: when it is done or failed, or after wait_s. packed: its result may come packed."""

    ticket: str
    wait_s: float = 0.0
    packed: bool = False


@dataclass(frozen=True)
class LeafTicket:
    """How an order at a leaf is doing. The progress has its content only where the leaf delivers a result."""

    ticket: str
    progress: Progress


@dataclass(frozen=True)
class Errands:
    """What a host has for a leaf: orders that it has not taken yet, and tickets whose result is asked for."""

    orders: tuple[Order, ...] = ()
    wanted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attach(Request[Errands]):
    """Attach a leaf to the receiver, or keep it attached; answered once there is something to do, or after wait_s.

    number: grows with every such request of a leaf, so that one that was overtaken is told apart. tickets: all that the
    leaf knows. taken: orders that have come from the receiver since the last answer.
    """

    leaf: NodeRef
    number: int
    tickets: tuple[LeafTicket, ...] = ()
    taken: tuple[str, ...] = ()
    wait_s: float = 0.0


@dataclass(frozen=True)
class Push(Request[None]):
    """Half of the sender's weighted model in a round of gossip; its content was written to the receiver before.

    The same push again counts once. Raises NotFound: it was not accepted.
    """

    job: str
    round: int
    attempt: int
    number: int  # of the sender's exchanges
    sender: NodeRef
    digest: str
    size_bytes: int


@dataclass(frozen=True)
class DriverHeartbeat(Request[None]):
    """Renew the driver's lease on a job: no node takes it over for failover.DRIVER_LEASE_S."""

    job: str
    driver: Identity | None = None  # as the caller's certificate states it; never sent

    @property
    def goes_in_line(self) -> bool:
        return True


@dataclass(frozen=True)
class ListJob(Request[ListedJob]):
    """Ask what a node's records say of a job. Raises NotFound: it has none of it; NotYet during a hand-off."""

    job: str

    @property
    def goes_in_line(self) -> bool:
        return True
