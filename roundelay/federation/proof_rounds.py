"""Check the rounds of a proof part by part: the chain of RESULTs, receipts, REPORTs and weights.

Each check adds what does not hold to `problems`, under the name of the part.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence

from roundelay.federation import receipts, records, round_tasks, trained_round
from roundelay.federation.client_sampling import sampled_files
from roundelay.federation.early_stopping import is_complete
from roundelay.federation.errors import BadRecord
from roundelay.federation.proof_file import MANIFEST, Parts, numbered, part_name
from roundelay.federation.receipts import Receipts
from roundelay.federation.records import RoundResult
from roundelay.federation.spec import JobSpec
from roundelay.federation.staleness import wrong_links
from roundelay.store.blobs import digest_of

Problems = defaultdict[str, list[str]]  # by part
Results = Mapping[int, RoundResult]  # by round


def trained_files(spec: JobSpec, result: RoundResult) -> list[int]:
    """Return the indices of the files whose updates a round has added."""
    if spec.is_buffered:
        return sorted(file for file, _ in result.taken if file < len(spec.files))
    return [file.index for file in sampled_files(spec, result.round) if file.index not in result.left_out]


def check_chain(parts: Parts, spec: JobSpec, last: str, problems: Problems) -> dict[int, RoundResult]:
    """Check that each RESULT is the one that the next names, and `last` the digest of the last one. Return them."""
    results: dict[int, RoundResult] = {}
    count = sum(kind == "result" for kind, _ in numbered(parts))
    for number in range(count):
        name = part_name("result", number)
        try:
            results[number] = records.result_from_bytes(parts[name], spec.job, number)
        except BadRecord as error:
            problems[name].append(str(error))
    for number in range(count):
        name, digest = part_name("result", number), digest_of(parts[part_name("result", number)])
        if number == count - 1 and digest != last:
            problems[name].append(f"{MANIFEST} names another one")
        if number + 1 in results and results[number + 1].previous != digest:
            problems[name].append(f"{part_name('result', number + 1)} follows another one")
        if number == 0 and number in results and results[0].previous:
            problems[name].append("it names one before it")
    for result in results.values():
        _check_result(spec, result, problems[part_name("result", result.round)])
    return results


def _check_result(spec: JobSpec, result: RoundResult, problems: list[str]) -> None:
    """Check what the spec says of a RESULT by itself."""
    moments_bytes = 0 if spec.is_raw or result.round else 8 * spec.design.summed
    if len(result.moments) != 2 * moments_bytes:
        problems.append(f"{len(result.moments) // 2} bytes of moments, expected {moments_bytes}")
    if result.round and result.rows != spec.validation_file.rows:
        problems.append(f"it is validated on {result.rows} rows, the spec says {spec.validation_file.rows}")
    if result.left_out:
        problems.append(f"it leaves out {len(result.left_out)} files")
    if result.halvings > spec.settings.halvings:
        problems.append(f"the step is halved {result.halvings} times, at most {spec.settings.halvings}")


def check_order(spec: JobSpec, chain: Sequence[RoundResult], problems: Problems) -> None:
    """Check that halvings and what rounds take follow from each other, and that no round follows the job's end."""
    for before, result in itertools.pairwise(chain):
        if result.halvings < before.halvings:
            problems[part_name("result", result.round)].append("its step is larger than that of the round before")
    for number, problem in wrong_links(spec, chain):
        problems[part_name("result", number)].append(problem)
    if len(chain) > 1 and is_complete(spec.settings, chain[:-1]):
        problems[part_name("result", chain[-1].round)].append("the job was complete before this round")


def check_receipts(parts: Parts, spec: JobSpec, result: RoundResult, problems: Problems) -> Receipts:
    name = part_name("receipts", result.round)
    try:
        found = receipts.by_file(trained_files(spec, result), parts[name])
    except BadRecord as error:
        problems[name].append(str(error))
        return {}
    if receipts.root(found) != result.receipts:
        problems[name].append(f"their Merkle root is not the one in {part_name('result', result.round)}")
    return found


def check_reports(parts: Parts, spec: JobSpec, last: str, results: Results, problems: Problems) -> None:
    """Check that each REPORT is the one that the next names, and that it is of its RESULT and the files trained."""
    names = {file.index: file.name for file in spec.files}
    expected = last
    for number in sorted((number for kind, number in numbered(parts) if kind == "report"), reverse=True):
        name, content = part_name("report", number), parts[part_name("report", number)]
        if digest_of(content) != expected:
            problems[name].append(f"{part_name('report', number + 1)} or {MANIFEST} names another one")
        try:
            report = records.report_from_bytes(content, spec.job, number)
        except BadRecord as error:
            problems[name].append(str(error))
            return
        expected = report.previous
        if number in results and report.result != digest_of(parts[part_name("result", number)]):
            problems[name].append(f"it is not of {part_name('result', number)}")
        if (
            number in results
            and number
            and report.placement.keys() != {names[index] for index in trained_files(spec, results[number])}
        ):
            problems[name].append("it names other files than the round has trained")
    if last and expected:
        problems[part_name("report", 0)].append("it names one before it")


def check_weights(parts: Parts, spec: JobSpec, results: Results, problems: Problems) -> None:
    """Check weights and states by the digests that their RESULTs name; the first weights, by the seed."""
    for kind, number in numbered(parts):
        if kind not in ("weights", "state") or number not in results:
            continue
        name, result = part_name(kind, number), results[number]
        if digest_of(parts[name]) != (result.weights if kind == "weights" else result.state):
            problems[name].append(f"its digest is not the one in {part_name('result', number)}")
    name = part_name("weights", 0)
    if 0 not in results or name not in parts:
        return
    if not spec.initial and len(parts[name]) != (size_bytes := trained_round.weights_bytes(spec)):
        problems[name].append(f"{len(parts[name])} bytes of weights, expected {size_bytes}")
        return  # a small file must not have a large model made
    _check_first(spec, results[0], problems[part_name("result", 0)])


def _check_first(spec: JobSpec, first: RoundResult, problems: list[str]) -> None:
    if spec.initial:
        if first.weights != spec.initial:
            problems.append("its weights are not those that the spec continues from")
        return
    differs = first.weights != digest_of(trained_round.first_weights(spec))
    if differs and round_tasks.fingerprint_here(spec) == spec.fingerprint:  # another machine may draw others
        problems.append("its weights do not follow from the seed")
