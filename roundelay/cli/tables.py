"""The tables at a job's end: the model's metrics, and which node trained which files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import log10
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from roundelay.client.report import JobReport
from roundelay.federation.private_data import AFTER_HOME
from roundelay.ml.cells import Range
from roundelay.ml.choices import HIDE_BELOW_DEFAULT
from roundelay.ml.description import QUANTILES, Description, NumbersDescription
from roundelay.ml.errors import printable
from roundelay.ml.metrics import FitMetrics, Metrics
from roundelay.ml.readers.understood import Understood, about_skipped
from roundelay.node import shown
from roundelay.node.console import add_row, console

ROWS_SHOWN = 40
SHOWS_ALL = "; --hide-below 1 shows all"
HIDDEN = "?"
DIGITS_SHOWN = 5  # of a number; more where its column varies little
SHADES = " .:-=+*#%@"  # of a histogram's bins


class TitledTable(Table):
    """A table under a line that may be wider than the table: rich folds a title to the table's width."""

    def __init__(self, line: str, **style: Any) -> None:
        super().__init__(**style)
        self.line = shown.text(line)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the line, then the table."""
        if self.line:
            yield Text(self.line, "table.title")
        yield from super().__rich_console__(console, options)


def narrow_table(title: str, *headings: str) -> TitledTable:
    """Return a table without vertical lines: 80 columns hold more of it. No cell is cut; a long one is folded."""
    table = TitledTable(title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def metrics_tables(metrics: Metrics | FitMetrics) -> list[Table | str]:
    """Return a line for a regression; else a table of the classes and, if they are two, one of thresholds."""
    if isinstance(metrics, FitMetrics):
        return [describe_fit(metrics)]
    return [_class_table(metrics), *([threshold_table(metrics)] if metrics.thresholds else [])]


def _class_table(metrics: Metrics) -> Table:
    auc = "" if metrics.auc is None else f", AUC {metrics.auc:.4f}"
    worst = sorted(metrics.classes, key=lambda each: each.f1)[:ROWS_SHOWN]
    count = len(metrics.classes)
    which = f"; of {count} classes the {ROWS_SHOWN} of the lowest F1, --json has all" if count > ROWS_SHOWN else ""
    table = TitledTable(f"accuracy {metrics.accuracy:.4f}, macro F1 {metrics.macro_f1:.4f}{auc}{which}")
    for heading in ("class", "rows", "precision", "recall", "F1", "AUC"):
        table.add_column(heading, overflow="fold")
    for each in [each for each in metrics.classes if each in worst]:
        auc = "-" if each.auc is None else f"{each.auc:.4f}"
        add_row(table, each.label, str(each.rows), *(f"{v:.4f}" for v in (each.precision, each.recall, each.f1)), auc)
    return table


def threshold_table(metrics: Metrics) -> Table:
    """Return what other thresholds than 0.5 give for the second of two classes."""
    label = metrics.classes[1].label
    headings = ("probability", "predicted", "precision", "recall", "specificity", "F1")
    table = narrow_table(f"{label} if its probability is at least", *headings)
    for each in metrics.thresholds:
        shares = (each.precision, each.recall, each.specificity, each.f1)
        add_row(table, f"{each.probability:g}", str(each.predicted), *(f"{share:.4f}" for share in shares))
    return table


def sites_table(report: JobReport) -> TitledTable:
    """Return how well the model, and each site's own, does on the rows that each site holds out."""
    found, own = report.kept.report.held_out, report.personal
    names = list(found.sites[0].numbers) if found.sites else ["error"]
    own_errors = {each.site: each.error for each in own.evaluation.sites} if own is not None else {}
    headings = [*names, f"own {names[0]}"] if own is not None else names
    table = narrow_table(_sites_title(report), "site", "rows", *headings, "")
    for each in found.sites:
        told = [*each.numbers.values(), *([own_errors.get(each.site)] if own is not None else [])]
        worst = "worst" if each is found.worst and len(found.sites) > 1 else ""
        add_row(table, each.site, str(each.rows), *("-" if value is None else f"{value:.4f}" for value in told), worst)
    for line in found.left_out:
        add_row(table, line)
    return table


def _sites_title(report: JobReport) -> str:
    found, own = report.kept.report.held_out, report.own_models
    means = [] if found.mean_error is None else [f"mean error of the sites {found.mean_error:.4f}"]
    if report.spec.settings.personal == "head":
        means = [f"{each}, each with its own last layer" for each in means]
    elif own is not None and own.mean_error is not None:
        means.append(f"of their own models ({report.spec.settings.personal}) {own.mean_error:.4f}")
    return "; ".join([f"{found.rows} rows held out at the sites", *means])


def describe_fit(metrics: FitMetrics) -> str:
    """Return the metrics of a regression, in one line."""
    return f"on {metrics.rows} rows: RMSE {metrics.rmse:.6g}, MAE {metrics.mae:.6g}, R2 {metrics.r2:#.4g}"


def placement_table(report: JobReport) -> Table:
    table = TitledTable("which node trained which files")
    for heading in ("node", "files", "names"):
        table.add_column(heading, overflow="fold")
    by_node = Counter(report.placement.values())
    for node, count in sorted(by_node.items()):
        names = ", ".join(
            name.removeprefix(f"{node}{AFTER_HOME}") for name, address in report.placement.items() if address == node
        )
        add_row(table, node, str(count), names)
    return table


def print_understood(found: Understood, out: Console | None = None) -> None:
    """Print what a reader understood of a data set."""
    out = out or console()
    test = f", {found.test_rows} test rows" * bool(found.test_rows)
    shape = f", images of {' x '.join(map(str, found.shape))}" * bool(found.shape)
    out.print(f"{found.kind}: {found.rows} rows{test}, {found.features} features{shape}", markup=False)
    if found.columns:
        rows = [(each.name, each.role, each.kind, each.about) for each in found.columns]
        out.print(_table(("column", "role", "kind", "what it holds"), rows))
    if found.target:
        out.print(f"a regression: targets {found.target}", markup=False)
    else:
        out.print(_table(("class", "rows"), found.classes))
    out.print(_table(("file", "rows"), found.files))
    for note in (*found.notes, *about_skipped(found.kind, found.skipped)):
        out.print(note, markup=False)


def print_description(found: Description, out: Console | None = None) -> None:
    """Print what is told of the columns of a data set."""
    out = out or console()
    out.print(f"{found.kind}: {found.rows} training rows", markup=False)
    headings, numbers = _numbers_rows(found.numbers)
    shown = numbers[:ROWS_SHOWN]
    if numbers:
        out.print(_table(headings, numbers))
    if found.left:
        out.print(f"and {found.left} more columns of numbers: --json has them", markup=False)
    if found.uncounted:
        few = (
            f"the values of the last {found.uncounted} columns of numbers are not counted, as a site has too many files"
        )
        out.print(f"{few} or columns: only their means and deviations are told", markup=False)
    for each in found.words:
        counts = [(name, _told(count)) for name, count in each.counts]
        out.print(_table((each.name, "rows"), counts))
        shown += counts[:ROWS_SHOWN]
        if each.missing or each.others:
            out.print(f"{each.missing or 0} rows without a value, {each.others} values not listed", markup=False)
    if None in [*(each.missing for each in found.numbers), *(each.missing for each in found.words)]:
        out.print("missing values are not told: a site with one is left out unless --missing fills it in", markup=False)
    if any(HIDDEN in str(told) for _, *row in shown for told in row):
        is_counted_by_sites = any(each.ranges for each in found.numbers)
        least = max(found.hide_below, HIDE_BELOW_DEFAULT if is_counted_by_sites else 1)
        more = ", or as a site does not count values that are read so" if is_counted_by_sites else SHOWS_ALL
        out.print(f"{HIDDEN}: hidden, as fewer than {least} rows would be told of{more}", markup=False)


def _numbers_rows(columns: Sequence[NumbersDescription]) -> tuple[Sequence[str], list[tuple[object, ...]]]:
    """Return the headings and rows of the table of columns of numbers: with quantiles, ranges of them, or neither."""
    if any(each.quantiles for each in columns):
        headings = ("column", "rows", "missing", "mean", "deviation", "least", "25 %", "median", "75 %", "most", "")
        return headings, [_numbers_row(each) for each in columns]
    if any(each.ranges for each in columns):
        return ("column", "rows", "mean", "deviation", "25 %", "median", "75 %", ""), [_ranges_row(e) for e in columns]
    named = ("column", "rows", "mean", "deviation")
    return named, [(each.name, each.count, _told(each.mean), _told(each.deviation)) for each in columns]


def _digits_of(each: NumbersDescription) -> int:
    """Return how many digits tell the values of a column apart."""
    if not each.mean or not each.deviation:
        return DIGITS_SHOWN
    return DIGITS_SHOWN + int(log10(max(1.0, abs(each.mean) / each.deviation)))


def _ranges_row(each: NumbersDescription) -> tuple[object, ...]:
    digits = _digits_of(each)
    _, _, *quartiles, _, _ = each.ranges or [None] * len(QUANTILES)
    told = (_told(each.mean, digits), _told(each.deviation), *(_range(found, digits) for found in quartiles))
    return (each.name, each.count, *told, _bars(each.histogram))


def _range(found: Range | None, digits: int) -> str:
    if found is None or found == (None, None):
        return HIDDEN
    low, high = (None if end is None else _told(end, digits) for end in found)
    if low == high:
        return str(low)
    return f"below {high}" if low is None else f"{low} or more" if high is None else f"{low} to {high}"


def _numbers_row(each: NumbersDescription) -> tuple[object, ...]:
    digits = _digits_of(each)
    found = each.quantiles or [None] * len(QUANTILES)
    least, _, quarter, median, three_quarters, _, most = (_told(value, digits) for value in found)
    told = (_told(each.mean, digits), _told(each.deviation), least, quarter, median, three_quarters, most)
    return (each.name, each.count, each.missing, *told, _bars(each.histogram))


def _told(value: float | None, digits: int = DIGITS_SHOWN) -> str:
    return HIDDEN if value is None else f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def _bars(counts: Sequence[int | None]) -> str:
    """Draw a histogram, a character a bin: the darker, the more rows."""
    most = max((count for count in counts if count), default=1)
    return "".join(HIDDEN if count is None else SHADES[-(-count * (len(SHADES) - 1) // most)] for count in counts)


def print_rows(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table, without the rows beyond the first."""
    console().print(_table(headings, rows))


def _table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    table = narrow_table("", *headings)
    for row in rows[:ROWS_SHOWN]:
        add_row(table, *(printable(str(each), 80) for each in row))
    if len(rows) > ROWS_SHOWN:
        add_row(table, f"and {len(rows) - ROWS_SHOWN} more")
    return table
