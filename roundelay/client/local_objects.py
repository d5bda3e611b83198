"""Classes and functions of a program as plugins that the nodes of its local ring can import: models, rules, ...

A job names its plugins and never carries code. What comes from a module is named MODULE:NAME as it is. A class of a
notebook or a script's main module is written to a file instead: its source, with the imports, constants, classes and
functions that it uses. The files are in a temporary folder of this process, which its local rings are told to import
from; rings of other people are not.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import inspect
import linecache
import symtable
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from roundelay.client.errors import InvalidRequest
from roundelay.client.local import OBJECTS_PACKAGE
from roundelay.ml.plugins import allow, modules_of

CONSTANTS = (bool, int, float, str, bytes, tuple, frozenset, type(None))
IN_TRAINERS = ("model", "optimizer", "loss")  # settings whose plugins nodes import; others are for the driver
FUTURE = "from __future__ import annotations"
OBJECTS_MAX = 100  # that one of them may use
PACKAGE = '''"""Objects of one program, by name, which ends with the digest of the source; its module is of_NAME."""

from importlib import import_module, invalidate_caches


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    invalidate_caches()
    return getattr(import_module(f"{__name__}.of_{name}"), name.rpartition("_")[0])
'''


class LocalObjects:
    """The classes and functions of this program that jobs on its local rings may name."""

    _folder: tempfile.TemporaryDirectory[str] | None = None  # of this process: a name means the same in all its rings

    def __init__(self, plugins: Iterable[str] = ()) -> None:
        """Begin with none; plugins: what the ring's nodes may import beside them, as MODULE:NAME."""
        self._modules = {OBJECTS_PACKAGE, *modules_of(plugins)}
        if LocalObjects._folder is None:
            LocalObjects._folder = tempfile.TemporaryDirectory(prefix="roundelay-objects-")
        self.folder = Path(LocalObjects._folder.name)
        self._package = self.folder / OBJECTS_PACKAGE
        self._package.mkdir(exist_ok=True)
        (self._package / "__init__.py").write_text(PACKAGE)

    def require(self, settings: Mapping[str, Any]) -> None:
        """Raise InvalidRequest if the ring's trainers may not import what these settings name."""
        for setting in (each for each in IN_TRAINERS if each in settings):
            if missing := set(modules_of([settings[setting]])) - self._modules:
                name = settings[setting]
                raise InvalidRequest(
                    f"the nodes of this ring may not import {missing.pop()}, for {setting} {name}: "
                    f"start it with local_ring(plugins=[{name!r}])"
                )

    def add(self, setting: str, made: Any) -> str:
        """Make a class or function known to the ring; return its name for a job. Raises InvalidRequest."""
        if not isinstance(made, type | FunctionType):
            raise InvalidRequest(f"{setting} is a {type(made).__name__}; give a name, or a class or function")
        source = _Source(made).text
        name = f"{made.__name__}_{hashlib.sha256(source.encode()).hexdigest()[:12]}"
        (self._package / f"of_{name}.py").write_text(source)
        if str(self.folder) not in sys.path:
            sys.path.append(str(self.folder))
        importlib.invalidate_caches()
        allow([OBJECTS_PACKAGE])
        return f"{OBJECTS_PACKAGE}:{name}"


class _Source:
    """The source of an object as a module of its own."""

    def __init__(self, made: Any) -> None:
        self._head = [FUTURE]
        self._parts: list[str] = []
        self._seen: set[str] = set()
        if _is_ours(made):
            self._add_source(made)
        else:
            self._head.append(f"from {made.__module__} import {made.__qualname__}")
        self.text = "\n\n".join(["\n".join(self._head), *self._parts]) + "\n"

    def _add_source(self, made: Any) -> None:
        """Add an object's source after what it uses."""
        self._seen.add(made.__name__)
        if len(self._seen) > OBJECTS_MAX:
            raise InvalidRequest(f"{made.__name__} uses more than {OBJECTS_MAX} names: put it into a module")
        try:
            source = inspect.cleandoc("\n" + _source_of(made))
            names = _global_names(symtable.symtable(f"{FUTURE}\n{source}", made.__name__, "exec"))
        except (OSError, TypeError, SyntaxError) as error:
            raise InvalidRequest(
                f"the source of {made.__name__} cannot be read: define it in a file or a cell"
            ) from error
        scope = vars(sys.modules[made.__module__])
        for name in sorted(names - self._seen):
            if name in scope:
                self._add_name(name, scope[name], made.__name__)
        self._parts.append(source)

    def _add_name(self, name: str, value: Any, user: str) -> None:
        """Add what defines a global name. Raises InvalidRequest for a value that has no source."""
        if name in self._seen:
            return
        if isinstance(value, type | FunctionType) and _is_ours(value):
            self._add_source(value)
            return
        self._seen.add(name)
        if isinstance(value, ModuleType):
            self._head.append(f"import {value.__name__} as {name}")
        elif isinstance(value, CONSTANTS):
            self._parts.append(f"{name} = {value!r}")
        elif hasattr(value, "__module__") and hasattr(value, "__name__"):
            self._head.append(f"from {value.__module__} import {value.__name__} as {name}")
        else:
            raise InvalidRequest(
                f"{user} uses {name}, a {type(value).__name__}, which nodes do not have: define it inside"
            )


def _source_of(made: Any) -> str:
    """Return the source of a class or function. Raises OSError, TypeError, SyntaxError if it cannot be read."""
    if isinstance(made, type):  # inspect does not find the classes of a notebook: its main module is not a file
        for member in vars(made).values():
            if isinstance(member, FunctionType):
                text = "".join(linecache.getlines(member.__code__.co_filename))
                for node in ast.walk(ast.parse(text)):
                    if isinstance(node, ast.ClassDef) and node.name == made.__name__:
                        return ast.get_source_segment(text, node) or ""
    return inspect.getsource(made)


def _global_names(table: symtable.SymbolTable) -> set[str]:
    """Return the names that a source takes from outside, in all of its scopes."""
    is_module = table.get_type() == "module"
    names = {
        each.get_name() for each in table.get_symbols() if each.is_referenced() and (is_module or each.is_global())
    }
    return names.union(*map(_global_names, table.get_children()))


def _is_ours(made: Any) -> bool:
    """Return whether an object is defined in the main module: a script or a notebook."""
    return getattr(made, "__module__", None) == "__main__"
