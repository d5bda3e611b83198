"""What a site says of its data is bounded, and refused in words if no site can say it."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from roundelay.ml import plugins
from roundelay.ml.errors import BadTask, DataError
from roundelay.ml.readers import site
from roundelay.ml.readers.column_summary import ColumnSummary
from roundelay.ml.readers.reading import Reading, reading_from_json
from roundelay.ml.readers.site_schema import PartRows, SiteSchema, agree, schema_from_bytes
from tests.ml.made_frame import MadeFrame

AGE = ColumnSummary("age", False, count=3, total=3 << 1074, low=1.0, high=2.0, lowest=1.0)
WARD = ColumnSummary("ward", True, {"east": 2, "west": 1})
TABLE = SiteSchema("csv", "classification", (PartRows("t.csv", 3),), 3, (), ("a", "b"), "class", 2, (), (AGE, WARD))
IMAGES = SiteSchema("npz", "classification", (PartRows("set.npz", 3),), 12, (3, 2, 2), ("a", "b"))


@pytest.mark.parametrize("schema", [TABLE, IMAGES, replace(IMAGES, shape=())])
def test_a_description_comes_back_as_it_was(schema: SiteSchema) -> None:
    assert schema_from_bytes(schema.to_bytes()) == schema


def test_data_frames_of_other_columns_or_another_order_are_not_trained_on_together() -> None:
    rows = replace(IMAGES, shape=(), features=2, names=("age", "dose"))
    sites = {"a:1": rows, "b:1": replace(rows, names=("dose", "age"))}

    with pytest.raises(DataError, match="b:1: its reader returns column 'dose' where a:1 has 'age': return the same"):
        agree(sites, Reading())
    assert agree({"a:1": rows, "b:1": replace(rows, names=())}, Reading()).features == 2  # an array: by place


def test_a_site_names_the_columns_of_the_data_frame_that_its_reader_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = MadeFrame({"age": np.arange(4.0), "dose": np.ones(4)})
    monkeypatch.setattr(plugins, "instance", lambda kind, name: lambda path: (frame, [0, 1, 0, 1]))
    (tmp_path / "data.own").write_text("")

    described = site.describe(tmp_path, {}, Reading(dataset="mine:read"))

    assert (described.names, described.columns, described.features) == (("age", "dose"), (), 2)
    assert schema_from_bytes(described.to_bytes()) == described


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_sum_that_is_accepted_can_be_agreed_on(sign: int) -> None:
    large = replace(TABLE, columns=(replace(AGE, total=sign * 3 << 2074), WARD))

    agreed = agree({"a:1": schema_from_bytes(large.to_bytes())}, Reading(missing="mean"))

    assert agreed.features == 3


@pytest.mark.parametrize(
    ("schema", "change"),
    [
        (TABLE, {"columns": [{"total": hex(4 << 2074)}]}),
        (TABLE, {"columns": [{"total": "f" * 2000}]}),
        (TABLE, {"columns": [{"total": "0x1", "count": 0}]}),
        (TABLE, {"columns": [{"total": "0x0", "count": -1}]}),
        (TABLE, {"columns": [{}, {"words": {"east": -2}}]}),
        (TABLE, {"columns": [{}, {"words": {"east": 1 << 60}}]}),
        (TABLE, {"parts": [{"name": "t.csv", "rows": -1, "held_out": 0}]}),
        (TABLE, {"task": "guess"}),
        (TABLE, {"kind": "csv\x1b[2J"}),
        (IMAGES, {"features": -12}),
        (IMAGES, {"features": 1 << 40, "shape": []}),
        (IMAGES, {"shape": [3, 2, 3]}),
        (IMAGES, {"shape": [-3, -2, 2]}),
    ],
)
def test_what_no_site_can_describe_is_refused(schema: SiteSchema, change: dict[str, Any]) -> None:
    raw = msgspec.json.decode(schema.to_bytes())
    for column, changed in zip(raw["columns"], change.get("columns", []), strict=False):
        column |= changed
    raw |= {name: value for name, value in change.items() if name != "columns"}

    with pytest.raises(BadTask, match="malformed description of data"):
        schema_from_bytes(msgspec.json.encode(raw))


@pytest.mark.parametrize("change", [{"side": 1025}, {"decimal": "dot"}, {"words": 0}, {"words": 1 << 40}])
def test_a_reading_with_options_that_the_client_refuses_is_refused_at_a_site(change: dict[str, Any]) -> None:
    text = msgspec.json.encode(asdict(Reading()) | change).decode()

    with pytest.raises(BadTask, match="reading"):
        reading_from_json(text)
