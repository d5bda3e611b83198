"""Flower clients as trainers: a NumPyClient trains a job's weights on data of its own.

A trainer process imports a client because its node was started with it, never because a job names it. Flower need not
be installed: any object with fit(parameters, config) and evaluate(parameters, config) will do. docs/flower.md has an
example, which a test runs.
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

from roundelay.ml.data import Array, Floats
from roundelay.ml.errors import ClientFault, MLError, printable, private
from roundelay.ml.models.arrays import cut, join
from roundelay.ml.models.learner import Learner
from roundelay.ml.task import ROWS_MAX
from roundelay.ml.train import OnEpoch
from roundelay.ml.training_plan import TrainConfig

Scalar = bool | int | float | str
Config = dict[str, Any]

SEED_MAX = 1 << 31  # every framework accepts seeds below this


@dataclass
class Context:
    """The argument of a client_fn: the part of Flower's Context that it may use."""

    node_config: Mapping[str, Scalar]
    run_config: Mapping[str, Scalar]
    node_id: int = 0
    run_id: int = 0
    state: Any = field(default_factory=lambda: _state())


class Client:
    """A Flower client named MODULE:NAME. A class is instantiated once, a client_fn is called for each task.

    `rows` is what fit returns as num_examples. If it is not configured, the client must fit once, starting
    from its own get_parameters. Every method raises ClientFault.
    """

    def __init__(self, named: str, settings: Mapping[str, Scalar], rows: int | None = None) -> None:
        self._named, self._settings = named, dict(settings)
        self._make = self._maker()
        client = self._client()
        self.rows = self._count(client) if rows is None else rows
        if not 1 <= self.rows <= ROWS_MAX:
            raise ClientFault(f"{named} trains on {self.rows} examples: expected 1 to {ROWS_MAX}")

    def train(
        self, model: Learner, base: Floats, config: TrainConfig, number: int, seed: int, on_epoch: OnEpoch
    ) -> Array:
        """Return the weights from the client's fit, and report the result of its evaluate as the last epoch."""
        client, settings = self._client(), self._config(config, number, seed)
        fitted, rows = self._fit(client, cut(base, model.slots), settings)
        if rows != self.rows:
            raise ClientFault(
                f"{self._named}.fit trained on {rows} examples, but its node published {self.rows}: "
                f"start the node with --trainer-rows {rows}"
            )
        try:
            local = join(fitted, model.slots, base)
        except ClientFault as error:
            raise ClientFault(f"{self._named}.fit {error.marked}") from error
        loss, accuracy = self._evaluate(client, fitted, settings)
        on_epoch(config.epochs, loss, accuracy)
        return local

    # --- calls of the client

    def _fit(self, client: Any, parameters: list[Any], config: Config) -> tuple[Any, int]:
        with self._wrap_errors("fit"):
            answer = client.fit(parameters, config)
        try:
            fitted, examples, _ = answer
            rows = operator.index(examples)
        except (TypeError, ValueError) as error:
            raise ClientFault(
                f"{self._named}.fit returned {private(repr(answer), 80)}: expected parameters, num_examples, metrics"
            ) from error
        if rows < 1:
            raise ClientFault(f"{self._named}.fit trained on {rows} examples: expected 1 or more")
        return fitted, rows

    def _evaluate(self, client: Any, parameters: Any, config: Config) -> tuple[float, float]:
        """Return loss and accuracy on the client's own data."""
        with self._wrap_errors("evaluate"):
            answer = client.evaluate(parameters, dict(config))
        try:
            loss, _, metrics = answer
            loss, accuracy = float(loss), float(metrics.get("accuracy", 0.0))
        except (TypeError, ValueError, AttributeError) as error:
            raise ClientFault(
                f"{self._named}.evaluate returned {private(repr(answer), 80)}: expected loss, num_examples, metrics"
            ) from error
        if not (math.isfinite(loss) and math.isfinite(accuracy)):
            raise ClientFault(
                f"{self._named}.evaluate returned loss {loss} and accuracy {accuracy}: its training has diverged"
            )
        return loss, accuracy

    def _count(self, client: Any) -> int:
        with self._wrap_errors("get_parameters"):
            first = client.get_parameters({}) if callable(getattr(client, "get_parameters", None)) else []
        if not isinstance(first, list | tuple) or not first:
            raise ClientFault(
                f"{self._named} has no get_parameters, so the number of its examples is unknown: "
                "start the node with --trainer-rows N"
            )
        return self._fit(client, list(first), self._config(TrainConfig(), 0, 0))[1]

    def _config(self, config: TrainConfig, number: int, seed: int) -> Config:
        """Return the config of fit and evaluate: the job's settings, overridden by the node's."""
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

    # --- making the client

    def _maker(self) -> Callable[[], Any]:
        module, _, name = self._named.partition(":")
        try:
            found = getattr(import_module(module), name)
        except Exception as error:  # an import can raise anything
            raise ClientFault(f"--trainer {self._named} cannot be imported: {_cause(error)}") from error
        if hasattr(found, "fit") and not isinstance(found, type):
            return lambda: found
        if not callable(found) or type(found).__name__ == "ClientApp":
            raise ClientFault(
                f"--trainer {self._named} is not a client and cannot make one: name a NumPyClient, or the "
                "client_fn of a ClientApp"
            )
        if isinstance(found, type):
            return cache(found)
        context = Context(self._settings, self._settings)
        return lambda: found(context)

    def _client(self) -> Any:
        with self._wrap_errors("client_fn"):
            made = self._make()
        client = getattr(made, "numpy_client", made)  # unwraps the result of to_client()
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
    def _wrap_errors(self, place: str) -> Iterator[None]:
        """Raise any error as ClientFault, in one line with its place."""
        try:
            yield
        except MLError:
            raise
        except Exception as error:
            raise ClientFault(f"{self._named}, {place}: {_cause(error)}") from error


def _cause(error: Exception) -> str:
    frames = extract_tb(error.__traceback__)
    where = f"{frames[-1].filename.rpartition('/')[2]}, line {frames[-1].lineno}: " if frames else ""
    return f"{printable(where)}{type(error).__name__}: {private(error)}"


def _state() -> Any:
    """Return the state that a client keeps between rounds: Flower's RecordDict if Flower is imported."""
    if "flwr" not in sys.modules:
        return {}
    try:
        return import_module("flwr.app").RecordDict()
    except (ImportError, AttributeError):  # an older Flower
        return {}
