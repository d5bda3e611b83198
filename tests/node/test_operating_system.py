"""What differs between operating systems: the programs import without what only Unix has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from roundelay.chord.refs import Address
from roundelay.node import addresses, operating_system
from roundelay.node.errors import LocalRingFailed
from roundelay.node.lab import Lab
from tests.processes import PATIENCE_S, ROOT

WITHOUT_UNIX = """
import signal, sys
sys.modules["fcntl"] = sys.modules["resource"] = None
for name in ("SIGKILL", "SIGSTOP", "SIGCONT", "SIGUSR1", "pause"):
    delattr(signal, name)
from roundelay.cli import commands, compute_node, main, run_compute_node, run_supernode, supernode, training
from roundelay.dashboard import actions
from roundelay.node import addresses, lab, operating_system
print(addresses.read(__import__("pathlib").Path("compute_nodes.txt")).nodes[0], operating_system.PAUSE)
operating_system.print_stacks_on_signal()
main.client(["--help"])
"""


def test_the_programs_import_without_fcntl_and_the_signals_of_unix() -> None:
    command = [sys.executable, "-c", WITHOUT_UNIX]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("127.0.0.1:8001 0\n") and "usage: client.py" in done.stdout


def test_where_a_process_cannot_be_paused_the_lab_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operating_system, "PAUSE", 0)
    lab = object.__new__(Lab)

    with pytest.raises(LocalRingFailed, match="cannot pause a process"):
        lab._signal(Address("127.0.0.1", 1), operating_system.PAUSE)


def test_an_exclusive_lock_of_the_node_list_keeps_others_out(tmp_path: Path) -> None:
    path = tmp_path / "nodes.txt"
    addresses.register(path, Address("127.0.0.1", 8001))
    addresses.register(path, Address("127.0.0.1", 8002))

    assert [str(node) for node in addresses.read(path).nodes] == ["127.0.0.1:8001", "127.0.0.1:8002"]
