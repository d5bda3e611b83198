"""A node is killed while it trains a PyTorch model: the same weights, bit for bit. Skips without torch."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.processes import PATIENCE_S, Ring, ring

pytest.importorskip("torch", reason="PyTorch is in the extra torch")

POINT = "train.before~round=2"  # of the node, not of its trainer
JOB = ("set.npz", "--model", "torchzoo:cnn", "--hidden", 8, "--rounds", 3, "--epochs", 1, "--parts", 6, "--json")
NODES = 3
SLOW_S = 5 * PATIENCE_S  # every process imports torch


def train(made: Ring) -> dict[str, Any]:
    client = made.start_client("train", *map(str, JOB))
    code = client.wait(SLOW_S)
    assert code == 0, client.text
    found: dict[str, Any] = json.loads(client.out.read_text())
    return found


def test_a_node_that_dies_in_a_round_changes_no_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    np.savez(tmp_path / "set.npz", x=rng.integers(0, 256, (60, 8, 8), np.uint8), y=np.arange(60) % 3)
    with ring(tmp_path) as made:
        made.failpoints = f"{POINT}=exit"
        for _ in range(NODES):
            made.add_node("--quiet")
        made.wait_for_nodes(NODES)
        undisturbed = train(made)
        made.arming(POINT).touch()

        disturbed = train(made)

        (dead,) = [node for node in made.nodes if not node.is_running]
        assert dead.code == -signal.SIGKILL
        assert f"127.0.0.1:{dead.port}" not in disturbed["placement"].values()
        assert len(disturbed["placement"]) == len(undisturbed["placement"]) == 6
        assert disturbed["model_sha256"] == undisturbed["model_sha256"]
