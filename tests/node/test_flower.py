"""Tests of a node's own Flower client: made and run only in the training process, published as one file."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from roundelay.federation import trained_round
from roundelay.federation.errors import WorkFailed
from roundelay.federation.private_data import CLIENT
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import Settings
from roundelay.ml import exact
from roundelay.ml.sliced import as_bytes
from roundelay.node.flower import FlowerClient
from roundelay.node.trainer import Trainer
from roundelay.node.trainer_process import TrainerProcess
from tests.node.training_orders import content, effect, make_spec, training_order

CLIENTS = f"""
import os, sys

class Duck:
    def get_parameters(self, config):
        return [0.0]
    def fit(self, parameters, config):
        print("not for the frames")
        return [array + config["step"] * config["server_round"] for array in parameters], 5, {{}}
    def evaluate(self, parameters, config):
        return 0.5, 1, {{"accuracy": 0.25}}

class Broken:
    def __init__(self):
        raise FileNotFoundError("no rows here")

class Leaves:
    def __init__(self):
        os._exit({(LEFT := 3)})
"""


@pytest.fixture(autouse=True)
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "duck.py").write_text(CLIENTS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def test_a_node_publishes_its_clients_examples_and_its_trainer_runs_the_client() -> None:
    client = FlowerClient("duck:Duck", {"step": 0.25}, None, "letters")
    client.scan()
    (file,) = client.files

    spec = make_spec({"any": content(9, 1)}, Settings(epochs=2, hidden=(4,)))
    spec = replace(spec, files=(TrainingFile(0, f"here~{file.name}", file.digest, file.size_bytes, file.rows),))
    order, weights = training_order(spec, 3)
    told: list[str] = []
    trainer = Trainer(lambda ticket, training: told.append(str(training)), told.append, own=client)
    try:
        done = trainer.perform(effect(order, {}, weights))
    finally:
        trainer.stop()

    assert (file.rows, client.kind) == (5, CLIENT)
    assert (done.loss, done.accuracy) == (0.5, 0.25)
    assert any("here~client, epoch 2: accuracy 0.250" in line for line in told)
    first = np.frombuffer(trained_round.first_weights(spec), "<f4")
    total = np.frombuffer(as_bytes(done.result), "<i8", count=len(first))  # receipts follow it
    change = np.ldexp(total.astype(float), -exact.fraction_bits(spec.rows)) / 5
    assert np.allclose(first + change, first + 0.75, atol=1e-6)
    assert "duck" not in sys.modules


def test_a_clients_file_is_not_served_under_another_digest() -> None:
    client = FlowerClient("duck:Duck", {}, None, "letters")

    assert client.find("00" * 32, TrainerProcess().survey) is None


@pytest.mark.parametrize(
    ("named", "complaint"),
    [
        ("Broken", r"duck:Broken, client_fn: duck.py, line \d+: FileNotFoundError: no rows here"),
        ("Leaves", rf"the trainer died \(exit code {LEFT}\) while it made duck:Leaves"),
    ],
)
def test_a_client_that_cannot_be_made_is_reported_at_the_start(named: str, complaint: str) -> None:
    with pytest.raises(WorkFailed, match=complaint):
        FlowerClient(f"duck:{named}", {}, None, "letters").scan()
