"""What client.py makes of what nodes have published: a job, or a reason why there is none."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from roundelay.client.errors import BadInput, ClientError
from roundelay.client.job_input import make_spec, read_validation
from roundelay.client.private_data import find_files
from roundelay.federation.private_data import PrivateFile, Publication
from roundelay.federation.settings import Settings

FILES = Publication("a:1", 4, (PrivateFile("wards", "aa" * 32, 99, 7),))
CLIENT = Publication("b:1", 0, (PrivateFile("client", "bb" * 32, 9, 50),))


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    made = tmp_path / "validate.txt"
    made.write_text("1,2,3,4,0\n5,6,7,8,25\n")
    return made


def asked(path: Path, *publications: Publication, model: str = "mlp") -> Any:
    """As find_files finds it, on a ring with these publications."""
    access: Any = SimpleNamespace(ask=lambda _: publications, progress=SimpleNamespace(note=lambda _: None))
    with ExitStack() as stack:
        given = read_validation(path, "auto", stack, lambda done, total: None)
        found, homes = find_files(access, "wards", model, given)
        return make_spec(Settings(model=model, hidden=(5,)), found, None, False, "wards", homes)


def test_clients_of_their_own_are_files_whose_inputs_stay_raw(letters: Path) -> None:
    spec = asked(letters, replace(CLIENT, address="c:1"), CLIENT)

    assert [(f.name, f.rows) for f in spec.files] == [("b:1~client", 50), ("c:1~client", 50)]
    assert (spec.raw, spec.homes, spec.validation.index, spec.features) == (True, ("b:1", "c:1"), 2, 4)
    assert not asked(letters, FILES).raw


def test_they_are_validated_on_the_test_part_of_any_set(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    train, test = (rng.integers(0, 256, (rows, 14, 14), np.uint8) for rows in (9, 5))
    np.savez(tmp_path / "set.npz", x_train=train, x_test=test, y_train=np.arange(9) % 3, y_test=np.arange(5) % 3)

    spec = asked(tmp_path / "set.npz", CLIENT, model="cnn")

    assert (spec.validation.rows, spec.features, spec.classes, spec.shape) == (5, 196, 3, (1, 14, 14))
    with pytest.raises(BadInput, match="a:1 has files of letters; a set of npz cannot validate them"):
        asked(tmp_path / "set.npz", replace(FILES, features=196))


def test_the_targets_that_validate_a_regression_may_be_whole_numbers(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x=np.eye(4), y=np.array([10, 20, 30, 40]))

    with ExitStack() as stack:
        given = read_validation(tmp_path / "set.npz", "regression", stack, lambda done, total: None)

    assert (given.classes, given.validation.rows) == (0, 4)


@pytest.mark.parametrize(
    ("publications", "model", "complaint"),
    [
        ((), "mlp", "no node has published private data under 'wards'"),
        ((FILES, CLIENT), "mlp", r"b:1 publishes a Flower client \(--trainer\) and a:1 publishes files \(--private\)"),
        ((replace(FILES, features=5),), "mlp", "a:1 has files of 5 features, but validate.txt has 4"),
        (
            (CLIENT, replace(CLIENT, address="c:1")),
            "mine:Linear",
            r"b:1 cannot train mine:Linear: start it with --plugins mine \(and 1 more nodes cannot\)",
        ),
        ((FILES,), "torchzoo:cnn", "a:1 cannot train torchzoo:cnn: install the extra torch there"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_there_is_a_job(
    publications: tuple[Publication, ...], model: str, complaint: str, letters: Path
) -> None:
    with pytest.raises(ClientError, match=complaint):
        asked(letters, *publications, model=model)
