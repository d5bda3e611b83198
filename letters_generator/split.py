"""Split the original UCI file: python -m letters_generator.split letter-recognition.data [--out DIR].

A row of the original is the class as a capital letter, then the 16 attributes. The rows keep their order, which is
already random: the first 16,500 are for training, the last 3,500 for validation.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from letters_generator.attributes import NAMES, TOP
from letters_generator.command import BadData, Parser, SourceMissing, report
from letters_generator.files import ROWS, file_names, lay_out, refuse_other_files, write_files
from letters_generator.fonts import CAPITALS

SALT = "letter-recognition.data"  # makes names that differ from those of the letters that ship
SIZE_BYTES_MAX = 4 << 20  # the original has 712,565 bytes
SHOWN_MAX = 20  # characters of a bad field in a message

OUT = Path("uci-letters")

FIELDS = 1 + len(NAMES)
CLASSES = {letter.encode(): index for index, letter in enumerate(CAPITALS)}
VALUES = {str(value).encode(): value for value in range(TOP + 1)}


def read_original(path: Path) -> list[list[int]]:
    """Read the original as rows of 16 attributes and the class. Raises BadData, SourceMissing."""
    lines = _read(path).rstrip(b"\r\n").splitlines()
    rows = [_row(line, f"{path}: line {number}") for number, line in enumerate(lines[: ROWS + 1], start=1)]
    if len(lines) != ROWS:
        raise BadData(f"{path}: {len(lines)} rows, expected {ROWS}")
    return rows


def main(argv: Sequence[str]) -> int:
    options = _parser().parse_args(argv)
    return report("letters_generator.split", lambda: _split_into(options.out, options.original))


def _split_into(folder: Path, original: Path) -> str:
    refuse_other_files(folder, file_names(SALT))
    contents = lay_out(read_original(original), SALT)
    write_files(folder, contents)
    return f"{folder}: {len(contents)} files, {ROWS} rows of {original}"


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_BYTES_MAX + 1)
    except OSError as error:
        raise SourceMissing(f"{path}: {error.strerror}") from error
    if len(content) > SIZE_BYTES_MAX:
        raise BadData(f"{path}: larger than {SIZE_BYTES_MAX} bytes, so it is not the original")
    return content


def _row(line: bytes, where: str) -> list[int]:
    """Parse a line of the original and move its class to the end; `where` begins the message of BadData."""
    fields = [field.strip() for field in line.split(b",")]
    if len(fields) != FIELDS:
        raise BadData(f"{where}: expected {FIELDS} fields (a letter, then integers), found {len(fields)}")
    letter = _look_up(CLASSES, fields[0], f"{where}, field 1", "a capital letter A to Z")
    values = [
        _look_up(VALUES, field, f"{where}, field {number} ({name})", f"an integer 0 to {TOP}")
        for number, (name, field) in enumerate(zip(NAMES, fields[1:], strict=True), start=2)
    ]
    return [*values, letter]


def _look_up(table: Mapping[bytes, int], field: bytes, where: str, expected: str) -> int:
    return table[field] if field in table else _refuse(field, where, expected)


def _refuse(field: bytes, where: str, expected: str) -> NoReturn:
    shown = field.decode("ascii", "backslashreplace")[:SHOWN_MAX]
    raise BadData(f"{where}: {shown!r} is not {expected}")


def _parser() -> Parser:
    parser = Parser(prog="python -m letters_generator.split", description="Split the original UCI file into 34 files.")
    parser.add_argument("original", type=Path, help="letter-recognition.data, as UCI ships it")
    parser.add_argument("--out", metavar="DIR", type=Path, default=OUT, help="(default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
