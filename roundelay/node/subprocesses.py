"""Programs of ours as children of this process. It knows nothing of the ring, and imports nothing that takes long.

Each child ends when the pipe from this process closes, so that not even a kill -9 of it leaves one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from roundelay.chord.refs import Address
from roundelay.node.errors import LocalRingFailed
from roundelay.node.options import NO_OPTIONS, OPTION_PREFIX

ROOT = Path(__file__).resolve().parents[2]
STOP_TIMEOUT_S = 8.0
CHILD_POLL_S = 0.005
LISTENING = "listening at "


class Processes:
    """Children of this process, in the order they were started."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._environment = dict(environment or {})  # besides ours
        self._children: list[tuple[subprocess.Popen[bytes], Path]] = []

    def start(self, program: str, arguments: Sequence[str]) -> int:
        """Start a program (see `command`); return its number."""
        log = self._folder / f"{len(self._children)}-{program}.log"
        with log.open("wb") as output:
            child = subprocess.Popen(
                [*command(program), *arguments, "--end-with-parent"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C in the terminal is for us, who then stop them in order
                env={**child_environment(), **self._environment},
            )
        self._children.append((child, log))
        return len(self._children) - 1

    def foreground(self, program: str, arguments: Sequence[str]) -> int:
        """Run one in our terminal to its exit code. What interrupts us interrupts it, and is waited for."""
        child = subprocess.Popen(
            [*command(program), *arguments, "--end-with-parent"],
            stdin=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C in the terminal is for us, who pass it on once
            env={**os.environ, **import_path()},
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

    def signal(self, number: int, what: signal.Signals) -> None:
        """Send a child a signal; one that has ended is past hearing it."""
        self._children[number][0].send_signal(what)

    def address(self, number: int, deadline: float) -> Address:
        """Where a child listens, as it says itself. Raises LocalRingFailed."""
        child, log = self._children[number]
        while time.monotonic() < deadline:
            for line in log.read_text(errors="replace").splitlines():
                if LISTENING in line:
                    host, _, port = line.split(LISTENING)[1].split(",")[0].rpartition(":")
                    return Address(host, int(port))
            self._require_running(child, log)
            time.sleep(CHILD_POLL_S)
        raise LocalRingFailed(f"{log.name}: not listening in time")

    def require_running(self) -> None:
        for child, log in self._children:
            self._require_running(child, log)

    def last_words(self) -> str:
        """What each said last."""
        said = {log.name: log.read_text(errors="replace").strip().splitlines() for _, log in self._children}
        return "; ".join(f"{name}: {lines[-1]}" for name, lines in said.items() if lines)

    def stop(self, kill: bool = False) -> None:
        """All at once: closing the pipe ends who runs; who is still there after a while is killed, or everybody now."""
        for child, _ in self._children:
            assert child.stdin is not None
            child.stdin.close()
            if kill:
                child.kill()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for child, _ in self._children:
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def _require_running(self, child: subprocess.Popen[bytes], log: Path) -> None:
        if child.poll() is not None:
            said = log.read_text(errors="replace").strip().splitlines()
            raise LocalRingFailed(f"{log.name} ended with code {child.returncode}: {said[-1] if said else 'no word'}")


def command(program: str) -> list[str]:
    """Return the command line of a program: `supernode`, `node`, or a subcommand of the client."""
    return [sys.executable, "-P", "-m", "roundelay", program]  # -P: not what lies in the present folder


def import_path() -> dict[str, str]:
    """Return the environment by which a child imports the package of this process, which only a checkout needs."""
    if not (ROOT / "client.py").is_file():
        return {}
    paths = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {"PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def child_environment() -> dict[str, str]:
    """Ours, without options: a state folder or a host of somebody else's is not for these processes."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(OPTION_PREFIX) or name.startswith(NO_OPTIONS)
    }
    return kept | import_path()
