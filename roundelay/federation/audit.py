"""Audit: verify a job's chain link by link, compute some of its rounds again and compare their weights.

A round can be computed again while the weights before it exist: the first round always, since its weights follow from
the seed, and the last ones. This process trains every file of the round, and must get the weights that RESULT names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from roundelay.chord.effects import Procedure, offload
from roundelay.chord.errors import ChordError, NotFound
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation import jobs, receipts, records, round_tasks, server_step, trained_round
from roundelay.federation.errors import BadRecord, OtherBits
from roundelay.federation.job_keys import find_all
from roundelay.federation.partial_result import PartialResult
from roundelay.federation.proof_rounds import trained_files
from roundelay.federation.records import RoundResult
from roundelay.federation.replay import NOBODY, bases_of, take_round
from roundelay.federation.requests import Progress, TrainingFile, trainer_task
from roundelay.federation.snapshot import JobSnapshot
from roundelay.federation.spec import JobSpec
from roundelay.federation.trained_round import TrainedRound
from roundelay.ml.worker import Worker
from roundelay.store.blobs import digest_of
from roundelay.store.read_path import fetch, get


@dataclass(frozen=True)
class AuditFinding:
    """The outcome of one check."""

    what: str
    holds: bool
    detail: str = ""


def verify_chain(start: NodeRef, ring: Ring, view: JobSnapshot) -> Procedure[list[AuditFinding]]:
    """Check every stored record: the spec's digest, each result's place in the chain, and the weights that it names."""
    job = view.spec.job
    items, nodes = yield from find_all(start, ring, view.spec)
    links = {result.digest: result for result in view.results}
    malformed = {bad.digest: bad for bad in view.malformed}
    findings = []
    for item in sorted(items, key=lambda i: (i.version, i.entry.name)):
        what, digest = item.entry.name.removeprefix(f"{job}."), item.entry.digest
        if what == records.SPEC and item.entry.key != ring.key(job):
            continue  # a copy
        if what == records.SPEC:
            findings.append(_finding(what, digest == job, f"{digest} is not the spec that the job is named after"))
        elif digest in malformed:
            findings.append(AuditFinding(what, False, f"{digest}: {malformed[digest].why}"))
        elif what.startswith("result-"):
            content = yield from fetch(nodes, digest, item.entry.size_bytes)
            findings.append(_link(what, digest, content, links))
        elif what.startswith("receipts-"):
            content = yield from fetch(nodes, digest, item.entry.size_bytes)
            findings.append(_receipts(what, content, view))
        elif what == records.DONE and view.results:
            content = yield from fetch(nodes, digest, item.entry.size_bytes)
            last = view.results[-1].digest
            findings.append(_finding(what, content.decode(errors="replace") == last, f"it does not name {last}"))
    stored = {item.entry.digest for item in items}
    for result in (each for each in view.results if each.weights in stored):  # the others are deleted
        try:
            content = yield from fetch(nodes, result.weights, result.weights_bytes)
        except ChordError:
            continue
        findings.append(AuditFinding(f"weights-{result.round}", digest_of(content) == result.weights))
    return findings


def retrain(start: NodeRef, ring: Ring, view: JobSnapshot, number: int, worker: Worker) -> Procedure[AuditFinding]:
    """Compute a round again and compare its weights.

    Raises NotFound if the weights before it are deleted, OtherBits if this machine cannot compute the same bits.
    """
    spec, before, claimed = view.spec, view.results[number - 1], view.results[number]
    if spec.settings.topology == "gossip":
        raise OtherBits("a round of gossip cannot be computed again bit for bit; only the chain was verified")
    if spec.pinned:
        raise OtherBits(
            "private files never leave their node, so no round can be trained again; only the chain was verified"
        )
    here = round_tasks.fingerprint_here(spec)
    if spec.fingerprint not in ("", here):
        raise OtherBits(
            f"this machine computes different bits (fingerprint {here[:8]}) from the one on which the job "
            f"began ({spec.fingerprint[:8]}); retrain on a machine of that kind"
        )
    bases = {*bases_of(claimed, trained_files(spec, claimed)).values(), before.round}
    weights_of = {}
    for base in sorted(bases):
        weights_of[base] = yield from _weights_of(start, ring, view, view.results[base])
    moments = bytes.fromhex(view.results[0].moments)
    state = yield from jobs.read_rule_state(start, ring, before)
    files = tuple(spec.files[index] for index in trained_files(spec, claimed))
    for file in files:
        if not worker.has(file.digest):
            content = yield from get(start, ring, ring.key(file.name), file.name, file.digest)
            worker.add_file(file.digest, file.name, content, spec.features, spec.classes)
    last = TrainedRound(before.round, weights_of[before.round], state, before.loss, claimed.halvings)
    made = yield from offload(lambda: _again(spec, moments, last, worker, claimed, files, weights_of))
    digest = digest_of(made)
    what = f"round {number}, {len(files)} files trained again"
    detail = "" if digest == claimed.weights else f"made {digest}, recorded {claimed.weights}: forged or damaged"
    return AuditFinding(what, digest == claimed.weights, detail)


def _again(
    spec: JobSpec,
    moments: bytes,
    before: TrainedRound,
    worker: Worker,
    claimed: RoundResult,
    files: Sequence[TrainingFile],
    weights: Mapping[int, bytes],
) -> bytes:
    """Return the weights to which a round leads that is trained again. weights: of the rounds that updates start from.

    Raises StepTooLarge.
    """
    if spec.is_buffered:
        return take_round(spec, moments, before, worker, claimed.taken, weights).weights
    units, number = round_tasks.units_of(spec, before), claimed.round
    task = trainer_task(round_tasks.training_task(spec, moments, claimed.halvings, units), number, files)
    update = worker.train(task, trained_round.start_of(spec, before))
    part = PartialResult(NOBODY, tuple(files), Progress("done"), update.sum)
    return server_step.step(spec, before.weights, [part], before.state, claimed.halvings, number=number)[0]


def _weights_of(start: NodeRef, ring: Ring, view: JobSnapshot, before: RoundResult) -> Procedure[bytes]:
    if before.round == 0 and not view.spec.initial:
        weights = trained_round.first_weights(view.spec)
        if digest_of(weights) != before.weights:
            raise BadRecord(f"result-0 names weights {before.weights}, the seed gives {digest_of(weights)}")
        return weights
    try:
        content = yield from jobs.read_weights(start, ring, before)
    except NotFound as error:
        raise NotFound(f"the weights of round {before.round} have been deleted") from error
    return content


def _link(what: str, digest: str, content: bytes, links: dict[str, RoundResult]) -> AuditFinding:
    """Check that a result is in the chain; tell a fork from damage if it is not."""
    if digest in links:
        return AuditFinding(what, True)
    try:
        result = records.result_from_bytes(content)
    except BadRecord as error:
        return AuditFinding(what, False, f"{digest}: {error}")
    last = list(links.values())[-1:]
    if last and (result.round, result.previous) == (last[0].round, last[0].previous):
        return AuditFinding(
            what,
            False,
            f"{digest} and {last[0].digest} both follow round {result.round - 1}: "
            "one is forged, and only --retrain tells which",
        )
    return AuditFinding(what, False, f"{digest} is not in the chain: forged or damaged")


def _receipts(what: str, content: bytes, view: JobSnapshot) -> AuditFinding:
    """Check that a round's receipts have the root in its RESULT."""
    result = next((result for result in view.results if what == f"receipts-{result.round}"), None)
    try:
        root = "" if result is None else receipts.root(receipts.by_file(trained_files(view.spec, result), content))
    except BadRecord as error:
        return AuditFinding(what, False, str(error))
    return _finding(what, result is not None and root == result.receipts, "their root is not the one in the result")


def _finding(what: str, holds: bool, otherwise: str) -> AuditFinding:
    return AuditFinding(what, holds, "" if holds else f"{otherwise}: forged or damaged")
