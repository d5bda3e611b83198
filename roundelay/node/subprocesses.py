"""Our programs as child processes. This knows nothing of the ring, and imports nothing that takes long.

Each child's standard input is a pipe from this process; it ends when the pipe closes, even after a kill -9 of ours.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from roundelay.chord.refs import Address
from roundelay.node import operating_system
from roundelay.node.errors import LocalRingFailed
from roundelay.node.options import NO_OPTIONS, OPTION_PREFIX
from roundelay.node.parent import ready_address

ROOT = Path(__file__).resolve().parents[2]
READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 8.0
WAIT_TIMEOUT_S = 120.0
POLL_S = 0.005
UNKNOWN = Address("", 0)


class ManagedProcess:
    """A child process that can be signalled and restarted. Two files keep the output of all its lives."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.out, self.err = folder / f"{name}.out", folder / f"{name}.err"
        self.environment: dict[str, str] = {}  # besides ours
        self.cwd: Path | None = None
        self.wrapper: tuple[str, ...] = ()  # a command that runs ours
        self._process: subprocess.Popen[bytes] | None = None
        self._earlier_bytes = 0  # of the output before this life
        self._address = UNKNOWN
        self._is_ready = False  # in this life

    def start(self, program: str, *arguments: str) -> None:
        """Start a program (see `command`): the first life of this process, or another."""
        self.close()
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self._earlier_bytes = out.tell()
            self._process = subprocess.Popen(
                [*self.wrapper, *command(program), *arguments],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                cwd=self.cwd,
                start_new_session=True,  # Ctrl-C in the terminal goes to us; we stop the children in order
                env=child_environment() | self.environment,
            )
        self._is_ready = False

    def ready(self, deadline: float | None = None) -> Address:
        """Return the address that the process announces. Raises LocalRingFailed if it ends or is late."""
        deadline = time.monotonic() + READY_TIMEOUT_S if deadline is None else deadline
        while not self._is_ready:
            ended = not self.is_running  # before the output is read: it may have announced, and ended
            output = self.out.read_bytes()[self._earlier_bytes :].decode(errors="replace")
            if found := ready_address(output):
                host, _, port = found.rpartition(":")
                self._address, self._is_ready = Address(host.strip("[]"), int(port)), True
            elif ended:
                self.require_running()
            elif time.monotonic() > deadline:
                raise LocalRingFailed(f"{self.name} did not become ready in time; {self.last_line}")
            else:
                time.sleep(POLL_S)
        return self._address

    @property
    def port(self) -> int:
        """The port that it announced, in this life or an earlier one; waits for the first."""
        return (self._address if self._address.port else self.ready()).port

    @property
    def known_port(self) -> int:
        """The port that it announced, or 0."""
        return self._address.port

    @property
    def pid(self) -> int:
        return self._started.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def code(self) -> int | None:
        """The exit code of a process that has ended."""
        return self._started.poll()

    @property
    def text(self) -> str:
        """All that it has printed, in all of its lives: standard output, then standard error."""
        return self.out.read_text(errors="replace") + self.err.read_text(errors="replace")

    @property
    def last_line(self) -> str:
        """The last line for people that it printed."""
        lines = [line for line in self.text.strip().splitlines() if not line.startswith("{")]
        return lines[-1] if lines else "no output"

    def require_running(self) -> None:
        """Raise LocalRingFailed if the process has ended."""
        if not self.is_running:
            raise LocalRingFailed(f"{self.name} ended with code {self.code}: {self.last_line}")

    def kill(self, number: int = operating_system.KILL) -> None:
        """Send a signal. After SIGKILL the process is gone when this returns."""
        self._started.send_signal(number)
        if number == operating_system.KILL:
            self.wait(STOP_TIMEOUT_S)

    def wait(self, timeout_s: float = WAIT_TIMEOUT_S) -> int:
        """Return the exit code. Raises LocalRingFailed after `timeout_s` seconds."""
        try:
            code = self._started.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise LocalRingFailed(f"{self.name} did not end within {timeout_s:g} s; {self.last_line}") from error
        self.close()
        return code

    def close(self) -> None:
        """Close the pipe: a process that was started with --end-with-parent ends."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    @property
    def _started(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, f"{self.name} was never started"
        return self._process


def stop_all(processes: Iterable[ManagedProcess], kill: bool = False) -> None:
    """Close every pipe, and kill those that still run after STOP_TIMEOUT_S, or all at once if `kill`."""
    processes = list(processes)
    for process in processes:
        process.close()
    running = [process for process in processes if process.is_running]
    for process in running if kill else ():
        process.kill()
    deadline = time.monotonic() + STOP_TIMEOUT_S
    for process in running:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except LocalRingFailed:
            process.kill()


def run_in_foreground(program: str, *arguments: str) -> int:
    """Run a program in our terminal, and return its exit code. What interrupts us interrupts it, and is waited for."""
    child = subprocess.Popen(
        [*command(program), *arguments, "--end-with-parent"],
        stdin=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C in the terminal goes to us; we pass it on once
        env=os.environ | import_path(),
    )
    try:
        code = child.wait()
    except BaseException:
        child.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            child.wait(STOP_TIMEOUT_S)
        child.kill()
        raise
    return code if code >= 0 else 128 - code


def command(program: str) -> list[str]:
    """Return the command line of a program: `supernode`, `node`, or a subcommand of the client."""
    return [sys.executable, "-P", "-m", "roundelay", program]  # -P: ignore modules in the current folder


def import_path(*more: Path) -> dict[str, str]:
    """Return the environment by which a child imports the package of this process, and what is in these folders."""
    ours = [ROOT] if (ROOT / "client.py").is_file() else []  # only a checkout needs it
    if not ours and not more:
        return {}
    paths = [*map(str, ours), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)), *map(str, more)]
    return {"PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def child_environment() -> dict[str, str]:
    """Return our environment without options: a state directory or host that is ours is not for the children."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(OPTION_PREFIX) or name.startswith(NO_OPTIONS)
    }
    return kept | import_path()
