"""Replay a proof: train its rounds again from the files, and compare what they lead to.

A round that differs is located: the receipts tell which files' updates differ. The next rounds can be compared only
from weights that the proof has, since all that follows from wrong weights differs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from roundelay.federation import receipts, round_tasks, trained_round
from roundelay.federation.errors import BadProof, OtherBits, StepTooLarge
from roundelay.federation.proof import Proof
from roundelay.federation.proof_rounds import trained_files
from roundelay.federation.receipts import Receipts
from roundelay.federation.records import RoundResult
from roundelay.federation.replay import NO_ROWS, add_files, bases_of, moments, take_round, train_round
from roundelay.federation.requests import trainer_task
from roundelay.federation.spec import JobSpec
from roundelay.federation.trained_round import TrainedRound, result_of
from roundelay.ml.errors import first_of
from roundelay.ml.validate import Validator
from roundelay.ml.worker import Worker

FILES_NAMED_MAX = 8


@dataclass(frozen=True)
class ReplayFinding:
    """The comparison of one round, or of one file in it."""

    round: int
    holds: bool
    detail: str = ""
    files: tuple[str, ...] = ()  # whose update differs


def require_same_bits(spec: JobSpec) -> None:
    """Raise OtherBits if this machine cannot compute the same bits."""
    here = round_tasks.fingerprint_here(spec)
    if spec.fingerprint not in ("", here):
        raise OtherBits(
            f"this machine computes different bits (fingerprint {here[:8]}) from the one on which the job began "
            f"({spec.fingerprint[:8]}); replay on a machine of that kind"
        )


def replay(proof: Proof, contents: Mapping[str, bytes]) -> Iterator[ReplayFinding]:
    """Train every round again, and compare every RESULT. contents: of the files and the validation file, by digest.

    Ends early after a round that differs, unless the proof has the weights that the next one started from.
    Raises OtherBits, MLError.
    """
    spec, worker = proof.spec, Worker()
    require_same_bits(spec)
    validator = Validator(spec.design, spec.validation_file.name, contents[spec.validation_file.digest])
    add_files(spec, contents, worker)
    standardised_by = b"" if spec.is_raw else moments(spec, contents, worker)
    before: TrainedRound | None = TrainedRound(0, _weights(proof, 0))
    assert before is not None
    first = result_of(spec, before, "", standardised_by, NO_ROWS)
    yield _compared(proof, first, {})
    claimed_moments = bytes.fromhex(proof.results[0].moments)
    weights, kept = dict[int, bytes](), 1 + spec.settings.max_staleness
    for number in range(1, proof.rounds + 1):
        if before is None:
            return
        try:
            if spec.is_buffered:
                weights |= {before.number: before.weights}
                weights.pop(before.number - kept, None)
                taken = proof.results[number].taken
                trained = take_round(spec, claimed_moments, before, worker, taken, weights)
            else:
                trained = train_round(spec, claimed_moments, before, worker)
        except StepTooLarge as error:
            yield ReplayFinding(number, False, str(error))
            return
        found = validator(trained.weights, claimed_moments)
        mine = result_of(spec, trained, proof.results[number - 1].digest, standardised_by, found)
        finding = _compared(proof, mine, trained.receipts)
        yield finding
        before = trained if finding.holds else _claimed(proof, number)


def sample(proof: Proof, contents: Mapping[str, bytes], count: int, rng: random.Random) -> Iterator[ReplayFinding]:
    """Train `count` random files of random rounds again, and compare their receipts.

    Only rounds whose weights before them are in the proof can be drawn. Raises BadProof if there are fewer pairs;
    OtherBits, MLError.
    """
    spec, worker = proof.spec, Worker()
    require_same_bits(spec)
    rounds = {number: proof.results[number] for number in range(1, proof.rounds + 1)}
    bases = {number: bases_of(result, trained_files(spec, result)) for number, result in rounds.items()}
    pairs = [
        (number, index)
        for number, of_files in bases.items()
        for index, base in of_files.items()
        if proof.weights(base) is not None
    ]
    if count > len(pairs):
        raise BadProof(
            f"{count} pairs of round and file were asked for, and {len(pairs)} can be drawn: a round needs the weights "
            "before it, which  train --keep-weights all  keeps"
        )
    add_files(spec, contents, worker)
    standardised_by = bytes.fromhex(proof.results[0].moments)
    for number, index in sorted(rng.sample(pairs, count)):
        file, claimed = spec.files[index], proof.results[number]
        base = bases[number][index]
        before = TrainedRound(base, _weights(proof, base), proof.state(base))
        units = round_tasks.units_of(spec, before)
        task = round_tasks.training_task(spec, standardised_by, claimed.halvings, units)
        update = worker.train(trainer_task(task, base + 1, [file]), trained_round.start_of(spec, before))
        holds = update.receipts == proof.receipts[number][index]
        detail = f"{file.name} trained again" if holds else f"the update of {file.name} differs"
        yield ReplayFinding(number, holds, detail, () if holds else (file.name,))


def _weights(proof: Proof, number: int) -> bytes:
    weights = proof.weights(number)
    assert weights is not None, "the first weights are in every proof"
    return weights


def _claimed(proof: Proof, number: int) -> TrainedRound | None:
    """Return a round as the proof has it, to go on from; None if it lacks the weights."""
    weights, result = proof.weights(number), proof.results[number]
    return None if weights is None else TrainedRound(number, weights, proof.state(number), result.loss, result.halvings)


def _compared(proof: Proof, mine: RoundResult, proven: Receipts) -> ReplayFinding:
    """Compare a RESULT made here with that of the proof."""
    claimed = proof.results[mine.round]
    if mine == claimed:
        return ReplayFinding(mine.round, True)
    ours, theirs = asdict(mine), asdict(claimed)
    differing = [name for name in ours if ours[name] != theirs[name]]
    named = [proof.spec.files[index].name for index in receipts.differing(proven, proof.receipts.get(mine.round, {}))]
    detail = f"{', '.join(differing)} differ"
    if named:
        detail += f"; the update of {first_of(named, FILES_NAMED_MAX)} differs"
    elif mine.round:
        detail += "; every file's update is right"
    return ReplayFinding(mine.round, False, detail, tuple(named))
