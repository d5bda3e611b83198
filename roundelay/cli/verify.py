"""client.py verify PROOF: check a proof of a job offline, and replay it from the training files."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from roundelay.cli import exits, parser_base
from roundelay.cli.loading import importing
from roundelay.client.errors import InvalidRequest
from roundelay.node import shown

if TYPE_CHECKING:
    from roundelay.client.proofs import CheckedProof
    from roundelay.federation.proof_replay import ReplayFinding

SAMPLES_MAX = 1_000_000


def parser(arguments: Sequence[str]) -> parser_base.Parser:
    """Return the command line."""
    made = parser_base.Parser(
        "client.py verify",
        "Check a proof of a job, without a ring.",
        "python3 client.py verify job.zip --data letters --replay",
        arguments,
    )
    made.add_argument("proof", type=parser_base.path, metavar="PROOF", help="a file that  export --proof  has written")
    made.add_argument(
        "--data", type=parser_base.path, metavar="DIR", help="folder with the job's files, to train again"
    )
    made.add_argument("--replay", action="store_true", help="train every round again, and compare its result")
    made.add_argument(
        "--sample", type=_count, metavar="N", help="train N random files of random rounds again, and compare them"
    )
    made.add_argument(
        "--seed",
        type=parser_base.at_least(0),
        metavar="S",
        help="seed of the sample (default: a random one, which is shown)",
    )
    made.add_argument(
        "--authority",
        type=parser_base.path,
        metavar="FILE",
        help="certificate of the secured ring that must have signed it: authority.crt of its  pki  folder, or a kit",
    )
    made.add_argument(
        "--forgets",
        type=parser_base.path,
        metavar="OLD",
        help="proof of another job: show that this one is that job without some of its files",
    )
    made.add_argument("--json", action="store_true", help="print one JSON object on one line")
    return made


def run(chosen: parser_base.Namespace) -> int:
    """Show what does not hold, and a verdict; return FAILED if something does not hold. Raises ClientError."""
    _check_options(chosen)
    with importing():
        from roundelay.client import proofs
    checked = proofs.read_proof(chosen.proof, chosen.authority)
    forgotten = proofs.forgotten_files(checked, chosen.forgets) if chosen.forgets else []
    findings: list[ReplayFinding] = []
    if chosen.seed is None:
        chosen.seed = proofs.random_seed()
    if checked.holds:
        findings = list(_replayed(checked, chosen))
    differing = [finding for finding in findings if not finding.holds]
    if chosen.json:
        trained = [vars(finding) for finding in findings]
        seed = {"seed": chosen.seed} if chosen.sample else {}
        holds = checked.holds and not differing
        forgets = {"forgotten": forgotten} if chosen.forgets else {}
        print(shown.as_json(checked.to_json() | {"holds": holds, "trained_again": trained} | seed | forgets))
    else:
        for line in _lines(checked, findings, forgotten, chosen):
            print(shown.text(line))
    return exits.FAILED if differing or not checked.holds else 0


def _check_options(chosen: parser_base.Namespace) -> None:
    """Raise InvalidRequest for options that contradict each other."""
    repeats = chosen.replay or chosen.sample is not None
    if chosen.replay and chosen.sample is not None:
        raise InvalidRequest("--sample cannot be combined with --replay, which trains all files of all rounds")
    if repeats and chosen.data is None:
        raise InvalidRequest("--replay and --sample need the training files: --data DIR")
    if chosen.data is not None and not repeats:
        raise InvalidRequest("--data is for --replay or --sample N")
    if chosen.seed is not None and chosen.sample is None:
        raise InvalidRequest("--seed is for --sample N")


def _replayed(checked: CheckedProof, chosen: parser_base.Namespace) -> Iterator[ReplayFinding]:
    from roundelay.client import proofs

    if chosen.replay:
        yield from proofs.replay(checked, chosen.data)
    elif chosen.sample is not None:
        yield from proofs.sample(checked, chosen.data, chosen.sample, chosen.seed)


def _lines(
    checked: CheckedProof, findings: Sequence[ReplayFinding], forgotten: Sequence[str], chosen: parser_base.Namespace
) -> Iterator[str]:
    """Yield what is printed: first what does not hold."""
    proof = checked.proof
    for name, detail in checked.problems.items():
        yield f"{name}: {detail}: forged or damaged"
    for finding in findings:
        if not finding.holds:
            yield f"round {finding.round}: {finding.detail}"
    parts = len(proof.parts)
    held = f"all {parts} parts hold" if checked.holds else f"{len(checked.problems)} of {parts} parts DO NOT HOLD"
    yield f"proof of job {proof.spec.job}: {held}"
    if checked.signers:
        signed = ", ".join(f"{who} ({count})" for who, count in sorted(checked.signers.items()))
        yield f"signed in ring {checked.ring} by {signed}"
    if forgotten:
        yield f"it is job {proof.spec.forgets} without {', '.join(forgotten)}"
    if findings and chosen.sample is not None:
        wrong = sum(not finding.holds for finding in findings)
        yield f"{len(findings)} updates trained again (--seed {chosen.seed}): {wrong or 'none'} differ"
    elif findings:
        yield _replay_verdict(findings, proof.rounds)
    if checked.holds:
        kept, state = proof.kept, "" if proof.is_complete else ", the job was not finished"
        which = "" if kept.round == proof.rounds else f" of round {kept.round}"
        yield f"model {kept.weights}, validation {kept.error_text}{which} after {proof.rounds} rounds{state}"


def _replay_verdict(findings: Sequence[ReplayFinding], rounds: int) -> str:
    wrong = [finding.round for finding in findings if not finding.holds]
    if not wrong:
        return f"{rounds} rounds replayed: every result is equal"
    left = rounds - findings[-1].round
    rest = f"; {left} rounds after it were not compared, as the proof lacks the weights between them" if left else ""
    return f"{len(findings)} rounds replayed: {len(wrong)} DIFFER, the first is round {wrong[0]}{rest}"


def _count(text: str) -> int:
    count = int(text) if text.isascii() and text.isdecimal() else 0
    if not 1 <= count <= SAMPLES_MAX:
        raise argparse.ArgumentTypeError(f"{text[:40]!r}: expected 1 to {SAMPLES_MAX}")
    return count
