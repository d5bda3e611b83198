"""A ring on this machine for one client.

It starts while the client imports numpy and reads the data, so this module imports little.
"""

from __future__ import annotations

from contextlib import ExitStack

from roundelay.client.errors import InvalidRequest
from roundelay.ml.models.allowed import allow, module_of
from roundelay.node.local import StartingRing, begin_local_ring
from roundelay.node.options import NODES_MAX


def begin_ring(nodes: int, stack: ExitStack, model: str = "") -> StartingRing:
    """Begin a ring that may train `model`; the stack ends it. Raises InvalidRequest."""
    if not 1 <= nodes <= NODES_MAX:
        raise InvalidRequest(f"a local ring takes 1 to {NODES_MAX} nodes, not {nodes}")
    return begin_local_ring(nodes, stack, of_nodes=allow_model(model))


def allow_model(model: str) -> tuple[str, ...]:
    """Allow the import of a model's module here; return the options that allow it on a node."""
    module = module_of(model)
    if module is None:
        return ()
    allow([module])
    return "--models", module
