"""Make the letters that ship: python -m letters_generator.make [--out DIR] [--seed N].

The same seed gives the same bytes on every machine and with every version of Python and numpy: all random numbers
come from random.Random.random(), and all arithmetic is on integers. Needs Hershey-Fonts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

from letters_generator.attributes import measure, scale
from letters_generator.command import Parser, report
from letters_generator.distort import distort, random_distortion, uniform
from letters_generator.files import ROWS, file_names, lay_out, refuse_other_files, write_files
from letters_generator.fonts import CAPITALS, FONTS, load_glyphs
from letters_generator.raster import rasterise

LETTERS = Path(__file__).parent.parent / "letters"


def make(seed: int) -> dict[str, bytes]:
    """Make the 33 training files and the validation file: name -> content."""
    return lay_out(draw_rows(seed, ROWS), _salt(seed))


def draw_rows(seed: int, rows: int) -> list[list[int]]:
    """Draw random letters in random fonts, distort and measure them; return rows of 16 attributes and the class."""
    chance, glyphs = Random(seed), load_glyphs()
    measured, classes = [], []
    for _ in range(rows):
        font, letter = FONTS[uniform(chance, 0, len(FONTS) - 1)], uniform(chance, 0, len(CAPITALS) - 1)
        drawn = distort(glyphs[font, CAPITALS[letter]], random_distortion(chance))  # (n, 2, 2)
        measured.append(measure(rasterise(drawn, font.pen_px)))
        classes.append(letter)
    return [[*row, letter] for row, letter in zip(scale(measured).tolist(), classes, strict=True)]


def main(argv: Sequence[str]) -> int:
    options = _parser().parse_args(argv)
    return report("letters_generator.make", lambda: _make_into(options.out, options.seed))


def _make_into(folder: Path, seed: int) -> str:
    refuse_other_files(folder, file_names(_salt(seed)))
    contents = make(seed)
    write_files(folder, contents)
    return f"{folder}: {len(contents)} files, {ROWS} rows, seed {seed}"


def _salt(seed: int) -> str:
    return f"letters {seed}"


def _parser() -> Parser:
    parser = Parser(prog="python -m letters_generator.make", description="Draw the letters that ship.")
    parser.add_argument("--out", metavar="DIR", type=Path, default=LETTERS, help="(default: %(default)s)")
    parser.add_argument(
        "--seed", metavar="N", type=_seed, default=0, help="(default: 0, which makes the files that ship)"
    )
    return parser


def _seed(text: str) -> int:
    if not text.isdecimal():  # Random(-1) gives the same stream as Random(1)
        raise argparse.ArgumentTypeError(f"{text!r} is not a non-negative integer")
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
