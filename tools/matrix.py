"""Run the tests on each installed Python, with the lowest and the newest allowed dependencies.

python3 tools/matrix.py [--python 3.12] [--dependencies lowest|highest]

The Python that runs this script gets every test with the newest dependencies; each other combination gets QUICK, which
covers every package. A Python that is too old must be refused in one line by each script and by `make install`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENVS = ROOT / ".venv-matrix"
OLDEST, NEWEST = 11, 20  # minor versions of Python 3 to look for
TOO_OLD = 10
REFUSED = (69, 78)  # EX_UNAVAILABLE, EX_CONFIG
RESOLUTIONS = {"lowest": "lowest-direct", "highest": "highest"}
SCRIPTS = {
    "client.py": ["letters", "validate_letters.txt", "--local", "4"],
    "compute_node.py": ["8001"],
    "supernode.py": [],
}
# One folder for each package, and real rings of processes; left out are the fault matrix and the slow end-to-end tests.
QUICK = [
    *("tests/chord", "tests/store", "tests/federation", "tests/ml", "tests/rpc", "tests/node", "tests/cli"),
    *("tests/dashboard", "tests/sim", "tests/letters", "tests/deploy"),
    *("tests/end_to_end/test_local.py", "tests/test_layers.py"),
]


def find_python(minor: int) -> Path | None:
    """Return an interpreter of Python 3.`minor` from PATH, pyenv or uv, or None."""
    name = f"python3.{minor}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders = [Path(folder) for folder in os.get_exec_path()]
    folders += sorted(pyenv.glob(f"versions/3.{minor}.*/bin"), reverse=True)
    folders += sorted(Path.home().glob(f".local/share/uv/python/cpython-3.{minor}.*/bin"), reverse=True)
    return next((path for folder in folders if works(path := folder / name)), None)


def works(python: Path) -> bool:
    """Return whether `python` starts: pyenv puts a shim on PATH for each version, whether it is activated or not."""
    return shutil.which(python) is not None and subprocess.run([python, "-c", ""], capture_output=True).returncode == 0


def create_environment(python: Path, folder: Path, resolution: str) -> Path:
    """Install the dependencies of the project and of its tests into a new environment; return its interpreter."""
    uv: list[str | Path] = [sys.executable, "-m", "uv", "--quiet", "--no-config"]
    made = folder / "bin" / "python"
    subprocess.run([*uv, "venv", "--clear", "--python", python, folder], check=True)
    wheels = ["--only-binary", ":all:", "--no-binary", "thrift"]  # the lowest numpy that has a wheel for this Python
    wanted = ["--resolution", RESOLUTIONS[resolution], "-r", "pyproject.toml", "--extra", "test"]
    subprocess.run([*uv, "pip", "install", "--python", made, *wheels, *wanted], cwd=ROOT, check=True)
    return made


def run_tests(python: Path, tests: list[str], log: Path) -> tuple[bool, str]:
    """Run pytest in an environment; return whether it passed, and its last line."""
    command: list[str | Path] = [python, "-m", "pytest", "--numprocesses", "2", "--dist", "loadfile", *tests]
    with log.open("w") as output:
        code = subprocess.run(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT).returncode
    lines = log.read_text().splitlines() or [f"no output, exit {code}"]
    return code == 0, lines[-1]


def check_refusal(command: list[str | Path], allowed: tuple[int, ...]) -> str:
    """Return what is wrong with the way in which a program refuses an old Python, or an empty string."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    lines = (done.stdout + done.stderr).splitlines()
    if done.returncode in allowed and len(lines) == 1 and f"3.{OLDEST}" in lines[0]:
        return ""
    return f"exit {done.returncode}, {len(lines)} lines, the last: {lines[-1] if lines else ''}"


def check_too_old(python: Path) -> bool:
    """Check that each script, and make, refuse `python` in one line; print one line for each."""
    commands: dict[str, tuple[list[str | Path], tuple[int, ...]]] = {
        script: ([python, script, *arguments], REFUSED) for script, arguments in SCRIPTS.items()
    }
    absent = VENVS / "absent"
    commands["make install"] = (["make", "install", f"PYTHON3={python}", f"VENV={absent}"], (2,))  # make's only code
    fine = True
    for name, (command, allowed) in commands.items():
        fault = check_refusal(command, allowed)
        print(f"3.{TOO_OLD}  {name:<16} {fault or 'refused in one line'}", flush=True)
        fine = fine and not fault
    return fine


def check_cell(minor: int, python: Path, resolution: str) -> bool:
    """Run the tests of one combination; print one line."""
    begun = time.monotonic()
    folder = VENVS / f"3.{minor}-{resolution}"
    everything = minor == sys.version_info.minor and resolution == "highest"
    try:
        made = create_environment(python, folder, resolution)
    except subprocess.CalledProcessError as error:
        print(f"3.{minor} {resolution:<8} cannot be installed: {error}", flush=True)
        return False
    passed, closing = run_tests(made, [] if everything else QUICK, VENVS / f"{folder.name}.log")
    print(f"3.{minor} {resolution:<8} {closing} ({time.monotonic() - begun:.0f} s)", flush=True)
    return passed


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", metavar="3.N", help="test only this version")
    parser.add_argument("--dependencies", choices=RESOLUTIONS, help="test only these")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    chosen = parse(arguments)
    VENVS.mkdir(exist_ok=True)
    minors = range(TOO_OLD, NEWEST) if chosen.python is None else [int(chosen.python.removeprefix("3."))]
    results = []
    for minor in minors:
        python = find_python(minor)
        if python is None:
            continue
        if minor < OLDEST:
            results.append(check_too_old(python))
        else:
            results += [check_cell(minor, python, name) for name in RESOLUTIONS if chosen.dependencies in (None, name)]
    if not results:
        print(f"found no Python {chosen.python or f'3.{OLDEST}'} on PATH, in ~/.pyenv or from uv")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
