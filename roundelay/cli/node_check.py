"""compute_node.py check: show a site what its private data look like to the ring, before it joins. Sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from roundelay.cli import data_options, parser_base
from roundelay.cli.compute_node import private_data
from roundelay.client.error_translation import translated_errors
from roundelay.client.requests import DataOptions
from roundelay.federation.site_policy import SitePolicy, last_step_rows
from roundelay.ml.errors import first_of
from roundelay.ml.readers.limits import limits_of
from roundelay.node import shown
from roundelay.node.console import console

if TYPE_CHECKING:
    from roundelay.ml.readers.site import PartFiles
    from roundelay.ml.readers.site_schema import SiteSchema

WORDS_SHOWN = 6
BATCHES = (32, 64, 128)  # that jobs choose by themselves (client/presets.py)
ABOUT = "Show what private data look like to the ring: columns, classes, rows, and what is wrong. Sends nothing."


def parser(arguments: Sequence[str]) -> parser_base.Parser:
    """Return the command line."""
    example = "python3 compute_node.py check --private letters=letters"
    made = parser_base.Parser("compute_node.py check", ABOUT, example, arguments)
    made.add_argument("--private", type=private_data, required=True, metavar="NAME=DIR", help="the data to look at")
    made.add_argument("--json", action="store_true", help="print one JSON object on one line")
    data_options.add_to(made, without=data_options.SPLIT)
    return made


def run(chosen: parser_base.Namespace) -> int:
    """Print tables, or one line of JSON. Raises Exit; ClientError for data that cannot be read."""
    from roundelay.client.reader_options import reading_of  # brings numpy, which --help does not wait for
    from roundelay.ml.readers import site

    _, folder = chosen.private
    options = DataOptions(**data_options.chosen_in(chosen))
    with translated_errors():
        limits = limits_of(options.max_file_bytes)
        _, parts, problem = site.survey(folder, limits)
        schema = site.describe(folder, {}, reading_of(options, 0), limits)
    if chosen.json:
        print(shown.as_json(_as_json(schema, parts, problem)))
        return 0
    _print(schema, parts)
    for line in refusals(schema):
        console().print(line, markup=False)
    if problem:
        console().print(f"without these options, a job is refused: {problem}", markup=False)
    return 0


def _as_json(schema: SiteSchema, parts: Sequence[PartFiles], problem: str) -> dict[str, object]:
    columns = [{"name": c.name, "kind": _kind(c.is_words), "words": sorted(c.words)} for c in schema.columns]
    return {
        "kind": schema.kind,
        "task": schema.task,
        "features": schema.features,
        "shape": schema.shape,
        "label": schema.label,
        "classes": schema.labels,
        "columns": columns,
        "files": [{"name": each.name, "sha256": each.digest, "rows": each.rows} for each in parts],
        "skipped": schema.skipped,
        "needs_options": problem,
        "refusals": list(refusals(schema)),
    }


def refusals(schema: SiteSchema) -> Iterator[str]:
    """Say which of these files a site's default policy lets no job train on, or only with some batches."""
    policy = SitePolicy()
    rows = {part.name: part.rows + part.held_out for part in schema.parts}
    if small := [f"{name} ({count})" for name, count in rows.items() if count < policy.file_rows]:
        yield (
            f"with the default policy the site refuses jobs on files of fewer than {policy.file_rows} rows, such as "
            f"{first_of(small)}: join files, or set file_rows in the file of --policy"
        )
    for batch in BATCHES:
        left = {name: last_step_rows(count, batch) for name, count in rows.items() if count >= policy.file_rows}
        if short := [f"{name} ({count})" for name, count in left.items() if count < policy.batch_rows]:
            yield (
                f"with the default policy the site refuses jobs with --batch {batch}, as a step on fewer than "
                f"{policy.batch_rows} rows remains of {first_of(short)}: see batch_rows"
            )


def _print(schema: SiteSchema, parts: Sequence[PartFiles]) -> None:
    from roundelay.cli.tables import print_rows  # these bring numpy
    from roundelay.ml.readers.understood import about_skipped

    out = console()
    rows = sum(each.rows + each.held_out for each in schema.parts)
    shape = f", images of {' x '.join(map(str, schema.shape))}" * bool(schema.shape)
    out.print(f"{schema.kind}: {rows} rows, {schema.features} features{shape}", markup=False)
    out.print("published as long as the node runs:", markup=False)
    counted = {each.name: each.rows + each.held_out for each in schema.parts}
    print_rows(("file", "rows", "SHA-256"), [(p.name, counted.get(p.name, "?"), p.digest[:16]) for p in parts])
    out.print("told to a job that asks for it:", markup=False)
    if schema.columns:
        columns = [
            (c.name or f"column {at}", _kind(c.is_words), _words(c.words)) for at, c in enumerate(schema.columns)
        ]
        print_rows(("column", "kind", "words"), columns)
    if schema.task == "regression":
        out.print(f"target: {schema.label or 'the last column'}", markup=False)
    else:
        name = f"{schema.label}: " if schema.label else ""
        out.print(f"classes: {name}{_words(schema.labels)}", markup=False)
    for line in about_skipped(schema.kind, schema.skipped):
        out.print(line, markup=False)


def _kind(is_words: bool | None) -> str:
    return "no value" if is_words is None else "words" if is_words else "numbers"


def _words(words: Iterable[str]) -> str:
    """Return the first of some words, and how many there are."""
    some = list(words)
    if not some:
        return ""
    return f"{len(some)}: {', '.join(some[:WORDS_SHOWN])}" + ", ..." * (len(some) > WORDS_SHOWN)
