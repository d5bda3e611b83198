"""Flower's clients as trainers: what was written as a NumPyClient trains a job's weights on data that it alone knows.

A trainer process imports one when its node says so, never because a job does. Needs no Flower: whatever has
fit(parameters, config) and evaluate(parameters, config) will do. docs/flower.md has an example, and a test runs it.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from inspect import signature
from traceback import extract_tb
from typing import Any

from roundelay.ml.data import Floats
from roundelay.ml.errors import ClientFault, MLError, printable
from roundelay.ml.mlp import Array
from roundelay.ml.models.arrays import cut, join
from roundelay.ml.models.learner import Learner
from roundelay.ml.task import ROWS_MAX, TrainConfig
from roundelay.ml.train import OnEpoch

Scalar = bool | int | float | str
Config = dict[str, Any]

SEED_MAX = 1 << 31  # what any framework takes for a seed


@dataclass
class Context:
    """What a client_fn is given: what it may ask of Flower's."""

    node_config: Mapping[str, Scalar]
    run_config: Mapping[str, Scalar]
    node_id: int = 0
    run_id: int = 0
    state: Any = field(default_factory=lambda: _state())


class Client:
    """MODULE:NAME as it was told of: a class or an object is one client for good, a client_fn is asked for each order.

    Its rows are what fit calls num_examples. Where nobody says how many they are, it is made to fit once, from its
    own get_parameters. Raises ClientFault, from everything.
    """

    def __init__(self, named: str, settings: Mapping[str, Scalar], rows: int | None = None) -> None:
        self._named, self._settings = named, dict(settings)
        self._make = self._maker()
        client = self._client()
        self.rows = self._count(client) if rows is None else rows
        if not 1 <= self.rows <= ROWS_MAX:
            raise ClientFault(f"{named} is said to train on {self.rows} examples: expected 1 to {ROWS_MAX}")

    def train(
        self, model: Learner, base: Floats, config: TrainConfig, number: int, seed: int, on_epoch: OnEpoch
    ) -> Array:
        """The weights that its fit makes of these; what its evaluate then says of them is told as the last epoch."""
        client, told = self._client(), self._config(config, number, seed)
        fitted, rows = self._fit(client, cut(base, model.slots), told)
        if rows != self.rows:
            raise ClientFault(
                f"{self._named}.fit trained on {rows} examples, its node has published {self.rows}: "
                f"start the node with --trainer-rows {rows}"
            )
        try:
            local = join(fitted, model.slots, base)
        except ClientFault as error:
            raise ClientFault(f"{self._named}.fit {error}") from error
        loss, accuracy = self._evaluate(client, fitted, told)
        on_epoch(config.epochs, loss, accuracy)
        return local

    # --- what it is asked

    def _fit(self, client: Any, parameters: list[Any], config: Config) -> tuple[Any, int]:
        with self._told("fit"):
            answer = client.fit(parameters, config)
        try:
            fitted, examples, _ = answer
            rows = operator.index(examples)
        except (TypeError, ValueError) as error:
            raise ClientFault(
                f"{self._named}.fit gave {printable(repr(answer), 80)}, expected parameters, num_examples and metrics"
            ) from error
        if rows < 1:
            raise ClientFault(f"{self._named}.fit trained on {rows} examples: its weights count nothing")
        return fitted, rows

    def _evaluate(self, client: Any, parameters: Any, config: Config) -> tuple[float, float]:
        """Loss and accuracy, on whatever it evaluates on."""
        with self._told("evaluate"):
            answer = client.evaluate(parameters, dict(config))
        try:
            loss, _, metrics = answer
            found = float(loss), float(metrics.get("accuracy", 0.0))
        except (TypeError, ValueError, AttributeError) as error:
            raise ClientFault(
                f"{self._named}.evaluate gave {printable(repr(answer), 80)}, expected loss, num_examples and metrics"
            ) from error
        if not all(map(math.isfinite, found)):
            raise ClientFault(
                f"{self._named}.evaluate gave loss {found[0]} and accuracy {found[1]}: its training has diverged"
            )
        return found

    def _count(self, client: Any) -> int:
        with self._told("get_parameters"):
            first = client.get_parameters({}) if callable(getattr(client, "get_parameters", None)) else []
        if not isinstance(first, list | tuple) or not first:
            raise ClientFault(
                f"{self._named} has no get_parameters to be tried out with: say how many examples it "
                "trains on, --trainer-rows N"
            )
        return self._fit(client, list(first), self._config(TrainConfig(), 0, 0))[1]

    def _config(self, config: TrainConfig, number: int, seed: int) -> Config:
        """What fit and evaluate are told: the job's settings by their names, and before them what the node says."""
        job = {
            "server_round": number,
            "epochs": config.epochs,
            "eta": config.eta,
            "batch": config.batch,
            "momentum": config.momentum,
            "optimizer": config.optimizer,
            "dropout": config.dropout,
            "seed": seed % SEED_MAX,
        }
        return job | ({"proximal_mu": config.mu} if config.mu else {}) | self._settings

    # --- how it is made

    def _maker(self) -> Callable[[], Any]:
        module, _, name = self._named.partition(":")
        try:
            found = getattr(import_module(module), name)
        except Exception as error:  # whatever an import runs into
            raise ClientFault(f"--trainer {self._named} cannot be imported: {_cause(error)}") from error
        if hasattr(found, "fit") and not isinstance(found, type):
            return lambda: found
        if not callable(found) or type(found).__name__ == "ClientApp":
            raise ClientFault(
                f"--trainer {self._named} is neither a client nor makes one: name a NumPyClient, or the "
                "client_fn that a ClientApp is made from"
            )
        if isinstance(found, type):
            return cache(found)
        context = Context(self._settings, self._settings)
        return lambda: found(context)

    def _client(self) -> Any:
        with self._told("making it"):
            made = self._make()
        client = getattr(made, "numpy_client", made)  # where to_client has wrapped it
        for name in ("fit", "evaluate"):
            try:
                signature(getattr(client, name)).bind([], {})
            except (AttributeError, TypeError, ValueError) as error:
                raise ClientFault(
                    f"--trainer {self._named} makes {printable(type(client).__name__, 80)}, which has no "
                    f"{name}(parameters, config): expected a NumPyClient, a class or a function "
                    "client_fn(context) that makes one"
                ) from error
        return client

    @contextmanager
    def _told(self, place: str) -> Iterator[None]:
        """Whatever it raises is told with its place, in one line."""
        try:
            yield
        except MLError:
            raise
        except Exception as error:
            raise ClientFault(f"{self._named}, {place}: {_cause(error)}") from error


def _cause(error: Exception) -> str:
    from pathlib import Path  # which takes long to import, for an error's sake

    frames = extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}: " if frames else ""
    return printable(f"{where}{type(error).__name__}: {error}")


def _state() -> Any:
    """What a client keeps between rounds: Flower's records, where the client's module has brought Flower."""
    if "flwr" not in sys.modules:
        return {}
    try:
        return import_module("flwr.app").RecordDict()
    except (ImportError, AttributeError):  # an older Flower
        return {}
