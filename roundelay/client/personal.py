"""Make a site's own model from the model that a job keeps and the site's private data, where these are.

Nothing is asked of the site's node, and no message carries such a model: whoever has the files can make it, and nobody
else can. It has the bits of the one that the node evaluates, on a machine with the node's arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from roundelay.client.errors import RequestRefused
from roundelay.federation import round_tasks
from roundelay.federation.requests import TrainingFile, trainer_task
from roundelay.federation.snapshot import JobSnapshot
from roundelay.federation.spec import JobSpec
from roundelay.ml.errors import first_of
from roundelay.ml.readers import site
from roundelay.ml.readers.limits import DEFAULT, Limits
from roundelay.ml.readers.saved_model import SavedModel
from roundelay.ml.worker import Worker
from roundelay.node.addresses import parse_address


def make_site_model(snapshot: JobSnapshot, shared: SavedModel, where: str, limits: Limits = DEFAULT) -> SavedModel:
    """Return the own model of the site whose data are in a folder: [ADDRESS=]DIR. Raises RequestRefused, MLError."""
    spec, kept = snapshot.spec, snapshot.kept
    if spec.settings.personal == "none":
        raise RequestRefused(f"the sites of job {spec.job[:8]} have no models of their own: start one with --personal")
    if not kept.round:
        raise RequestRefused(f"job {spec.job[:8]} has trained no round yet")
    address, folder = _divided(where)
    home = _home_of(spec, folder, address, limits)
    worker = Worker(limits=limits)
    files = tuple(replace(file, digest=f"{file.digest} {file.index}") for file in _files_of(spec, home))  # may be equal
    for file in files:
        worker.add_private(file.digest, folder, file.name.removeprefix(f"{home}~"), file.index, spec.reading)
    moments = shared.moments.to_bytes() if shared.moments is not None else b""
    task = trainer_task(round_tasks.personal_task(spec, moments, kept.halvings), kept.round, files)
    return replace(shared, weights=worker.personal_model(task, shared.weights.astype("<f4").tobytes()))


def _divided(where: str) -> tuple[str, Path]:
    """Return the address and the folder of [ADDRESS=]DIR; the name of a folder may have a =, too."""
    address, is_named, folder = where.partition("=")
    try:
        parse_address(address)
    except ValueError:
        is_named = ""
    return (address, Path(folder)) if is_named and "/" not in address else ("", Path(where))


def _home_of(spec: JobSpec, folder: Path, address: str, limits: Limits) -> str:
    """Return the address of the site that has all its files of a job in a folder. Raises RequestRefused, MLError."""
    _, parts, _ = site.survey(folder, limits)
    here = {part.name: part.digest for part in parts}
    homes = [home for home in spec.sites if _lacking(spec, home, here) == ()]
    if address and address not in spec.sites:
        raise RequestRefused(f"{address} is not a site of job {spec.job[:8]}; its sites are {first_of(spec.sites)}")
    if address and address not in homes:
        raise RequestRefused(f"{folder} is not the private data of {address}: {_missing(spec, address, here)}")
    if not homes:
        likely = max(spec.sites, key=lambda home: len(_files_of(spec, home)) - len(_lacking(spec, home, here)))
        told = f"{folder} is not the private data of any site of job {spec.job[:8]}"
        raise RequestRefused(f"{told}: of {likely}, {_missing(spec, likely, here)}")
    if len(homes) > 1 and not address:
        raise RequestRefused(f"{folder} has the files of several sites: say ADDRESS={folder}, one of {first_of(homes)}")
    return address or homes[0]


def _files_of(spec: JobSpec, home: str) -> tuple[TrainingFile, ...]:
    return tuple(file for file, its in zip(spec.files, spec.homes, strict=True) if its == home)


def _lacking(spec: JobSpec, home: str, here: Mapping[str, str]) -> tuple[str, ...]:
    """Return which of a site's files are not in a folder, or are others there."""
    names = ((file.name.removeprefix(f"{home}~"), file.digest) for file in _files_of(spec, home))
    return tuple(name for name, digest in names if here.get(name) != digest)


def _missing(spec: JobSpec, home: str, here: Mapping[str, str]) -> str:
    lacking = _lacking(spec, home, here)
    return f"{first_of(lacking)} {'is' if len(lacking) == 1 else 'are'} missing there, or changed"
