"""Every request about the ring that one process may send to another, and its answer.

All of them are idempotent. The requests of the store are in store/items.py, those of jobs in federation/requests.py.
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
    """A node nearer to the key, and the finger by which it is known (None: by the successor list)."""

    node: NodeRef
    finger: int | None = None


@dataclass(frozen=True)
class Hop:
    """One step of a lookup.

    found: the key lies between the answering node and its successor, and `nodes` are its live successors, the owner
    first. Otherwise `candidates` precede the key, the nearest first.
    """

    found: bool
    nodes: tuple[NodeRef, ...] = ()
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True)
class Neighbourhood:
    """A node's predecessor and its whole successor list, including placeholders."""

    predecessor: NodeRef
    successors: tuple[NodeRef, ...]


@dataclass(frozen=True)
class Hello:
    """The identity of the node at an address."""

    node: NodeRef
    ring: Ring
    joined: bool


@dataclass(frozen=True)
class Grant:
    """An admission: the new node's identity, the ring, and a live member to join through (None: create the ring)."""

    node: NodeRef
    ring: Ring
    bootstrap: NodeRef | None


@dataclass(frozen=True)
class Lease:
    """How long a member counts as alive, and another live member, so that a split ring is noticed."""

    seconds: float
    other: NodeRef | None


Activity = Literal["moments", "train", "evaluate", "mix", "aggregate", "describe"]
_ACTIVITIES: dict[Activity, str] = {
    "moments": "summing the features of",
    "train": "training",
    "evaluate": "evaluating the new model on",
    "mix": "exchanging models after training",
    "aggregate": "passing on and aggregating",
    "describe": "describing",
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

    @property
    def scores(self) -> str:
        """The scores of the epoch that ended last; a regression has no accuracy."""
        return f"accuracy {self.accuracy:.3f}, " * bool(self.accuracy) + f"loss {self.loss:.4f}"

    def __str__(self) -> str:
        """Return one line for people."""
        if self.file:
            return f"round {self.round}, {self.file}, epoch {self.epoch}: {self.scores}"
        files = f"{self.files} file{'s' * (self.files != 1)}"
        return f"round {self.round}: {_ACTIVITIES[self.activity]} {files}"


@dataclass(frozen=True)
class LeafStatus:
    """A leaf, which only dials out, as the node that it is attached to knows it."""

    node: NodeRef
    silent_s: float  # since the node has heard of it
    orders: int = 0  # that are not finished
    training: TrainingStatus | None = None


@dataclass(frozen=True)
class Status:
    """A node's state, for display."""

    node: NodeRef
    ring: Ring
    predecessor: NodeRef
    successors: tuple[NodeRef, ...]
    fingers: tuple[NodeRef, ...]
    names: tuple[str, ...]  # of its entries, sorted
    stored_bytes: int = 0
    training: TrainingStatus | None = None  # None while it is idle
    leaves: tuple[LeafStatus, ...] = ()  # that are attached to it


# --- requests to a compute node


class SayHello(Request[Hello]):
    """Ask for a node's identity. The only request that is sent to an address, not to a node."""

    answers_at_once = True


@dataclass(frozen=True)
class NextHop(Request[Hop]):
    """Ask for the next hop on the way to `key`, without the nodes in `failed`."""

    answers_at_once = True

    key: int
    failed: tuple[NodeRef, ...] = ()


@dataclass(frozen=True)
class GetNeighbours(Request[Neighbourhood]):
    """Ask for a node's predecessor and successor list; also serves as a ping."""

    answers_at_once = True


@dataclass(frozen=True)
class Notify(Request[None]):
    """Claim to be the receiver's predecessor, which makes it rectify."""

    answers_at_once = True

    sender: NodeRef


@dataclass(frozen=True)
class Nudge(Request[None]):
    """Ask the receiver to stabilize now, because its neighbourhood has changed."""

    answers_at_once = True


@dataclass(frozen=True)
class Leaving(Request[None]):
    """Announce that the sender leaves: it counts as dead from now on."""

    sender: NodeRef


@dataclass(frozen=True)
class GetStatus(Request[Status]):
    """Ask for a node's state."""

    answers_at_once = True


# --- requests to the supernode


@dataclass(frozen=True)
class Admit(Request[Grant]):
    """Ask for admission of the node that listens at `address`."""

    address: Address
    node_id: int | None = None  # as the caller's certificate states it; never sent


@dataclass(frozen=True)
class Heartbeat(Request[Lease]):
    """Renew the lease of a member."""

    answers_at_once = True

    node: NodeRef


@dataclass(frozen=True)
class Retire(Request[None]):
    """Announce that a member has left."""

    node: NodeRef


@dataclass(frozen=True)
class Members:
    """The live members, in the order of their identifiers, and the parameters of their ring."""

    ring: Ring
    nodes: tuple[NodeRef, ...] = field(default=())


class GetMembers(Request[Members]):
    """Ask for the live members."""

    answers_at_once = True
