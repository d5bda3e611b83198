"""The dashboard as a child process, for a client that wants to be watched: it ends when this process does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from roundelay.chord.refs import Address
from roundelay.node.errors import LocalRingFailed
from roundelay.node.parent import ready_address
from roundelay.node.subprocesses import STOP_TIMEOUT_S, command, import_path

LINES_MAX = 20


def of_ring(supernode: Address | None, nodes: Sequence[Address], node_list: Path) -> list[str]:
    """The arguments for a page of this ring, with files from here. No supernode: the way in is the first node."""
    way = ["--bootstrap", str(nodes[0])] if supernode is None else ["--supernode", str(supernode)]
    return [*way, "--nodes", str(node_list.resolve()), "--data", str(Path.cwd())]


def start_page(arguments: Sequence[str], stack: ExitStack) -> str:
    """Start it on a free port; returns its address, with the token. The stack ends it. Raises LocalRingFailed."""
    child = subprocess.Popen(
        [*command("dashboard"), "--port", "0", *arguments, "--end-with-parent"],
        env=os.environ | import_path(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a Ctrl-C in the terminal is for us
    )
    stack.callback(_stop, child)
    assert child.stdout is not None
    for _ in range(LINES_MAX):
        line = child.stdout.readline()
        if address := ready_address(line):
            return address
        if not line:
            break
    raise LocalRingFailed("the dashboard did not start: it said why")


def _stop(child: subprocess.Popen[str]) -> None:
    """Closing the pipe ends it."""
    assert child.stdin is not None and child.stdout is not None
    child.stdin.close()
    try:
        child.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    child.stdout.close()
