"""Flower clients as trainers: they get what Flower would pass, and their sum is that of FedAvg."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from roundelay.ml import exact
from roundelay.ml.data import Samples
from roundelay.ml.design import Design
from roundelay.ml.errors import BadTask, ClientFault
from roundelay.ml.flower import Client
from roundelay.ml.models.arrays import cut, join
from roundelay.ml.models.catalogue import learner
from roundelay.ml.models.learner import evaluate
from roundelay.ml.partial_update import sum_from_bytes
from roundelay.ml.readers import letters
from roundelay.ml.task import FileTask, TrainerTask
from roundelay.ml.training_plan import TrainConfig, TrainingPlan
from roundelay.ml.worker import Worker
from tests.ml.ml_oracles import digest_of

ROOT = Path(__file__).resolve().parents[2]
SIZES = (3, 2)
ROWS = 7
CLIENTS = """
calls = []

class Plain:
    def __init__(self):
        calls.append("made")
    def get_parameters(self, config):
        return [0]
    def fit(self, parameters, config):
        calls.append(("fit", config))
        for array in parameters:
            array += 1.5
        return parameters, 7, {}
    def evaluate(self, parameters, config):
        calls.append(("evaluate", parameters[0].mean()))
        return 0.25, 3, {"accuracy": 0.75}

ready = Plain()

class Wrapped(Plain):
    def to_client(self):
        class NumPyClientWrapper:
            numpy_client = self
            def fit(self, ins): ...
        return NumPyClientWrapper()

def client_fn(context):
    calls.append(dict(context.node_config))
    assert context.run_config == context.node_config and context.state == {}
    return Wrapped().to_client()

class Deaf(Plain):
    get_parameters = None

class Raises(Plain):
    def fit(self, parameters, config):
        return config["lr"]

class Shapes(Plain):
    def fit(self, parameters, config):
        return [array.T for array in parameters], 7, {}

class Diverged(Plain):
    def fit(self, parameters, config):
        return [array * float("nan") for array in parameters], 7, {}

class Nothing(Plain):
    def fit(self, parameters, config):
        return parameters, 0, {}

class Others(Plain):
    def fit(self, parameters, config):
        return parameters, 8, {}

class Mute(Plain):
    def fit(self, parameters, config): ...

class Lost(Plain):
    def evaluate(self, parameters, config):
        return float("inf"), 3, {}

class Unclear(Plain):
    def evaluate(self, parameters, config):
        return 0.25

class Cannot:
    def __init__(self):
        raise FileNotFoundError("no rows here")

class NoClient:
    def fit(self, rows): ...

number = 7
"""


@pytest.fixture(autouse=True)
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    (tmp_path / "own_clients.py").write_text(CLIENTS)
    monkeypatch.syspath_prepend(tmp_path)
    from importlib import import_module

    yield import_module("own_clients")
    del sys.modules["own_clients"]


def trained(worker: Worker, design: Design, base: np.ndarray, rows: list[int], number: int = 4) -> Any:
    """Run one round with a file for each of the worker's clients; return the new weights."""
    files = tuple(FileTask(digest_of(str(i).encode()), n, i) for i, n in enumerate(rows))
    bits = exact.fraction_bits(sum(rows))
    task = TrainerTask(TrainingPlan(design, TrainConfig(epochs=3), bits), files, round=number)
    update = worker.train(task, base.astype("<f4").tobytes())
    return exact.mean(base, sum_from_bytes(update), sum(rows), bits), update


def worker_of(*clients: Client) -> Worker:
    worker = Worker()
    for number, client in enumerate(clients):
        worker.add_client(digest_of(str(number).encode()), client)
    return worker


def one_round(named: str, rows: int | None = ROWS, **settings: Any) -> Any:
    base = np.arange(8, dtype=np.float32)  # (8,)
    return trained(worker_of(Client(f"own_clients:{named}", settings, rows)), Design(SIZES), base, [ROWS])


@pytest.mark.parametrize("named", ["Plain", "ready", "Wrapped", "client_fn"])
def test_a_client_trains_however_it_is_named(named: str) -> None:
    weights, update = one_round(named)

    assert weights.tolist() == [i + 1.5 for i in range(8)]
    assert (update.rows, update.loss, update.accuracy) == (ROWS, 0.25, 0.75)


def test_a_class_makes_one_client_and_a_client_fn_one_for_each_task(clients: Any) -> None:
    for named, made in (("Plain", 1), ("client_fn", 3)):
        clients.calls.clear()
        worker = worker_of(Client(f"own_clients:{named}", {"partition-id": 2}, ROWS))
        for number in (1, 2):
            trained(worker, Design(SIZES), np.zeros(8, np.float32), [ROWS], number)

        assert clients.calls.count("made") == made
        assert clients.calls.count({"partition-id": 2}) == (made if named == "client_fn" else 0)


def test_fit_receives_the_jobs_settings_overridden_by_the_nodes(clients: Any) -> None:
    one_round("Plain", lr=0.5, epochs=9)

    received = next(call[1] for call in clients.calls if call[0] == "fit")
    assert received == {
        "server_round": 4,
        "epochs": 9,
        "eta": 0.1,
        "batch": 32,
        "momentum": 0.9,
        "optimizer": "sgd",
        "dropout": 0.0,
        "seed": 0,
        "lr": 0.5,
    }


def test_a_client_evaluates_the_weights_that_it_trained(clients: Any) -> None:
    one_round("Plain")

    assert ("evaluate", pytest.approx(np.arange(2, 8).mean() + 1.5)) in clients.calls


def test_the_number_of_examples_comes_from_a_fit() -> None:
    assert Client("own_clients:Plain", {}).rows == 7
    with pytest.raises(ClientFault, match=r"own_clients:Deaf.*--trainer-rows N"):
        Client("own_clients:Deaf", {})


@pytest.mark.parametrize(
    ("named", "complaint"),
    [
        ("Raises", r"own_clients:Raises, fit: own_clients.py, line \d+: KeyError: 'lr'"),
        ("Shapes", r"own_clients:Shapes.fit returned array 1 of 2 with shape \(2, 3\), expected \(3, 2\)"),
        ("Diverged", "own_clients:Diverged.fit returned NaN or infinity in array 1 of 2"),
        ("Nothing", "own_clients:Nothing.fit trained on 0 examples"),
        ("Others", "own_clients:Others.fit trained on 8 examples, but its node published 7: .*--trainer-rows 8"),
        ("Mute", "own_clients:Mute.fit returned None: expected parameters, num_examples, metrics"),
        ("Lost", "own_clients:Lost.evaluate returned loss inf"),
        ("Unclear", "own_clients:Unclear.evaluate returned 0.25: expected loss"),
        ("Cannot", r"own_clients:Cannot, client_fn: own_clients.py, line \d+: FileNotFoundError: no rows here"),
        ("NoClient", r"makes NoClient, which has no fit\(parameters, config\)"),
        ("number", "own_clients:number is not a client and cannot make one"),
        ("absent", "own_clients:absent cannot be imported: .*AttributeError"),
    ],
)
def test_errors_of_a_client_are_reported_with_their_place(named: str, complaint: str) -> None:
    with pytest.raises(ClientFault, match=complaint):
        one_round(named)


def test_a_task_with_another_row_count_is_refused() -> None:
    worker = worker_of(Client("own_clients:Plain", {}, ROWS))

    with pytest.raises(BadTask, match="has 7 rows, but the task says 6"):
        trained(worker, Design(SIZES), np.zeros(8, np.float32), [6])


# --- the example of docs/flower.md

LETTERS = Design((16, 64, 26))
PARTITIONS = 4
ROUNDS = 3


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Import the example unchanged; an empty base class replaces Flower's if Flower is not installed."""
    text = (ROOT / "docs/flower.md").read_text().split("```")[1].removeprefix("python")
    (tmp_path / "letters_client.py").write_text(text)
    monkeypatch.chdir(ROOT)
    try:
        with warnings.catch_warnings(action="ignore"):  # its own affair
            import flwr.client  # noqa: F401
    except ImportError:

        class Bare:
            def to_client(self) -> object:
                return SimpleNamespace(numpy_client=self)

        monkeypatch.setitem(sys.modules, "flwr", ModuleType("flwr"))
        monkeypatch.setitem(sys.modules, "flwr.client", ModuleType("flwr.client"))
        sys.modules["flwr.client"].NumPyClient = Bare  # type: ignore[attr-defined]
    yield "letters_client:client_fn"
    sys.modules.pop("letters_client", None)


def of_partitions(named: str) -> list[Client]:
    return [Client(named, {"partition-id": i, "num-partitions": PARTITIONS}) for i in range(PARTITIONS)]


def test_the_documented_client_learns_letters(example: str) -> None:
    clients, weights = of_partitions(example), learner(LETTERS).init_weights(0)
    samples = letters_to_validate()

    for number in range(1, ROUNDS + 1):
        weights, _ = trained(worker_of(*clients), LETTERS, weights, [client.rows for client in clients], number)

    assert evaluate(learner(LETTERS), weights, samples).error_rate < 0.5  # chance would miss 25 of 26


def test_the_aggregate_of_clients_matches_flowers_fedavg(example: str) -> None:
    common = pytest.importorskip("flwr.common", reason="Flower's FedAvg is in flwr, which is not installed")
    from flwr.server.strategy import FedAvg

    clients, model = of_partitions(example), learner(LETTERS)
    ours, theirs = model.init_weights(0), cut(model.init_weights(0), model.slots)
    strategy = FedAvg()
    for number in range(1, ROUNDS + 1):
        ours, _ = trained(worker_of(*clients), LETTERS, ours, [client.rows for client in clients], number)
        results = []
        for client in clients:
            made, rows, _ = client._client().fit([array.copy() for array in theirs], {"server_round": number})
            results.append(
                (None, common.FitRes(common.Status(common.Code.OK, ""), common.ndarrays_to_parameters(made), rows, {}))
            )
        theirs = common.parameters_to_ndarrays(strategy.aggregate_fit(number, results, [])[0])

    assert np.abs(join(theirs, model.slots, ours) - ours).max() <= 1e-6


def letters_to_validate() -> Samples:
    path = ROOT / "letters/validate_letters.txt"
    return letters.parse(path.name, path.read_bytes(), 16)
