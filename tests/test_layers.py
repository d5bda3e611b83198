"""The architecture, read from the source: imports point only downwards, and each package keeps to its trade."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Each package, and the packages of ours that it may import.
MAY_IMPORT = {
    "chord": set(),
    "ml": set(),
    "letters": set(),
    "federation": {"chord", "ml"},
    "sim": {"federation", "chord", "ml"},
    "rpc": {"federation", "chord"},
    "node": {"rpc", "federation", "chord", "ml"},
    "cli": {"node", "rpc", "federation", "chord", "ml"},
}
SCRIPTS = ("supernode.py", "compute_node.py", "client.py")
PACKAGES = (*MAY_IMPORT, "dashboard", "bench")

# Modules of the standard library or of others that only some packages may touch.
ONLY_IN = {
    "thrift": {"rpc"},
    "socket": {"rpc"},
    "ssl": {"rpc"},
    "sqlite3": {"node"},
    "subprocess": {"node", "rpc/generate.py", "bench"},
    "threading": {"node", "rpc", "cli/environment.py", "bench", "dashboard"},
    "pickle": set(),
    "marshal": set(),
    "shelve": set(),
}
# The core is given time and chance; it does not fetch them.
WITHOUT_CLOCK = ("chord", "federation")


def sources(package: str) -> list[Path]:
    return [p for p in sorted((ROOT / package).rglob("*.py")) if "gen" not in p.relative_to(ROOT).parts]


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_point_only_downwards(package: str) -> None:
    for path in sources(package):
        ours = {name.split(".")[0] for name in imported(path)} & set(PACKAGES)
        assert ours - {package} <= MAY_IMPORT[package], f"{path.relative_to(ROOT)} imports upwards"


@pytest.mark.parametrize("module", ONLY_IN)
def test_only_its_own_packages_touch(module: str) -> None:
    for package in (*MAY_IMPORT, "."):
        paths = [ROOT / s for s in SCRIPTS] if package == "." else sources(package)
        for path in paths:
            name = str(path.relative_to(ROOT))
            if module in {n.split(".")[0] for n in imported(path)} and package != ".":
                allowed = ONLY_IN[module]
                assert package in allowed or name in allowed, f"{name} imports {module}"


@pytest.mark.parametrize("package", WITHOUT_CLOCK)
def test_the_core_reads_no_clock_and_draws_no_chance_of_its_own(package: str) -> None:
    for path in sources(package):
        assert not imported(path) & {"time", "secrets", "asyncio"}, f"{path.relative_to(ROOT)} fetches the time"
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "random":
                assert node.attr == "Random", f"{path.relative_to(ROOT)} draws from random.{node.attr}"


def test_nothing_evaluates_code_or_trusts_a_pickle() -> None:
    for package in MAY_IMPORT:
        for path in sources(package):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    called = ast.unparse(node.func)
                    assert called not in ("eval", "exec", "os.system"), f"{path.relative_to(ROOT)} calls {called}"
                    allows = [k for k in node.keywords if k.arg in ("allow_pickle", "shell")]
                    assert all(ast.unparse(k.value) == "False" for k in allows), f"{path.relative_to(ROOT)}: {called}"
