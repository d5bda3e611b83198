"""Settings that follow from the data, for what a user leaves open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from roundelay.client.job_input import JobInput
from roundelay.client.preparation import settings_of
from roundelay.client.presets import eta_for
from roundelay.client.progress import SILENT
from roundelay.client.requests import TrainRequest
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import Settings
from roundelay.ml.data import Samples
from roundelay.ml.models.catalogue import learner
from roundelay.ml.task import Design, TrainConfig

LETTERS = JobInput({}, (), TrainingFile(0, "v", "0" * 64, 1, 1), features=16)
WIDE = replace(LETTERS, features=64, kind="csv")


def settings_for(data: JobInput, **given: object) -> Settings:
    return settings_of(TrainRequest("data", settings=given), data, SILENT)


def test_letters_keep_the_default_settings() -> None:
    assert settings_for(LETTERS) == Settings()


def test_the_learning_rate_falls_with_the_root_of_the_width() -> None:
    assert [eta_for(d) for d in (1, 16, 64, 54, 20_000)] == [0.2, 0.2, 0.1, 0.109, 0.00566]
    assert settings_for(WIDE) == Settings(eta=0.1)


def test_a_learning_rate_that_was_given_stands() -> None:
    assert settings_for(WIDE, eta=0.2).eta == 0.2


def test_adam_has_a_learning_rate_of_its_own() -> None:
    assert settings_for(WIDE, optimizer="adam").eta == 0.001


def test_the_same_rows_get_the_same_settings_from_every_format() -> None:
    assert len({settings_for(replace(WIDE, kind=kind)) for kind in ("letters", "csv", "npz")}) == 1


def test_images_keep_the_settings_measured_on_them() -> None:
    xrays = replace(WIDE, kind="npz", shape=(1, 8, 8))

    assert (settings_for(xrays).eta, settings_for(xrays).weighting) == (0.01, "balanced")


@pytest.mark.parametrize("given", [{"course": True, "hidden": (20,)}, {"model": "mine:Linear"}])
def test_models_with_arithmetic_of_their_own_are_given_nothing(given: dict[str, object]) -> None:
    assert settings_for(WIDE, **given).eta == Settings().eta


@pytest.mark.parametrize("features", [54, 200, 2000])
@pytest.mark.parametrize("hidden", [(256,), (64, 64)])
def test_wide_rows_do_not_diverge(features: int, hidden: tuple[int, ...]) -> None:
    rng = np.random.default_rng(features)
    y = rng.integers(0, 4, 400)
    x = (rng.standard_normal((400, features)) + rng.standard_normal((4, features))[y]).astype(np.float32)
    model = learner(Design((features, *hidden, 4)))
    config, losses = TrainConfig(epochs=5, eta=eta_for(features)), list[float]()

    model.train(model.init_weights(0), Samples(x, y), config, 1, lambda _, loss, __: losses.append(loss))

    assert losses[-1] < np.log(4)
