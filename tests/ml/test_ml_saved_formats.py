"""A release reads the models that earlier ones have saved, and refuses those of later ones in one line."""

from __future__ import annotations

import hashlib
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from roundelay.ml.errors import DataError
from roundelay.ml.readers import saved_model
from tests.formats_folder import FORMATS

KEPT = sorted(FORMATS.glob("model-*"))
SHA256 = "4bfde2546067d87fe0364265ab0dbb3ec8eee9b015db80ce4f6f88b8c5d9fdcb"


def test_a_model_of_each_format_is_kept_for_these_tests() -> None:
    kinds = ("npz", "safetensors")

    assert {path.name for path in KEPT} == {
        f"model-{number}.{kind}" for number in range(saved_model.FORMAT + 1) for kind in kinds
    }


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name)
def test_a_model_of_an_earlier_release_predicts_what_it_did(path: Path) -> None:
    model = saved_model.load(path)

    assert (model.sha256, model.labels, model.design.sizes) == (SHA256, ("cat", "dog"), (2, 3, 2))
    found = model.predict_proba(np.array([[0.0, 1.0], [3.0, 9.0]]))
    assert found == pytest.approx(np.array([[0.38121957, 0.61878043], [0.4378235, 0.5621765]]))


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_a_model_of_a_later_release_is_refused_by_name(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"model.{suffix}"
    with monkeypatch.context() as later:
        later.setattr(saved_model, "FORMAT", saved_model.FORMAT + 1)
        saved_model.save(path, saved_model.load(KEPT[0]))

    with pytest.raises(DataError, match=f"has format {saved_model.FORMAT + 1}, and this release reads formats up to"):
        saved_model.load(path)


def test_the_digest_of_a_model_takes_no_copy_of_its_weights() -> None:
    weights = np.ones(1 << 20, np.float32)
    model = replace(saved_model.load(KEPT[0]), weights=weights)
    tracemalloc.start()

    digest = model.sha256

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert digest == hashlib.sha256(weights.tobytes()).hexdigest()
    assert peak < weights.nbytes / 4
