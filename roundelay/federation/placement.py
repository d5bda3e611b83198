"""Placement: which node trains which file. Pure functions of the members, the holders and their speed.

A training's result does not depend on the node, so all policies give the same model, bit for bit. Each policy is one
function; POLICIES names those that ship, others are plugins of the group roundelay.placements.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from roundelay.chord.refs import NodeRef
from roundelay.federation.errors import WorkFailed
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import PLACEMENTS
from roundelay.ml import plugins
from roundelay.ml.errors import printable

Holders = Mapping[int, Sequence[NodeRef]]  # a file's index -> the nodes that should have it, the owner first
Groups = dict[NodeRef, tuple[TrainingFile, ...]]

BOUND = 1.25  # of bounded: no node gets more than this many times the mean
COST_UNKNOWN = 1.0


@dataclass(frozen=True)
class PlacementView:
    """The input of a placement policy."""

    nodes: tuple[NodeRef, ...]  # that may be given work, by identifier; none for a policy that looks at holders only
    holders: Holders
    chance: str = ""  # what random draws from: the job's seed and the round
    cost: Mapping[NodeRef, float] = field(default_factory=dict)  # seconds a row, as far as known
    copies: int = 3  # this many of a file's first holders have it
    round_trips: Mapping[NodeRef, float] = field(default_factory=dict)  # from the driver, in seconds, as measured

    def without(self, some: frozenset[NodeRef]) -> PlacementView:
        """Return the same view without some nodes."""
        holders = {index: tuple(n for n in nodes if n not in some) for index, nodes in self.holders.items()}
        nodes = tuple(n for n in self.nodes if n not in some)
        return replace(self, nodes=nodes, holders=holders)


Loads = dict[NodeRef, float]  # what each node has been given so far


class Choose(Protocol):
    """A placement policy: it is asked for one file after the other."""

    def __call__(self, file: TrainingFile, view: PlacementView, loads: Loads, count: int, /) -> NodeRef | None:
        """Return the node that trains this file, one of `view.nodes`; None if none can.

        `loads` holds the seconds of work that each node has been given in this round so far, by `view.cost`; `count`
        files are placed in all.
        """
        ...


def assign(policy: str, files: Sequence[TrainingFile], view: PlacementView) -> tuple[Groups, list[TrainingFile]]:
    """Assign each file to one node. Return the groups, and the files that no node can take."""
    choose, loads = policy_of(policy), Loads()
    groups: dict[NodeRef, list[TrainingFile]] = {}
    unplaced: list[TrainingFile] = []
    for file in files:
        node = choose(file, view, loads, len(files))
        if node is None:
            unplaced.append(file)
            continue
        loads[node] = loads.get(node, 0.0) + _weight(policy, file, node, view)
        groups.setdefault(node, []).append(file)
    return {node: tuple(group) for node, group in groups.items()}, unplaced


def by_hash(files: Sequence[TrainingFile], holders: Holders) -> tuple[Groups, list[TrainingFile]]:
    """Assign each file to the first of its holders."""
    return assign("hash", files, PlacementView((), holders))


# --- the policies


def _hash(file: TrainingFile, view: PlacementView, loads: Loads, count: int) -> NodeRef | None:
    """Choose the owner of the file's key (Stoica et al. 2001)."""
    return next(iter(view.holders[file.index]), None)


def _replicas(file: TrainingFile, view: PlacementView, loads: Loads, count: int) -> NodeRef | None:
    """Choose the node with a copy that will be done first, so that no file moves."""
    return _least(view.holders[file.index][: view.copies], file, view, loads)


def _bounded(file: TrainingFile, view: PlacementView, loads: Loads, count: int) -> NodeRef | None:
    """Choose the first node that is not full, from the owner on around the ring.

    Mirrokni, Thorup and Zadimoghaddam, Consistent hashing with bounded loads, SODA 2018.
    """
    owner = _hash(file, view, loads, count)
    if owner not in view.nodes:
        return owner
    first, full = view.nodes.index(owner), math.ceil(BOUND * count / len(view.nodes))
    turned = view.nodes[first:] + view.nodes[:first]
    return next((node for node in turned if loads.get(node, 0.0) < full), None)


def _round_robin(file: TrainingFile, view: PlacementView, loads: Loads, count: int) -> NodeRef | None:
    """Choose nodes in turn."""
    return view.nodes[file.index % len(view.nodes)] if view.nodes else None


def _random(file: TrainingFile, view: PlacementView, loads: Loads, count: int) -> NodeRef | None:
    """Choose a random node; the same one for the same seed, round and nodes."""
    return random.Random(f"{view.chance} {file.index}").choice(view.nodes) if view.nodes else None


def _least_loaded(file: TrainingFile, view: PlacementView, loads: Loads, count: int) -> NodeRef | None:
    """Choose the node that will be done first with all its files (Graham 1966)."""
    return _least(view.nodes, file, view, loads)


def _near(file: TrainingFile, view: PlacementView, loads: Loads, count: int) -> NodeRef | None:
    """Choose the node with a copy whose result will be here first: its round trip counts beside its work."""
    known = list(view.round_trips.values())
    usual_s = sum(known) / len(known) if known else 0.0

    def ends_s(node: NodeRef) -> float:
        return view.round_trips.get(node, usual_s) + loads.get(node, 0.0) + _seconds(file, node, view)

    return min(view.holders[file.index][: view.copies], key=ends_s, default=None)


POLICIES: dict[str, Choose] = dict(
    zip(PLACEMENTS, (_hash, _replicas, _bounded, _round_robin, _random, _least_loaded, _near), strict=True)
)


def policy_of(name: str) -> Choose:
    """Return a policy by its name. Raises PluginUnknown."""
    return POLICIES.get(name) or partial(_checked, name, plugins.instance("placements", name))


def _checked(
    name: str, choose: Choose, file: TrainingFile, view: PlacementView, loads: Loads, count: int
) -> NodeRef | None:
    """Ask a plugin's policy. Raises WorkFailed for an error in it, or a node that may not be given the file."""
    try:
        node = choose(file, view, dict(loads), count)
    except Exception as error:
        raise WorkFailed(f"placement {name} failed: {type(error).__name__}: {printable(str(error))}") from error
    if node is not None and node not in view.nodes and node not in view.holders[file.index]:
        raise WorkFailed(f"placement {name} returned {printable(repr(node))} for {file.name}, expected a live node")
    return node


STORING = frozenset({"replicas", "near"})  # these choose among the nodes that store a file, which leaves do not
BY_HOLDER = frozenset({"hash", "replicas", "near"})  # these choose among a file's holders, and look at no other node
BALANCING = frozenset({"replicas", "bounded", "least-loaded", "near"})  # under these a busy node may refuse


# --- helpers


def _least(nodes: Sequence[NodeRef], file: TrainingFile, view: PlacementView, loads: Loads) -> NodeRef | None:
    return min(nodes, key=lambda node: loads.get(node, 0.0) + _seconds(file, node, view), default=None)


def _weight(policy: str, file: TrainingFile, node: NodeRef, view: PlacementView) -> float:
    """Return what a file adds to a node's load: bounded counts files, the others seconds."""
    return 1.0 if policy == "bounded" else _seconds(file, node, view)


def _seconds(file: TrainingFile, node: NodeRef, view: PlacementView) -> float:
    """Return how long a node will take; for a node without samples, as long as the others on average."""
    known = list(view.cost.values())
    return file.rows * view.cost.get(node, sum(known) / len(known) if known else COST_UNKNOWN)
