"""A ring on this machine for one client.

It starts while the client imports numpy and reads the data, so this module imports little.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from roundelay.client.errors import InvalidRequest
from roundelay.ml.models.allowed import allow, module_of
from roundelay.node.local import StartingRing, begin_local_ring
from roundelay.node.options import NODES_MAX

OBJECTS_PACKAGE = "roundelay_objects"  # what jobs call the classes and functions of a program


def begin_ring(nodes: int, stack: ExitStack, model: str = "", objects: Path | None = None) -> StartingRing:
    """Begin a ring that may train `model`; the stack ends it. Raises InvalidRequest.

    `objects` is a folder with modules of this program, which the nodes may then import too (see `local_models`).
    """
    if not 1 <= nodes <= NODES_MAX:
        raise InvalidRequest(f"a local ring takes 1 to {NODES_MAX} nodes, not {nodes}")
    modules = [*allow_model(model), *([OBJECTS_PACKAGE] if objects else [])]
    options = ("--models", ",".join(modules)) if modules else ()
    return begin_local_ring(nodes, stack, of_nodes=options, modules=objects)


def allow_model(model: str) -> tuple[str, ...]:
    """Allow the import of a model's module here; return it, if there is one to allow on the nodes too."""
    module = module_of(model)
    if module is None:
        return ()
    allow([module])
    return (module,)
