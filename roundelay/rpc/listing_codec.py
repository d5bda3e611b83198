"""Converts what a node says of a job to a wire struct and back; what violates the contract is Malformed."""

from __future__ import annotations

from collections.abc import Sequence

from roundelay.chord.errors import Malformed
from roundelay.federation.listed_job import LINES_MAX, LISTED_STATES, SITES_MAX, ListedJob
from roundelay.federation.setting_texts import LISTED_CHARACTERS_MAX, LISTED_MAX
from roundelay.federation.spec import NAME_CHARACTERS_MAX
from roundelay.federation.strict_json import ADDRESS_CHARACTERS_MAX
from roundelay.ml.errors import printable
from roundelay.rpc import fields
from roundelay.rpc.fields import digest_from_wire, digest_to_wire
from roundelay.rpc.gen import ttypes as wire


def listed_job_to_wire(listed: ListedJob) -> wire.ListedJob:
    return wire.ListedJob(
        listed.job,
        listed.state,
        listed.round,
        listed.rounds,
        listed.validation_error,
        digest_to_wire(listed.result) or None,
        listed.driver,
        listed.reason,
        digest_to_wire(listed.forgets) or None,
        listed.pinned,
        list(listed.malformed),
        list(listed.liars),
        list(listed.sites),
        listed.may_fork or None,
        listed.started_ns,
        listed.files,
        list(listed.settings),
    )


def listed_job_from_wire(raw: wire.ListedJob) -> ListedJob:
    if raw.state not in LISTED_STATES:
        raise Malformed(f"listed_job.state: {printable(raw.state, 40)!r} is unknown")
    return ListedJob(
        fields.text("listed_job.job", raw.job),
        raw.state,
        fields.count("listed_job.round", raw.round),
        fields.count("listed_job.rounds", raw.rounds),
        None if raw.validation_error is None else fields.finite("listed_job.validation_error", raw.validation_error),
        digest_from_wire(raw.result) if raw.result else "",
        fields.text("listed_job.driver", raw.driver, ADDRESS_CHARACTERS_MAX),
        fields.message(raw.reason),
        digest_from_wire(raw.forgets) if raw.forgets else "",
        fields.text("listed_job.pinned", raw.pinned, NAME_CHARACTERS_MAX),
        _lines("listed_job.malformed", raw.malformed),
        _lines("listed_job.liars", raw.liars),
        _addresses(raw.sites),
        bool(raw.may_fork),
        fields.version("listed_job.started", raw.started),
        fields.count("listed_job.files", raw.files),
        _settings(raw.settings),
    )


def _lines(field: str, raw: Sequence[str]) -> tuple[str, ...]:
    fields.at_most(field, len(raw), LINES_MAX)
    return tuple([fields.message(line) for line in raw])


def _settings(raw: Sequence[str]) -> tuple[str, ...]:
    fields.at_most("listed_job.settings", len(raw), LISTED_MAX)
    return tuple([fields.text("listed_job.settings", each, LISTED_CHARACTERS_MAX) for each in raw])


def _addresses(raw: Sequence[str]) -> tuple[str, ...]:
    fields.at_most("listed_job.sites", len(raw), SITES_MAX)
    return tuple([fields.text("listed_job.sites", each, ADDRESS_CHARACTERS_MAX) for each in raw])
