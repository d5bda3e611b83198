"""The signatures in a proof: those of a secured ring's records, with the signers' certificates.

They are checked by the rules that the ring's replicas had checked them by (record_rules.py). Which node could own the
job's key then is not known any more, so any node of the ring may have driven the job.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass

from roundelay.chord.errors import NotAllowed
from roundelay.chord.ring import Ring
from roundelay.federation import records, strict_json
from roundelay.federation.errors import BadProof, BadRecord
from roundelay.federation.job_keys import key_of
from roundelay.federation.proof_file import SIGNATURES, SPEC, Parts
from roundelay.federation.record_rules import RecordRules, signed_text
from roundelay.store.blobs import digest_of
from roundelay.store.items import SIGNATURE_BYTES_MAX, Entry, Item
from roundelay.trust.identity import Identity

SIGNER_CHARACTERS_MAX = 2 * SIGNATURE_BYTES_MAX
PART_BYTES_MAX = 64 << 20

SignerOf = Callable[[bytes, bytes], Identity]  # signature, message; raises NotTrusted


@dataclass(frozen=True)
class SignedRecords:
    """What signatures.json holds. A signature is followed by the signer's certificate; both are Base64."""

    authorities: str  # PEM: the certificates of the ring's authority
    bits: int  # of the ring's identifiers
    versions: dict[str, int]  # by part: the writer's clock
    signatures: dict[str, str]

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()


def signatures_part(ring: Ring, items: Mapping[str, Item], authorities: str) -> bytes:
    """Return the signatures of these records, by part."""
    signed = {name: item for name, item in items.items() if item.signature}
    versions = {name: item.version for name, item in signed.items()}
    signatures = {name: base64.b64encode(item.signature).decode() for name, item in signed.items()}
    return SignedRecords(authorities, ring.bits, versions, signatures).to_bytes()


def check_signatures(
    parts: Parts, job: str, signer_of: SignerOf, now_ns: Callable[[], int]
) -> tuple[Counter[str], dict[str, str]]:
    """Check the signatures in a proof. Return the number of records by signer, and the invalid parts.

    Raises BadProof.
    """
    found = read_signatures(parts)
    ring, problems = Ring(found.bits), dict[str, str]()
    items = {name: _item(ring, job, name, parts, found) for name in sorted(parts) if name in found.versions}
    if unsigned := [name for name in parts if is_signed(name) and name not in items]:
        raise BadProof(f"{SIGNATURES}: no signature of part {unsigned[0]}")
    if len(items) < len(found.versions):
        raise BadProof(f"{SIGNATURES}: a signature of a part that is not in the proof")

    def named(key: int, name: str) -> Iterable[Item]:
        return [each for each in items.values() if each.entry.name == name]

    def verify(item: Item) -> Identity:
        return signer_of(item.signature, signed_text(item))

    rules, signers = RecordRules(ring, verify, now_ns, lambda serial: None), Counter[str]()
    for name, item in items.items():
        try:
            rules.check(item, named)
            rules.check_content(item, lambda name=name: parts[name])  # type: ignore[misc]
        except NotAllowed as error:
            problems[name] = f"its signature does not hold: {error}"
        else:
            signers[str(rules.signer_of(item))] += 1
    return signers, problems


def read_signatures(parts: Parts) -> SignedRecords:
    """Return the signatures in a proof. Raises BadProof."""
    content = parts[SIGNATURES]
    try:
        found = strict_json.decode(SignedRecords, content, SIGNATURES, PART_BYTES_MAX)
        if found.to_bytes() != content or found.versions.keys() != found.signatures.keys():
            raise strict_json.malformed(SIGNATURES, "it is not in canonical form")
        Ring(found.bits)
    except (BadRecord, ValueError) as error:
        raise BadProof(str(error)) from error
    return found


def _item(ring: Ring, job: str, name: str, parts: Parts, found: SignedRecords) -> Item:
    """Return a part as the item that was signed. Raises BadProof if it has no signature."""
    text = found.signatures.get(name, "")
    try:
        signature = base64.b64decode(text, validate=True) if len(text) <= SIGNER_CHARACTERS_MAX else b""
    except ValueError:  # binascii.Error, or a text that is not ASCII
        signature = b""
    if not signature or base64.b64encode(signature).decode() != text:
        raise BadProof(f"{SIGNATURES}: no signature of part {name}")
    what = _record_of(name)
    key = key_of(ring, job, what)
    entry = Entry(key, records.record_name(job, what), digest_of(parts[name]), len(parts[name]))
    return Item(entry, found.versions[name], signature=signature)


def is_signed(name: str) -> bool:
    """Return whether a part must be signed in a secured ring. Weights and states are known by their digests."""
    return name == SPEC or name.startswith(("result-", "receipts-", "report-"))


def _record_of(name: str) -> str:
    """Return the name of a part's record on the ring, after that of the job."""
    return name.removesuffix(".json")
