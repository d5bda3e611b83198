"""Mutation testing: put small faults into the core, one at a time, and count those that its own tests find.

python3 tools/mutants.py [--seed 1] [--count 30] [--package chord] [--list]

The faults are made by cosmic-ray's operators: an inverted condition, `<` for `<=`, a number that is off by one, a loop
that is left out. A sample of them, drawn from the seed, is tried in copies of the tree under build/mutants. Each is run
against the tests of its own package only. A fault that no test finds must be listed in mutants_explained.toml, with the
reason why the program still does the same.
"""

from __future__ import annotations

import argparse
import ast
import math
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from queue import SimpleQueue

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).resolve().parent.parent
COPIES = ROOT / "build" / "mutants"
EXPLAINED = Path(__file__).with_name("mutants_explained.toml")
LEFT_OUT = shutil.ignore_patterns(".*", "build", "docs", "bench", "chaos", "deploy", "__pycache__", "*.egg-info")
PACKAGES = {  # the modules, and the tests that must find the faults in them
    "chord": ("roundelay/chord", "tests/chord"),
    "store": ("roundelay/store", "tests/store"),
    "federation": ("roundelay/federation", "tests/federation"),
    "exact": ("roundelay/ml/exact.py", "tests/ml/test_ml_exact.py"),
    "moments": ("roundelay/ml/exact_moments.py", "tests/ml/test_ml_exact_moments.py"),
}
# Of the many replacements for an operator, those that a person might type; the others mostly end in a TypeError.
OPERATORS = re.compile(
    r"core/(ReplaceComparisonOperator_(Eq_NotEq|NotEq_Eq|Lt_LtE|LtE_Lt|Gt_GtE|GtE_Gt|Lt_GtE|GtE_Lt|Gt_LtE|LtE_Gt"
    r"|Is_IsNot|IsNot_Is)|ReplaceBinaryOperator_(Add_Sub|Sub_Add|Mul_Add|Div_Mul|FloorDiv_Mul|Mod_FloorDiv|Pow_Mul"
    r"|LShift_RShift|RShift_LShift|BitOr_BitAnd|BitAnd_BitOr|BitXor_BitOr)|AddNot|ReplaceUnaryOperator_Delete_\w+"
    r"|ReplaceAndWithOr|ReplaceOrWithAnd|ReplaceTrueWithFalse|ReplaceFalseWithTrue|ReplaceBreakWithContinue"
    r"|ReplaceContinueWithBreak|NumberReplacer|ExceptionReplacer|ZeroIterationForLoop)"
)
FOUND_MIN = 0.9
# A run has found a fault if it needs this many times the processor seconds of the sound code: it loops for ever.
CPU_FACTOR, CPU_MIN_S, SOUND_CPU_MAX_S = 3, 20, 600
TIMEOUT_S = 1800.0  # of a run that waits for ever
WORKERS = 2
# Limits its processor time; and does not shrink the example that finds a fault.
RUN_TESTS = """
import resource, sys, hypothesis, pytest
limit_s = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s))
phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
hypothesis.settings.register_profile("find", phases=phases)
hypothesis.settings.load_profile("find")
sys.exit(pytest.main(["-x", "-W", "ignore::pytest.PytestAssertRewriteWarning", *sys.argv[2:]]))
"""

Position = tuple[int, int]  # line and column
Place = tuple[Path, Position]


@dataclass(frozen=True)
class Mutant:
    """One fault: a module and a line of it, before and after, and the whole module with the fault."""

    module: str
    line: int
    before: str
    after: str
    source: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line}\n    - {self.before}\n    + {self.after}"

    @property
    def key(self) -> tuple[str, str, str]:
        """How the fault is named in mutants_explained.toml."""
        return self.module, self.before, self.after


def spans_left_alone(source: str) -> list[tuple[Position, Position]]:
    """Return where a fault changes nothing that runs, or only a bound by one.

    Those places are annotations, decorators, zip's `strict`, named constants and default arguments: no test should
    fail because a bound of 64 is 65.
    """
    found: list[ast.AST | None] = []
    for node in ast.walk(tree := ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            found += [*node.decorator_list, node.returns, *node.args.defaults, *node.args.kw_defaults]
        elif isinstance(node, ast.arg | ast.AnnAssign):
            found.append(node.annotation)
        elif isinstance(node, ast.ClassDef):
            found += node.decorator_list
        elif isinstance(node, ast.Call):
            found += [keyword.value for keyword in node.keywords if keyword.arg == "strict"]
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            found.append(node)
    found += [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    return [
        ((node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0))
        for node in found
        if isinstance(node, ast.stmt | ast.expr)
    ]


def faults_at(path: Path) -> dict[Place, list[tuple[str, int]]]:
    """Return every place in a module where a fault can be put, with the operators that can, and their occurrences."""
    source = path.read_text()
    nodes = list(ast_nodes(get_ast(source)))
    alone = spans_left_alone(source)
    found: dict[Place, list[tuple[str, int]]] = {}
    for name in filter(OPERATORS.fullmatch, operator_names()):
        operator = get_operator(name)()
        places = [start for node in nodes for start, _ in operator.mutation_positions(node)]
        for occurrence, place in enumerate(places):
            if not any(first <= place < last for first, last in alone):
                found.setdefault((path, place), []).append((name, occurrence))
    return found


def sample(package: str, seed: int, count: int) -> list[Mutant]:
    """Draw `count` places in a package, and one fault at each."""
    folder = ROOT / PACKAGES[package][0]
    faults: dict[Place, list[tuple[str, int]]] = {}
    for path in sorted(folder.rglob("*.py")) if folder.is_dir() else [folder]:
        faults |= faults_at(path)
    chance = random.Random(f"{seed}/{package}")
    places = sorted(chance.sample(sorted(faults), min(count, len(faults))))
    return [create_mutant(*place, *chance.choice(sorted(faults[place]))) for place in places]


def create_mutant(path: Path, place: tuple[int, int], operator: str, occurrence: int) -> Mutant:
    """Return one fault, with the first line that it changes."""
    source = path.read_text()
    changed = mutate_code(source, get_operator(operator)(), occurrence)
    pairs = zip_longest(source.splitlines(), changed.splitlines(), fillvalue="")
    before, after = next((old.strip(), new.strip()) for old, new in pairs if old != new)
    return Mutant(str(path.relative_to(ROOT)), place[0], before, after, changed)


def tests_for(package: str, copy: Path, module: str) -> list[str]:
    """Return the package's tests; those named after the module come first."""
    tests = copy / PACKAGES[package][1]
    named = sorted(tests.glob(f"test_{Path(module).stem}*.py"))
    return [str(path) for path in [*named, tests]]


def run_tests(copy: Path, tests: list[str], cpu_max_s: int) -> bool:
    """Run tests in a copy of the tree; return whether they passed in time."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN_TESTS, str(cpu_max_s), *tests],
        cwd=copy,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(TIMEOUT_S) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def survives(mutant: Mutant, package: str, copy: Path, cpu_max_s: int) -> bool:
    """Put a fault into a copy, run the tests, and take it out again; return whether they passed."""
    path = copy / mutant.module
    sound = path.read_text()
    try:
        write(path, mutant.source)
        return run_tests(copy, tests_for(package, copy, mutant.module), cpu_max_s)
    finally:
        write(path, sound)


def write(path: Path, source: str) -> None:
    """Write a module, and remove its bytecode: Python takes that for fresh if size and second are the same."""
    path.write_text(source)
    for cached in path.parent.glob(f"__pycache__/{path.stem}.*"):
        cached.unlink()


def explanations() -> dict[tuple[str, str, str], str]:
    """Return why the listed faults change nothing."""
    listed = tomllib.loads(EXPLAINED.read_text()).get("equivalent", [])
    return {(entry["module"], entry["before"], entry["after"]): entry["reason"] for entry in listed}


def try_package(package: str, mutants: list[Mutant], copies: list[Path]) -> list[Mutant]:
    """Run the sound code, then every fault; return those that no test finds."""
    before_s = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    if not run_tests(copies[0], tests_for(package, copies[0], ""), SOUND_CPU_MAX_S):
        raise SystemExit(f"{package}: the tests fail on the sound code")
    used_s = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before_s
    cpu_max_s = max(CPU_MIN_S, math.ceil(CPU_FACTOR * used_s))
    free: SimpleQueue[Path] = SimpleQueue()
    for copy in copies:
        free.put(copy)

    def attempt(mutant: Mutant) -> bool:
        copy = free.get()
        try:
            return survives(mutant, package, copy, cpu_max_s)
        finally:
            free.put(copy)

    with ThreadPoolExecutor(len(copies)) as pool:
        return [mutant for mutant, survived in zip(mutants, pool.map(attempt, mutants), strict=True) if survived]


def report(package: str, count: int, survivors: list[Mutant], known: dict[tuple[str, str, str], str]) -> bool:
    """Print one package's figures and survivors; return whether they are good enough."""
    found = count - len(survivors)
    print(f"{package:<11}{found} of {count} faults found ({found / count:.0%})", flush=True)
    for mutant in survivors:
        reason = known.get(mutant.key)
        print(f"  survived: {mutant}\n    {f'equivalent: {reason}' if reason else 'NOT EXPLAINED'}", flush=True)
    return found >= FOUND_MIN * count and all(mutant.key in known for mutant in survivors)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="which sample is drawn")
    parser.add_argument("--count", type=int, default=30, help="faults in each package")
    parser.add_argument("--package", choices=PACKAGES, action="append", help="only this one; may be repeated")
    parser.add_argument("--list", action="store_true", help="print the sample, and run nothing")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    chosen = parse(arguments)
    packages = chosen.package or list(PACKAGES)
    print(f"seed {chosen.seed}: replay with  make mutants SEED={chosen.seed}", flush=True)
    samples = {package: sample(package, chosen.seed, chosen.count) for package in packages}
    if chosen.list:
        print(*(mutant for mutants in samples.values() for mutant in mutants), sep="\n")
        return 0
    copies = [COPIES / str(number) for number in range(WORKERS)]
    for copy in copies:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT, symlinks=True)
    known = explanations()
    passed = [
        report(package, len(mutants), try_package(package, mutants, copies), known)
        for package, mutants in samples.items()
    ]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
