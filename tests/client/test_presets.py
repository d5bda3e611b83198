"""Settings that follow from the data, for what a user leaves open."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from roundelay.client.errors import InvalidRequest
from roundelay.client.job_input import JobInput
from roundelay.client.preparation import settings_of
from roundelay.client.presets import ROUNDS, batch_for
from roundelay.client.progress import SILENT
from roundelay.client.requests import TrainRequest
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import Settings
from roundelay.ml.data import Samples
from roundelay.ml.design import Design
from roundelay.ml.models.catalogue import learner
from roundelay.ml.training_plan import TrainConfig


def some(rows: int, files: int = 8, features: int = 20, classes: int = 3) -> JobInput:
    """Data with this many rows in each file."""
    parts = tuple(TrainingFile(i, f"f{i}", "0" * 64, 1, rows) for i in range(files))
    return JobInput({}, parts, TrainingFile(files, "v", "0" * 64, 1, 1), features, classes, kind="csv")


LETTERS = replace(some(424, 33, 16, 26), kind="letters")
WIDE = some(1000, features=64)


def settings_for(data: JobInput, preset: str = "", **given: object) -> Settings:
    return settings_of(TrainRequest("data", settings=given, preset=preset), data, SILENT)


def test_letters_take_the_steps_that_were_published_and_the_best_round_is_kept() -> None:
    published = Settings()
    found = settings_for(LETTERS)

    for name in ("epochs", "hidden", "eta", "batch", "momentum", "dropout", "optimizer"):
        assert getattr(found, name) == getattr(published, name)
    assert (found.keep, found.patience) == ("best", 12)


def test_the_learning_rate_falls_with_the_root_of_the_width() -> None:
    found = [settings_for(some(1000, features=d)).eta for d in (1, 16, 64, 54, 400)]

    assert found == [0.2, 0.2, 0.1, 0.109, 0.04]


def test_rows_of_more_than_500_features_take_the_learning_rate_of_500() -> None:
    assert [settings_for(some(2500, features=d)).eta for d in (500, 501, 20_000)] == [0.0358] * 3
    assert settings_for(some(1000, features=5000, classes=0)).eta == 0.00358  # a regression


def test_more_features_than_training_rows_take_the_learning_rate_of_128() -> None:
    sizes = ((50, 400), (50, 401), (50, 20_000), (10, 128), (10, 64))  # rows of each of 8 files, features

    assert [settings_for(some(rows, features=d)).eta for rows, d in sizes] == [0.04, 0.0707, 0.0707, 0.0707, 0.1]
    assert settings_for(some(50, features=5000, classes=0)).eta == 0.00707  # a regression


def test_the_learning_rate_falls_with_the_root_of_the_width_of_layers_that_follow_one_another() -> None:
    found = [settings_for(LETTERS, hidden=(width, width)).eta for width in (64, 256, 512, 1024, 4096)]

    assert found == [0.2, 0.2, 0.141, 0.1, 0.05]
    assert settings_for(LETTERS, hidden=(4096,)).eta == settings_for(LETTERS, hidden=(4096, 16)).eta == 0.2
    assert settings_for(LETTERS, hidden=(4096, 4096), model="softmax").eta == 0.2


def test_more_rows_of_each_class_get_larger_steps_and_dropout() -> None:
    assert [batch_for(some(rows)) for rows in (1, 30, 70, 140, 10_000)] == [32, 32, 64, 128, 128]
    assert (settings_for(some(20)).dropout, settings_for(some(2000)).dropout) == (0.0, 0.2)
    assert settings_for(some(2000), model="softmax").dropout == 0.0


def test_large_files_get_fewer_passes_in_a_round() -> None:
    assert [settings_for(some(rows)).epochs for rows in (100, 4_000, 4_001, 16_000, 100_000)] == [5, 5, 2, 2, 1]


def test_a_learning_rate_that_was_given_stands_without_halvings_or_clipping() -> None:
    found = settings_for(WIDE, eta=0.2)

    assert (found.eta, found.halvings, found.clip) == (0.2, 0, 0.0)
    assert settings_for(WIDE).halvings > 0


def test_with_keep_last_exactly_the_rounds_that_are_named_are_trained() -> None:
    found = settings_for(WIDE, rounds=7, keep="last")

    assert (found.rounds, found.patience, found.keep) == (7, 0, "last")
    assert settings_for(WIDE, keep="last", patience=3).patience == 3


def test_a_job_that_stops_when_no_better_may_take_more_rounds() -> None:
    assert settings_for(WIDE).rounds == ROUNDS > Settings().rounds
    assert settings_for(WIDE, rounds=7).rounds == 7
    assert settings_for(some(1000, classes=0)).rounds == ROUNDS  # a regression


@pytest.mark.parametrize(
    "given", [{"patience": 0}, {"keep": "last"}, {"dp_noise": 1.0, "dp_clip": 0.5}, {"topology": "buffered"}]
)
def test_a_job_whose_rounds_cost_privacy_or_are_all_trained_takes_no_more(given: dict[str, Any]) -> None:
    assert settings_for(WIDE, **given).rounds == Settings().rounds


def test_a_job_with_noise_is_not_trained_again_with_half_the_step() -> None:
    assert settings_for(WIDE, dp_noise=1.0, dp_clip=0.5).halvings == 0


def test_adam_has_a_learning_rate_of_its_own() -> None:
    assert settings_for(WIDE, optimizer="adam").eta == 0.001


def test_the_same_rows_get_the_same_settings_from_every_format() -> None:
    assert len({settings_for(replace(WIDE, kind=kind)) for kind in ("letters", "csv", "npz", "mnist")}) == 1
    assert settings_for(replace(WIDE, kind="npz", shape=(1, 8, 8))) == settings_for(WIDE)


def test_a_preset_has_its_published_settings_and_options_override_them() -> None:
    xrays = replace(WIDE, kind="npz", shape=(1, 8, 8))
    found = settings_for(xrays, preset="xray")

    assert (found.eta, found.weighting, found.keep, found.patience) == (0.01, "balanced", "last", 0)
    assert settings_for(xrays, preset="xray", eta=0.5).eta == 0.5
    assert settings_for(WIDE, preset="letters") == Settings()
    assert settings_for(WIDE, preset="seed-course").course


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="there are letters, mnist"):
        TrainRequest("data", preset="numbers")


def test_one_line_says_what_was_chosen_and_for_what() -> None:
    lines: list[str] = []
    request = TrainRequest("data", settings={"rounds": 9})
    settings_of(request, WIDE, SimpleNamespace(note=lines.append))

    (line,) = lines
    assert line.startswith("eta 0.1, batch 128, epochs 5, dropout 0.2, up to 9 rounds, stops when no better for 12")
    assert "chosen for 8,000 rows x 64 features, 3 classes" in line


@pytest.mark.parametrize("given", [{"course": True, "hidden": (20,)}])
def test_the_course_trainer_is_given_nothing(given: dict[str, object]) -> None:
    assert settings_for(WIDE, **given) == Settings(**given, optimizer="gd")  # type: ignore[arg-type]


def test_a_module_of_the_users_gets_a_step_for_its_width_and_no_dropout() -> None:
    found = settings_for(WIDE, model="mine:Linear")

    assert (found.eta, found.clip, found.dropout, found.batch) == (0.1, 4.0, 0.0, 32)


@pytest.mark.parametrize("features", [54, 200, 2000])
@pytest.mark.parametrize("hidden", [(256,), (64, 64)])
def test_wide_rows_do_not_diverge(features: int, hidden: tuple[int, ...]) -> None:
    rng = np.random.default_rng(features)
    y = rng.integers(0, 4, 400)
    x = (rng.standard_normal((400, features)) + rng.standard_normal((4, features))[y]).astype(np.float32)
    model = learner(Design((features, *hidden, 4)))
    eta = settings_for(some(50, features=features, classes=4)).eta
    config, losses = TrainConfig(epochs=5, eta=eta), list[float]()

    model.train(model.init_weights(0), Samples(x, y), config, 1, lambda _, loss, __: losses.append(loss))

    assert losses[-1] < np.log(4)
