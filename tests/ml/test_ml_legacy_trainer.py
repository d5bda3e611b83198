"""The course trainer against a literal translation of the course project, and against its published results."""

from __future__ import annotations

import numpy as np
import pytest

from roundelay.ml import exact, legacy_trainer
from roundelay.ml.data import Samples
from roundelay.ml.errors import StepTooLarge
from roundelay.ml.mlp import Architecture, evaluate
from roundelay.ml.readers.folder import list_training_files, read_file
from roundelay.ml.readers.letters import parse
from roundelay.ml.training_plan import TrainConfig
from tests.ml.ml_oracles import SHARED, literal_course_train, literal_course_weights, make_samples

needs_letters = pytest.mark.skipif(not (SHARED / "letters").is_dir(), reason="the original letters are not here")


def raw_samples(rows: int) -> Samples:
    rng = np.random.default_rng(rows)
    return Samples(rng.integers(0, 16, (rows, 16)).astype(np.float32), rng.integers(0, 26, rows))


def test_initial_weights_match_the_course_project() -> None:
    w, v = literal_course_weights(16, 20, 26)

    first, second = Architecture((16, 20, 26)).views(legacy_trainer.initial_weights(Architecture((16, 20, 26))))

    assert np.array_equal(first, w)
    assert np.array_equal(second, v)


@pytest.mark.parametrize(("rows", "hidden", "epochs"), [(1, 1, 3), (40, 3, 25), (60, 20, 40)])
def test_weights_match_a_literal_translation_of_the_course_project(rows: int, hidden: int, epochs: int) -> None:
    architecture, samples = Architecture((16, hidden, 26), "identity"), raw_samples(rows)
    config = TrainConfig("gd", epochs, 1e-4, momentum=0.7)

    trained = legacy_trainer.train(architecture, legacy_trainer.initial_weights(architecture), samples, config)

    w, v, _ = literal_course_train(*literal_course_weights(16, hidden, 26), samples, 1e-4, epochs, 0.7)
    first, second = architecture.views(trained)
    assert trained.dtype == np.float64
    assert np.abs(first - w).max() <= 1e-12
    assert np.abs(second - v).max() <= 1e-12


def test_early_stopping_matches_the_course_project() -> None:
    architecture, samples = Architecture((5, 3, 4), "identity"), make_samples(30)
    config, epochs_heard = TrainConfig("gd", 400, 1e-3, momentum=0.7), []

    trained = legacy_trainer.train(
        architecture,
        legacy_trainer.initial_weights(architecture),
        samples,
        config,
        lambda e, *_: epochs_heard.append(e),
    )

    w, _, epochs = literal_course_train(*literal_course_weights(5, 3, 4), samples, 1e-3, 400, 0.7)
    assert legacy_trainer.STOP_EPOCH <= epochs < 400
    assert epochs_heard == list(range(1, epochs + 1))
    assert np.abs(architecture.views(trained)[0] - w).max() <= 1e-12


def test_scores_that_would_overflow_are_shifted() -> None:
    architecture, samples = Architecture((16, 3, 26), "identity"), raw_samples(20)
    weights = 2000 * legacy_trainer.initial_weights(architecture)
    config = TrainConfig("gd", 1, 1e-9)

    trained = legacy_trainer.train(architecture, weights, samples, config)

    w, v = (2000 * part for part in literal_course_weights(16, 3, 26))
    with np.errstate(over="ignore"):
        w, v, _ = literal_course_train(w, v, samples, 1e-9, 1, 0.9)
    assert np.allclose(trained, np.concatenate([w.ravel(), v.ravel()]), rtol=1e-12, atol=0)


def test_epochs_report_the_loss_and_accuracy_after_the_update() -> None:
    architecture, samples = Architecture((16, 8, 26), "identity"), raw_samples(80)
    reported: list[tuple[int, float, float]] = []
    config = TrainConfig("gd", 20, 1e-4, momentum=0.7)

    trained = legacy_trainer.train(
        architecture, legacy_trainer.initial_weights(architecture), samples, config, lambda *e: reported.append(e)
    )

    found = evaluate(architecture, trained, samples)
    epoch, loss, accuracy = reported[-1]
    assert epoch == 20
    assert loss == pytest.approx(found.loss, rel=1e-3)  # the course adds 1e-6 to each probability
    assert accuracy == pytest.approx(1 - found.error_rate)


def test_a_diverged_training_raises() -> None:
    architecture = Architecture((16, 8, 26), "identity")
    weights, config = legacy_trainer.initial_weights(architecture).astype(np.float32), TrainConfig("gd", 40, 10.0)

    trained = legacy_trainer.train(architecture, weights, raw_samples(80), config)

    with pytest.raises(StepTooLarge, match=r"2\^10 or more"):
        exact.quantise(trained, weights, 80, 40)


def test_weights_that_are_not_finite_are_detected_in_the_first_epoch() -> None:
    architecture = Architecture((16, 8, 26), "identity")
    weights = np.full(architecture.parameters, np.nan)

    with pytest.raises(StepTooLarge, match="epoch 1"):
        legacy_trainer.train(architecture, weights, raw_samples(80), TrainConfig("gd", 40))


@needs_letters
@pytest.mark.parametrize(
    ("rounds", "epochs", "hidden", "error", "tolerance"), [(1, 250, 20, 0.359, 0.01), (3, 75, 24, 0.336, 0.015)]
)
def test_results_on_the_original_letters_match_the_course_project(
    rounds: int, epochs: int, hidden: int, error: float, tolerance: float
) -> None:
    files = [parse(p.name, read_file(p)) for p in list_training_files(SHARED / "letters", None).files]
    validation = parse("validate_letters.txt", read_file(SHARED / "validate_letters.txt"))
    architecture, config = Architecture((16, hidden, 26), "identity"), TrainConfig("gd", epochs, 1e-4, momentum=0.7)
    rows = sum(file.rows for file in files)
    bits = exact.fraction_bits(rows)
    weights = legacy_trainer.initial_weights(architecture).astype(np.float32)

    for _ in range(rounds):
        total = np.zeros(architecture.parameters, np.int64)
        for file in files:
            local = legacy_trainer.train(architecture, weights, file, config)
            exact.add(total, exact.quantise(local, weights, file.rows, bits))
        weights = exact.mean(weights, total, rows, bits)

    assert len(files) == 33
    assert evaluate(architecture, weights, validation).error_rate == pytest.approx(error, abs=tolerance)


@needs_letters
def test_a_whole_training_on_the_original_letters_matches_the_literal_translation() -> None:
    path = next(iter(list_training_files(SHARED / "letters", None).files))
    all_rows = parse(path.name, read_file(path))
    samples = Samples(all_rows.x[:60], all_rows.y[:60])
    architecture, config = Architecture((16, 20, 26), "identity"), TrainConfig("gd", 250, 1e-4, momentum=0.7)

    trained = legacy_trainer.train(architecture, legacy_trainer.initial_weights(architecture), samples, config)

    w, v, _ = literal_course_train(*literal_course_weights(16, 20, 26), samples, 1e-4, 250, 0.7)
    assert np.abs(trained - np.concatenate([w.ravel(), v.ravel()])).max() <= 1e-12
