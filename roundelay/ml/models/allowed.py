"""Which modules may be imported for a model. Imports no numpy: a node that trains nothing does without.

Who asks for a model cannot send code, nor have any module imported: a node imports what it was started with
(`compute_node.py --models mine`), the client what its own command line names.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib.util import find_spec

SHIPPED = {"torchzoo": "roundelay.ml.models.torchzoo"}
_VARIABLE = "ROUNDELAY_MODELS"  # between commas; a trainer inherits it from its node


def allow(modules: Iterable[str]) -> None:
    """From now on, this process and its children may import these, from the present folder too."""
    added = [name for name in modules if name]
    if not added:
        return
    os.environ[_VARIABLE] = ",".join(dict.fromkeys([*allowed(), *added]))
    import_from_here()


def import_from_here() -> None:
    """This process and its children find modules in the present folder too."""
    from pathlib import Path  # which takes long to import: a trainer does without

    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    paths = [*os.environ.get("PYTHONPATH", "").split(os.pathsep), here]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, paths)))


def allowed() -> list[str]:
    return [name for name in os.environ.get(_VARIABLE, "").split(",") if name]


def importable() -> tuple[str, ...]:
    """The modules that a job may name here: what this process was started with, and what ships if its extra is here."""
    return (*allowed(), *(SHIPPED if find_spec("torch") else ()))


def module_of(model: str) -> str | None:
    """The module of MODULE:NAME that must be allowed; None for what ships."""
    module, colon, _ = model.partition(":")
    return module if colon and module not in SHIPPED else None
