"""What a trainer answers is decoded into bounded values, or refused by the name of its field."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.ml import answers
from roundelay.ml.answers import EpochEnd
from roundelay.ml.errors import FrameError
from tests.hypothesis_profiles import machine

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=12,
)
KEYS = ("progress", "rows", "missing", "fingerprint", "loss", "accuracy")
DECODERS: dict[str, Callable[[dict[str, object]], object]] = {
    "progress": lambda header: answers.progress(header, 2),
    "rows": answers.rows,
    "missing": lambda header: answers.missing(header, ["a", "b"]),
    "fingerprint": answers.fingerprint,
    "scores": answers.scores,
}


def test_what_a_trainer_answers_is_read() -> None:
    epochs = answers.progress({"progress": [[0, 1, 0.5, 0.25], [1, 2, 1, 0]]}, 2)

    assert epochs == [EpochEnd(0, 1, 0.5, 0.25), EpochEnd(1, 2, 1.0, 0.0)]
    assert answers.rows({"rows": 7}) == 7
    assert answers.missing({"missing": ["b"]}, ["a", "b"]) == {"b"}
    assert answers.fingerprint({"fingerprint": "0af9"}) == "0af9"
    assert answers.scores({"loss": 2, "accuracy": 0.5}) == (2.0, 0.5)
    assert answers.scores({}) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("decoder", "header", "field"),
    [
        ("progress", {"progress": [[2, 1, 0.5, 0.25]]}, "progress: file 2: expected 0 to 1"),
        ("progress", {"progress": [[0, 1, 0.5]]}, "progress"),
        ("rows", {"rows": True}, "rows True"),
        ("rows", {"rows": 1 << 70}, "rows 1180591620717411303424"),
        ("missing", {"missing": ["c"]}, "missing"),
        ("fingerprint", {"fingerprint": "x" * 65}, "fingerprint"),
        ("scores", {"loss": float("inf")}, "loss inf: expected a finite number"),
    ],
)
def test_what_no_trainer_of_ours_answers_is_refused_by_its_field(
    decoder: str, header: dict[str, object], field: str
) -> None:
    with pytest.raises(FrameError, match=field):
        DECODERS[decoder](header)


@machine(examples=200, steps=1)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, JSON)))
def test_no_header_raises_any_other_error(header: dict[str, object]) -> None:
    for decode in DECODERS.values():
        try:
            decode(header)
        except FrameError as error:
            assert "\n" not in str(error)
