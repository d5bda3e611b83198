"""How a program ends: one line and a code, in good order at the first signal, at once at the second."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from roundelay.cli import exits
from roundelay.node.operating_system import ONE_PRESS_S

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 60.0
PROGRAM = """
import sys, threading
from roundelay.cli import exits
from roundelay.node.operating_system import ONE_PRESS_S

def main(arguments):
    try:
        exits.say("begun")
        threading.Event().wait()
    finally:
        exits.say("in good order")
        while "hangs" in arguments:
            try:
                threading.Event().wait()
            except BaseException:
                exits.say("heard, and hanging on")
        if "waits" in arguments:  # for somebody else's answer, in a thread that nobody can end
            from concurrent.futures import ThreadPoolExecutor
            ThreadPoolExecutor(1).submit(threading.Event().wait)

exits.run(main)
"""


@contextmanager
def program(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    running = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == "begun\n"
        yield running
    finally:
        running.kill()
        running.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("also", ["", "waits"])
def test_the_first_signal_ends_it_in_good_order(number: signal.Signals, also: str) -> None:
    with program(also) as running:
        running.send_signal(number)

        assert running.communicate(timeout=TIMEOUT_S) == ("in good order\n", "")
        assert running.returncode == 128 + number


@pytest.mark.parametrize(("first", "second"), [(signal.SIGINT, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT)])
def test_the_second_signal_ends_it_at_once(first: signal.Signals, second: signal.Signals) -> None:
    with program("hangs") as running:
        running.send_signal(first)
        assert running.stdout is not None
        assert running.stdout.readline() == "in good order\n"

        deadline = time.monotonic() + TIMEOUT_S
        while running.poll() is None and time.monotonic() < deadline:
            running.send_signal(second)  # one that comes too soon after the first is the same press
            time.sleep(ONE_PRESS_S / 4)

        assert running.wait(TIMEOUT_S) == 128 + second


@pytest.mark.parametrize(("later_s", "ends"), [(0.0, []), (0.9 * ONE_PRESS_S, []), (ONE_PRESS_S, [130])])
def test_a_signal_that_is_passed_on_twice_is_one(
    later_s: float, ends: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`timeout -s INT 5 client.py ...` sends it to the program and to its group: the job must still be cancelled."""
    handlers: dict[int, Any] = {}
    now, ended = [50.0], list[int]()
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(os, "_exit", ended.append)
    with pytest.raises(exits.Interrupted):
        exits._interrupt(signal.SIGINT, None)

    now[0] += later_s
    handlers[signal.SIGINT](signal.SIGINT, None)

    assert ended == ends


def run_here(main: object) -> int:
    """exits.run in a child of this process, with its output to nobody."""
    with pytest.raises(SystemExit) as end, pytest.MonkeyPatch.context() as patch:
        patch.setattr(signal, "signal", lambda *_: None)
        exits.run(main)  # type: ignore[arg-type]  # as the test gives it
    return int(end.value.code or 0)


def test_an_error_is_one_line_and_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    def main(_: list[str]) -> int:
        raise exits.Exit(exits.DATA, "letters/a, line 3: nonsense")

    assert run_here(main) == 65
    assert capsys.readouterr() == ("", "letters/a, line 3: nonsense\n")


def test_what_main_returns_is_the_code() -> None:
    assert run_here(lambda _: 0) == 0
    assert run_here(lambda _: 3) == 3


def test_a_reader_that_has_gone_is_no_error() -> None:
    """client.py status | head -0"""
    nobody, output = os.pipe()
    os.close(nobody)
    script = "from roundelay.cli import exits\nexits.run(lambda _: print('x' * 100_000) or 0)"

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, stdout=output, stderr=subprocess.PIPE, timeout=TIMEOUT_S
    )

    os.close(output)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_codes_are_those_of_sysexits() -> None:
    ours = (
        exits.USAGE,
        exits.DATA,
        exits.NO_INPUT,
        exits.UNAVAILABLE,
        exits.SOFTWARE,
        exits.CANNOT_CREATE,
        exits.REFUSED,
    )

    assert ours == (
        os.EX_USAGE,
        os.EX_DATAERR,
        os.EX_NOINPUT,
        os.EX_UNAVAILABLE,
        os.EX_SOFTWARE,
        os.EX_CANTCREAT,
        os.EX_NOPERM,
    )


def test_without_its_packages_a_program_says_in_one_line_what_to_type() -> None:
    script = (
        "import sys; sys.path = [p for p in sys.path if 'site-packages' not in p]\n"
        "from roundelay.cli.environment import require; require()"
    )

    done = subprocess.run(
        [sys.executable, "-S", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S
    )

    assert done.returncode == 69
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "thrift, numpy, msgspec, rich not installed" in done.stderr
    assert "make install && . .venv/bin/activate" in done.stderr


def older_python() -> Path | None:
    found = [shutil.which("python3.10"), *map(str, Path.home().glob(".pyenv/versions/3.10.*/bin/python"))]
    usable = (p for p in found if p and subprocess.run([p, "-c", ""], capture_output=True).returncode == 0)
    return next(map(Path, usable), None)


@pytest.mark.parametrize("script", ["client.py", "compute_node.py", "supernode.py", "-m roundelay"])
def test_an_older_python_is_told_in_one_line_which_one_is_needed(script: str) -> None:
    if (python := older_python()) is None:
        pytest.skip("no Python 3.10 on this machine")

    done = subprocess.run([python, *script.split()], cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (69, "", 1)
    assert done.stderr.startswith("Roundelay needs Python 3.11 or newer; ")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_what_the_output_cannot_encode_is_escaped_instead_of_ending_the_program(encoding: str) -> None:
    program = "from roundelay.cli import exits; exits.run(lambda _: exits.say('e \\u6570\\u636e.txt') or 0)"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        timeout=TIMEOUT_S,
    )

    assert ended.returncode == 0
    assert ended.stdout.startswith(rb"e \u6570\u636e.txt")


def test_messages_install_extras_by_names_that_pyproject_has() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    code = "".join(path.read_text() for path in (ROOT / "roundelay").rglob("*.py") if path.name != "exits.py")
    found = re.findall(r"pip install (['\w.][^\s\"]*)", code)

    assert set(found) - {f"'roundelay[{name}]'" for name in extras} <= {
        "'roundelay[{extra}]'",  # of a tracker
        "'roundelay[secure]')",
        "roundelay",
        "pandas",  # which no extra needs
    }


def test_a_message_installs_an_extra_from_the_checkout_or_for_the_installed_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = "needs matplotlib: python3 -m pip install 'roundelay[plots]'"

    monkeypatch.setattr(exits, "is_checkout", lambda: True)
    assert exits.as_typed_here(line) == "needs matplotlib: python3 -m pip install '.[plots]'"
    monkeypatch.setattr(exits, "is_checkout", lambda: False)
    assert exits.as_typed_here(line) == line
