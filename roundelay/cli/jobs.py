"""client.py jobs: list the jobs of the ring with the settings that differ, or compare some of them."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict

from rich.table import Table

from roundelay.cli import exits, parser_base
from roundelay.cli.ring_entry import open_ring
from roundelay.cli.tables import narrow_table
from roundelay.client.comparison import Comparison, compare
from roundelay.client.job_summary import JobSummary
from roundelay.client.ring import ID_DIGITS
from roundelay.federation.setting_texts import default_texts, differing, shortened
from roundelay.federation.states import UNENDED_STATES
from roundelay.node import shown
from roundelay.node.console import add_row, console

DIGITS_MIN = 8
COMPARED_MAX = 6  # jobs side by side
ROUNDS_SHOWN = 12  # of a comparison; --json has all
AGE_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
IN_OTHER_COLUMNS = ("model", "hidden", "rounds", "name")


def run(chosen: parser_base.Namespace) -> int:
    """Show the latest jobs, or how some differ. Raises ClientError, Exit."""
    if chosen.compare:
        _require_several(chosen.compare)
    with open_ring(chosen) as ring:
        if not chosen.compare:
            _show_list(ring.jobs(), chosen.json)
            return 0
        wanted = {job.id: job for job in map(ring.job, chosen.compare)}
        _require_several(wanted)
        found = compare(*wanted.values())
    if chosen.json:
        print(shown.as_json(asdict(found)))
        return 0
    for made in comparison_tables(found):
        console().print(made)
    return 0


def _require_several(jobs: Collection[str]) -> None:
    """Raise Exit unless these are as many jobs as fit beside one another."""
    if not 2 <= len(set(jobs)) <= COMPARED_MAX:
        raise exits.Exit(exits.USAGE, f"--compare takes 2 to {COMPARED_MAX} different jobs, not {len(set(jobs))}")


def _show_list(found: Sequence[JobSummary], as_json: bool) -> None:
    if as_json:
        print(shown.as_json({"jobs": [vars(each) for each in found]}))
    else:
        console().print(table(found, time.time()))


def table(found: Sequence[JobSummary], now: float) -> Table:
    """Return a table, one job a row; ids are shortened as far as they differ.

    now: Unix time. Settings that are the same in all jobs are left out; of a single job, those with default values are.
    """
    title = f"{len(found)} job{'s' * (len(found) != 1)}"
    heading = "settings that differ" if len(found) > 1 else "settings"
    called = ("name",) if any(each.name for each in found) else ()
    made = narrow_table(title, "job", *called, "state", "age", "round", "error", "model", heading)
    digits = _digits_to_show([each.job for each in found])
    for each, settings in zip(found, _settings_texts(found), strict=True):
        error = "" if each.validation_error is None else f"{each.validation_error:.4f}"
        forgets = f"forgets files of {each.forgets[:digits]}" if each.forgets else ""
        driver = f"driven by {each.driver}" if each.driver and each.state in UNENDED_STATES else ""
        notes = "\n".join(filter(None, [settings, driver, each.reason, forgets, *each.liars, *each.malformed]))
        age = _age(now - each.started) if each.started else ""
        first = (each.job[:digits], *((each.name,) if called else ()))
        add_row(made, *first, each.state, age, f"{each.round}/{each.rounds}", error, _model_text(each), notes)
    return made


def _settings_texts(found: Sequence[JobSummary]) -> list[str]:
    """Return the settings in which each job differs from some other; a job whose spec cannot be read has none."""
    readable = [each for each in found if each.files]
    told = [{**each.settings, "files": str(each.files), "private": each.private} for each in readable]
    others: list[Mapping[str, str]] = [{"files": told[0]["files"]}] if len(told) == 1 else []
    names = {name: values for name, values in differing([*told, *others]).items() if name not in IN_OTHER_COLUMNS}
    texts = {
        each.job: ", ".join(f"{_option(name)} {values[place] or 'none'}" for name, values in names.items())
        for place, each in enumerate(readable)
    }
    return [texts.get(each.job, "") for each in found]


def _model_text(each: JobSummary) -> str:
    if not each.files:
        return ""
    settings = default_texts() | dict(each.settings)
    return settings["model"] if settings["model"] == "softmax" else f"{settings['model']} {settings['hidden']}"


def _age(seconds: float) -> str:
    """Return a duration in its largest unit; clocks that disagree make none negative."""
    size, unit = next((each for each in AGE_UNITS if seconds >= each[0]), (1, "s"))
    return f"{max(0, int(seconds / size))} {unit}"


def comparison_tables(found: Comparison) -> list[Table]:
    """Return a table of what differs and what came of it, and one of the errors by round."""
    digits = _digits_to_show([each.job for each in found.jobs])
    ids = [each.job[:digits] for each in found.jobs]
    differences = narrow_table("" if found.differences else "no setting differs, nor do the data", "", *ids)
    for name, values in found.differences.items():
        add_row(differences, _option(name), *(shortened(value) or "none" for value in values))
    add_row(differences, "state", *(each.state for each in found.jobs))
    add_row(differences, "rounds", *(f"{max(each.errors, default=0)} of {each.rounds}" for each in found.jobs))
    add_row(differences, "seconds", *(f"{each.seconds:.1f}" for each in found.jobs))
    add_row(differences, "lowest error", *(_error(each.best_error) for each in found.jobs))
    add_row(differences, "in round", *("-" if each.best_round is None else str(each.best_round) for each in found.jobs))
    errors = narrow_table("validation error by round", "round", *ids)
    for number in _rounds_to_show(max((max(each.errors, default=0) for each in found.jobs), default=0)):
        add_row(errors, str(number), *(_error(each.errors.get(number)) for each in found.jobs))
    return [differences, errors] if errors.row_count else [differences]


def _rounds_to_show(last: int) -> list[int]:
    """Return rounds at about equal distances, the first and the last among them."""
    if last <= ROUNDS_SHOWN:
        return list(range(1, last + 1))
    return [1 + place * (last - 1) // (ROUNDS_SHOWN - 1) for place in range(ROUNDS_SHOWN)]


def _error(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _option(name: str) -> str:
    return name.replace("_", "-")


def _digits_to_show(jobs: Sequence[str]) -> int:
    """Return the number of first digits by which the jobs differ, 8 or more."""
    return next((n for n in range(DIGITS_MIN, ID_DIGITS) if len({job[:n] for job in jobs}) == len(jobs)), ID_DIGITS)
