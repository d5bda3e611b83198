"""The registry of plugins: models, optimizers, losses, rules, placements, ... (KINDS) that do not ship.

A job names them as MODULE:NAME, and never carries code. A process imports only the modules that it was told to allow:
a node those it was started with (`compute_node.py --plugins mine`), a client those that its own command line names. An
installed package gives its plugins short names by entry points of the group `roundelay.KIND`; the process that starts
a job replaces them by MODULE:NAME, so that no node needs to know them.

It imports little: a node does not need numpy, and a trainer should start soon.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from roundelay.ml.choices import NAMED
from roundelay.ml.errors import PluginUnknown, printable

KINDS = ("models", "optimizers", "losses", "rules", "placements", "topologies", "readers", "partitioners")
SHIPPED = {"torchzoo": "roundelay.ml.models.torchzoo"}
_VARIABLE = "ROUNDELAY_PLUGINS"  # comma-separated; a trainer inherits it from its node


# --- what may be imported


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


def modules_of(names: Iterable[str]) -> list[str]:
    """Return the modules that must be allowed for these names; names that ship need none."""
    modules = [module for module, colon, _ in (name.partition(":") for name in names) if colon]
    return [module for module in dict.fromkeys(modules) if module not in SHIPPED]


# --- from a name to an object


def load(kind: str, name: str) -> Any:
    """Import MODULE:NAME, a plugin of this kind. Raises PluginUnknown if it is not allowed, or not there."""
    module, _, attribute = name.partition(":")
    if module not in SHIPPED and module not in allowed():
        raise PluginUnknown(f"{_one(kind)} {name} is not allowed here: start the node with --plugins {module}")
    if module.partition(".")[0] in sys.stdlib_module_names:  # a model or a job of a stranger may name os:system
        raise PluginUnknown(f"cannot import {_one(kind)} {name}: {module} belongs to Python and has no plugins")
    try:
        found = getattr(import_module(SHIPPED.get(module, module)), attribute)
    except (ImportError, AttributeError) as error:
        hint = (
            "; install PyTorch: python3 -m pip install 'roundelay[torch]'"
            if getattr(error, "name", "") == "torch"
            else ""
        )
        raise PluginUnknown(f"cannot import {_one(kind)} {name}: {printable(str(error))}{hint}") from error
    except (Exception, SystemExit) as error:  # of the module's own code, which must end no node
        raise PluginUnknown(f"cannot import {_one(kind)} {name}: {_told(error)}") from error
    if not callable(found):
        raise PluginUnknown(f"{name}, given as {_one(kind)}, cannot be called")
    return found


def instance(kind: str, name: str) -> Any:
    """Import a plugin that is called directly; a class is instantiated first, without arguments."""
    found = load(kind, name)
    if not isinstance(found, type):
        return found
    try:
        return found()
    except (Exception, SystemExit) as error:
        raise PluginUnknown(f"cannot make an instance of {_one(kind)} {name}: {_told(error)}") from error


def full_name(kind: str, name: str, shipped: Iterable[str]) -> str:
    """Return MODULE:NAME for the short name of an installed plugin; return any other name as it is."""
    return name if ":" in name or name in shipped else installed(kind).get(name, name)


def installed(kind: str) -> dict[str, str]:
    """Return the installed plugins of a kind: short name -> MODULE:NAME."""
    from importlib.metadata import entry_points

    found = {each.name: each.value.replace(" ", "") for each in entry_points(group=f"roundelay.{kind}")}
    return {name: value for name, value in sorted(found.items()) if NAMED.fullmatch(value)}


def _told(error: BaseException) -> str:
    """Return what a plugin's code has raised, and where."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" ({place.tb_frame.f_code.co_filename}, line {place.tb_lineno})" if place is not None else ""
    return printable(f"{type(error).__name__}: {error}{'' if isinstance(error, SyntaxError) else where}")


def _one(kind: str) -> str:
    """Return the singular."""
    if kind.endswith("ies"):
        return kind.removesuffix("ies") + "y"
    return kind.removesuffix("es") if kind.endswith("sses") else kind.removesuffix("s")
