"""Make the letters that ship: python -m letters.make [--out DIR] [--seed N].

The same seed gives the same bytes on every machine and with every version of Python and numpy: chance comes
from random.Random.random() alone, and all arithmetic is on integers. Needs Hershey-Fonts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

from letters.attributes import measure, scale
from letters.command import Parser, report
from letters.distort import distort, random_distortion, uniform
from letters.files import ROWS, file_names, lay_out, refuse_strangers, write_files
from letters.fonts import CAPITALS, FONTS, load_glyphs
from letters.raster import rasterise

HERE = Path(__file__).parent
PROGRAM = ("*.py", "*.md", "__pycache__")  # what lies beside the data in HERE, and is no data


def make(seed: int) -> dict[str, bytes]:
    """The 33 training files and the validation file: name -> content."""
    return lay_out(draw_rows(seed, ROWS), _salt(seed))


def draw_rows(seed: int, rows: int) -> list[list[int]]:
    """Draw letters in fonts at random, distort and measure them: 16 attributes 0..15 and the class a row."""
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
    return report("letters.make", lambda: _make_into(options.out, options.seed))


def _make_into(folder: Path, seed: int) -> str:
    refuse_strangers(folder, file_names(_salt(seed)), spared=PROGRAM)
    contents = make(seed)
    write_files(folder, contents)
    return f"{folder}: {len(contents)} files, {ROWS} rows, seed {seed}"


def _salt(seed: int) -> str:
    return f"letters {seed}"


def _parser() -> Parser:
    parser = Parser(prog="python -m letters.make", description="Draw the letters that ship.")
    parser.add_argument("--out", metavar="DIR", type=Path, default=HERE, help="(default: %(default)s)")
    parser.add_argument("--seed", metavar="N", type=_seed, default=0, help="(default: 0, what ships)")
    return parser


def _seed(text: str) -> int:
    if not text.isdecimal():  # Random(-1) draws as Random(1) does
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer of 0 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
