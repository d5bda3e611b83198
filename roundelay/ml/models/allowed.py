"""Which modules may be imported for a model. Imports no numpy: a node does not need it.

A job cannot send code or have arbitrary modules imported: a node imports those that it was started with
(`compute_node.py --models mine`), the client those that its own command line names.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib.util import find_spec

SHIPPED = {"torchzoo": "roundelay.ml.models.torchzoo"}
_VARIABLE = "ROUNDELAY_MODELS"  # comma-separated; a trainer inherits it from its node


def allow(modules: Iterable[str]) -> None:
    """Allow this process and its children to import these modules, also from the current folder."""
    names = [name for name in modules if name]
    if not names:
        return
    os.environ[_VARIABLE] = ",".join(dict.fromkeys([*allowed(), *names]))
    import_from_here()


def import_from_here() -> None:
    """Make this process and its children find modules in the current folder too."""
    here = os.getcwd()  # noqa: PTH109  # pathlib would slow down the start of a trainer
    if here not in sys.path:
        sys.path.append(here)
    paths = [*os.environ.get("PYTHONPATH", "").split(os.pathsep), here]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, paths)))


def allowed() -> list[str]:
    return [name for name in os.environ.get(_VARIABLE, "").split(",") if name]


def importable() -> tuple[str, ...]:
    """Return the modules that a job may name here: the allowed ones, and those that ship if PyTorch is installed."""
    return (*allowed(), *(SHIPPED if find_spec("torch") else ()))


def module_of(model: str) -> str | None:
    """Return the module of MODULE:NAME that must be allowed; None for a model that ships."""
    module, colon, _ = model.partition(":")
    return module if colon and module not in SHIPPED else None
