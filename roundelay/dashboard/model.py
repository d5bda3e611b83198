"""The state of a ring at one moment, as values."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import LeafStatus, Status, TrainingStatus
from roundelay.chord.ring import Ring, between_right_closed
from roundelay.federation.snapshot import JobSnapshot

IDLE, TRAINING, UPDATING = "IDLE", "CLIENTS_TRAINING", "UPDATING_MODEL_PARAMS"
SCORES_MAX = 4096  # files whose last score is remembered, the latest
_RECORD = re.compile(r"[0-9a-f]{64}(\..*)?")


@dataclass(frozen=True)
class NodeState:
    """One node: its latest status, and whether it still answers."""

    status: Status
    answers: bool = True

    @property
    def ref(self) -> NodeRef:
        return self.status.node

    @property
    def name(self) -> str:
        return self.status.ring.show(self.ref.id)

    @property
    def share(self) -> float:
        """The fraction of the circle that it owns."""
        ring = self.status.ring
        return (ring.distance(self.status.predecessor.id, self.ref.id) or ring.size) / ring.size

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the entries that it owns, without records of jobs."""
        return tuple(name for name in self.status.names if not is_record(name) and self.owns(name))

    @property
    def copies(self) -> tuple[str, ...]:
        """The names of the entries that it holds as a replica."""
        return tuple(name for name in self.status.names if not is_record(name) and not self.owns(name))

    @property
    def records(self) -> int:
        return sum(map(is_record, self.status.names))

    @property
    def successors(self) -> tuple[NodeRef, ...]:
        return tuple(n for n in dict.fromkeys(self.status.successors) if not n.is_vacant)

    def owns(self, name: str) -> bool:
        return between_right_closed(self.status.predecessor.id, self.status.ring.key(name), self.ref.id)


@dataclass(frozen=True)
class Score:
    """What a node told of a file after an epoch."""

    address: str
    training: TrainingStatus

    @property
    def when(self) -> tuple[int, int]:
        return self.training.round, self.training.epoch


Scores = Mapping[tuple[str, str], Score]  # by job and file


@dataclass(frozen=True)
class RingState:
    """The whole ring. nodes: by identifier; jobs: in the order in which they were published."""

    supernode: Address | None  # None if the page entered through a node
    ring: Ring | None = None
    nodes: tuple[NodeState, ...] = ()
    jobs: tuple[JobSnapshot, ...] = ()
    supernode_answers: bool = False
    colours: dict[NodeRef, int] = field(default_factory=dict)
    scores: Scores = field(default_factory=dict)  # the last that was seen of each file

    def node(self, key: str) -> NodeState | None:
        """Return the node with this key (see key_of)."""
        return next((member for member in self.nodes if key_of(member.ref) == key), None)

    def job(self, job: str) -> JobSnapshot | None:
        return next((snapshot for snapshot in self.jobs if snapshot.job == job), None)

    def owner(self, name: str) -> NodeState | None:
        """Return the owner of a name, as the nodes themselves believe."""
        return next((member for member in self.nodes if member.answers and member.owns(name)), None)

    @property
    def running(self) -> JobSnapshot | None:
        """The oldest of the jobs that have not ended."""
        return next((snapshot for snapshot in self.jobs if not snapshot.end), None)

    @property
    def phase(self) -> str:
        """The phase of the training, by the names that earlier systems used."""
        if self.running is None:
            return IDLE
        return TRAINING if any(member.answers and member.status.training for member in self.nodes) else UPDATING


def updated_scores(before: Scores, told: Iterable[Status]) -> Scores:
    """Return the scores with what these nodes and their leaves tell now; a later epoch replaces an earlier one."""
    scores = dict(before)
    nodes = list(told)
    tellers: list[Status | LeafStatus] = [*nodes, *(leaf for node in nodes for leaf in node.leaves)]
    for teller in tellers:
        doing = teller.training
        if doing is None or not doing.file or not math.isfinite(doing.loss):
            continue
        known, new = scores.pop((doing.job, doing.file), None), Score(str(teller.node.address), doing)
        scores[doing.job, doing.file] = new if known is None or new.when >= known.when else known
    return dict(list(scores.items())[-SCORES_MAX:])


def title_of(snapshot: JobSnapshot) -> str:
    """Return what the page calls a job: the first digits of its id, and its name if it has one."""
    return f"{snapshot.job[:8]} {snapshot.spec.settings.name}".rstrip()


def is_record(name: str) -> bool:
    """Return whether a name is that of a job's record."""
    return _RECORD.fullmatch(name) is not None


def key_of(node: NodeRef) -> str:
    """Return the name of a node's incarnation on the page: a valid HTML id."""
    return f"n{node.id:x}-{node.incarnation:x}"
