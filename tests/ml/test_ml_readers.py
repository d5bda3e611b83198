"""Parsing of rows: accepted forms, and errors that name file and line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.ml.errors import DataError, MLError
from roundelay.ml.readers import letters
from roundelay.ml.readers.letters import parse
from tests.ml.ml_oracles import EFFORT, SHARED, make_csv, make_samples

GOOD = b"1,2,3,0\n4,5,6,1\n7,8,9,2\n"


def fault(content: bytes, features: int | None = None, classes: int = 26) -> DataError:
    with pytest.raises(DataError) as caught:
        parse("some.txt", content, features, classes)
    return caught.value


@pytest.mark.parametrize(
    "content", [GOOD, GOOD.strip(), GOOD.replace(b"\n", b"\r\n"), GOOD + b"\n \n", b" 1, 2\t,3,+0\n" + GOOD[8:]]
)
def test_rows_are_features_and_a_class(content: bytes) -> None:
    samples = parse("some.txt", content)

    assert samples.x.tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert samples.y.tolist() == [0, 1, 2]
    assert samples.x.dtype == np.float32
    assert samples.y.dtype == np.int64
    assert samples.x.flags.c_contiguous


def test_features_may_be_any_numbers() -> None:
    assert parse("f", b"-1.5,.5,5.,1e3,-2E-1,0\n").x.tolist() == [[-1.5, 0.5, 5.0, 1000.0, np.float32(-0.2)]]


def test_one_row_and_one_feature_are_enough() -> None:
    assert parse("f", b"7,3").x.tolist() == [[7]]


FAULTS = {
    b"": (None, "is empty"),
    b" \n\r\n": (None, "is empty"),
    b"1,2,3,0\n4,5,1\n7,8,9,2": (2, "has 3 fields, expected 4"),
    b"1,2,3,0\n4,5,6,7,1\n": (2, "has 5 fields, expected 4"),
    b"1,2,3,0\n\n7,8,9,2\n": (2, "is blank"),
    b"1,2,3,0\n4,five,6,1\n": (2, "field 2 is 'five', not a number"),
    b"x,y,z,class\n1,2,3,0\n": (1, "field 1 is 'x', not a number"),
    b"1,2,3,0\n4,,6,1\n": (2, "field 2 is '', not a number"),
    b"1,2,3,0\n4,1_0,6,1\n": (2, "field 2 is '1_0', not a number"),
    b"1,2,3,0\n4,1 0,6,1\n": (2, "field 2 is '1 0', not a number"),
    b"1,2,3,0\n4,\x0b5,6,1\n": (2, "field 2 is '\\x0b5', not a number"),
    b"1,2,3,0\n4,0x1,6,1\n": (2, "field 2 is '0x1', not a number"),
    b"1,2,3,0\n4,NaN,6,1\n": (2, "field 2 is 'NaN', not finite"),
    b"1,2,3,0\n4,5,-inf,1\n": (2, "field 3 is '-inf', not finite"),
    b"1,2,3,0\n4,1e39,6,1\n": (2, "field 2 is '1e39', too large"),
    b"1,2,3,0\n4,5,6,26\n": (2, "class 26 is out of range 0..25"),
    b"1,2,3,0\n4,5,6,-1\n": (2, "class -1 is out of range 0..25"),
    b"1,2,3,0\n4,5,6,1.0\n": (2, "the class is '1.0', not an integer"),
    b"1,2,3,0\n4,5,6,1_0\n": (2, "the class is '1_0', not an integer"),
    b"1,2,3,0\n4,5,6,A\n": (2, "the class is 'A', not an integer"),
    b"1,2,3,0\n4,5,6,nan\n": (2, "the class is 'nan', not finite"),
    b"1,2,3,0\n4,5,6," + b"9" * 30: (2, "the class is '99999999999999999...', not an integer"),
    b"1,2,3,0\n4,5,6," + b"0" * 5000: (2, "the class is '00000000000000000...', not an integer"),
    b"1,2,3,0\n4,\0,6,1\n": (2, "is not text: a binary file cannot be training data"),
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR": (1, "is not text: a binary file cannot be training data"),
    b"7\n8\n": (1, "has 1 field, expected 1 to 65536 features, then a class"),
    b"1,2,3,0\r4,5,6,1\r": (1, "has 7 fields"),
    "1,2,3,0\n4,\u0665,6,1\n".encode(): (2, "field 2 is '\u0665', not a number"),
}


@pytest.mark.parametrize("content", FAULTS, ids=[repr(f[1]) for f in FAULTS.values()])
def test_an_error_names_its_line(content: bytes) -> None:
    line, message = FAULTS[content]

    error = fault(content)

    if "has 7 fields" not in message:
        assert (error.line, error.message) == (line, message)
    where = "some.txt" if line is None else f"some.txt, line {line}"
    assert str(error).startswith(f"{where}: ")
    assert "\n" not in str(error)


def test_the_number_of_features_can_be_required() -> None:
    assert parse("f", GOOD, features=3).features == 3
    assert fault(GOOD, features=16).message == "has 4 fields, expected 17"


def test_the_number_of_classes_can_be_chosen() -> None:
    assert fault(GOOD, classes=2).line == 3
    assert parse("f", b"1,300\n", classes=301).y.tolist() == [300]


def test_an_overlong_line_is_refused() -> None:
    error = fault(b"1,2,3,0\n" + b"1" * (letters.LINE_BYTES_MAX + 1))

    assert (error.line, error.message) == (2, f"is longer than {letters.LINE_BYTES_MAX} bytes")


def test_a_message_stays_one_short_line_of_printable_text() -> None:
    error = fault(b"1,\x1b[31m" + b"x" * 1000 + b",0\n")

    assert str(error).isprintable()
    assert len(str(error)) < 100


def test_files_of_several_blocks_are_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "_BLOCK_BYTES", 64)
    samples = make_samples(60)
    content = make_csv(samples).replace(b"e-", b"E-")
    monkeypatch.setattr(letters, "_BLOCK_BYTES", 2 * max(map(len, content.split(b"\n"))))

    again = parse("f", content)

    assert np.array_equal(again.x, samples.x)
    assert np.array_equal(again.y, samples.y)
    lines = content.split(b"\n")
    lines[41] = b"1,2"
    assert fault(b"\n".join(lines)).line == 42


@EFFORT
@given(st.binary(max_size=200))
def test_any_bytes_are_samples_or_a_data_error(content: bytes) -> None:
    try:
        samples = parse("f", content)
    except DataError:
        return
    assert np.isfinite(samples.x).all()


@EFFORT
@given(st.lists(st.lists(st.integers(0, 10**10), min_size=3, max_size=3), min_size=1), st.text("019,\n", max_size=3))
def test_both_fast_paths_read_integers_alike(rows: list[list[int]], rubbish: str) -> None:
    block = "\n".join(",".join(map(str, row)) for row in rows).encode() + rubbish.encode()

    quickly, plainly = letters._parse_unsigned(block, 2, 1000), letters._parse_numbers(block, 2, 1000)

    if quickly is not None:
        assert plainly is not None
        assert (quickly.x.tobytes(), quickly.y.tobytes()) == (plainly.x.tobytes(), plainly.y.tobytes())
    elif max(map(max, rows)) < 10**letters._DIGITS_MAX:
        assert plainly is None or rubbish


@EFFORT
@given(st.text(alphabet="0123456789+-.eE, \t\r\n_nainf", max_size=60))
def test_any_text_of_numbers_is_samples_or_a_data_error_with_a_reason(content: str) -> None:
    try:
        parse("f", content.encode())
    except DataError as error:
        assert "cannot be read" not in error.message  # fast and slow path agree on what is wrong


@EFFORT
@given(st.data())
def test_damaged_files_are_samples_or_a_data_error(data: st.DataObject) -> None:
    content = bytearray(make_csv(make_samples(8)))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))

    try:
        samples = parse("f", bytes(content[: data.draw(st.integers(1, len(content)))]))
    except DataError as error:
        assert isinstance(error, MLError)
        assert str(error).isprintable()
    else:
        assert samples.rows >= 1


@EFFORT
@given(st.lists(st.tuples(st.floats(width=32, allow_nan=False, allow_infinity=False), st.integers(0, 25)), min_size=1))
def test_numbers_survive_formatting_and_parsing(rows: list[tuple[float, int]]) -> None:
    samples = parse("f", "\n".join(f"{x!r},{y}" for x, y in rows).encode())

    assert samples.x[:, 0].tolist() == [x for x, _ in rows]
    assert samples.y.tolist() == [y for _, y in rows]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the original letters are not here")
def test_the_original_letters_are_read() -> None:
    validation = parse("validate_letters.txt", (SHARED / "validate_letters.txt").read_bytes())

    assert validation.x.shape == (3500, 16)
    assert sorted(set(validation.y.tolist())) == list(range(26))
