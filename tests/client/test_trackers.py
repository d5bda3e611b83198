"""Experiment trackers, each on a real job where its package is installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import roundelay
from roundelay.client.callbacks import Callback
from roundelay.client.errors import MissingExtra
from roundelay.client.trackers import MLflow, OpenTelemetry, TensorBoard, WandB

MODULES: dict[str, Callable[[], Callback]] = {
    "tensorboardX": TensorBoard,
    "mlflow": MLflow,
    "wandb": WandB,
    "opentelemetry": OpenTelemetry,
}
INSTALLED = [name for name in MODULES if find_spec(name)]


@pytest.mark.parametrize("module", [name for name in MODULES if name not in INSTALLED])
def test_a_tracker_that_is_not_installed_says_what_to_install(module: str) -> None:
    with pytest.raises(MissingExtra, match=r"python3 -m pip install 'roundelay\["):
        MODULES[module]()


@pytest.mark.skipif(not INSTALLED, reason="no tracker is installed")
def test_a_job_is_written_to_every_tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    made: dict[str, Callable[[], Callback]] = {
        "tensorboardX": lambda: TensorBoard(tmp_path / "runs"),
        "mlflow": lambda: MLflow("test", f"sqlite:///{tmp_path}/mlflow.db"),
        "wandb": lambda: WandB(folder=tmp_path),
        "opentelemetry": OpenTelemetry,
    }
    spans = exported_spans() if "opentelemetry" in INSTALLED else None
    trackers = {name: made[name]() for name in INSTALLED}
    y = np.arange(60) % 2
    with roundelay.local_ring(1) as ring:
        job = ring.train(y[:, None] + 0.1, y, clients=2, rounds=2, epochs=1, callbacks=list(trackers.values()))
        job.result()

    if "tensorboardX" in trackers:
        (events,) = (tmp_path / "runs" / job.id[:8]).glob("events.*")
        assert b"validation_error" in events.read_bytes()
    if "mlflow" in trackers:
        from mlflow import MlflowClient

        client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
        (run,) = client.search_runs([client.get_experiment_by_name("test").experiment_id])
        assert run.info.status == "FINISHED" and run.data.params["rounds"] == "2"
        assert [each.step for each in client.get_metric_history(run.info.run_id, "validation_error")] == [1, 2]
    if "wandb" in trackers:
        assert list(tmp_path.rglob("run-*.wandb"))
    if spans is not None:
        (round_span, other) = [span for span in spans.get_finished_spans() if span.name == "round"]
        (trained, _) = [span for span in spans.get_finished_spans() if span.name == "train"]
        assert (round_span.attributes["round"], other.attributes["round"]) == (1, 2)
        assert (trained.parent.span_id, trained.attributes["files"]) == (round_span.context.span_id, 2)


def exported_spans() -> Any:
    """Return the spans that this process makes from now on."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    return spans
