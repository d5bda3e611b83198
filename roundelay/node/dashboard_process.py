"""The dashboard as a child process of a client; it ends with the client."""

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


def of_ring(supernode: Address | None, nodes: Sequence[Address], node_list: Path, kit: Path | None = None) -> list[str]:
    """Return the arguments for a page of this ring. Without a supernode, it enters through the first node."""
    way = ["--bootstrap", str(nodes[0])] if supernode is None else ["--supernode", str(supernode)]
    secured = ["--kit", str(kit.resolve())] if kit is not None else []
    return [*way, "--nodes", str(node_list.resolve()), *secured, "--data", str(Path.cwd())]


def start_page(arguments: Sequence[str], stack: ExitStack) -> str:
    """Start the dashboard and return its address with the token; `stack` ends it. Raises LocalRingFailed."""
    child = subprocess.Popen(
        [*command("dashboard"), "--port", "0", *arguments, "--end-with-parent"],
        env=os.environ | import_path(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C in the terminal is for this process
    )
    stack.callback(_stop, child)
    assert child.stdout is not None
    for _ in range(LINES_MAX):
        line = child.stdout.readline()
        if address := ready_address(line):
            return address
        if not line:
            break
    raise LocalRingFailed("the dashboard did not start; see its error above")


def _stop(child: subprocess.Popen[str]) -> None:
    """End the child by closing its pipe; kill it after STOP_TIMEOUT_S."""
    assert child.stdin is not None and child.stdout is not None
    child.stdin.close()
    try:
        child.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    child.stdout.close()
