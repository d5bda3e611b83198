"""The ring of --local: it comes up while the client imports numpy and reads the data. So this imports neither."""

from __future__ import annotations

from contextlib import ExitStack

from roundelay.cli import exits, options
from roundelay.ml.models.allowed import allow, module_of
from roundelay.node.local import StartingRing, begin_local_ring
from roundelay.node.options import NODES_MAX


def begin_ring(chosen: options.Namespace, stack: ExitStack) -> StartingRing:
    """A ring of our own, which the stack ends. Raises Exit."""
    if not 1 <= chosen.local <= NODES_MAX:
        raise exits.Exit(exits.USAGE, f"--local takes 1 to {NODES_MAX} nodes")
    return begin_local_ring(chosen.local, stack, of_nodes=allow_model(chosen.model))


def allow_model(model: str) -> tuple[str, ...]:
    """A model that the user names may be imported. Returns what nodes that we start are to be told."""
    module = module_of(model)
    if module is None:
        return ()
    allow([module])
    return "--models", module
