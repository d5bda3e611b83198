"""What is wrong with private data is told to others without a value of a row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from roundelay.ml.errors import DataError, from_dict, private, to_dict
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


def test_a_value_cannot_end_its_own_mark() -> None:
    error = DataError("f", 3, f"field 1 is '{private(chr(3) + '12', 20)}'")

    assert error.without_values() == "f, line 3: field 1 is '...'"
