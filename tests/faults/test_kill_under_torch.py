"""A node is killed while it trains a PyTorch model: the same weights, bit for bit. Skips without torch."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.processes import PATIENCE_S, Ring, Running, ring

pytest.importorskip("torch", reason="PyTorch is in the extra torch")

POINT = 'train.before~"round": 2'  # of the node, not of its trainer
JOB = ("set.npz", "--model", "torchzoo:cnn", "--hidden", 8, "--rounds", 3, "--epochs", 1, "--parts", 6, "--json")
NODES = 3
SLOW_S = 5 * PATIENCE_S  # every process imports torch


def train(made: Ring, name: str) -> dict[str, Any]:
    where = ("--supernode", made.supernode_address, "--nodes", made.node_list)
    client = Running("client.py", [str(word) for word in ("train", *JOB, *where)], made.folder, name)
    code = client.wait(SLOW_S)
    assert code == 0, client.text
    found: dict[str, Any] = json.loads(client.text.splitlines()[-1])
    return found


def test_a_node_that_dies_in_a_round_changes_no_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    armed, rng = tmp_path / "armed", np.random.default_rng(1)
    armed.mkdir()
    monkeypatch.setenv("ROUNDELAY_FAILPOINTS", f"{POINT}=exit")
    monkeypatch.setenv("ROUNDELAY_FAILPOINTS_ARMED", str(armed))
    np.savez(tmp_path / "set.npz", x=rng.integers(0, 256, (60, 8, 8), np.uint8), y=np.arange(60) % 3)
    with ring(tmp_path) as made:
        nodes = made.form(NODES, "--quiet")
        calm = train(made, "calm")
        (armed / POINT).touch()

        disturbed = train(made, "disturbed")

        (dead,) = [node for node in nodes if node.process.poll() is not None]
        assert dead.process.returncode == -signal.SIGKILL
        assert f"127.0.0.1:{dead.port}" not in disturbed["placement"].values()
        assert len(disturbed["placement"]) == len(calm["placement"]) == 6
        assert disturbed["model_sha256"] == calm["model_sha256"]
