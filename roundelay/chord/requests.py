"""Every question about the ring that one process may put to another, with the type of its answer.

All of them are idempotent. The store's are in `store`, the jobs' in the federation package.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from roundelay.chord.effects import Request
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.ring import Ring

# --- answers


@dataclass(frozen=True)
class Candidate:
    """A node nearer to the key, and why it is known: a finger, or (None) the successor list."""

    node: NodeRef
    finger: int | None = None


@dataclass(frozen=True)
class Hop:
    """One step of a lookup.

    found: the key lies between the answering node and its successor; `nodes` are its live
    successors, the owner first. Otherwise `candidates` precede the key, the nearest first.
    """

    found: bool
    nodes: tuple[NodeRef, ...] = ()
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True)
class Neighbourhood:
    """A node's predecessor and its whole successor list, placeholders included."""

    predecessor: NodeRef
    successors: tuple[NodeRef, ...]


@dataclass(frozen=True)
class Hello:
    """Who answers at an address."""

    node: NodeRef
    ring: Ring
    joined: bool


@dataclass(frozen=True)
class Grant:
    """Admission: your name, the ring's parameters and a live member to join through (None: found it)."""

    node: NodeRef
    ring: Ring
    bootstrap: NodeRef | None


@dataclass(frozen=True)
class Lease:
    """You count as alive for so long; and some other live member, to notice a second ring by."""

    seconds: float
    other: NodeRef | None


Activity = Literal["moments", "train", "evaluate", "mix", "aggregate"]
_ACTIVITIES: dict[Activity, str] = {
    "moments": "summing the features of",
    "train": "training",
    "evaluate": "evaluating the new model on",
    "mix": "exchanging models after training",
    "aggregate": "passing on and aggregating",
}


@dataclass(frozen=True)
class TrainingStatus:
    """The progress of the order that a node is carrying out, and the epoch that ended last, if any has."""

    job: str
    round: int
    activity: Activity
    files: int  # that the order names
    file: str = ""  # of the epoch that ended last; empty: none has
    epoch: int = 0
    accuracy: float = 0.0
    loss: float = 0.0

    def __str__(self) -> str:
        """Return one line for people."""
        if self.file:
            scores = f"accuracy {self.accuracy:.3f}, loss {self.loss:.4f}"
            return f"round {self.round}, {self.file}, epoch {self.epoch}: {scores}"
        files = f"{self.files} file{'s' * (self.files != 1)}"
        return f"round {self.round}: {_ACTIVITIES[self.activity]} {files}"


@dataclass(frozen=True)
class Status:
    """All that a node would show of itself."""

    node: NodeRef
    ring: Ring
    predecessor: NodeRef
    successors: tuple[NodeRef, ...]
    fingers: tuple[NodeRef, ...]
    names: tuple[str, ...]  # of the entries it keeps, sorted
    stored_bytes: int = 0
    training: TrainingStatus | None = None  # None while it is idle


# --- questions to a compute node


class SayHello(Request[Hello]):
    """Who are you? The only question that need not name whom it means."""


@dataclass(frozen=True)
class NextHop(Request[Hop]):
    """Whom should I ask next for `key`, other than those that have failed me?"""

    key: int
    failed: tuple[NodeRef, ...] = ()


@dataclass(frozen=True)
class GetNeighbours(Request[Neighbourhood]):
    """Your predecessor and successor list, please; also serves to see whether you live."""


@dataclass(frozen=True)
class Notify(Request[None]):
    """I believe that I am your predecessor. (Zave: rectify.)"""

    sender: NodeRef


@dataclass(frozen=True)
class Nudge(Request[None]):
    """Your neighbourhood has changed: stabilise now rather than at your next tick."""


@dataclass(frozen=True)
class Leaving(Request[None]):
    """I am going: treat me as dead from now on."""

    sender: NodeRef


@dataclass(frozen=True)
class GetStatus(Request[Status]):
    """All that you would show of yourself."""


# --- questions to the supernode


@dataclass(frozen=True)
class Admit(Request[Grant]):
    """I listen there; let me in."""

    address: Address


@dataclass(frozen=True)
class Heartbeat(Request[Lease]):
    """I am a joined member and alive."""

    node: NodeRef


@dataclass(frozen=True)
class Retire(Request[None]):
    """I have left."""

    node: NodeRef


@dataclass(frozen=True)
class Members:
    """The live members, in the order of their identifiers, and the parameters of their ring."""

    ring: Ring
    nodes: tuple[NodeRef, ...] = field(default=())


class GetMembers(Request[Members]):
    """Whom do you hold for alive?"""
