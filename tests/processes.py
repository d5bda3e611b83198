"""What the tests need of real processes beyond `roundelay.testing`: clients, their outcomes, and marked processes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from roundelay.chord.requests import Status
from roundelay.cli import exits, main
from roundelay.cli.status import to_json
from roundelay.node.readiness import is_converged
from roundelay.node.runtime import Runtime
from roundelay.node.subprocesses import ManagedProcess
from roundelay.rpc.peers import Peers
from roundelay.testing.cluster import Cluster
from roundelay.testing.waiting import TIMEOUT_S, until

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = TIMEOUT_S
STOP_TIMEOUT_S = 1.0
MARK = "ROUNDELAY_TEST_MARK"


@contextmanager
def started(command: list[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Start a process; kill it at the end if it still runs, so that a failed assertion does not wait for it."""
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def environment(mark: str = "") -> dict[str, str]:
    """Return the environment of a program of ours."""
    return os.environ | of_tests(mark)


def of_tests(mark: str = "") -> dict[str, str]:
    return {"COLUMNS": "200", MARK: mark}


def start(folder: Path, name: str, *arguments: str, mark: str = "") -> ManagedProcess:
    """Start a program of ours in a folder."""
    process = ManagedProcess(name, folder)
    process.cwd, process.environment = folder, of_tests(mark)
    process.start(*arguments)
    return process


def end(process: ManagedProcess, number: int = signal.SIGKILL) -> int:
    """Send a signal, and return the exit code."""
    process.kill(number)
    return process.wait()


class Ring(Cluster):
    """A cluster with verbose nodes, also seen as `client.py status --json` shows it."""

    def __init__(self, folder: Path, *supernode_options: str) -> None:
        super().__init__(
            folder,
            supernode_options=supernode_options,
            node_options=("--register", "--verbose"),
            environment=of_tests(),
        )
        self.start_supernode()

    def client(self, *arguments: object) -> Outcome:
        return client(*arguments, "--supernode", self.supernode_address, "--nodes", self.node_list, cwd=self.folder)

    def status(self) -> list[dict[str, Any]]:
        """Return the nodes as `client.py status --json` shows them; nothing while the ring cannot be crawled."""
        return [to_json(node) for node in self.statuses()]

    def wait_for_nodes(self, count: int) -> list[dict[str, Any]]:
        """Wait until there is one ring of `count` nodes, with right fingers, and return them as `status` does."""

        def converged() -> list[Status]:
            nodes = self.statuses()
            return nodes if is_converged(nodes, count) and have_right_fingers(nodes) else []

        return [to_json(node) for node in until(converged, f"one ring of {count} nodes")]


def have_right_fingers(nodes: list[Status]) -> bool:
    """Return True if every finger is the owner of its start."""
    ids = [status.node.id for status in nodes]

    def owner(key: int) -> int:
        return next((each for each in ids if each >= key), ids[0])

    return all(
        finger.id == owner(status.ring.finger_start(status.node.id, number))
        for status in nodes
        for number, finger in enumerate(status.fingers)
    )


@contextmanager
def ring(folder: Path) -> Iterator[Ring]:
    made = Ring(folder)
    try:
        yield made
    finally:
        made.stop()


@contextmanager
def opened_runtime() -> Iterator[Runtime]:
    """A runtime to ask processes from here."""
    runtime = Runtime(Peers())
    try:
        yield runtime
    finally:
        runtime.stop(STOP_TIMEOUT_S)


@dataclass(frozen=True)
class Outcome:
    """How a run of client.py ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output, which must be one line, one JSON object."""
        assert self.code == 0, self.err
        assert self.out.count("\n") == 1, self.out
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


def client(*arguments: object, cwd: Path = ROOT, mark: str = "", room_bytes: int | None = None) -> Outcome:
    """Run client.py in a process of its own. room_bytes: no file may grow beyond this, as if its disk were full."""
    without_room = {} if room_bytes is None else {"PYTHONDONTWRITEBYTECODE": "1"}  # Python keeps what is cut off
    done = subprocess.run(
        [sys.executable, str(ROOT / "client.py"), *map(str, arguments)],
        cwd=cwd,
        timeout=PATIENCE_S,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment(mark) | without_room,
        preexec_fn=None if room_bytes is None else lambda: _limit_files(room_bytes),
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def _limit_files(room_bytes: int) -> None:
    """Let no file of this process grow beyond a size."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, room_bytes))


def client_here(*arguments: object) -> Outcome:
    """Run client.py in this process, for what never reaches a ring: a process takes half a second to start."""
    return run_here(main.client, *arguments)


def run_here(program: Callable[[list[str]], int], *arguments: object) -> Outcome:
    """Run a program's main function, as exits.run would; what it sets in the environment does not outlast it."""
    out, err = io.StringIO(), io.StringIO()
    with patch.dict(os.environ), redirect_stdout(out), redirect_stderr(err):
        try:
            code = program([str(argument) for argument in arguments])
        except exits.Exit as end:
            code = end.code
            print(end, file=sys.stderr)
        except SystemExit as end:
            code = int(end.code or 0)
    return Outcome(code, out.getvalue(), err.getvalue())


def new_mark() -> str:
    """Return a mark by which one test's processes are found, whatever their parent is by then."""
    return uuid.uuid4().hex


def marked(mark: str) -> list[str]:
    """Return the command lines of all living processes with this mark."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found
