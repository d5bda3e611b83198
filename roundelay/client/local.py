"""A ring on this machine for one client.

It starts while the client imports numpy and reads the data, so this module imports little.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from roundelay.client.errors import InvalidRequest
from roundelay.ml.plugins import allow, modules_of
from roundelay.node.local import StartingRing, begin_local_ring
from roundelay.node.options import NODES_MAX

OBJECTS_PACKAGE = "roundelay_objects"  # what jobs call the classes and functions of a program


def begin_ring(nodes: int, stack: ExitStack, names: Iterable[str] = (), objects: Path | None = None) -> StartingRing:
    """Begin a ring whose jobs may name these plugins, as MODULE:NAME; the stack ends it. Raises InvalidRequest.

    `objects` is a folder with modules of this program, which the nodes may then import too (see `local_objects`).
    """
    if not 1 <= nodes <= NODES_MAX:
        raise InvalidRequest(f"a local ring takes 1 to {NODES_MAX} nodes, not {nodes}")
    modules = [*allow_names(names), *([OBJECTS_PACKAGE] if objects else [])]
    options = ("--plugins", ",".join(modules)) if modules else ()
    return begin_local_ring(nodes, stack, of_nodes=options, modules=objects)


def allow_names(names: Iterable[str]) -> list[str]:
    """Allow the import of these plugins here; return the modules that are to be allowed on the nodes, too."""
    modules = modules_of(names)
    allow(modules)
    return modules
