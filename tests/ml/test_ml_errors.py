"""What is wrong with private data is told to others without a value of a row."""

from __future__ import annotations

import gzip
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.ml import plugins
from roundelay.ml.errors import DataError, InputMissing, TrainerFault, from_dict, printable, private, to_dict
from roundelay.ml.readers import site
from roundelay.ml.readers.reading import Reading

AGREED = Reading(dataset="csv", labels=("a", "b"))


@pytest.mark.parametrize(
    ("table", "reading", "told"),
    [
        ("dose,class\n1,Crohn's\n2,a\n", AGREED, "has a class '...' that the job does not know"),
        ("dose;ill\n1,234;a\n2,345;b\n", Reading(), "commas may separate decimals, ...: say --decimal"),
        ("Crohn,0,1\nab,5,6\n", Reading(dataset="csv"), "... may be the names of columns or a row"),
        ("dose,weight,class\n1,6,a\n1789,x'y\",b\n", Reading(), "column 'weight' is '...', not a number"),
        ("1,2,3\n1,2,1789\n", Reading(dataset="letters"), "class ... is out of range 0..25"),
        (
            "Crohn,234,1\n1,2,3\n",
            Reading(header="yes", columns=("dose",)),
            "no column 'dose' (--columns); its columns are ...",
        ),
        ("Crohn,234,1\n1,2,3\n", Reading(label="ill"), "has no column 'ill' (--label); its columns are ..."),
        ("y,class,Crohn\ny,b,c\n", Reading(header="yes"), "any of ... may be the class: say --label ..."),
        ("Crohn,234,1\n6,6,a\n1789,x'y\",b\n", Reading(header="yes"), "column '...' is '...', not a number"),
    ],
)
def test_no_message_for_others_has_a_value(table: str, reading: Reading, told: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(table)
    with pytest.raises(DataError) as raised:
        if reading.labels:
            site.read_part(tmp_path, "t.csv", 0, replace(reading, task="classification"))
        else:
            site.describe(tmp_path, {}, reading)
    sent = from_dict(to_dict(raised.value))

    assert isinstance(sent, DataError) and told in sent.without_values()
    assert not [value for value in ("1789", "1790", "234", "Crohn", "x'y") if value in sent.without_values()]
    assert str(sent) == str(raised.value)
    assert "..." not in str(sent).replace("0..", "") and str(sent).isprintable()


def test_names_of_a_header_that_no_option_forced_are_told(tmp_path: Path) -> None:
    for reading in (Reading(columns=("dose",)), Reading(header="yes", label="ill", columns=("dose",))):
        (tmp_path / "t.csv").write_text("weight,ill\n1,a\n2,b\n")
        with pytest.raises(DataError) as raised:
            site.describe(tmp_path, {}, reading)

        assert "has no column 'dose' (--columns); its columns are weight, ill" in raised.value.without_values()


@pytest.mark.parametrize("kind", ["gz", "idx", "npz"])
def test_what_a_library_says_of_a_damaged_file_is_for_its_owner(kind: str, tmp_path: Path) -> None:
    damage = {
        "gz": ("t.csv", gzip.compress(b"dose,class\n1,a\n2,b\n") + b"Crohn"),
        "idx": ("train-labels-idx1-ubyte", gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 1, 1])) + b"Crohn"),
        "npz": ("x.npz", b"Crohn"),
    }
    name, content = damage[kind]
    (tmp_path / name).write_bytes(content)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"")
    with pytest.raises(DataError) as raised:
        site.describe(tmp_path, {}, Reading(dataset={"gz": "csv", "idx": "mnist"}.get(kind, kind)))

    told = raised.value.without_values()
    assert "..." in told and not [word for word in ("Cr", "4372") if word in told], told
    assert str(raised.value) != told


class Unreadable:
    """Rows whose error quotes one of them."""

    def __array__(self, dtype: object = None, copy: bool | None = None) -> NoReturn:
        raise ValueError("Crohn")


def test_what_the_rows_of_a_reader_say_is_for_their_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "instance", lambda kind, name: lambda path: (Unreadable(), [0, 1]))

    with pytest.raises(DataError, match="x: is not an array: Crohn") as raised:
        site.describe(tmp_path, {}, Reading(dataset="mine:read"))

    assert raised.value.without_values() == "x: is not an array: ..."


def test_errors_that_are_not_of_the_data_keep_what_they_quote_to_the_owner() -> None:
    for error in (InputMissing(f"cannot read {private('a.png')}"), TrainerFault(f"ValueError: {private('1789')}")):
        sent = from_dict(to_dict(error))

        assert (type(sent), str(sent)) == (type(error), str(error))
        assert sent.without_values() in ("cannot read ...", "ValueError: ...")


def test_a_value_cannot_end_its_own_mark() -> None:
    error = DataError("f", 3, f"field 1 is '{private(chr(3) + '12', 20)}'")

    assert error.without_values() == "f, line 3: field 1 is '...'"


@given(st.text(), st.integers(3, 12))
def test_a_text_is_escaped_and_cut_off_as_if_all_of_it_were_escaped_first(text: str, characters_max: int) -> None:
    whole = printable(text, 10 * len(text) + 3)

    assert printable(text, characters_max) == (
        whole if len(whole) <= characters_max else whole[: characters_max - 3] + "..."
    )


def test_a_text_of_millions_of_characters_is_cut_off_before_it_is_escaped() -> None:
    text = "j" * 5_000_000
    tracemalloc.start()
    try:
        printable(text)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < len(text) / 10
