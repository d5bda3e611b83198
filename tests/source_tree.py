"""The source tree as data: modules, what each imports, and which of the imports wait inside a function."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ROOT / "roundelay"
GENERATED = PRODUCT / "rpc" / "gen"


@dataclass(frozen=True)
class Import:
    """One imported name, such as `roundelay.chord.ring` or `roundelay.chord.ring.Ring`."""

    name: str
    function: str | None  # the function that it stands in; None at module level

    def __str__(self) -> str:
        return f"{self.name} in {self.function}()" if self.function else self.name


@cache
def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text())


def mentions(path: Path, words: Iterable[str]) -> bool:
    """Return whether any of the words occurs in a module: where none does, there is no need to parse it."""
    text = path.read_text()
    return any(word in text for word in words)


@cache
def imports(path: Path, with_typing: bool = True) -> tuple[Import, ...]:
    """Return what a module imports; `with_typing` includes what only type checkers see."""
    return tuple(_imports(parse(path), None, with_typing))


def _imports(parent: ast.AST, function: str | None, with_typing: bool) -> Iterator[Import]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.expr):
            continue
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, function) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import of {node.module}"
            yield from (Import(f"{node.module}.{alias.name}", function) for alias in node.names)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _imports(node, function or node.name, with_typing)
        elif with_typing or not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from _imports(node, function, with_typing)


@cache
def calls(path: Path) -> frozenset[str]:
    """Return the functions that a module calls, as they are written there."""
    return frozenset(_written(node.func) for node in ast.walk(parse(path)) if isinstance(node, ast.Call))


def _written(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else ast.unparse(function)


def module_name(path: Path) -> str:
    """Return the dotted name of a module in `roundelay/`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def product_modules() -> dict[str, Path]:
    """Return every module in `roundelay/` by its dotted name, without those that Thrift's compiler writes."""
    paths = (path for path in sorted(PRODUCT.rglob("*.py")) if not path.is_relative_to(GENERATED))
    return {module_name(path): path for path in paths}


def module_of(name: str) -> str | None:
    """Return the module of ours that an imported name is or lies in."""
    modules = product_modules()
    return next((candidate for candidate in (name, name.rpartition(".")[0]) if candidate in modules), None)


def dependencies(found: Iterable[Import]) -> set[str]:
    """Return the modules of ours among what is imported."""
    return {module for each in found if (module := module_of(each.name)) is not None}


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Return the strongly connected components that have more than one module."""
    reachable = {module: _reach(graph, module) for module in graph}
    found: list[set[str]] = []
    for module in graph:
        if not any(module in circle for circle in found):
            circle = {other for other in reachable[module] if module in reachable[other]}
            found += [circle] if len(circle) > 1 else []
    return found


def _reach(graph: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    todo = [start]
    while todo:
        new = graph[todo.pop()] - seen
        seen |= new
        todo += new
    return seen


@cache
def loaded_by(module: str) -> frozenset[str]:
    """Return the top-level names of what importing a module of ours loads, modules of others included."""
    ours = {module} | _reach(_loading(), module)
    return frozenset(each.name.split(".")[0] for name in ours for each in _at_start(product_modules()[name]))


@cache
def _loading() -> dict[str, set[str]]:
    """Return, by module of ours, the modules that importing it loads directly."""
    return {name: _loads(path) for name, path in product_modules().items()}


def _loads(path: Path) -> set[str]:
    """Return the modules of ours that importing one loads: those it names, and the packages around them."""
    named = dependencies(_at_start(path)) | {module_name(path)}
    return named | {package for name in named for package in _packages_around(name)}


def _packages_around(name: str) -> Iterator[str]:
    while name := name.rpartition(".")[0]:
        yield name


def _at_start(path: Path) -> list[Import]:
    return [each for each in imports(path, with_typing=False) if each.function is None]
