"""The benchmarks' jobs are built, and not run: each has settings that its files allow, and options that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import bench
from bench import noniid, portable_job, robust, rule_check
from bench.__main__ import NAMES
from roundelay.cli import commands, compute_node, supernode
from roundelay.federation.rules import RULES

FOLDER = Path(bench.__file__).parent
# These also start browsers, profilers, peers and pip.
OF_OTHERS = {"page", "performance", "flower", "nvflare", "portable_environments"}
OPTION = re.compile(r"--[a-z][a-z-]+")


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_can_be_started(name: str) -> None:
    assert callable(import_module(f"bench.{name}").main)


@pytest.mark.parametrize("alpha", noniid.ALPHAS)
def test_every_rule_on_the_page_of_skewed_files_can_train_on_them(alpha: float) -> None:
    _, files = noniid.split(*noniid.read_letters(), alpha)

    specs = noniid.make_specs(files, noniid.ROUNDS)

    assert list(specs) == [rule for rule, about in RULES.items() if about.needs == "sum" or rule == "qfedavg"]
    assert all(spec.settings.rule == rule and spec.files == files for rule, spec in specs.items())


def test_every_rule_can_be_compared_with_its_reference() -> None:
    for rule in RULES:
        assert rule_check.make_spec(rule, [10] * rule_check.FILES).settings.rule == rule


def test_every_rule_can_be_trained_beside_malicious_sites() -> None:
    data = robust.make_data()

    for rule in robust.RULES:
        assert robust.make_spec(rule, robust.ROUNDS, data).files == data.files


@pytest.mark.parametrize("model", portable_job.MODELS)
def test_every_model_can_be_trained_with_portable_arithmetic(model: str) -> None:
    assert portable_job.job(model, 1, 2, "portable")[0].settings.model == model
    assert portable_job.parse(model) == (model, "portable", 0)
    assert portable_job.parse(f"{model}/native/2") == (model, "native", 2)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_a_benchmark_types_only_options_that_exist(path: Path) -> None:
    if path.stem in OF_OTHERS:
        return
    tree = ast.parse(path.read_text())

    assert typed(tree) - declared(tree) - product_options() == set()


def typed(tree: ast.AST) -> set[str]:
    """Return the strings that are an option."""
    return {text for text in strings(tree) if OPTION.fullmatch(text)}


def declared(tree: ast.AST) -> set[str]:
    """Return the options of the benchmark's own command line, parsed or looked for: `"--record" in arguments`."""
    looked_for = [node.left for node in ast.walk(tree) if isinstance(node, ast.Compare)]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    added = [arg for call in calls if call.func.attr == "add_argument" for arg in call.args]  # type: ignore[attr-defined]
    return {text for each in (*added, *looked_for) for text in strings(each)}


def strings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def product_options() -> set[str]:
    """Return every option of every program."""
    made = [commands.parser_of(word)([]) for word in commands.WORDS]
    made += [compute_node.parser([]), supernode.parser([])]
    return {"--help", *(option for each in made for option in each._option_string_actions)}
