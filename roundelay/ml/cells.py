"""Count a file's values in cells, so that no count is of fewer rows than a limit; quantiles of many files from these.

A cell holds no row, or at least as many as the limit: small ones are joined to their neighbours (statistical disclosure
control: Hundepool et al. 2012, section 5). So nothing that is computed from cells, sums over files or differences of
sums, counts fewer rows of a file; a missing edge shows only that one row at least is near it. The edges are multiples
of a power of two that follows from the deviation of the file's values: nobody who asks can choose them, and those of a
coarse file are edges of a fine one, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import frexp, isfinite

import msgspec
import numpy as np

from roundelay.ml.data import Doubles
from roundelay.ml.errors import BadTask
from roundelay.ml.task import ROWS_MAX

REACH = 4  # deviations on each side of the mean; what lies beyond is in the outermost cells
FINE = 8  # cells of a block; its ends are edges wherever enough rows lie before them
STEP_BITS = 4  # a cell is a 16th to a 32nd of the deviation wide
DOUBLE_BITS = 50  # so that multiples of the step are different numbers
CELLS_MAX: int = 2 * REACH * 2 ** (STEP_BITS + 1) + 4 * FINE
BYTES_MAX = 256 << 20  # of the cells of all files of a site
CELL_BYTES = len("-2.2250738585072014e-308,") + len(f"{ROWS_MAX},")  # an edge and a count, at most
COLUMN_BYTES = CELLS_MAX * CELL_BYTES + 100  # of one file, at most
EDGES_MAX = 4096  # of all files, at which ranges may begin: honest files share most of theirs

Range = tuple[float | None, float | None]  # from, and below; None: not known


@dataclass(frozen=True)
class Cells:
    """Rows of one column of a file: those below edges[0], between neighbours, from edges[-1] on; () is told of few."""

    rows: int
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()

    def below(self, edges: Doubles) -> tuple[Doubles, Doubles]:
        """Return the least and the largest number of rows whose values can be below each of these numbers."""
        if not self.counts:
            return np.zeros(len(edges)), np.full(len(edges), self.rows)
        sums = np.cumsum((0, *self.counts))  # (cells + 1,) below nothing, the first edge, ..., everything
        own = np.asarray(self.edges)
        return sums[np.searchsorted(own, edges, "right")], sums[np.searchsorted(own, edges, "left") + 1]


def cells_of(values: Doubles, least: int) -> Cells:
    """Count values (n,) in cells of at least this many rows, or none."""
    rows = len(values)
    mean, deviation = float(values.mean()), float(values.std())
    if rows < least or not isfinite(deviation):
        return Cells(rows)
    if values.min() == values.max():
        only = float(values[0])
        return Cells(rows, (only, float(np.nextafter(only, np.inf))), (0, rows, 0))
    if deviation == 0:  # the squares of tiny differences
        return Cells(rows)
    largest = frexp(max(abs(mean), float(np.abs(values).max())))[1]
    exponent = max(frexp(deviation)[1] - 1 - STEP_BITS, largest - DOUBLE_BITS)
    ends = np.array([mean - REACH * deviation, mean + REACH * deviation])
    first, last = np.floor(np.ldexp(ends, -exponent) / FINE).astype(np.int64)
    edges = np.ldexp(np.arange(first * FINE, (last + 1) * FINE + 1).astype(np.float64), exponent)
    counts = np.bincount(np.searchsorted(edges, values, "right"), minlength=len(edges) + 1).tolist()
    inner = range(1, len(edges), FINE)
    return _joined(rows, edges.tolist(), [counts[:1], *(counts[at : at + FINE] for at in inner), counts[-1:]], least)


def coarsened(cells: Cells, least: int) -> Cells:
    """Return cells with at least this many rows, or none, each."""
    if not cells.counts or cells.rows < least:
        return Cells(cells.rows)
    return _joined(cells.rows, cells.edges, [[count] for count in cells.counts], least)


def _joined(rows: int, edges: Sequence[float], blocks: Sequence[Sequence[int]], least: int) -> Cells:
    """Join small cells to their neighbours, if it can be within their blocks. rows: at least `least`."""
    found: list[tuple[int, int]] = []  # rows, and the place of the edge after them
    at = waiting = 0
    for block in blocks:
        if 0 < waiting + sum(block) < least:
            waiting, at = waiting + sum(block), at + len(block)
            continue
        closed: list[tuple[int, int]] = []
        for count in block:
            waiting, at = waiting + count, at + 1
            if waiting >= least:
                closed.append((waiting, at))
                waiting = 0
        count, _ = closed.pop() if closed else (0, 0)
        found += [*closed, (count + waiting, at)]
        waiting = 0
    if waiting:
        while waiting < least:
            waiting += found.pop()[0]
        found.append((waiting, at))
    return Cells(rows, tuple(edges[end - 1] for _, end in found[:-1]), tuple(count for count, _ in found))


def columns_max(files: int) -> int:
    """Return of how many columns the cells of some files can be told within BYTES_MAX."""
    return BYTES_MAX // (COLUMN_BYTES * max(1, files))


def to_bytes(files: Sequence[Sequence[Cells]]) -> bytes:
    """Encode the cells of the columns of several files."""
    return msgspec.json.encode(files)


def from_bytes(content: bytes, rows: Sequence[int]) -> list[list[Cells]]:
    """Decode what to_bytes wrote, of files with these numbers of rows. Raises BadTask."""
    if len(content) > BYTES_MAX:
        raise BadTask(f"cells of {len(content)} bytes, at most {BYTES_MAX}")
    try:
        files = msgspec.json.decode(content, type=list[list[Cells]])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadTask(f"malformed cells: {error}") from error
    if len(files) != len(rows) or len({len(columns) for columns in files}) > 1:
        raise BadTask(f"malformed cells: of {len(files)} files with unlike columns, expected {len(rows)}")
    for columns, expected in zip(files, rows, strict=True):
        if not all(_is_possible(each, expected) for each in columns):
            raise BadTask(f"malformed cells: they are not those of {expected} rows")
    return files


def _is_possible(cells: Cells, rows: int) -> bool:
    if cells.rows != rows or not cells.counts:
        return cells.rows == rows <= ROWS_MAX and not cells.edges
    is_ordered = all(map(isfinite, cells.edges)) and all(a < b for a, b in pairwise(cells.edges))
    is_divided = len(cells.counts) == len(cells.edges) + 1 <= CELLS_MAX and min(cells.counts) >= 0
    return is_ordered and is_divided and sum(cells.counts) == rows


def ranges(files: Sequence[Cells], ranks: Sequence[int]) -> list[Range]:
    """Return within which range the values of these ranks, from 1 on, among the rows of all files lie."""
    edges = np.unique(np.concatenate([np.asarray(each.edges, np.float64) for each in files]))  # (edges,)
    if len(edges) > EDGES_MAX:  # ranges hold for any of them, and are a little wider for fewer
        edges = edges[np.linspace(0, len(edges) - 1, EDGES_MAX).astype(np.int64)]
    least, most = (sum(each) for each in zip(*(each.below(edges) for each in files), strict=True))
    found: list[Range] = []
    for rank in ranks:
        beyond, reached = np.flatnonzero(most < rank), np.flatnonzero(least >= rank)
        low = float(edges[beyond[-1]]) if len(beyond) else None
        found.append((low, float(edges[reached[0]]) if len(reached) else None))
    return found


def common_histogram(files: Sequence[Cells], within: Range, bins: int) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Return edges that all files have in common within a range, and the rows between them; () if there are too few.

    Files of too few rows are left out. The outer bins also hold what lies beyond them.
    """
    told = [each for each in files if each.counts]
    low, high = within
    shared = set[float].intersection(*(set(each.edges) for each in told)) if told else set[float]()
    edges = np.array(sorted(e for e in shared if (low is None or e >= low) and (high is None or e <= high)))
    if len(edges) < 2:
        return (), ()
    wanted = np.linspace(edges[0], edges[-1], bins + 1)
    nearest = {int(np.abs(edges - each).argmin()) for each in wanted}
    edges = edges[sorted(nearest)]  # (bins + 1,)
    below = np.sum([each.below(edges)[0] for each in told], axis=0)  # (bins + 1,) exact, as each is an edge of all
    below[0], below[-1] = 0, sum(each.rows for each in told)
    return tuple(edges.tolist()), tuple(np.diff(below).astype(int).tolist())
