"""client.py train --pinned NAME: the files are where they are, and only what they are called comes here."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from roundelay.cli import exits
from roundelay.cli.connection import Connection
from roundelay.cli.job_input import JobInput, read_validation, read_validation_set
from roundelay.cli.train import is_set
from roundelay.federation.private_data import Publication, files_of, find_publications
from roundelay.ml.models.allowed import SHIPPED
from roundelay.ml.prepare import OnProgress


def read(path: Path, stack: ExitStack, tell: OnProgress) -> JobInput:
    """The validation file: one of letters, or any set, whose test part counts. Raises MLError."""
    return read_validation_set(path, stack, tell) if is_set(path) else read_validation(path)


def find_files(access: Connection, name: str, model: str, given: JobInput) -> tuple[JobInput, tuple[str, ...]]:
    """All that is published under a name, and its homes. Raises Exit, ChordError, BadRecord."""
    publications = access.ask(lambda entry: find_publications(entry.node, entry.ring, name))
    if not publications:
        raise exits.Exit(
            exits.NO_INPUT,
            f"no node has published files under {name!r}: start one with "
            f"python3 compute_node.py PORT --private DIR --private-name {name}",
        )
    _require_model(model, publications)
    raw = _all_clients(publications)
    for each in publications:
        if not raw and each.features != given.features:
            raise exits.Exit(
                exits.DATA,
                f"{each.address} has files of {each.features} features, {given.validation.name} has {given.features}",
            )
    if not raw and given.kind != "letters":
        raise exits.Exit(
            exits.DATA, f"{publications[0].address} has files of letters: a set of {given.kind} cannot validate them"
        )
    files, homes = files_of(publications)
    access.screen.note(f"{len(files)} files pinned under {name} on {len(publications)} nodes")
    return replace(given, files=files, validation=replace(given.validation, index=len(files)), raw=raw), homes


def _require_model(model: str, publications: Sequence[Publication]) -> None:
    """Nobody but its home trains a file: each must have the model. Raises Exit."""
    module, named, _ = model.partition(":")
    lacking = [each.address for each in publications if named and module not in each.models]
    if lacking:
        how = "install the extra torch there" if module in SHIPPED else f"start it with --models {module}"
        raise exits.Exit(
            exits.DATA,
            f"{lacking[0]} cannot train {model}: {how}"
            + (f"; {len(lacking) - 1} other nodes neither" if len(lacking) > 1 else ""),
        )


def _all_clients(publications: Sequence[Publication]) -> bool:
    """Is it clients of their own that train, instead of files that are read? Raises Exit where both are there."""
    by_kind = {each.is_client: each.address for each in publications}
    if len(by_kind) == 2:
        raise exits.Exit(
            exits.DATA,
            f"{by_kind[True]} has a trainer of its own (--trainer), {by_kind[False]} files "
            "(--private): one job has either",
        )
    return True in by_kind
