"""A proof of a job: what anybody needs to check its whole training without the ring, in one file (proof_file.py).

| part | content | checked by |
| --- | --- | --- |
| proof.json | format, version, job, digests of the last RESULT and the last REPORT | the parts that it names |
| spec.json | the job's spec | its digest is the job's id |
| result-N.json | RESULT of round N | the next RESULT names its digest |
| receipts-N | receipts of round N | their Merkle root is in RESULT N |
| report-N.json | REPORT of round N: who trained what | the next REPORT names its digest |
| weights-N, state-N | weights and the rule's state, at least the first, the last and the kept ones | RESULT N |
| signatures.json | in a secured ring: who signed these records | proof_signatures.py |

A proof without identities has no reports and no signatures. Nothing in a proof is believed: sizes are those of the
file, and what does not hold is named by part. That the weights follow from the files is shown by replaying
(proof_replay.py).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from roundelay.federation import strict_json
from roundelay.federation.early_stopping import is_complete, kept_round
from roundelay.federation.errors import BadProof, BadRecord
from roundelay.federation.proof_file import MANIFEST, SIGNATURES, SPEC, Parts, numbered, part_name
from roundelay.federation.proof_rounds import (
    Problems,
    check_chain,
    check_order,
    check_receipts,
    check_reports,
    check_weights,
)
from roundelay.federation.receipts import Receipts
from roundelay.federation.records import RoundResult
from roundelay.federation.spec import JobSpec, spec_from_bytes
from roundelay.federation.strict_json import TEXT_CHARACTERS_MAX
from roundelay.ml.errors import printable
from roundelay.store.blobs import digest_of

FORMAT, VERSION = "roundelay proof", 1
MANIFEST_BYTES_MAX = 4096


@dataclass(frozen=True)
class Manifest:
    """What a proof is of."""

    job: str
    result: str  # digest of the last RESULT
    report: str  # digest of the last REPORT; empty: without identities
    format: str = FORMAT
    version: int = VERSION

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()


@dataclass(frozen=True)
class _Kind:
    """What every version of a manifest says."""

    format: str
    version: int


@dataclass(frozen=True)
class Proof:
    """The parts of a proof as values, as far as they hold, and what does not hold, by part."""

    spec: JobSpec
    parts: Parts
    results: Mapping[int, RoundResult] = field(default_factory=dict)
    receipts: Mapping[int, Receipts] = field(default_factory=dict)
    problems: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def rounds(self) -> int:
        """The number of the last round."""
        return max(self.results)

    @property
    def is_complete(self) -> bool:
        """Whether the job was done."""
        return is_complete(self.spec.settings, [self.results[number] for number in sorted(self.results)])

    @property
    def kept(self) -> RoundResult:
        """The round whose model is the job's result."""
        return kept_round(self.spec.settings, [self.results[number] for number in sorted(self.results)])

    @property
    def has_identities(self) -> bool:
        return part_name("report", 0) in self.parts

    def weights(self, number: int) -> bytes | None:
        """Return the weights after a round, if the proof has them, and what the rule needs to go on from them."""
        state = self.results[number].state
        has_state = not state or part_name("state", number) in self.parts
        return self.parts.get(part_name("weights", number)) if has_state else None

    def state(self, number: int) -> bytes:
        return self.parts.get(part_name("state", number), b"")


def check_proof(parts: Parts) -> Proof:
    """Check every part but the signatures. Raises BadProof for what is not a proof, or lacks a part."""
    manifest = _manifest(parts)
    spec = _spec(parts, manifest)
    last = max((number for kind, number in numbered(parts) if kind == "result"), default=0)
    _require_parts(parts, last, manifest)
    problems: Problems = defaultdict(list)
    results = check_chain(parts, spec, manifest.result, problems)
    if len(results) == last + 1:
        chain = [results[number] for number in range(last + 1)]
        check_order(spec, chain, problems)
        _require_weights(parts, spec, chain)
    proven = {number: check_receipts(parts, spec, result, problems) for number, result in results.items() if number}
    check_reports(parts, spec, manifest.report, results, problems)
    check_weights(parts, spec, results, problems)
    return Proof(spec, parts, results, proven, {name: found for name, found in problems.items() if found})


# --- the head


def _manifest(parts: Parts) -> Manifest:
    if MANIFEST not in parts:
        raise BadProof(f"not a proof: it has no part {MANIFEST}")
    content = parts[MANIFEST]
    try:
        kind = strict_json.decode(_Kind, content, MANIFEST, MANIFEST_BYTES_MAX)
        if (kind.format, kind.version) != (FORMAT, VERSION):
            found = f"{printable(kind.format, TEXT_CHARACTERS_MAX)}, version {kind.version}"
            raise BadProof(f"{MANIFEST}: a {found}; this program reads {FORMAT}, version {VERSION}")
        manifest = strict_json.decode(Manifest, content, MANIFEST, MANIFEST_BYTES_MAX)
    except BadRecord as error:
        raise BadProof(str(error)) from error
    if manifest.to_bytes() != content:
        raise BadProof(f"malformed {MANIFEST}: it is not in canonical form")
    return manifest


def _spec(parts: Parts, manifest: Manifest) -> JobSpec:
    content = parts.get(SPEC, b"")
    if digest_of(content) != manifest.job:
        raise BadProof(f"{SPEC} or {MANIFEST} is damaged or forged: its digest is not the job's id {manifest.job[:80]}")
    try:
        spec = spec_from_bytes(content)
    except BadRecord as error:
        raise BadProof(f"{SPEC}: {error}") from error
    if not spec.has_receipts:
        raise BadProof(f"{SPEC}: {spec.why_recorded}")
    return spec


def _require_parts(parts: Parts, last: int, manifest: Manifest) -> None:
    """Raise BadProof unless the parts of all rounds are here, and no others."""
    kinds = {"result": 0, "receipts": 1} | ({"report": 0} if manifest.report else {})
    expected = (part_name(kind, n) for kind, first in kinds.items() for n in range(first, last + 1))
    if missing := next((name for name in expected if name not in parts), ""):  # `last` is only what a name says
        raise BadProof(f"part {missing} is missing")
    first_of = kinds | {"weights": 0, "state": 0}
    of_rounds = {part_name(kind, n) for kind, n in numbered(parts) if n <= last and n >= first_of.get(kind, n + 1)}
    heads = {MANIFEST, SPEC} | ({SIGNATURES} if manifest.report else set())
    if foreign := [name for name in parts if name not in of_rounds | heads]:
        raise BadProof(f"part {foreign[0]} does not belong to this proof")


def _require_weights(parts: Parts, spec: JobSpec, chain: list[RoundResult]) -> None:
    for number in (0, kept_round(spec.settings, chain).round, chain[-1].round):
        if part_name("weights", number) not in parts:
            raise BadProof(f"part {part_name('weights', number)} is missing")
