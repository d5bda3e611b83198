"""client.py train --pinned NAME: the files are where they are, and only what they are called comes here."""

from __future__ import annotations

from pathlib import Path

from cli import exits
from cli.access import Access
from cli.given import Input, read_validation
from federation.pinning import files_of, published


def find_files(access: Access, name: str, validation: Path) -> tuple[Input, tuple[str, ...]]:
    """All that is published under a name, and its homes. Raises Exit, MLError, ChordError, BadRecord."""
    contents, samples, held_out = read_validation(validation)
    publications = access.ask(lambda entry: published(entry.node, entry.ring, name))
    if not publications:
        raise exits.Exit(exits.NO_INPUT, f"no node has published files under {name!r}: start one with "
                                         f"python3 compute_node.py PORT --private DIR --private-name {name}")
    for each in publications:
        if each.features != samples.features:
            raise exits.Exit(exits.DATA, f"{each.address} has files of {each.features} features, "
                                         f"{validation} has {samples.features}")
    files, homes = files_of(publications)
    access.screen.note(f"{len(files)} files pinned under {name} on {len(publications)} nodes")
    return Input(contents, files, held_out(len(files)), samples.features), homes
