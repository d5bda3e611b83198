"""The command line: list, start N, check N [FILE] [--seed S]."""

from __future__ import annotations

import argparse
import sys
import traceback
from pathlib import Path
from types import ModuleType

from exercises.students import Unusable, load
from exercises.tasks import TASKS, Task
from exercises.violation import Violation

HERE = Path(__file__).parent
PASSED, FAILED, UNUSABLE = 0, 1, 2


def main(arguments: list[str]) -> int:
    """Run one command. Return 0 if it passed, 1 if a seed failed, 2 if there was nothing to check."""
    chosen = parser().parse_args(arguments)
    if chosen.command == "list":
        for number, task in TASKS.items():
            print(f"{number}  {task.title}; write {', '.join(task.functions)}")
        return PASSED
    name = f"exercise{chosen.number}.py"
    try:
        if chosen.command == "start":
            return start(name)
        path = chosen.file or Path(name)
        return check(TASKS[chosen.number], chosen.number, path, chosen.seed)
    except Unusable as error:
        print(error, file=sys.stderr)
        return UNUSABLE


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser("python3 -m exercises", description="Exercises for a course on rings.")
    commands = made.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="list the exercises")
    for word, about in (("start", "write a skeleton into the current folder"), ("check", "check a solution")):
        command = commands.add_parser(word, help=about)
        command.add_argument("number", type=int, choices=TASKS, metavar="N", help=f"1 to {len(TASKS)}")
        if word == "check":
            command.add_argument(
                "file", nargs="?", type=Path, metavar="FILE", help="the solution (default: exerciseN.py)"
            )
            command.add_argument("--seed", type=int, metavar="S", help="run this seed only")
    return made


def start(name: str) -> int:
    """Write a skeleton, unless there is a file of that name. Raises Unusable."""
    target = Path(name)
    if target.exists():
        raise Unusable(f"{name} exists; move it away first")
    target.write_text((HERE / "skeletons" / name).read_text())
    print(f"wrote {name}; when it is complete:  python3 -m exercises check {name[8]}")
    return PASSED


def check(task: Task, number: int, path: Path, seed: int | None) -> int:
    """Run a solution on one seed, or on all. Raises Unusable."""
    module = load(path)
    seeds = range(1, task.seeds + 1) if seed is None else (seed,)
    for each in seeds:
        if problem := _problem(task, module, each):
            print(f"exercise {number}, seed {each}: {problem}")
            if seed is None:
                print(f"replay it with  python3 -m exercises check {number} {path} --seed {each}")
            return FAILED
    print(f"exercise {number}: {len(seeds)} seed{'s' * (len(seeds) != 1)} passed")
    return PASSED


def _problem(task: Task, module: ModuleType, seed: int) -> str:
    """Return what is wrong with a solution on one seed; an error in it names its line."""
    try:
        task.check(module, seed)
    except Violation as violation:
        return f"{violation}"
    except Unusable:
        raise
    except Exception as error:
        ours = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == module.__file__]
        where = f" in line {ours[-1].lineno}" if ours else ""
        return f"NoError: {type(error).__name__}{where}: {error}"
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
