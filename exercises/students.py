"""Load a student's file, and find its functions."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any


class Unusable(Exception):
    """A file cannot be checked; the message says why."""


def load(path: Path) -> ModuleType:
    """Import a file. Raises Unusable."""
    spec = spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        number = path.stem.removeprefix("exercise")
        which = number if number.isdecimal() else "N"
        raise Unusable(f"no file {path}; write a skeleton with  python3 -m exercises start {which}")
    made = module_from_spec(spec)
    try:
        spec.loader.exec_module(made)
    except Exception as error:
        raise Unusable(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    return made


def function(module: ModuleType, name: str) -> Callable[..., Any]:
    """Return a function of a student's file. Raises Unusable."""
    found = getattr(module, name, None)
    if not callable(found):
        raise Unusable(f"{module.__file__} has no function {name}")
    return found  # type: ignore[no-any-return]
