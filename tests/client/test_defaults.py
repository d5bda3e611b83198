"""Default settings on small tables of all kinds: no job fails, and the format of the numbers is irrelevant."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.default_cases import Case, all_cases
from bench.default_jobs import measure, save
from bench.generated_tables import KINDS, GeneratedTable
from bench.machine import ROOT
from bench.shipped_tables import SHIPPED_LETTERS, LettersTable
from roundelay.client.errors import BadInput, ClientError
from roundelay.client.preparation import prepare
from roundelay.client.requests import DataOptions, TrainRequest
from roundelay.federation import replay
from roundelay.federation.early_stopping import best_round
from roundelay.federation.errors import StepTooLarge
from roundelay.ml.worker import Worker

FEW = {"rounds": 8, "hidden": (32,)}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_defaults_learn_every_kind_of_table(kind: str, tmp_path: Path) -> None:
    table = GeneratedTable(kind, 400, 12, 2 if kind == "imbalanced" else 3)
    save(table, tmp_path / "table.npz")

    found = measure(Case(table, settings=FEW), tmp_path / "table.npz")

    assert "failed" not in found, found
    assert found["loss"] <= found["guessing"]
    guessing_error = 1 - np.bincount(table.make()[1]).max() / table.rows
    assert found["error"] <= guessing_error + 0.1


@pytest.mark.parametrize(
    "settings", [{"model": "softmax"}, {"hidden": (64, 64)}, {"rule": "fedavgm"}, {"rule": "fedadam"}]
)
def test_defaults_of_wide_heavy_tailed_rows_learn_with_every_model_and_rule(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    table = GeneratedTable("heavy-tailed", 400, 200, 2)
    save(table, tmp_path / "table.npz")

    found = measure(Case(table, settings=FEW | settings), tmp_path / "table.npz")

    assert "failed" not in found, found
    assert found["loss"] <= found["guessing"]


# --- the same numbers in any format

ROWS, SIDE = 208, 3


def numbers(classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(classes)
    y = rng.permutation(np.arange(ROWS) % classes)  # (n,)
    return rng.integers(0, 256, (ROWS, SIDE * SIDE), np.uint8), y.astype(np.uint8)


def as_csv(folder: Path, x: np.ndarray, y: np.ndarray) -> Path:
    names = [f"pixel{i}" for i in range(x.shape[1])]
    lines = [
        ",".join([*names, "label"]),
        *(",".join(map(str, [*a, b])) for a, b in zip(x.tolist(), y.tolist(), strict=True)),
    ]
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    return folder / "table.csv"


def as_npz(folder: Path, x: np.ndarray, y: np.ndarray) -> Path:
    np.savez(folder / "arrays.npz", x=x, y=y)
    return folder / "arrays.npz"


def as_npz_of_images(folder: Path, x: np.ndarray, y: np.ndarray) -> Path:
    np.savez(folder / "images.npz", x=x.reshape(-1, SIDE, SIDE), y=y)
    return folder / "images.npz"


def as_idx(folder: Path, x: np.ndarray, y: np.ndarray) -> Path:
    (folder / "idx").mkdir()
    images = struct.pack(">IIII", 0x803, len(x), SIDE, SIDE) + x.tobytes()
    (folder / "idx" / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
    (folder / "idx" / "train-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, len(y)) + y.tobytes())
    return folder / "idx"


def as_letters(folder: Path, x: np.ndarray, y: np.ndarray) -> Path:
    (folder / "letters").mkdir()
    text = "".join(",".join(map(str, [*a, b])) + "\n" for a, b in zip(x.tolist(), y.tolist(), strict=True))
    (folder / "letters" / "rows").write_text(text)
    return folder / "letters"


def model_of(path: Path, rounds_max: int = 3, **options: Any) -> tuple[str, int]:
    """Train with default settings; return the digest of the kept weights and the number of rounds."""
    request = TrainRequest(
        path, settings={"rounds": rounds_max, "hidden": (8,)}, data_options=DataOptions(parts=3, **options)
    )
    with prepare(request) as prepared:
        spec, data = prepared.find_job(None)
        contents = {digest: bytes(data.contents[digest][:]) for digest in data.contents}
        rounds = list(replay.chain(spec, contents, Worker()))
    return best_round([each.result for each in rounds]).weights, len(rounds)


@pytest.mark.parametrize(
    ("classes", "formats"),  # files of IDX and of letters always have this many classes
    [(10, (as_csv, as_npz, as_npz_of_images, as_idx)), (26, (as_csv, as_npz, as_letters))],
)
def test_the_same_numbers_give_the_same_model_in_every_format(
    classes: int, formats: Sequence[Callable[[Path, np.ndarray, np.ndarray], Path]], tmp_path: Path
) -> None:
    x, y = numbers(classes)

    made = {write.__name__: model_of(write(tmp_path, x, y), side=SIDE) for write in formats}

    assert len(set(made.values())) == 1, made


# --- inputs that are hard to learn from

BAD = {
    "a constant column": "a,b,label\n" + "".join(f"7,{i % 9},{'xy'[i % 2]}\n" for i in range(60)),
    "only constant columns": "a,b,label\n" + "".join(f"7,3,{'xy'[i % 2]}\n" for i in range(60)),
    "features of 1e30": "a,b,label\n" + "".join(f"{(-1) ** i * 1e30},{i},{'xy'[i % 2]}\n" for i in range(60)),
    "one extreme value": "a,b,label\n" + "".join(f"{1e35 if i == 5 else i},{i},{'xy'[i % 2]}\n" for i in range(60)),
    "10 rows": "a,b,label\n" + "".join(f"{i % 3},{i},{'xy'[i % 2]}\n" for i in range(10)),
    "labels of noise": "a,b,label\n"
    + "".join(f"{i * 7 % 11},{i * 5 % 13},{'xy'[i * i * 31 % 37 % 2]}\n" for i in range(90)),
    "one rare class": "a,b,label\n" + "".join(f"{i},{i % 5},{'xy'[i % 30 == 3]}\n" for i in range(90)),
    "one value and NaN": "a,b,label\n" + "".join(f"{'NaN' if i % 2 else 1},{i},{'xy'[i % 2]}\n" for i in range(60)),
    "one class": "a,b,label\n" + "".join(f"{i},{i % 5},x\n" for i in range(60)),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_trains_to_the_level_of_guessing_or_is_refused_in_one_line(what: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(BAD[what])

    try:
        with prepare(TrainRequest(path, settings={"rounds": 12, "hidden": (16,)})) as prepared:
            spec, data = prepared.find_job(None)
            contents = {digest: bytes(data.contents[digest][:]) for digest in data.contents}
            rounds = list(replay.chain(spec, contents, Worker()))
    except ClientError as refusal:
        assert "\n" not in str(refusal)
        return
    assert rounds[-1].result.loss <= 1.05 * np.log(2)


@pytest.mark.parametrize("hidden", [(8,), (256,)])
def test_an_eta_of_5_on_an_ordinary_table_is_named_in_round_1(hidden: tuple[int, ...], tmp_path: Path) -> None:
    x, y = GeneratedTable("normal", 600, 6, 3).make()
    table, settings = as_csv(tmp_path, x, y), {"rounds": 2, "hidden": hidden, "eta": 5.0}

    with prepare(TrainRequest(table, settings=settings)) as prepared:
        spec, data = prepared.find_job(None)
        contents = {digest: bytes(data.contents[digest][:]) for digest in data.contents}
        rounds = replay.chain(spec, contents, Worker())
        next(rounds)
        try:
            said = "; ".join(next(rounds).notices)
        except StepTooLarge as failure:
            said = str(failure)

    assert "eta 5 is too large; try --eta 0.5, or leave --eta out" in said


def test_4096_classes_train(tmp_path: Path) -> None:
    path = tmp_path / "table.npz"
    np.savez(path, x=np.arange(4096.0).reshape(-1, 1), y=np.arange(4096))

    with pytest.raises(BadInput, match="4096 different whole numbers as labels: say --task"):
        model_of(path, 1)
    digest, rounds = model_of(path, 1, task="classification")

    assert digest and rounds == 2


def test_a_file_with_one_class_only_does_not_harm_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(3):
        rows = "".join(f"{i},{i * 3 % 7},{0 if number == 0 else i % 2}\n" for i in range(40))
        (folder / f"f{number}").write_text(rows)
    request = TrainRequest(folder, settings={"rounds": 10, "hidden": (16,)})
    with prepare(request) as prepared:
        spec, data = prepared.find_job(None)
        contents = {digest: bytes(data.contents[digest][:]) for digest in data.contents}
        rounds = list(replay.chain(spec, contents, Worker()))

    assert rounds[-1].result.loss <= np.log(2)


# --- the grid


def test_the_grid_has_tables_that_ship_every_model_and_what_a_folder_of_data_adds(tmp_path: Path) -> None:
    (tmp_path / "mnist").mkdir()
    names = {case.table.name for case in all_cases(quick=False, data=None)}
    models = {case.what for case in all_cases(quick=True, data=None) if case.table.name == "digits"}

    assert {"iris", "wine", "breast_cancer", "digits", "letters (shipped)"} < names
    assert {"", "softmax", "hidden 512,512"} <= models
    assert {case.table.name for case in all_cases(False, tmp_path)} - names == {"MNIST's test images"}


def test_letters_are_measured_whose_validation_file_is_beside_their_folder(tmp_path: Path) -> None:
    x, y = numbers(26)
    as_letters(tmp_path, x, y)
    (tmp_path / "held-out.txt").write_text((tmp_path / "letters" / "rows").read_text().splitlines(True)[3])
    table = LettersTable("letters", ROWS, SIDE * SIDE, tmp_path / "letters", "held-out.txt", 1.0)

    found = measure(Case(table, settings={"rounds": 1, "hidden": (4,)}), tmp_path / "not-used.npz")

    assert "failed" not in found and found["rounds"] == 1


def test_the_shipped_letters_are_held_out_as_their_validation_file_says(tmp_path: Path) -> None:
    save(SHIPPED_LETTERS, tmp_path / "table.npz")

    with np.load(tmp_path / "table.npz") as arrays:
        assert (len(arrays["x_train"]), len(arrays["x_test"])) == (16_500, 3_500)
        held_out = (ROOT / "letters" / "validate_letters.txt").read_text().splitlines()
        assert arrays["x_test"][0].tolist() == [float(each) for each in held_out[0].split(",")[:-1]]
