"""Topologies of plugins (group roundelay.topologies): nodes in groups, each of which adds its sums along a tree.

`tree` is one group of all nodes. A plugin decides which nodes belong together, for example those of one host or site;
a group's first node adds its sums over its fingers and returns one sum to the driver. Sums are exact, so all topologies
of this kind give the model of `star`, bit for bit; what a group could not do, the star does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from roundelay.chord.refs import NodeRef
from roundelay.federation.errors import WorkFailed
from roundelay.ml import plugins
from roundelay.ml.errors import printable

Nodes = tuple[NodeRef, ...]


class Topology(Protocol):
    """Which nodes add their sums together."""

    def __call__(self, nodes: Nodes, number: int, /) -> Sequence[Sequence[NodeRef]]:
        """Return groups of the nodes that train in round `number`; no node is in two. The first node is the head."""
        ...


def group_nodes(topology: str, nodes: Nodes, number: int) -> list[Nodes]:
    """Ask a plugin for its groups. Raises PluginUnknown; WorkFailed for an error in it, or wrong groups."""
    made: Topology = plugins.instance("topologies", topology)
    try:
        groups = [tuple(group) for group in made(nodes, number)]
        members = {node for group in groups for node in group}
    except Exception as error:
        raise WorkFailed(f"topology {topology} failed: {type(error).__name__}: {printable(str(error))}") from error
    if sum(map(len, groups)) != len(members) or not members <= set(nodes):
        raise WorkFailed(f"topology {topology} returned a node twice, or one that does not train in this round")
    return [group for group in groups if group]
