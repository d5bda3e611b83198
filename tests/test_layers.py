"""The architecture, read from the source: layers, import circles, and what each package may touch."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.source_tree import (
    GENERATED,
    PRODUCT,
    ROOT,
    Import,
    calls,
    circles,
    dependencies,
    imports,
    loaded_by,
    mentions,
    module_of,
    parse,
    product_modules,
)

# Each package, and the packages of ours that it may import. All but those in OUTSIDE are `roundelay.NAME`.
CORE = {"chord", "store", "ml", "trust", "federation"}
MAY_IMPORT: dict[str, set[str]] = {
    "chord": set(),
    "ml": set(),
    "trust": set(),
    "letters_generator": set(),
    "store": {"chord"},
    "federation": {"chord", "store", "ml", "trust"},
    "sim": CORE,
    "rpc": CORE,
    "node": {"rpc", *CORE},
    "client": {"node", "rpc", *CORE},
    "cli": {"client", "dashboard", "node", "rpc", "sim", *CORE},
    "dashboard": {"client", "node", "rpc", *CORE},
    "deploy": {"client", "cli", "node", "rpc", *CORE},
    "testing": {"client", "node", "rpc", *CORE},
    "exercises": {"sim", *CORE},
    "chaos": {"bench", "testing", "client", "node", "rpc", "sim", *CORE},
    "bench": {"testing", "client", "node", "rpc", "sim", *CORE},
}
OUTSIDE = {"letters_generator", "deploy", "bench", "chaos", "exercises"}  # beside the package: not installed
# Each entry point, and the packages that it may import.
SCRIPTS = {"supernode.py": {"cli"}, "compute_node.py": {"cli"}, "client.py": {"cli"}}
RULES = {str(path.relative_to(PRODUCT)) for path in PRODUCT.glob("federation/rules/*.py")}  # server optimizers compute
STEPS = {f"federation/{name}.py" for name in ("result_sums", "server_step", "compression")}  # so does what calls them

# Modules of the standard library and of others, and the only places that may import them. bench, chaos and testing may
# import all but those that no place may.
ONLY_IN = {
    "thrift": {"rpc"},
    "socket": {"rpc"},
    "ssl": {"rpc"},
    "cryptography": {"trust"},
    "select": {"rpc"},
    "selectors": {"rpc"},
    "sqlite3": {"node"},
    "fcntl": {"node"},
    "subprocess": {"node", "rpc/generate.py"},
    "threading": {"node", "rpc", "client", "dashboard"},
    "concurrent": {"node", "dashboard"},
    "multiprocessing": set(),
    "asyncio": {"dashboard"},
    "pickle": set(),
    "marshal": set(),
    "shelve": set(),
    "dill": set(),
    "numpy": {"exercises", "ml", *STEPS, *RULES, "letters_generator", "client", "cli", "sim"},
    "rich": {"node/console.py", "cli", "sim"},
}
# The core is sans-I/O: its runner passes it the time and a random generator.
SANS_IO = ("chord", "store", "federation")
TRUSTING_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.load"}
# Links at the top level, so that the design's names are one step from the root.
LINKS = ("chord", "ml")

# An import may wait in a function only if it brings one of these, which take a third of a start, ...
SLOW = {"numpy", "thrift", "rich", "sqlite3", "asyncio"}
# ... or an optional dependency, ...
EXTRAS = {"PIL", "matplotlib", "pandas", "torch", "nicegui", "cryptography", "prometheus_client"}
# ... or for a reason that is given here, by what is imported or by the module that imports it.
WAITING = {
    "roundelay.cli.commands": "client.py --help makes no parser",
    "roundelay.cli.legacy_arguments": "client.py --help translates no arguments",
    "roundelay.cli.configuration": "a --help resolves no option",
    "roundelay.cli.parser_base.make_optional": "client.py --help makes no parser",
    "roundelay.cli.pki.require_cryptography": "only a secured ring needs the authority's commands",
    "roundelay.node.security.open_security": "only a secured ring needs TLS",
    "re": "only an installed package rewrites its texts",
    "tomllib": "only --trainer-config and --config are TOML",
    "roundelay.chord.refs.Address": "a --help makes no address",
    "roundelay.node.addresses": "a --help reads no node list",
    "roundelay.node.addresses.is_loopback": "a --help reads no address",
    "roundelay.node.addresses.parse_address": "a --help reads no address",
    "roundelay.node.addresses.parse_host": "a --help reads no address",
    "roundelay.client.local.begin_ring": "a --help starts no ring",
    "roundelay.cli.ring_address.ring_address": "a --help makes no address",
    "roundelay.dashboard.options.DashboardOptions": "a --help starts no dashboard",
    "difflib": "only a misspelled name needs a suggestion",
    "roundelay.cli.environment": "checks first that what all other modules need is installed",
    "roundelay.cli.exits": "failpoints only if a variable arms them",
    "roundelay.cli.run_compute_node": "only a node with private data reads any",
    "roundelay.ml.flower": "pathlib only for an error message",
    "roundelay.ml.plugins": "pathlib only where models of one's own are allowed",
    "roundelay.ml.readers.site": "a trainer of placed files has no reader of folders",
    "roundelay.ml.readers.reading": "a trainer of placed files has no reader of folders",
    "roundelay.ml.readers.reading.reading_from_json": "a trainer of placed files has no reader of folders",
    "roundelay.ml.models.catalogue": "a trainer imports only the model of its job",
    "roundelay.cli.json_lines.write_json": "only a server with --log-format json writes objects",
    "roundelay.node.monitoring.Monitoring": "only a process that is watched serves pages",
    "roundelay.client.model_card": "importlib.metadata only for a model card",
    "msgspec": "a node that only trains reads no record",
    "tempfile": "only large contents and result files lie in temporary files",
    "fractions.Fraction": "only some metrics are divided exactly",
    "html": "only a notebook shows HTML",
    "pickletools": "only the pickled version of CIFAR-10 is read with it",
    "roundelay.client.personal.make_site_model": "only the site of a job makes a model of its own",
    "roundelay.client.proofs.authorities_of": "only a proof brings the replay of jobs",
    "roundelay.client.proofs.write_proof": "only a proof brings the replay of jobs",
    "roundelay.federation.proof_export.collect_parts": "only a proof brings the replay of jobs",
    "roundelay.client.forgetting.publish_without": "only `forget` makes a job without some files",
}


def folder_of(package: str) -> Path:
    return ROOT / package if package in OUTSIDE else PRODUCT / package


def sources(package: str) -> list[Path]:
    """Return a package's modules, without those that Thrift's compiler writes."""
    return [path for path in sorted(folder_of(package).rglob("*.py")) if not path.is_relative_to(GENERATED)]


def place(path: Path) -> str:
    """Return a module's path in the package, or in the checkout if it lies outside."""
    return str(path.relative_to(PRODUCT if path.is_relative_to(PRODUCT) else ROOT))


def everything() -> Iterator[tuple[str, Path]]:
    """Yield every module of ours with its package; an entry point is a package of its own."""
    for package in MAY_IMPORT:
        yield from ((package, path) for path in sources(package))
    yield from ((script, ROOT / script) for script in SCRIPTS)


def imported(path: Path) -> set[str]:
    """Return the full names of what a module imports, also within functions."""
    return {each.name for each in imports(path)}


def top(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def ours(names: set[str]) -> set[str]:
    """Return the packages of ours among imported names."""
    inside = {name.split(".")[1] for name in names if name.startswith("roundelay.")}
    return (inside | top(names) & OUTSIDE) & set(MAY_IMPORT)


def test_every_package_has_its_layer() -> None:
    inside = {path.parent.name for path in PRODUCT.glob("*/__init__.py")}
    outside = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"roundelay", "tests", *LINKS}

    assert inside | outside == set(MAY_IMPORT)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_point_only_downwards(package: str) -> None:
    for path in sources(package):
        found = ours(imported(path)) - {package}
        assert found <= MAY_IMPORT[package], f"{place(path)} imports {found - MAY_IMPORT[package]}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {name: dependencies(imports(path, with_typing=False)) - {name} for name, path in product_modules().items()}

    assert [sorted(circle) for circle in circles(graph)] == []


def test_the_search_for_circles_finds_them() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a"}}

    assert circles(graph) == [{"a", "b", "c"}, {"d", "e"}]


def has_reason(module: str, found: Import) -> bool:
    """Return whether an import may wait in a function of `module`."""
    wanted = module_of(found.name)
    brings = loaded_by(wanted) if wanted else {found.name.split(".")[0]}
    return bool((brings & SLOW) - loaded_by(module) or brings & EXTRAS or {found.name, module} & WAITING.keys())


def test_an_import_waits_in_a_function_only_for_a_reason() -> None:
    waiting = [
        f"{module}: {found}"
        for module, path in product_modules().items()
        for found in imports(path, with_typing=False)
        if found.function is not None and not has_reason(module, found)
    ]

    assert waiting == []


DESCRIBED = (PRODUCT, ROOT / "bench", ROOT / "chaos")


@pytest.mark.parametrize(
    "package",
    sorted(str(path.parent.relative_to(ROOT)) for folder in DESCRIBED for path in folder.rglob("__init__.py")),
)
def test_a_packages_docstring_names_each_module_in_it(package: str) -> None:
    folder = ROOT / package
    if folder == GENERATED or GENERATED in folder.parents:
        return
    modules = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    named = set(re.findall(r"\w+", ast.get_docstring(parse(folder / "__init__.py")) or ""))

    assert modules - {"__init__", "__main__"} - named == set()


@pytest.mark.parametrize("link", LINKS)
def test_nothing_depends_on_a_link(link: str) -> None:
    assert (ROOT / link).is_symlink()
    assert (ROOT / link).resolve() == PRODUCT / link
    paths = [path for _, path in everything()] + sorted((ROOT / "tests").rglob("*.py"))
    for path in (path for path in paths if mentions(path, (f"import {link}", f"from {link}"))):
        assert link not in top(imported(path)), f"{place(path)} imports {link} through the link"
    assert f"!{link}" not in (ROOT / ".dockerignore").read_text().splitlines()
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert settings["setuptools"]["packages"]["find"]["include"] == ["roundelay", "roundelay.*"]
    assert f"^{link}/" in settings["mypy"]["exclude"]
    assert link not in settings["ruff"]["exclude"], "it would exclude the package; ruff follows no link"


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_entry_point_imports_only_what_it_wires_and_is_imported_nowhere(script: str) -> None:
    assert ours(imported(ROOT / script)) <= SCRIPTS[script]
    for _, path in everything():
        assert script.removesuffix(".py") not in top(imported(path)), f"{place(path)} imports {script}"


@pytest.mark.parametrize("module", ONLY_IN)
def test_a_module_is_imported_only_in_its_places(module: str) -> None:
    for package, path in everything():
        allowed = ONLY_IN[module] | ({"bench", "chaos", "testing"} if ONLY_IN[module] else set())
        if module in top(imported(path)):
            assert package in allowed or place(path) in allowed, f"{place(path)} imports {module}"


@pytest.mark.parametrize("package", SANS_IO)
def test_the_core_reads_no_clock_and_seeds_no_generator(package: str) -> None:
    for path in sources(package):
        name = place(path)
        assert not top(imported(path)) & {"time", "datetime", "secrets", "uuid", "os"}, f"{name} imports I/O"
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "random":
                assert node.attr == "Random", f"{name} calls random.{node.attr}"


@pytest.mark.parametrize("package", SANS_IO)
def test_the_core_opens_no_file(package: str) -> None:
    for path in sources(package):
        for call in calls(path):
            assert call not in {"open", "print", "input"}, f"{place(path)} calls {call}"


def test_nothing_evaluates_code_or_loads_a_pickle() -> None:
    flags = "allow_pickle", "shell"
    words = {call.rpartition(".")[2] for call in TRUSTING_CALLS} | set(flags)
    for path in (path for _, path in everything() if mentions(path, words)):
        name = place(path)
        assert not calls(path) & TRUSTING_CALLS, f"{name} calls {calls(path) & TRUSTING_CALLS}"
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.keyword) and node.arg in flags:
                assert ast.unparse(node.value) == "False", f"{name}: {node.arg}={ast.unparse(node.value)}"
