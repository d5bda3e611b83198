"""The architecture, read from the source: imports point only downwards, and each package keeps to its trade."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Each package, and the packages of ours that it may import. Those in PRODUCT are `roundelay.NAME`.
CORE = {"chord", "store", "ml", "federation"}
MAY_IMPORT: dict[str, set[str]] = {
    "chord": set(),
    "ml": set(),
    "letters": set(),
    "store": {"chord"},
    "federation": {"chord", "store", "ml"},
    "sim": CORE,
    "rpc": {"federation", "store", "chord"},
    "node": {"rpc", *CORE},
    "cli": {"node", "rpc", *CORE},
    "dashboard": {"cli", "node", "rpc", *CORE},
    "deploy": {"cli", "node", "rpc", *CORE},
    "testing": {"cli", "node", "rpc", *CORE},
    "chaos": {"testing", "cli", "node", "rpc", *CORE},
    "bench": {"testing", "cli", "node", "rpc", "sim", *CORE},
}
OUTSIDE = {"letters", "deploy", "bench", "chaos"}  # beside the package: only a checkout has them
# Each entry point, and the packages that it may import: flags -> wiring -> run.
SCRIPTS = {"supernode.py": {"cli"}, "compute_node.py": {"cli"}, "client.py": {"cli"}}
PRODUCT = ROOT / "roundelay"

RULES = {str(path.relative_to(PRODUCT)) for path in PRODUCT.glob("federation/rules/*.py")}  # numerics of their own

# Modules of the standard library or of others that only some places may touch; bench, chaos and testing are free.
ONLY_IN = {
    "thrift": {"rpc"},
    "socket": {"rpc"},
    "ssl": {"rpc"},
    "select": {"rpc"},
    "selectors": {"rpc"},
    "sqlite3": {"node"},
    "fcntl": {"node"},
    "subprocess": {"node", "rpc/generate.py"},
    "threading": {"node", "rpc", "dashboard"},
    "concurrent": {"node", "dashboard"},
    "multiprocessing": set(),
    "asyncio": {"dashboard"},
    "pickle": set(),
    "marshal": set(),
    "shelve": set(),
    "dill": set(),
    "numpy": {"ml", "federation/arithmetic.py", *RULES, "letters", "cli", "sim"},
    "rich": {"node/console.py", "cli", "sim"},
}
# The core is given time and chance; it does not fetch them.
WITHOUT_CLOCK = ("chord", "store", "federation")
TRUSTING_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.load"}


def folder_of(package: str) -> Path:
    return ROOT / package if package in OUTSIDE else PRODUCT / package


def sources(package: str) -> list[Path]:
    """Its modules; without those that Thrift's compiler writes."""
    return [path for path in sorted(folder_of(package).rglob("*.py")) if "gen" not in path.relative_to(ROOT).parts]


def place(path: Path) -> str:
    """How a module is named here: by its path in the package, or in the checkout."""
    return str(path.relative_to(PRODUCT if path.is_relative_to(PRODUCT) else ROOT))


def everything() -> Iterator[tuple[str, Path]]:
    """Every module of ours, with its package; an entry point is a package of its own."""
    for package in MAY_IMPORT:
        yield from ((package, path) for path in sources(package))
    yield from ((script, ROOT / script) for script in SCRIPTS)


def imported(path: Path) -> set[str]:
    """Full names of what a module imports, also within functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{place(path)} imports by a relative path"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def top(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def ours(names: set[str]) -> set[str]:
    """The packages of ours among them."""
    inside = {name.split(".")[1] for name in names if name.startswith("roundelay.")}
    return (inside | top(names) & OUTSIDE) & set(MAY_IMPORT)


def test_every_package_has_its_layer() -> None:
    inside = {path.parent.name for path in PRODUCT.glob("*/__init__.py")}
    outside = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"roundelay", "tests"}

    assert inside | outside == set(MAY_IMPORT)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_point_only_downwards(package: str) -> None:
    for path in sources(package):
        found = ours(imported(path)) - {package}
        assert found <= MAY_IMPORT[package], f"{place(path)} imports {found - MAY_IMPORT[package]}"


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_entry_point_wires_what_it_needs_and_nobody_imports_it(script: str) -> None:
    assert ours(imported(ROOT / script)) <= SCRIPTS[script]
    for _, path in everything():
        assert script.removesuffix(".py") not in top(imported(path)), f"{place(path)} imports {script}"


@pytest.mark.parametrize("module", ONLY_IN)
def test_only_its_own_places_touch(module: str) -> None:
    for package, path in everything():
        allowed = ONLY_IN[module] | ({"bench", "chaos", "testing"} if ONLY_IN[module] else set())
        if module in top(imported(path)):
            assert package in allowed or place(path) in allowed, f"{place(path)} imports {module}"


@pytest.mark.parametrize("package", WITHOUT_CLOCK)
def test_the_core_reads_no_clock_and_draws_no_chance_of_its_own(package: str) -> None:
    for path in sources(package):
        name = place(path)
        assert not top(imported(path)) & {"time", "datetime", "secrets", "uuid", "os"}, f"{name} fetches from outside"
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "random":
                assert node.attr == "Random", f"{name} draws from random.{node.attr}"


@pytest.mark.parametrize("package", WITHOUT_CLOCK)
def test_the_core_opens_no_file(package: str) -> None:
    for path in sources(package):
        for call in calls(path):
            assert call not in {"open", "print", "input"}, f"{place(path)} calls {call}"


def calls(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_nothing_evaluates_code_or_trusts_a_pickle() -> None:
    for _, path in everything():
        name = place(path)
        assert not set(calls(path)) & TRUSTING_CALLS, f"{name} calls {set(calls(path)) & TRUSTING_CALLS}"
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg in ("allow_pickle", "shell"):
                assert ast.unparse(node.value) == "False", f"{name}: {node.arg}={ast.unparse(node.value)}"
