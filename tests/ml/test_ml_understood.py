"""What is said about a data set before it is trained on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from roundelay.ml import prepare
from roundelay.ml.readers import dataset
from roundelay.ml.readers.dataset import ReadOptions
from roundelay.ml.readers.schema import TableOptions
from roundelay.ml.readers.understood import Understood, in_short, understand
from roundelay.ml.row_digests import count_shared, digest_rows
from tests.ml.made_data import pixels, write_mnist

TABLE = ",colour,ok,size,same,class\n0,red,yes,1,3,a\n1,blue,no,,3,a\n2,red,yes,4,3,b\n"


def understood(tmp_path: Path) -> Understood:
    (tmp_path / "t.csv").write_text(TABLE)
    return understand(dataset.read(tmp_path / "t.csv", ReadOptions(table=TableOptions(missing="mean"))))


def test_each_column_is_named_with_its_role_and_content(tmp_path: Path) -> None:
    found = understood(tmp_path)

    assert [(c.name, c.role, c.kind, c.about) for c in found.columns] == [
        ("column 0", "left out", "", "an index without a name, or --drop"),
        ("colour", "feature", "words", "2: blue, red"),
        ("ok", "feature", "yes and no", "2: no, yes"),
        ("size", "feature", "numbers", "1 to 4, 1 missing"),
        ("same", "feature", "numbers", "3 to 3"),
        ("class", "class", "classes", "by its name"),
    ]
    assert (found.classes, found.files) == ((("a", 2), ("b", 1)), (("t.csv", 3),))
    assert found.notes == ("column 'same' has one value only",)
    assert json.loads(json.dumps(found.to_json()))["features"] == 5


def test_a_few_lines_say_the_same(tmp_path: Path) -> None:
    assert in_short(understood(tmp_path)) == [
        "3 rows, 5 features from columns: 1 of words, 1 of yes and no, 2 of numbers; left out: column 0",
        "class: class (by its name), 2 classes: a (2), b (1)",
        "column 'same' has one value only",
    ]


def test_a_rare_class_is_named_with_the_option_that_helps(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("".join(f"{n},{'rare' if n == 7 else 'often'}\n" for n in range(30)))

    (note,) = understand(dataset.read(tmp_path / "t.csv")).notes

    assert note == "class rare has 1 rows and often 29: --weighting balanced counts them alike"


def test_images_have_a_shape_and_no_columns(tmp_path: Path) -> None:
    write_mnist(tmp_path, "train", *pixels(20))

    found = understand(dataset.read(tmp_path))

    assert (found.shape, found.columns, in_short(found)) == ((1, 4, 5), (), [])


def test_rows_that_are_both_trained_and_validated_on_are_counted_by_file(tmp_path: Path) -> None:
    x, y = pixels(30)
    write_mnist(tmp_path, "train", x, y)
    write_mnist(tmp_path, "t10k", x[:10], y[:10])

    made = prepare.prepare(dataset.read(tmp_path), tmp_path, prepare.SplitPlan(parts=3))

    assert sum(made.shared_rows) == 10
    assert len(made.shared_rows) == 3


def test_a_row_with_another_class_or_value_is_another_row() -> None:
    x, y = np.arange(12, dtype=np.float32).reshape(4, 3), np.zeros(4, np.int64)
    other = x.copy()
    other[0, 2] += 1

    assert count_shared(digest_rows(x, y), [digest_rows(x, y), digest_rows(other, y), digest_rows(x, y + 1)]) == (
        4,
        3,
        0,
    )
