"""Real processes on loopback for the tests: a supernode, nodes and clients, on ports that the system chooses."""

from __future__ import annotations

import atexit
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roundelay.chord.crawl import crawl_status
from roundelay.chord.effects import ask
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import Address
from roundelay.chord.requests import GetMembers, Status
from roundelay.cli import exits, main
from roundelay.cli.status import to_json
from roundelay.node.runtime import Runtime
from roundelay.rpc.peers import Peers

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
PATIENCE_S = 120.0  # generous: machines are shared and slow; nothing is asserted about it
LOOK_EVERY_S = 0.02
WALK_EVERY_S = 0.2  # round a whole ring: the nodes answer from the same cores
STOP_TIMEOUT_S = 1.0
LISTENING = "listening at "
MARK = "ROUNDELAY_TEST_MARK"


BYTECODE = tempfile.mkdtemp(prefix="roundelay-bytecode-")  # not in the checkout, and each module is compiled once
atexit.register(shutil.rmtree, BYTECODE, ignore_errors=True)


def environment(mark: str = "") -> dict[str, str]:
    """For a process of ours."""
    ours = {"COLUMNS": "200", "PYTHONPYCACHEPREFIX": BYTECODE, MARK: mark}
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | ours


def until(condition: Callable[[], Any], what: str, every_s: float = LOOK_EVERY_S) -> Any:
    """Wait for a condition, and return what it came to."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(every_s)
    raise AssertionError(f"{what}: not within {PATIENCE_S:g} s")


class Running:
    """One process of ours, and what it has printed. It ends when this one does, however that comes about."""

    def __init__(self, script: str, arguments: Sequence[str], folder: Path, name: str, mark: str = "") -> None:
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / script), *arguments],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=environment(mark),
            )

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def port(self) -> int:
        """Where it listens, as soon as it says so."""
        line = self.line(LISTENING)
        return int(line.split(LISTENING)[1].split(",")[0].rpartition(":")[2])

    def line(self, part: str) -> str:
        """The first line with this in it, as soon as it is there."""

        def said() -> str:
            found = next((line for line in self.text.splitlines() if part in line), "")
            assert found or self.process.poll() is None, f"ended with {self.process.returncode}: {self.text}"
            return found

        line: str = until(said, f"{part!r} in {self.log.name}")
        return line

    def end(self, number: int = signal.SIGKILL) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        code = self.process.wait(timeout_s)
        if self.process.stdin:
            self.process.stdin.close()
        return code


class Ring:
    """A supernode and its nodes, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.node_list = folder / "compute_nodes.txt"
        self.running: list[Running] = []
        self.supernode = self.start_supernode(0)
        self.supernode_port = self.supernode.port

    def start_supernode(self, port: int, *options: str) -> Running:
        return self.start("supernode.py", "--port", str(port), "--state-dir", str(self.folder), *options)

    def start_node(self, *options: str) -> Running:
        """A node that registers itself and looks for our supernode."""
        return self.start("compute_node.py", "0", "127.0.0.1", str(self.supernode_port), "--register", *options)

    def start(self, script: str, *arguments: str) -> Running:
        """One of the entry points, with our node list."""
        name = f"{len(self.running)}-{script}"
        running = Running(script, [*arguments, "--nodes", str(self.node_list), "--end-with-parent"], self.folder, name)
        self.running.append(running)
        return running

    def form(self, count: int, *options: str) -> list[Running]:
        """Start so many nodes at once, and return when the ring is whole."""
        nodes = [self.start_node(*options) for _ in range(count)]
        self.wait_until_converged(count)
        return nodes

    @property
    def supernode_address(self) -> str:
        return f"127.0.0.1:{self.supernode_port}"

    def client(self, *arguments: object) -> Outcome:
        return client(*arguments, "--supernode", self.supernode_address, "--nodes", self.node_list, cwd=self.folder)

    def status(self) -> list[dict[str, Any]]:
        """As `client.py status --json` shows the nodes; nothing where they cannot be walked."""
        return [to_json(node) for node in self.walk()]

    def walk(self) -> list[Status]:
        """Every node's status, as seen from the first that answers of those that the supernode holds for alive."""
        with opened_runtime() as runtime, suppress(ChordError):
            for start in runtime.run(ask(Address("127.0.0.1", self.supernode_port), GetMembers())).nodes:
                with suppress(ChordError):
                    return runtime.run(crawl_status(start))
        return []

    def wait_until_converged(self, count: int) -> list[dict[str, Any]]:
        """Until there is one ring of so many nodes, every neighbour and every finger right."""
        nodes: list[dict[str, Any]] = until(
            lambda: whole(self.status(), count), f"one ring of {count} nodes", WALK_EVERY_S
        )
        return nodes

    def stop(self) -> None:
        for running in self.running:
            running.process.kill()
        for running in self.running:
            running.wait()


def whole(nodes: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """The nodes, if they are so many and agree on one ring with right fingers; otherwise nothing."""
    ids = sorted(int(n["id"], 16) for n in nodes)
    if len(ids) != count:
        return []

    def owner(key: int) -> int:
        return next((i for i in ids if i >= key), ids[0])

    for node in nodes:
        place = ids.index(int(node["id"], 16))
        if int(node["successors"][0], 16) != ids[(place + 1) % count] or int(node["predecessor"], 16) != ids[place - 1]:
            return []
        if any(int(f["node"], 16) != owner(int(f["start"], 16)) for f in node["fingers"]):
            return []
    return nodes


@contextmanager
def opened_runtime() -> Iterator[Runtime]:
    """To ask the processes from here."""
    runtime = Runtime(Peers())
    try:
        yield runtime
    finally:
        runtime.stop(STOP_TIMEOUT_S)


@contextmanager
def ring(folder: Path) -> Iterator[Ring]:
    made = Ring(folder)
    try:
        yield made
    finally:
        made.stop()


@dataclass(frozen=True)
class Outcome:
    """How a run of client.py ended, and what it said."""

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


def client(*arguments: object, cwd: Path = ROOT, mark: str = "") -> Outcome:
    """One run of client.py, in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "client.py"), *map(str, arguments)],
        cwd=cwd,
        timeout=PATIENCE_S,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment(mark),
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def client_here(*arguments: object) -> Outcome:
    """client.py in this process, for what never gets as far as a ring: a process takes half a second to start."""
    return run_here(main.client, *arguments)


def run_here(main: Callable[[list[str]], int], *arguments: object) -> Outcome:
    """An entry point's main, as exits.run would run it."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main([str(argument) for argument in arguments])
        except exits.Exit as end:
            code = end.code
            print(end, file=sys.stderr)
        except SystemExit as end:
            code = int(end.code or 0)
    return Outcome(code, out.getvalue(), err.getvalue())


def new_mark() -> str:
    """To know one test's processes by, whoever their parent is by then."""
    return uuid.uuid4().hex


def marked(mark: str) -> list[str]:
    """The command lines of all living processes with this mark."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found
