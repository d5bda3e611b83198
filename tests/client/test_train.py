"""Ring.train on a local ring of real processes: results, models of one's own, callbacks, metrics, ends of processes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import roundelay
from roundelay.client.errors import InvalidRequest, JobFailed, RingUnavailable
from roundelay.client.notebook import NotebookProgress
from roundelay.ml.models.model import Model, softmax
from roundelay.testing.waiting import until
from tests.processes import PATIENCE_S, ROOT, environment

RNG = np.random.default_rng(1)
CENTRES = RNG.standard_normal((3, 4)) * 3
Y = np.arange(90) % 3
X = CENTRES[Y] + RNG.standard_normal((90, 4))
FAST: dict[str, Any] = {"rounds": 3, "epochs": 2, "hidden": (4,), "clients": 3}
BIAS = 1.0


class Linear(Model):
    """A model that is defined in a module."""

    def __init__(self, design: Any) -> None:
        super().__init__(design, (design.features + 1) * design.classes)

    def init_parameters(self, rng: np.random.Generator) -> None:
        self.parameters[:] = 0

    def gradient(self, x: Any, y: Any, weights: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        scores, inputs = self.predict(x), with_bias(x)
        p = softmax(scores)
        p[np.arange(len(y)), y] -= 1
        p *= weights[:, None] / len(y)
        return scores, (inputs.T @ p).reshape(-1)

    def predict(self, x: Any) -> Any:
        return with_bias(x) @ self.parameters.reshape(-1, self.design.classes)


def with_bias(x: Any) -> Any:
    return np.hstack([np.full((len(x), 1), BIAS, np.float32), x])


@pytest.fixture(scope="module")
def ring() -> Iterator[roundelay.Ring]:
    with roundelay.local_ring(2) as made:
        yield made


def test_the_snippet_of_the_documentation_trains_a_model(ring: roundelay.Ring) -> None:
    names = np.array(["ape", "cat", "dog"])[Y]
    job = ring.train(X, names, validation=(X, names), partition=roundelay.Dirichlet(0.5), **FAST)

    errors = [each.validation_error for each in job.rounds()]
    model = job.model()

    assert [row["validation_error"] for row in job.history()] == [round(error, 6) for error in errors]
    assert np.mean(model.predict(X) != names) == pytest.approx(errors[-1])
    assert model.predict_proba(X).shape == (90, 3)
    assert job.result().metrics is not None


def test_a_job_goes_on_when_its_ring_is_not_named_any_more() -> None:
    job = roundelay.local_ring(1).train(X, Y, **FAST)

    assert len(job.result().rounds) == 3


def test_another_connection_sees_the_same_history(ring: roundelay.Ring) -> None:
    job = ring.train(X, Y, **FAST)
    job.result()

    with roundelay.connect(str(ring.connection.address.supernode)) as other:
        found = other.job(job.id)
        assert found.history() == job.history()
        assert np.array_equal(found.validation_samples().x, job.validation_samples().x)
        assert other.job(job.id).model().sha256 == job.model().sha256


def test_a_class_of_a_module_trains_under_its_name(ring: roundelay.Ring) -> None:
    job = ring.train(X, Y, model=Linear, **FAST)

    assert job.result().validation_error < 0.4
    assert job.model().design.model.startswith("roundelay_objects:Linear_")
    with (
        roundelay.connect(str(ring.connection.address.supernode)) as other,
        pytest.raises(InvalidRequest, match="only"),
    ):
        other.train(X, Y, model=Linear)
    with pytest.raises(InvalidRequest, match="model is a list"):
        ring.train(X, Y, model=[])


def test_metrics_and_callbacks_see_every_round(ring: roundelay.Ring) -> None:
    seen: list[int] = []

    def share_of_first(labels: Any, proba: Any) -> float:
        return float(np.mean(labels == 0))

    job = ring.train(
        X, Y, callbacks=[lambda _, each: seen.append(each.number)], metrics={"first": share_of_first}, **FAST
    )
    job.result()

    assert seen == [1, 2, 3]
    expected = float(np.mean(job.validation_samples().y == 0))
    assert [row["first"] for row in job.history()] == [expected] * 3


def test_an_error_of_a_callback_cancels_the_job_and_is_raised_where_it_is_watched(ring: roundelay.Ring) -> None:
    def fail(_: object, each: roundelay.Round) -> None:
        raise ZeroDivisionError(f"in round {each.number}")

    endless = {"rounds": 1500, "patience": 0}  # otherwise it may stop by itself before it is cancelled
    job = ring.train(X, Y, callbacks=[fail], **FAST | endless)

    with pytest.raises(ZeroDivisionError, match="in round 1"):
        list(job.rounds())
    with pytest.raises(JobFailed, match="cancelled"):
        ring.job(job.id).result()


def test_a_job_continues_from_a_model(ring: roundelay.Ring) -> None:
    first = ring.train(X, Y, **FAST).result()

    second = ring.train(X, Y, init=first.model, **FAST).result()

    losses = [report.rounds[0].report.training_loss for report in (first, second)]
    assert losses[1] < losses[0]


def test_the_bar_of_a_notebook_shows_how_much_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    class Display:
        def __init__(self) -> None:
            self.shown: list[str] = []

        def display(self, drawn: object, display_id: bool) -> Display:
            return self.update(drawn)

        def update(self, drawn: Any) -> Display:
            self.shown.append(drawn._repr_html_())
            return self

    monkeypatch.setitem(sys.modules, "IPython.display", display := Display())
    show = NotebookProgress().bar("a<b")
    show(1, 3)
    show(2, 3)

    assert display.shown[0].startswith("a&lt;b <progress")
    assert len(display.shown) == 2
    assert '<progress value="2" max="3">' in display.shown[1]


# --- programs


def run_script(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    script = folder / "script.py"
    script.write_text(textwrap.dedent(text))
    return subprocess.run(
        [sys.executable, script], env=environment() | {"PYTHONPATH": str(ROOT)}, cwd=folder,
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("setting", ["model", "optimizer", "loss"])
def test_a_plugin_that_the_nodes_may_not_import_is_refused_at_once(ring: roundelay.Ring, setting: str) -> None:
    with pytest.raises(InvalidRequest, match=rf"for {setting} mine:Own: start it with local_ring\(plugins="):
        ring.train(X, Y, **{**FAST, setting: "mine:Own"})


def test_a_class_of_a_script_trains_on_its_local_ring(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        """
        import numpy as np
        import roundelay
        from roundelay.ml.models.model import softmax as soft

        BIAS = 1.0

        def with_bias(x):
            return np.hstack([np.full((len(x), 1), BIAS, np.float32), x])

        class Linear(roundelay.Model):
            def __init__(self, design):
                super().__init__(design, (design.features + 1) * design.classes)

            def init_parameters(self, rng):
                self.parameters[:] = 0

            def gradient(self, x, y, weights, rng):
                scores = self.predict(x)
                p = soft(scores)
                p[np.arange(len(y)), y] -= 1
                p *= weights[:, None] / len(y)
                return scores, (with_bias(x).T @ p).reshape(-1)

            def predict(self, x):
                return with_bias(x) @ self.parameters.reshape(-1, self.design.classes)

        y = np.arange(60) % 2
        x = np.random.default_rng(1).standard_normal((60, 2)) + 3 * y[:, None]
        ring = roundelay.local_ring(1)  # it ends with the process
        print(ring.train(x, y, model=Linear, clients=2, rounds=2).result().validation_error < 0.3)
        print(ring.status()[0].node.address)
        """,
    )

    assert done.returncode == 0, done.stderr
    correct, address = done.stdout.split()
    assert correct == "True"
    until(lambda: not answers(address), "the ring has ended with the process that started it")


def answers(address: str) -> bool:
    try:
        with roundelay.connect(bootstrap=address):
            return True
    except RingUnavailable:
        return False
