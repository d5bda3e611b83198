"""Orders and their progress: what a driver asks of a node, and what it is told.

An order is idempotent: its ticket is a digest of all that it says, so the same order again is
the same ticket. The task is a JSON object that roundelay.ml.worker understands; never code.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property

from roundelay.chord.effects import Request
from roundelay.chord.refs import NodeRef

WAIT_MAX_S = 5.0  # longest that a collect is held


@dataclass(frozen=True)
class TrainingFile:
    """One training file of a job; `index` is its place in the job's sorted list."""

    index: int
    name: str
    digest: str
    size_bytes: int
    rows: int


@dataclass(frozen=True)
class Share:
    """Which of an order's files a node is to work on, by their places in the job's list."""

    node: NodeRef
    files: tuple[int, ...]  # ascending


@dataclass(frozen=True)
class Order(Request[str]):
    """Do this task on these files. Answered with a ticket at once."""

    job: str
    round: int
    files: tuple[TrainingFile, ...]
    task: str  # JSON
    weights: str = ""  # digest of the weights that training starts from, where it needs any
    weights_bytes: int = 0
    may_refuse: bool = False  # a node that is busy with other things may say so: the order goes elsewhere
    shares: tuple[Share, ...] = ()  # of an order to be passed on: who is to work on which files
    limit: int = 0  # of such an order: where the receiver's part of the ring ends
    attempt: int = 0  # of a round in which nobody adds: the driver's attempt at it; the receiver keeps what it makes

    @cached_property
    def ticket(self) -> str:
        """A digest of everything that is ordered."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Progress:
    """How far an order has come.

    state: queued, running or done; failed, where another node would fail as well; unable, where
    only this node lacks what it takes; unfit, where its arithmetic gives other bits than the job's.
    """

    state: str
    message: str = ""
    result: str = ""  # of a done order: the digest of its result, to be read like any content
    size_bytes: int = 0
    seconds: float = 0.0
    loss: float = 0.0
    accuracy: float = 0.0

    @property
    def is_final(self) -> bool:
        return self.state in ("done", "failed", "unable", "unfit")


@dataclass(frozen=True)
class Collect(Request[Progress]):
    """The progress of a ticket: when it is done or failed, or after wait_s."""

    ticket: str
    wait_s: float = 0.0


@dataclass(frozen=True)
class Push(Request[None]):
    """Half of what the sender holds of a round in which nobody adds; its content was written to the receiver before.

    The same push again counts once. Raises NotFound where it was certainly not taken.
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
    """I drive this job: for LEASE_S nobody else need take it over."""

    job: str
