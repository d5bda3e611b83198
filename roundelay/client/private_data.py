"""Jobs on private data: the files stay on the nodes that published them, and only names come here.

The sites first describe their data as the job wants to read them. What they agree on, columns, words and classes, is
part of the job's spec; a site that cannot agree is named, and left out or the reason why there is no job.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from roundelay.chord.errors import ChordError
from roundelay.client.connection import Connection
from roundelay.client.errors import BadInput, InputNotFound
from roundelay.client.job_input import JobInput
from roundelay.client.job_runner import CLOCKS
from roundelay.federation import jobs, records
from roundelay.federation.driver import Driver
from roundelay.federation.leaf_directory import find_leaves
from roundelay.federation.private_data import Publication, files_of, find_publications
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import WAIT_FOR_S, Settings
from roundelay.federation.site_agreement import describe_sites
from roundelay.federation.site_waits import SiteWaits
from roundelay.federation.spec import JobSpec
from roundelay.federation.tasks import COMPARED_MAX, CompareTask, DescribeTask
from roundelay.ml.cells import Cells
from roundelay.ml.description import Description, describe_sums
from roundelay.ml.errors import BadTask
from roundelay.ml.exact_moments import FeatureSums
from roundelay.ml.plugins import SHIPPED
from roundelay.ml.readers.encoding import encoding_from_json
from roundelay.ml.readers.reading import Reading
from roundelay.ml.readers.site_schema import Agreement, SiteSchema, agree, schema_from_bytes
from roundelay.ml.row_digests import Digests

MODEL = "softmax"  # of a job that only describes data
CANCEL_REASON = b"it only described private data"
CANCEL_TRIES = 10

Described = tuple[dict[str, SiteSchema], dict[str, str]]  # what sites say, and what is wrong at others, by address
Describe = Callable[[Sequence[TrainingFile], Sequence[str], Reading], Described]


@dataclass(frozen=True)
class AgreedData:
    """The private files of a job, with the rows that train, and how all their sites read them."""

    files: tuple[TrainingFile, ...]
    homes: tuple[str, ...]
    agreement: Agreement
    kind: str  # of the first site's data


def find_published(connection: Connection, name: str, model: str) -> tuple[Publication, ...]:
    """Return what nodes have published under a name. Raises ClientError, ChordError."""
    publications = connection.ask(lambda entry: find_publications(entry.node, entry.ring, name))
    if not publications:
        raise InputNotFound(
            f"no node has published private data under {name!r}; start one with "
            f"python3 compute_node.py PORT --private {name}=DIR"
        )
    _require_model(model, publications)
    return publications


def are_clients(publications: Sequence[Publication]) -> bool:
    """Return whether Flower clients train, rather than files that are read. Raises BadInput for a mixture."""
    by_kind = {each.is_client: each.address for each in publications}
    if len(by_kind) == 2:
        raise BadInput(
            f"{by_kind[True]} publishes a Flower client (--trainer) and {by_kind[False]} publishes files "
            "(--private); a job trains one kind"
        )
    return True in by_kind


def of_clients(
    connection: Connection, name: str, publications: tuple[Publication, ...], validation: JobInput
) -> tuple[JobInput, tuple[str, ...]]:
    """Return the files that stand for Flower clients, and the addresses of their homes."""
    files, homes = files_of(publications)
    note_files(connection, name, files, homes)
    assert validation.validation is not None
    held_out = replace(validation.validation, index=len(files))
    return replace(validation, files=files, validation=held_out, raw=True), homes


def agree_on(
    connection: Connection,
    name: str,
    publications: tuple[Publication, ...],
    reading: Reading,
    validation_digest: str,
    wait_for_s: float = WAIT_FOR_S,
) -> AgreedData:
    """Have the sites with data of a name agree on how a job reads them; a busy one is waited for.

    A file whose content is the validation file's is not trained on. A site that cannot read its data so is left out by
    name, unless no other is left. Raises BadInput, DataError; ChordError.
    """
    waits = SiteWaits(CLOCKS, wait_for_s, tell=connection.progress.note)
    files, homes = _without_validation(*files_of(publications), validation_digest, connection)
    described = partial(_described, connection, name, waits)
    reading, found, problems = _first_descriptions(described, files, homes, reading)
    kept = _with_rows(files, homes, found, problems)
    while len(kept) < len(files):  # rows are held out by a file's number, and the files have other numbers now
        files, homes = _renumbered(kept)
        found, further = described(files, homes, reading)
        problems |= further
        kept = _with_rows(files, homes, found, problems)
    agreement = agree(found, reading)
    for home, why in sorted(problems.items()):
        connection.progress.note(f"{home} is left out of the job: {why}")
    return AgreedData(*_renumbered(kept), agreement, next(iter(found.values())).kind)


@dataclass(frozen=True)
class ComparedRows:
    """Where validation rows train, too: sites, by address."""

    sharing: tuple[str, ...]  # many of the rows are among theirs
    untold: tuple[str, ...]  # these have not compared them


def compare_rows(
    connection: Connection, name: str, agreed: AgreedData, rows: Digests, wait_for_s: float = WAIT_FOR_S
) -> ComparedRows:
    """Ask the sites whether many of these rows are among those that train there. Raises ChordError, WorkFailed.

    The validation file is on the ring for every member to read, so its digests tell nothing new. Those of a site's rows
    stay there: they could be guessed.
    """
    chosen = np.unique(rows)[:COMPARED_MAX]  # digests are spread evenly: so these are any of the rows
    task = CompareTask(agreed.agreement.reading.to_json(), chosen.astype("<u8").tobytes())
    waits = SiteWaits(CLOCKS, wait_for_s, tell=connection.progress.note)
    answers = connection.ask(
        lambda entry: describe_sites(
            entry.node, entry.ring, name, agreed.files, agreed.homes, task, CLOCKS.monotonic, waits
        )
    )
    sharing = sorted(home for home, found in answers.found.items() if found == b"\1")
    return ComparedRows(tuple(sharing), tuple(sorted(answers.problems)))


def describe(connection: Connection, name: str, reading: Reading, hide_below: int) -> Description:
    """Describe all files published under a name, by the exact sums of their features.

    A job is published for this, which trains nothing, so that each site's policy decides and the ring's records say who
    asked. Raises ClientError, ChordError, FederationError, MLError.
    """
    publications = find_published(connection, name, MODEL)
    if are_clients(publications):
        raise BadInput(f"Flower clients publish {name}: what they train on cannot be described")
    agreed = agree_on(connection, name, publications, reading, "")
    about = agreed.agreement
    spec = JobSpec(
        Settings(model=MODEL, rounds=1),
        agreed.files,
        None,
        about.features,
        about.classes,
        nonce=secrets.token_hex(16),
        pinned=name,
        homes=agreed.homes,
        reading=about.reading.to_json(),
        evaluate="sites",
    )
    encoding = encoding_from_json(about.reading.encoding) if about.reading.encoding else None
    sums, files = _survey_features(connection, spec, with_values=not reading.classes)
    return describe_sums(agreed.kind, sums, hide_below, encoding, files)


def _survey_features(
    connection: Connection, spec: JobSpec, with_values: bool
) -> tuple[FeatureSums, Sequence[Sequence[Cells]]]:
    """Publish a job, survey the features of its files, and cancel it however that ends: nobody shall train it.

    Raises ChordError, FederationError, MLError.
    """
    entry, version = connection.entry(), time.time_ns()
    driver = Driver(spec, entry.ring, entry.node, "describe", CLOCKS, lambda *stored: None, connection.progress.note)
    try:
        connection.ask(lambda each: jobs.publish(each.node, each.ring, spec, version))
        connection.runtime.start("heartbeat", driver.heartbeat(), lambda error: None)
        return connection.runtime.run(driver.survey_features(with_values))
    finally:
        driver.is_over = True
        _cancel(connection, spec.job)


def _cancel(connection: Connection, job: str) -> None:
    """Cancel a job that has described what it can."""
    version = time.time_ns()
    try:
        connection.ask(
            lambda each: jobs.put_record(each.node, each.ring, job, records.CANCELLED, CANCEL_REASON, version),
            CANCEL_TRIES,
        )
    except ChordError as error:
        connection.progress.note(f"job {job} could not be cancelled: {error}. Try  python3 client.py cancel {job}")


def require_exchanges(connection: Connection, homes: Sequence[str]) -> None:
    """Raise BadInput if a leaf has private data: in gossip, nodes exchange models with one another."""
    leaves = connection.ask(lambda entry: find_leaves(entry.node, entry.ring))
    if at_leaves := sorted(set(homes) & {str(leaf.address) for leaf in leaves}):
        raise BadInput(
            f"--topology gossip cannot be combined with private data at a leaf, which nobody can connect to: "
            f"{at_leaves[0]}" + f" (and {len(at_leaves) - 1} more)" * (len(at_leaves) > 1)
        )


def note_files(connection: Connection, name: str, files: Sequence[TrainingFile], homes: Sequence[str]) -> None:
    """Say how many private files a job trains on."""
    nodes = len(set(homes))
    count = f"{len(files)} private file{'s' * (len(files) != 1)}"
    connection.progress.note(f"{count} published as {name} on {nodes} node{'s' * (nodes != 1)}")


def _first_descriptions(
    described: Describe, files: Sequence[TrainingFile], homes: Sequence[str], reading: Reading
) -> tuple[Reading, dict[str, SiteSchema], dict[str, str]]:
    """Return the reading with what the sites' data say of it, and what `_described` returns for it."""
    found, problems = described(files, homes, reading)
    label = next((schema.label for schema in found.values()), "")  # the first site decides, as the first file does
    if label and reading.label is None and (problems or len({schema.label for schema in found.values()}) > 1):
        reading = replace(reading, label=label)
        found, problems = described(files, homes, reading)
    if reading.task == "auto" and len({schema.task for schema in found.values()}) > 1:  # real numbers at some sites
        reading = replace(reading, task="regression")
        found, problems = described(files, homes, reading)
    return reading, found, problems


def _described(
    connection: Connection,
    name: str,
    waits: SiteWaits,
    files: Sequence[TrainingFile],
    homes: Sequence[str],
    reading: Reading,
) -> Described:
    """Have sites describe their files. Raises ChordError, WorkFailed."""
    answers = connection.ask(
        lambda entry: describe_sites(
            entry.node, entry.ring, name, files, homes, DescribeTask(reading.to_json()), CLOCKS.monotonic, waits
        )
    )
    found, problems = {}, dict(answers.problems)
    for home, content in sorted(answers.found.items()):
        try:
            found[home] = schema_from_bytes(content)
        except BadTask as error:
            problems[home] = str(error)
    return found, problems


def _with_rows(
    files: Sequence[TrainingFile], homes: Sequence[str], found: Mapping[str, SiteSchema], problems: Mapping[str, str]
) -> list[tuple[TrainingFile, str]]:
    """Return the files that have rows to train on, with their number, and their homes. Raises BadInput for none."""
    if not found:
        raise BadInput("; ".join(f"{home}: {why}" for home, why in sorted(problems.items())))
    rows = {(home, part.name): part.rows for home, schema in found.items() for part in schema.parts}
    kept = [
        (replace(file, rows=rows[home, _part_of(file, home)]), home)
        for file, home in zip(files, homes, strict=True)
        if rows.get((home, _part_of(file, home)))
    ]
    if not kept:
        raise BadInput("no site has a row to train on: see --classes")
    return kept


def _renumbered(kept: Sequence[tuple[TrainingFile, str]]) -> tuple[tuple[TrainingFile, ...], tuple[str, ...]]:
    """Return files numbered from 0 on, and their homes."""
    return tuple(replace(file, index=n) for n, (file, _) in enumerate(kept)), tuple(home for _, home in kept)


def _part_of(file: TrainingFile, home: str) -> str:
    return file.name.removeprefix(f"{home}~")


def _without_validation(
    files: tuple[TrainingFile, ...], homes: tuple[str, ...], validation: str, connection: Connection
) -> tuple[tuple[TrainingFile, ...], tuple[str, ...]]:
    """Leave out the files whose content is the validation file's, and say so. Raises BadInput if no other is left."""
    kept = [(file, home) for file, home in zip(files, homes, strict=True) if file.digest != validation]
    left_out = [f"{file.name} at {home}" for file, home in zip(files, homes, strict=True) if file.digest == validation]
    if not left_out:
        return files, homes
    if not kept:
        raise BadInput(f"{left_out[0]} is the validation file itself, and there is no other private file")
    connection.progress.note(f"not trained on, as it is the validation file itself: {', '.join(left_out)}")
    return _renumbered(kept)


def _require_model(model: str, publications: Sequence[Publication]) -> None:
    """Every home must have the model, since no other node may train its files."""
    module, named, _ = model.partition(":")
    unable = [each.address for each in publications if named and module not in each.models]
    if unable:
        how = "install the extra torch there" if module in SHIPPED else f"start it with --plugins {module}"
        others = f" (and {len(unable) - 1} more nodes cannot)" if len(unable) > 1 else ""
        raise BadInput(f"{unable[0]} cannot train {model}: {how}{others}")
