"""Proofs of jobs as files: write one, check one offline, and replay one from the training files."""

from __future__ import annotations

import random
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from roundelay.chord.errors import Corrupt
from roundelay.client.errors import BadInput, CannotWrite, InputNotFound, MissingExtra, RingUnavailable
from roundelay.client.whole_file import whole_file
from roundelay.federation import forgetting, proof_file, proof_replay
from roundelay.federation.errors import BadProof, BadSpec, FederationError, OtherBits
from roundelay.federation.proof import Proof, check_proof
from roundelay.federation.proof_file import SIGNATURES, Parts
from roundelay.federation.proof_replay import ReplayFinding
from roundelay.federation.proof_signatures import check_signatures, read_signatures
from roundelay.federation.spec import JobSpec
from roundelay.ml.errors import MLError
from roundelay.ml.prepare import SUFFIX
from roundelay.node.files import open_content
from roundelay.store.blobs import digest_of
from roundelay.trust.errors import NotTrusted

FILES_SEEN_MAX = 1_000_000  # in a folder of training files


@dataclass(frozen=True)
class CheckedProof:
    """A proof, its invalid parts, and the signers of its records if the ring was secured."""

    proof: Proof
    problems: Mapping[str, str]
    ring: str = ""  # name of the secured ring: a digest of its authority's key
    signers: Mapping[str, int] | None = None  # records signed by each member

    @property
    def holds(self) -> bool:
        return not self.problems

    def to_json(self) -> dict[str, object]:
        """Return what `client.py verify --json` prints, without the replay."""
        proof = self.proof
        return {
            "holds": self.holds,
            "job": proof.spec.job,
            "rounds": proof.rounds,
            "complete": proof.is_complete,
            "files": len(proof.spec.files),
            "model_sha256": proof.kept.weights,
            "validation_error": proof.kept.error,
            "ring": self.ring,
            "signers": dict(self.signers or {}),
            "problems": dict(self.problems),
        }


def write_proof(path: Path, parts: Parts) -> None:
    """Write a proof. Raises CannotWrite; the file is whole, or not there."""
    try:
        with whole_file(path) as place, place.open("wb") as file:
            for piece in proof_file.encode(parts):
                file.write(piece)
    except BadProof as error:
        raise CannotWrite(f"cannot write {path}: {error}") from error


def authorities_of(kit: Path | None) -> str:
    """Return the certificates of a secured ring's authority, as PEM; an empty string without a kit."""
    if kit is None:
        return ""
    _require_cryptography("the proof of a secured ring's job")
    from roundelay.trust.kit import authorities_pem, load_kit

    return authorities_pem(load_kit(kit).authorities)


def read_proof(path: Path, authority: Path | None = None) -> CheckedProof:
    """Read and check a proof offline. authority: a file with the certificate of the ring that must have signed it.

    Raises InputNotFound, BadInput for what is not a proof, MissingExtra where signatures cannot be checked.
    """
    with _errors_about(path):
        if not path.is_file():
            raise InputNotFound(f"{path}: no such file")
        parts = proof_file.decode(open_content(path))
        proof = check_proof(parts)
        problems = {name: "; ".join(found) for name, found in proof.problems.items()}
        if SIGNATURES not in parts:
            if authority is not None:
                raise BadProof("it is not signed: it comes from a ring that was not secured, or without identities")
            return CheckedProof(proof, problems)
        ring, signers, unsigned = _check_signatures(parts, proof.spec.job, authority)
        return CheckedProof(proof, problems | unsigned, ring, signers)


def _check_signatures(parts: Parts, job: str, authority: Path | None) -> tuple[str, Counter[str], dict[str, str]]:
    """Return the ring's name, the number of records by signer, and the invalid parts. Raises BadProof, MissingExtra."""
    _require_cryptography("a signed proof")
    from roundelay.trust.kit import authorities_pem, read_authorities, ring_of
    from roundelay.trust.signatures import signer_of

    found = read_signatures(parts).authorities
    try:
        authorities = read_authorities(found.encode())
        if authorities_pem(authorities) != found:
            raise NotTrusted("the authority's certificate is not in canonical form")
        if authority is not None:
            authorities = read_authorities(authority.read_bytes())
    except NotTrusted as error:
        raise BadProof(f"{SIGNATURES}: {error}") from error
    signers, problems = check_signatures(
        parts, job, lambda signature, message: signer_of(signature, message, authorities), time.time_ns
    )
    return ", ".join(ring_of(each) for each in authorities), signers, problems


def forgotten_files(checked: CheckedProof, old: Path) -> list[str]:
    """Return the files of the job in another proof that this job has never had. Raises InputNotFound, BadInput."""
    other = read_proof(old).proof.spec
    try:
        return forgetting.forgotten_files(checked.proof.spec, other)
    except BadSpec as error:
        raise BadInput(str(error)) from error


def replay(checked: CheckedProof, data: Path) -> Iterator[ReplayFinding]:
    """Train every round again from the files in a folder. Raises InputNotFound, RingUnavailable, BadInput."""
    with _errors_about(data):
        yield from proof_replay.replay(checked.proof, contents_in(data, checked.proof.spec))


def sample(checked: CheckedProof, data: Path, count: int, seed: int) -> Iterator[ReplayFinding]:
    """Train `count` random pairs of round and file again. Raises InputNotFound, RingUnavailable, BadInput."""
    with _errors_about(data):
        contents = contents_in(data, checked.proof.spec, with_validation=False)
        yield from proof_replay.sample(checked.proof, contents, count, random.Random(seed))


def random_seed() -> int:
    """Return a seed that whoever made a proof cannot have known."""
    return secrets.randbelow(1 << 32)


def contents_in(data: Path, spec: JobSpec, with_validation: bool = True) -> dict[str, bytes]:
    """Return the contents of a job's files by digest, found in a folder whatever their names. Raises InputNotFound."""
    files = spec.all_files if with_validation else spec.files
    wanted, sizes = {file.digest for file in files}, {file.size_bytes for file in files}
    found: dict[str, bytes] = {}
    if not data.is_dir():
        raise InputNotFound(f"{data}: no such folder")
    for seen, path in enumerate(data.rglob("*")):
        if found.keys() == wanted or seen >= FILES_SEEN_MAX:
            break
        if path.is_file() and path.stat().st_size in sizes:
            content = path.read_bytes()
            if (digest := digest_of(content)) in wanted:
                found[digest] = content
    if missing := [file for file in files if file.digest not in found]:
        others = f" ({len(missing) - 1} others are missing too)" if len(missing) > 1 else ""
        first = missing[0]
        if first.name.endswith(SUFFIX):
            again = f"client.py prepare DATA OUT --seed {spec.settings.seed}"
            others += f"; from a table or images,  {again}  and the job's other options for data make them"
        raise InputNotFound(f"{data} has no file with the content of {first.name}, SHA-256 {first.digest}{others}")
    return found


def _require_cryptography(what: str) -> None:
    if find_spec("cryptography") is None:
        raise MissingExtra(f"{what} needs the extra `secure`: python3 -m pip install 'roundelay[secure]'")


@contextmanager
def _errors_about(path: Path) -> Iterator[None]:
    """Raise errors of the layers below as ClientErrors about this path."""
    try:
        yield
    except OtherBits as error:
        raise RingUnavailable(str(error)) from error
    except (BadProof, FederationError, MLError, Corrupt) as error:
        raise BadInput(f"{path}: {error}") from error
    except OSError as error:
        raise InputNotFound(f"cannot read {error.filename or path}: {error.strerror}") from error
