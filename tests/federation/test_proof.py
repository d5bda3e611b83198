"""A proof of a job: it holds offline, every changed byte is found, and a wrong update is located."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from roundelay.federation import proof_file, receipts, trained_round
from roundelay.federation.effects import Compute, Done
from roundelay.federation.errors import BadProof
from roundelay.federation.proof import Manifest, Proof, check_proof
from roundelay.federation.proof_export import collect_parts
from roundelay.federation.proof_file import SIGNATURES
from roundelay.federation.proof_replay import replay, sample
from roundelay.federation.proof_signatures import SignedRecords, check_signatures, is_signed
from roundelay.federation.records import result_from_bytes
from roundelay.federation.requests import Order
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec, Liar
from roundelay.federation.tasks import TrainTask
from roundelay.store.blobs import digest_of
from tests.federation.test_driver import CONTENTS, IDS, RING, SETTINGS, VALIDATION, Job, make_spec
from tests.killed import Killed

FILES = {digest_of(content): content for content in (*CONTENTS.values(), VALIDATION)}
SEED = 1
Parts = dict[str, bytes]


def parts_of(job: Job, with_identities: bool = True) -> Parts:
    return job.net.run(collect_parts(job.net.entry, RING, job.spec.job, with_identities))


@cache
def parts(settings: Settings = SETTINGS, with_identities: bool = True) -> Parts:
    """The parts of a proof of a finished job."""
    job = Job(IDS[:3], make_spec(settings))
    job.drive()
    return parts_of(job, with_identities)


def in_file(given: Parts) -> bytes:
    return b"".join(proof_file.encode(given))


def archive(given: Parts) -> bytes:
    """A file of any number of parts, without its directory."""
    names = sorted(given, key=proof_file._place)
    return b"".join(proof_file._head(name, given[name]) + given[name] for name in names)


def checked(content: bytes) -> Proof:
    return check_proof(proof_file.decode(content))


# --- a proof that holds


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"rule": "fedadam"},
        {"rule": "scaffold"},
        {"fraction": 0.5},
        {"topology": "tree"},
        {"keep_weights": "all"},
        {"keep": "best"},
    ],
    ids=str,
)
@pytest.mark.parametrize("with_identities", [True, False])
def test_the_proof_of_a_job_holds_and_its_replay_is_equal(changes: dict[str, object], with_identities: bool) -> None:
    proof = checked(in_file(parts(Settings(**vars(SETTINGS) | changes), with_identities)))

    assert not proof.problems
    assert proof.is_complete
    assert proof.has_identities == with_identities
    assert [finding.round for finding in replay(proof, FILES) if finding.holds] == list(range(SETTINGS.rounds + 1))


def test_the_proof_of_a_job_that_another_driver_has_taken_over_holds() -> None:
    job = Job(IDS)

    def kill_the_driver(node: object, request: object) -> None:
        if isinstance(request, Order) and request.round == 3:
            raise Killed

    job.net.before_answer = kill_the_driver
    with pytest.raises(Killed):
        job.net.run(job.driver().drive())
    job.net.before_answer = lambda node, request: None
    unfinished = checked(in_file(parts_of(job)))
    job.drive()

    assert not unfinished.problems
    assert not unfinished.is_complete
    assert not checked(in_file(parts_of(job))).problems


def test_a_proof_without_identities_names_no_node() -> None:
    named, nameless = in_file(parts()), in_file(parts(with_identities=False))

    assert b"node-" in named
    assert b"node-" not in nameless


def test_a_proof_holds_no_row_of_the_files() -> None:
    content = in_file(parts())

    assert all(file not in content for file in FILES.values())


def test_a_proof_is_an_archive_that_other_programs_read() -> None:
    with zipfile.ZipFile(io.BytesIO(in_file(parts()))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == parts()


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (make_spec(Settings(topology="gossip", rounds=1)), "gossip"),
        (make_spec(Settings(quorum=0.5, rounds=1)), "which nodes were up"),
    ],
    ids=["gossip", "quorum"],
)
def test_a_job_whose_rounds_cannot_be_repeated_has_no_proof(spec: JobSpec, why: str) -> None:
    job = Job(IDS[:2], spec)

    with pytest.raises(BadProof, match=why):
        parts_of(job)


def test_a_job_whose_spec_names_nodes_has_no_proof_without_identities() -> None:
    job = Job(IDS[:2], replace(make_spec(), excluded=(Liar("10.0.0.1:8001", 2),)))

    with pytest.raises(BadProof, match="names the nodes that it excludes"):
        parts_of(job, with_identities=False)


# --- what has been changed


def name_at(content: bytes, place: int) -> str:
    """The part whose header or content this byte belongs to; an empty string in the directory."""
    ends, at = [], 0
    for name, part in sorted(proof_file.decode(content).items(), key=lambda item: proof_file._place(item[0])):
        at += 30 + len(name) + len(part)
        ends.append((at, name))
    return next((name for end, name in ends if place < end), "")


def test_every_single_byte_that_is_changed_is_found_and_its_part_is_named() -> None:
    content, rng = in_file(parts()), random.Random(SEED)
    names = [*proof_file.decode(content), ""]

    for place in rng.sample(range(len(content)), 200):
        name = name_at(content, place)
        changed = bytearray(content)
        changed[place] ^= 1 << rng.randrange(8)
        with pytest.raises(BadProof) as refusal:
            checked(bytes(changed))
        before = {names[names.index(name) - 1]} if names.index(name) else {"not a proof"}
        expected = {name or "directory", *before}
        assert any(each in str(refusal.value) for each in expected), (place, name)


def test_every_byte_of_a_part_that_is_changed_in_a_well_formed_file_is_found_and_its_round_is_named() -> None:
    rng, original = random.Random(SEED), parts()

    for _ in range(60):  # python -m bench proof changes 500
        name = rng.choice(list(original))
        changed = bytearray(original[name])
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        try:
            found = checked(in_file(original | {name: bytes(changed)})).problems
        except BadProof as error:
            assert name in str(error)
        else:
            assert name in str(found), "as the part, or as what another part differs from"


def test_a_chain_that_is_forged_as_a_whole_is_found_by_replaying() -> None:
    """Made-up errors need made-up digests after them, which hold together; only training again tells."""
    given = dict(parts(with_identities=False))
    previous = ""
    for number in range(SETTINGS.rounds + 1):
        result = result_from_bytes(given[f"result-{number}.json"])
        flattering = replace(result, errors=max(0, result.errors - 1), previous=previous)
        given[f"result-{number}.json"], previous = flattering.to_bytes(), flattering.digest
    given["proof.json"] = Manifest(result.job, previous, "").to_bytes()

    proof = checked(in_file(given))
    findings = list(replay(proof, FILES))

    assert not proof.problems
    assert [finding.round for finding in findings if not finding.holds] == [1]
    assert findings[1].detail.startswith("errors differ")


def wrong_in(job: Job, number: int, index: int) -> None:
    """Let the nodes return one wrong integer, with a receipt that fits, for one file in one round."""
    for member in job.net.members.values():
        member.compute = _wrong(member.compute, number, index)  # type: ignore[method-assign,assignment]


def _wrong(honest: Callable[[Compute], Done], number: int, index: int) -> Callable[[Compute], Done]:
    def compute(effect: Compute) -> Done:
        done, order = honest(effect), effect.order
        places = [place for place, file in enumerate(order.files) if file.index == index]
        if not isinstance(order.task, TrainTask) or order.round != number or not places:
            return done
        end = len(done.result) - 32 * len(order.files)
        total = np.frombuffer(done.result[:end], "<i8").copy()
        total[0] += 1 << 30
        receipt = slice(end + 32 * places[0], end + 32 * places[0] + 32)
        result = bytearray(total.tobytes() + done.result[end:])
        result[receipt] = digest_of(b"wrong").encode()[:32]
        return replace(done, result=bytes(result))

    return compute


@pytest.mark.parametrize("keep_weights", ["2", "all"])
def test_a_wrong_update_is_located_to_its_round_and_file(keep_weights: str) -> None:
    job = Job(IDS[:3], make_spec(replace(SETTINGS, keep_weights=keep_weights, rounds=4)))
    wrong_in(job, 1, 5)
    job.drive()
    proof = checked(in_file(parts_of(job)))
    named = job.spec.files[5].name

    findings = list(replay(proof, FILES))

    assert not proof.problems
    wrong = [finding for finding in findings if not finding.holds]
    assert [(finding.round, finding.files) for finding in wrong] == [(1, (named,))]
    assert len(findings) == (5 if keep_weights == "all" else 2)  # later rounds only from weights that are kept
    drawn = sample(proof, FILES, 2 * len(CONTENTS), random.Random(SEED))
    assert keep_weights == "all" or [f.files for f in drawn if not f.holds] == [(named,)]


def test_a_sample_of_corrected_trainings_starts_from_the_states_of_the_proof() -> None:
    proof = checked(in_file(parts(replace(SETTINGS, rule="scaffold", keep_weights="all"))))

    findings = list(sample(proof, FILES, 2 * len(CONTENTS), random.Random(SEED)))

    assert {finding.round for finding in findings} > {1}
    assert all(finding.holds for finding in findings)


def test_a_sample_needs_the_weights_before_its_rounds() -> None:
    kept, few = (checked(in_file(parts(replace(SETTINGS, keep_weights=kept)))) for kept in ("all", "2"))
    pairs = SETTINGS.rounds * len(CONTENTS)

    assert all(finding.holds for finding in sample(kept, FILES, pairs, random.Random(SEED)))
    with pytest.raises(BadProof, match="--keep-weights all"):
        list(sample(few, FILES, pairs, random.Random(SEED)))


# --- what is not a proof


def manifest(**changes: object) -> bytes:
    return json.dumps(json.loads(parts()["proof.json"]) | changes, sort_keys=True).encode()


def rebuilt(compression: int = zipfile.ZIP_STORED, extra: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in proof_file.decode(in_file(parts())).items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type, info.extra = compression, extra
            archive.writestr(info, content)
    return out.getvalue()


def foreign(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, b"x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: b"", "not a proof"),
        (lambda: b"PK\3\4", "cut short"),
        (lambda: random.Random(SEED).randbytes(5000), "not a proof"),
        (lambda: in_file(parts())[:-1], "cut short after part weights-3"),
        (lambda: in_file(parts())[:2000], "cut short in part spec.json"),
        (lambda: in_file(parts()) + b"\0", "after part weights-3"),
        (lambda: rebuilt(zipfile.ZIP_DEFLATED), "proof.json is damaged"),
        (lambda: in_file(parts())[:-2] + b"\5\0hello", "after part"),
        (lambda: rebuilt(extra=b"\1\0\0\0"), "proof.json is damaged"),
        (lambda: foreign("../../etc/passwd"), r"'\.\./\.\./etc/passwd' is not a part of a proof"),
        (lambda: foreign("result-01.json"), "is not a part of a proof"),
        (lambda: in_file({"spec.json": b"{}"}), "it has no part proof.json"),
        (lambda: in_file(parts() | {"proof.json": manifest(version=2)}), "version 2; this program reads .* version 1"),
        (lambda: in_file(parts() | {"proof.json": manifest(format="x")}), "a x, version 1; this program reads"),
        (lambda: in_file(parts() | {"proof.json": manifest(more=1)}), "not in canonical form"),
        (lambda: in_file(parts() | {"proof.json": b"[" * 4000}), "malformed proof.json"),
        (lambda: in_file({k: v for k, v in parts().items() if k != "receipts-2"}), "part receipts-2 is missing"),
        (lambda: in_file({k: v for k, v in parts().items() if k != "weights-0"}), "part weights-0 is missing"),
        (lambda: in_file(parts() | {"weights-9": b""}), "part weights-9 does not belong"),
        (lambda: in_file(parts() | {"receipts-0": b""}), "part receipts-0 does not belong"),
        (lambda: in_file(parts() | {"weights-999999": b""}), "part weights-999999 does not belong"),
        (lambda: in_file(parts() | {"result-999999.json": b"{}"}), "part result-4.json is missing"),
        (lambda: archive(parts() | {f"weights-{n}": b"" for n in range(4, 1 << 16)}), "more than 65534 parts"),
    ],
)
def test_what_is_not_a_proof_is_refused_in_one_line_that_names_what_is_wrong(
    make: Callable[[], bytes], why: str
) -> None:
    with pytest.raises(BadProof, match=why) as refusal:
        checked(make())

    assert "\n" not in str(refusal.value)


def test_a_proof_that_is_cut_anywhere_is_refused() -> None:
    content = in_file(parts())

    for end in random.Random(SEED).sample(range(len(content)), 100):
        with pytest.raises(BadProof, match=r"cut short|not a proof"):
            checked(content[:end])


@pytest.mark.parametrize("text", ["\u00e9", "AAA", "AA AA", "", "A" * 100_000])
def test_what_is_no_signature_is_refused_in_one_line(text: str) -> None:
    names = [name for name in parts() if is_signed(name)]
    signed = SignedRecords("", RING.bits, dict.fromkeys(names, 1), dict.fromkeys(names, text))

    with pytest.raises(BadProof, match="no signature of part"):
        check_signatures(
            parts() | {SIGNATURES: signed.to_bytes()}, "ab" * 32, lambda *_: pytest.fail("asked"), lambda: 1
        )


def test_a_small_proof_has_no_large_model_made(monkeypatch: pytest.MonkeyPatch) -> None:
    given = dict(parts(with_identities=False))
    spec = make_spec(replace(SETTINGS, hidden=(8000, 8000)))
    results, previous = [], ""
    for number in range(4):
        result = replace(result_from_bytes(given[f"result-{number}.json"]), job=spec.job, previous=previous)
        results.append(result)
        given[f"result-{number}.json"], previous = result.to_bytes(), result.digest
    given |= {"spec.json": spec.to_bytes(), "proof.json": Manifest(spec.job, previous, "").to_bytes()}
    monkeypatch.setattr(trained_round, "first_weights", lambda spec: pytest.fail("a large model is made"))

    (problem,) = checked(in_file(given)).problems["weights-0"]

    assert problem.startswith(f"{len(given['weights-0'])} bytes of weights, expected 256")


def test_a_round_after_the_end_of_the_job_does_not_hold() -> None:
    given = dict(parts(with_identities=False))
    last = result_from_bytes(given["result-3.json"])
    more = replace(last, round=4, previous=last.digest, receipts=receipts.root({}))
    given |= {"result-4.json": more.to_bytes(), "receipts-4": given["receipts-3"], "weights-4": given["weights-3"]}
    given["proof.json"] = Manifest(last.job, more.digest, "").to_bytes()

    assert "complete before" in checked(in_file(given)).problems["result-4.json"][0]
