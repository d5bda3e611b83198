"""Tables as people write them: each is read right, or refused with what decides it."""

from __future__ import annotations

import csv
import gzip
import os
import re
import zipfile
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import mutated
from roundelay.ml import prepare
from roundelay.ml.errors import DataError
from roundelay.ml.readers import arrays, decimals, table, text
from roundelay.ml.readers.encoding import encoding_from_json
from roundelay.ml.readers.limits import Limits
from roundelay.ml.readers.schema import TableOptions
from roundelay.ml.readers.source import DataSet, with_test
from tests.hypothesis_profiles import seeds
from tests.ml.ml_oracles import EFFORT


def write(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows_of(found: DataSet) -> list[list[float]]:
    return [row for part in found.training for block in part.blocks() for row in block.tolist()]


def classes_of(found: DataSet) -> list[str]:
    return [found.labels[y] for part in found.training for y in part.y]


def refusal(path: Path, options: TableOptions | None = None) -> str:
    with pytest.raises(DataError) as caught:
        table.read(path, options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- one pass over the text


@pytest.mark.parametrize("seed", seeds(6))
def test_the_fast_way_and_the_slow_one_agree_on_tables_with_faults(seed: int) -> None:
    assert mutated.disagreements(150, seed) == []


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=6).map(str),
    st.from_regex(r"\A[-+.0-9]{1,26}\Z"),
)


@given(st.lists(NUMBERS, min_size=1, max_size=20))
@EFFORT
def test_numbers_are_rounded_as_python_rounds_them(fields: list[str]) -> None:
    data = b" " * decimals.MARGIN_BYTES + ",".join(fields).encode()
    ends = np.cumsum([len(field) + 1 for field in fields]) + decimals.MARGIN_BYTES - 1
    starts = ends - [len(field) for field in fields]

    values, good = decimals.parse(np.frombuffer(data, np.uint8), starts, ends)

    for field, value, is_good in zip(fields, values.tolist(), good.tolist(), strict=True):
        assert not is_good or repr(value) == repr(float(field))
        assert is_good or not re.fullmatch(r"[+-]?(\d{1,15}|\d{1,6}\.\d{1,9})", field)


def test_a_table_larger_than_a_block_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "BLOCK_BYTES", 64)
    lines = [f'{n},{n / 8},"{"yes, sir" if n % 3 else "no"}"' for n in range(200)]

    found = table.read(write(tmp_path, "\n".join(lines)))

    assert rows_of(found) == [[n, n / 8] for n in range(200)]
    assert classes_of(found) == ["yes, sir" if n % 3 else "no" for n in range(200)]


def test_a_quoted_field_may_continue_on_the_next_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "BLOCK_BYTES", 8)

    assert "t.csv, line 3: column 0 is '1\\n2', not a number" in refusal(write(tmp_path, '1,a\n"1\n2",b\n3,c\n'))


# --- what is silently misread by others


@pytest.mark.parametrize("label", ["target", "label"])
def test_a_header_of_numbers_and_a_word_is_a_header(label: str, tmp_path: Path) -> None:
    found = table.read(write(tmp_path, f"0,1,{label}\n5,6,1\n7,8,0\n5,6,1\n"))

    assert rows_of(found) == [[5, 6], [7, 8], [5, 6]]
    assert found.labels == ("0", "1")


@pytest.mark.parametrize(
    "content", ["0,1,2,3\n5,6,7,1\n7,8,7,0\n", "0,1,a\n1,0,b\n1,1,c\n", "id,2019,2020\n1,2,3\n4,5,6\n"]
)
def test_a_first_row_that_may_be_either_is_asked_about(content: str, tmp_path: Path) -> None:
    path = write(tmp_path, content)

    assert re.search(r"t\.csv, line 1: .* say --header yes or --header no", refusal(path))
    assert len(rows_of(table.read(path, TableOptions(header="yes", label=-1)))) in (1, 2)


def test_words_that_occur_again_are_a_row_and_no_header(tmp_path: Path) -> None:
    found = table.read(write(tmp_path, "x,s,e\nb,s,p\nx,y,e\n"))

    assert len(rows_of(found)) == 3
    assert found.labels == ("e", "p")


def test_the_class_is_the_column_that_is_called_so(tmp_path: Path) -> None:
    found = table.read(write(tmp_path, "label,a,b\nx,1,2\ny,3,4.5\n"))

    assert (rows_of(found), found.labels) == ([[1, 2], [3, 4.5]], ("x", "y"))


@pytest.mark.parametrize(("header", "names"), [("label,target,b", "label, target"), ("x,y,kind", "y, kind")])
def test_two_columns_that_may_be_the_class_are_asked_about(header: str, names: str, tmp_path: Path) -> None:
    assert f"any of {names} may be the class: say --label" in refusal(write(tmp_path, f"{header}\n1,2,3\n4,5,6\n"))


@pytest.mark.parametrize(
    "content", ["a,price\n1,2.5\n2,dear\n3,2.5\n", "a,price\n" + "".join(f"{n},{n * n}\n" for n in range(30))]
)
def test_a_class_of_real_numbers_is_refused(content: str, tmp_path: Path) -> None:
    assert "t.csv: column 'price' is to be the class, but holds" in refusal(write(tmp_path, content))


def test_a_class_written_as_an_integer_and_as_a_float_is_one(tmp_path: Path) -> None:
    write(tmp_path, "5,1\n6,0\n", "1.csv")
    write(tmp_path, "7,1.0\n8,0.0\n", "2.csv")

    found = table.read(tmp_path)

    assert found.labels == ("0", "1")
    assert classes_of(found) == ["1", "0", "1", "0"]


@pytest.mark.parametrize(("one", "other"), [("Yes", "yes"), ("01", "1")])
def test_two_spellings_of_a_class_are_refused_by_name(one: str, other: str, tmp_path: Path) -> None:
    assert "look like one" in refusal(write(tmp_path, f"5,{one}\n6,{other}\n7,no\n"))


def test_columns_in_another_order_are_matched_by_name(tmp_path: Path) -> None:
    training = table.read(write(tmp_path, "a,b,class\n1,2,x\n3,4,y\n"))
    other = table.read(write(tmp_path, "class,b,a\ny,20,10\n", "v.csv"), like=training)

    both = with_test(training, other)

    assert [row for part in both.test for block in part.blocks() for row in block.tolist()] == [[10, 20]]
    assert [both.labels[y] for y in both.test[0].y] == ["y"]


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ("a,c,class", "has no column 'b'; expected a, b, class"),
        ("b,a,class,d", "has a column 'd' that the first file lacks"),
    ],
)
def test_a_renamed_or_missing_column_is_refused(header: str, complaint: str, tmp_path: Path) -> None:
    training = table.read(write(tmp_path, "a,b,class\n1,2,x\n3,4,y\n"))
    path = write(tmp_path, f"{header}\n{','.join('1' for _ in header.split(',')[1:])},x\n", "v.csv")

    with pytest.raises(DataError, match=complaint):
        table.read(path, like=training)


def test_missing_values_are_filled_from_the_rows_that_train(tmp_path: Path) -> None:
    path = write(tmp_path, "a,w,class\n1,r,x\n,r,y\n3,,x\n100,g,y\n")
    found = table.read(path, TableOptions(missing="mean"))

    fitted = table.fit(found, [np.array([True, True, True, False])])

    assert rows_of(fitted) == [[1, 1], [2, 1], [3, 1], [100, 0]]  # g has not been seen in training
    assert fitted.encoding is not None
    assert [column.fill for column in fitted.encoding.columns] == [2.0, 0.0]
    assert encoding_from_json(fitted.encoding.to_json()) == fitted.encoding


def test_held_out_rows_enter_no_mean_when_data_are_prepared(tmp_path: Path) -> None:
    lines = [f"{n if n % 5 else ''},{n % 2}" for n in range(1, 101)]
    found = table.read(write(tmp_path, "\n".join(lines)), TableOptions(missing="mean"))

    made = prepare.prepare(found, tmp_path, prepare.SplitPlan(parts=1))

    assert made.encoding is not None
    drawn = np.random.default_rng([0, 0, 0]).permutation(np.arange(100))[:20]
    trained = [n for n in range(1, 101) if n - 1 not in drawn and n % 5]
    assert made.encoding.columns[0].fill == pytest.approx(np.mean(trained), rel=1e-15)


@pytest.mark.parametrize("base", [1e9, 1.7e12, -3e15])
def test_large_numbers_that_differ_little_keep_their_digits(base: float, tmp_path: Path) -> None:
    lines = [f"{base + n!r},{n % 2}" for n in range(1000)]

    found = table.read(write(tmp_path, "\n".join(lines)))

    assert len({tuple(row) for row in rows_of(found)}) == 1000
    assert found.encoding is not None and found.encoding.columns[0].offset == base


# --- columns of words


def test_words_become_a_feature_each_and_yes_and_no_one(tmp_path: Path) -> None:
    found = table.read(write(tmp_path, "colour,ok,class\nred,yes,1\ngreen,no,0\nblue,yes,1\n"))

    assert rows_of(found) == [[0, 0, 1, 1], [0, 1, 0, 0], [1, 0, 0, 1]]


def test_words_are_agreed_over_all_files(tmp_path: Path) -> None:
    write(tmp_path, "colour,class\nred,1\n", "1.csv")
    write(tmp_path, "colour,class\nblue,0\nred,1\n", "2.csv")

    assert rows_of(table.read(tmp_path)) == [[0, 1], [1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("a,class\nx,1\n3,0\n", "line 3: column 'a' holds words, but here '3': --categorical a reads it as words"),
        ("a,class\n3,1\nx,0\n", "line 3: column 'a' is 'x', not a number (--categorical a reads it as words)"),
        ("a,day,class\n3,2020-01-02,1\n", "line 2: column 'day' holds dates or times such as '2020-01-02'"),
        ("a,t,class\n3,12:30,1\n", "column 't' holds dates or times"),
        (
            "name,class\n" + "".join(f"n{n}x,{n % 2}\n" for n in range(101)),
            "line 102: column 'name' has more than 100 different words: leave it out (--drop name)",
        ),
        ("a,,class\n3,4,1\n", "line 1: column 1 has no name: name it, or leave it out: --drop 1"),
    ],
)
def test_columns_that_are_neither_are_refused_with_the_option(content: str, complaint: str, tmp_path: Path) -> None:
    assert complaint in refusal(write(tmp_path, content))


def test_options_name_columns_of_words_and_columns_to_leave_out(tmp_path: Path) -> None:
    path = write(tmp_path, "id,doors,class\n7,2,a\n8,5more,b\n9,2,a\n")

    found = table.read(path, TableOptions(drop=("id",), categorical=("doors",)))

    assert rows_of(found) == [[1, 0], [0, 1], [1, 0]]


def test_the_index_that_pandas_writes_is_left_out(tmp_path: Path) -> None:
    found = table.read(write(tmp_path, ",a,b,class\n0,5,6,x\n1,7,8,y\n"))

    assert rows_of(found) == [[5, 6], [7, 8]]


# --- how tables are written

PLAIN = "a;b;class\n1,5;2;x\n-3,25;4;y\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace(",", ".").replace(";", ","),
        PLAIN.replace(",", ".").replace(";", "\t"),
        PLAIN.replace(",", ".").replace(";", "|"),
        PLAIN.replace(",", ".").replace(";", "   "),
        "# made by hand\n# twice\n" + PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace("\n", "\n\n"),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-32"),
        gzip.compress(PLAIN.encode(), mtime=0),
        PLAIN.replace("x", '"x"').replace("a;", '"a";'),
    ],
)
def test_a_table_is_read_however_it_is_written(content: str | bytes, tmp_path: Path) -> None:
    found = table.read(write(tmp_path, content))

    assert rows_of(found) == [[1.5, 2], [-3.25, 4]]
    assert (found.labels, found.encoding and [c.name for c in found.encoding.columns]) == (("x", "y"), ["a", "b"])


@pytest.mark.parametrize(("text", "number"), [("0,176", 0.176), ("-,176", -0.176), ("1234,567", 1234.567)])
def test_a_comma_with_three_digits_is_decimal_where_no_thousands_end_before_it(
    text: str, number: float, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(f"x;k\n1,234;a\n{text};b\n")

    assert rows_of(table.read(tmp_path / "t.csv")) == [[pytest.approx(1.234)], [pytest.approx(number)]]


def test_a_decimal_comma_that_may_separate_thousands_is_asked_about(tmp_path: Path) -> None:
    path = write(tmp_path, "a;class\n1,234;x\n5,678;y\n")

    assert "1,234 may be 1.234 or 1234: say --decimal comma or point" in refusal(path)
    assert rows_of(table.read(path, TableOptions(decimal="comma"))) == [[pytest.approx(1.234)], [pytest.approx(5.678)]]


def zipped(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.csv", content)
    return path


def test_an_archive_of_one_table_is_read_and_one_of_two_refused(tmp_path: Path) -> None:
    assert len(rows_of(table.read(zipped(tmp_path / "t.csv.zip", one="1,a\n2,b\n")))) == 2
    assert "is an archive of 2 files" in refusal(zipped(tmp_path / "u.csv.zip", one="1,a\n", two="1,a\n"))


# --- any bytes


@given(st.one_of(st.binary(max_size=200), st.text("01,.;\t\n\"'#ab-? eE\r", max_size=80).map(str.encode)))
@EFFORT
def test_any_text_is_read_or_refused_in_one_line(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = write(tmp_path_factory.getbasetemp(), content, "any.csv")
    try:
        found = table.read(path, TableOptions(missing="zero"))
    except DataError as error:
        assert "\n" not in str(error)
    else:
        assert all(np.isfinite(row).all() for row in rows_of(found))


NUMBERS = st.floats(-(2.0**100), 2.0**100, width=32).map(repr) | st.integers(-(10**15), 10**15).map(str)
WORDS = st.text('ab,; "x', min_size=1, max_size=4).map(lambda text: f"w{text}w")
KINDS = (NUMBERS, st.sampled_from(["red", "blue", "a,b", 'say "x"']), WORDS)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[str]], str]:
    """Draw the columns of a table, the class last, and its separator."""
    rows = draw(st.integers(4, 12))
    kinds = draw(st.lists(st.integers(0, len(KINDS) - 1), min_size=1, max_size=4))
    columns = [draw(st.lists(KINDS[kind], min_size=rows, max_size=rows)) for kind in kinds]
    classes = draw(st.lists(st.sampled_from(["yes", "no", "maybe"]), min_size=rows, max_size=rows))
    return [*columns, classes], draw(st.sampled_from([",", ";", "\t"]))


def decoded(found: DataSet) -> list[list[float | str]]:
    """Return the columns of features as they were before they were encoded."""
    x, columns, at = np.array(rows_of(found), np.float64), [], 0  # (n, d)
    assert found.encoding is not None
    for column in found.encoding.columns:
        part = x[:, at : at + column.features]  # (n, features)
        at += column.features
        if column.words is None:
            columns.append((part[:, 0] + column.offset).tolist())
        else:
            assert (part.sum(axis=1) == 1).all()
            columns.append([column.words[place] for place in part.argmax(axis=1)])
    return columns


@given(tables())
@EFFORT
def test_any_table_is_read_right_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, made: tuple[list[list[str]], str]
) -> None:
    columns, separator = made
    lines = StringIO()
    csv.writer(lines, delimiter=separator).writerows(
        [[f"c{n}" for n in range(len(columns))], *zip(*columns, strict=True)]
    )
    path = write(tmp_path_factory.getbasetemp(), lines.getvalue(), "made.csv")
    try:
        found = table.read(path)
    except DataError as error:
        assert "\n" not in str(error)
        return

    assert classes_of(found) == columns[-1]
    for column, texts in zip(decoded(found), columns[:-1], strict=True):
        if isinstance(column[0], str):
            assert column == texts
        else:
            numbers = [float(text) for text in texts]
            scale = max(max(numbers) - min(numbers), max(map(abs, numbers)) * 2**-16)
            assert column == pytest.approx(numbers, rel=1e-6, abs=1e-6 * scale)


def damaged(content: bytes) -> bytes:
    return content[:-6]


def test_arrays_to_validate_a_table_on_take_the_place_of_its_own_test_part(tmp_path: Path) -> None:
    training = table.read(write(tmp_path, b"x,label\n1,a\n2,b\n"))
    own = with_test(training, table.read(write(tmp_path, b"x,label\n7,a\n8,b\n"), like=training))

    found = table.fit(with_test(own, arrays.read(np.array([[3.0], [4.0]]), ["a", "b"])), [None])

    assert [np.concatenate(list(part.blocks())).tolist() for part in found.test] == [[[3.0], [4.0]]]


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: damaged(gzip.compress(b"1,a\n2,b\n" * 9)), "cannot be unpacked"),
        (lambda: b"1,a\n2,\xff\n", "line 2: is not text"),
        (lambda: b"1,a\n" + b"\xff" * 9, "line 2: is not text"),
    ],
)
def test_damage_is_named(make: Callable[[], bytes], complaint: str, tmp_path: Path) -> None:
    assert complaint in refusal(write(tmp_path, make()))


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(b"1,a\n2,b\n" * (1 << 18)))

    with pytest.raises(
        DataError, match="more than 1048576 bytes when unpacked, 16 times the largest file: raise --max-file-bytes"
    ):
        table.read(path, limits=Limits(1 << 16))


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "t.csv")

    assert "is not a regular file" in refusal(tmp_path / "t.csv")
