"""Jobs on private data: the files stay on the nodes that published them, and only their names come here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from roundelay.client.connection import Connection
from roundelay.client.errors import BadInput, InputNotFound
from roundelay.client.job_input import JobInput
from roundelay.federation.private_data import Publication, files_of, find_publications
from roundelay.federation.requests import TrainingFile
from roundelay.ml.plugins import SHIPPED


def find_files(connection: Connection, name: str, model: str, validation: JobInput) -> tuple[JobInput, tuple[str, ...]]:
    """Return all files published under a name, and the addresses of their homes. Raises ClientError, ChordError."""
    publications = connection.ask(lambda entry: find_publications(entry.node, entry.ring, name))
    if not publications:
        raise InputNotFound(
            f"no node has published private data under {name!r}; start one with "
            f"python3 compute_node.py PORT --private DIR --private-name {name}"
        )
    _require_model(model, publications)
    raw = _all_clients(publications)
    if not raw:
        _require_same_features(publications, validation)
    files, homes = _without_validation(*files_of(publications), validation, connection)
    connection.progress.note(
        f"{len(files)} private files published as {name} on {len(publications)} node{'s' * (len(publications) != 1)}"
    )
    return replace(validation, files=files, validation=replace(validation.validation, index=len(files)), raw=raw), homes


def _without_validation(
    files: tuple[TrainingFile, ...], homes: tuple[str, ...], validation: JobInput, connection: Connection
) -> tuple[tuple[TrainingFile, ...], tuple[str, ...]]:
    """Leave out the files whose content is the validation file's, and say so. Raises BadInput if no other is left."""
    held_out = validation.validation.digest
    kept = [(file, home) for file, home in zip(files, homes, strict=True) if file.digest != held_out]
    left_out = [f"{file.name} at {home}" for file, home in zip(files, homes, strict=True) if file.digest == held_out]
    if not left_out:
        return files, homes
    if not kept:
        raise BadInput(f"{left_out[0]} is the validation file itself, and there is no other private file")
    connection.progress.note(f"not trained on, as it is the validation file itself: {', '.join(left_out)}")
    return tuple(replace(file, index=n) for n, (file, _) in enumerate(kept)), tuple(home for _, home in kept)


def _require_same_features(publications: Sequence[Publication], validation: JobInput) -> None:
    """Private files are letters: the validation file must be of letters with as many features."""
    name = validation.validation.name
    for each in publications:
        if each.features != validation.features:
            raise BadInput(
                f"{each.address} has files of {each.features} features, but {name} has {validation.features}"
            )
    if validation.kind != "letters":
        raise BadInput(
            f"{publications[0].address} has files of letters; a set of {validation.kind} cannot validate them"
        )


def _require_model(model: str, publications: Sequence[Publication]) -> None:
    """Every home must have the model, since no other node may train its files."""
    module, named, _ = model.partition(":")
    unable = [each.address for each in publications if named and module not in each.models]
    if unable:
        how = "install the extra torch there" if module in SHIPPED else f"start it with --plugins {module}"
        others = f" (and {len(unable) - 1} more nodes cannot)" if len(unable) > 1 else ""
        raise BadInput(f"{unable[0]} cannot train {model}: {how}{others}")


def _all_clients(publications: Sequence[Publication]) -> bool:
    """Return whether Flower clients train, rather than files that are read. Raises BadInput for a mixture."""
    by_kind = {each.is_client: each.address for each in publications}
    if len(by_kind) == 2:
        raise BadInput(
            f"{by_kind[True]} publishes a Flower client (--trainer) and {by_kind[False]} publishes files "
            "(--private); a job trains one kind"
        )
    return True in by_kind
