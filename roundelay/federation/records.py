"""A job's records, all under the job's key on the ring: spec, results, reports, end.

A RESULT is a pure function of the spec and the results before it, and names its predecessor by digest: a chain. Two
drivers of one round write the same bytes; two different results of one round mean that the job has diverged. A REPORT
beside the chain says which node trained what, how long it took and how well it went.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from roundelay.federation.errors import BadRecord, Diverged
from roundelay.store.blobs import digest_of

DIRECTORY = "jobs"  # the jobs are listed under the key of this name
SPEC, DONE, CANCELLED, FAILED = "spec", "done", "cancelled", "failed"
ENDS = (DONE, FAILED, CANCELLED)  # if several are written, the first of these counts


def record_name(job: str, what: str) -> str:
    """Return the name of a job's record."""
    return f"{job}.{what}"


def result_name(job: str, number: int) -> str:
    return record_name(job, f"result-{number}")


def report_name(job: str, number: int) -> str:
    return record_name(job, f"report-{number}")


def weights_name(job: str, number: int) -> str:
    return record_name(job, f"weights-{number}")


def state_name(job: str, number: int) -> str:
    return record_name(job, f"state-{number}")


@dataclass(frozen=True)
class RoundResult:
    """The outcome of a round. Round 0 has the initial weights and the features' moments."""

    job: str
    round: int
    previous: str  # digest of the RESULT before it; empty in round 0
    weights: str  # digest
    weights_bytes: int
    moments: str = ""  # hex; of round 0, for all rounds
    errors: int = 0  # rows of the validation file predicted wrongly
    rows: int = 0  # rows of the validation file
    left_out: tuple[int, ...] = ()  # files that the round went on without
    state: str = ""  # digest of the rule's state, if it keeps any
    state_bytes: int = 0

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()

    @property
    def digest(self) -> str:
        return digest_of(self.to_bytes())

    @property
    def error(self) -> float:
        """The validation error."""
        return self.errors / self.rows if self.rows else 1.0


@dataclass(frozen=True)
class RoundReport:
    """The report of a round. No later round depends on it."""

    job: str
    round: int
    driver: str
    validation_loss: float
    training_loss: float
    training_accuracy: float
    seconds: float
    slowest_s: float
    placement: dict[str, str] = field(default_factory=dict)  # file -> address of the node that trained it
    disturbances: tuple[str, ...] = ()  # what failed and was recovered from
    tiers: dict[str, list[str]] = field(default_factory=dict)  # of a tree: level -> addresses of its nodes
    passed_on: int = 0  # of a tree: the number of orders from node to node
    errors: dict[str, float] = field(default_factory=dict)  # of gossip: address -> validation error of its own model
    spread: float = 0.0  # of gossip: root mean square distance of the weights from their mean over all nodes

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()


def blank_report(job: str, number: int) -> RoundReport:
    """Return a report for a round whose report is lost."""
    return RoundReport(job, number, "", 0.0, 0.0, 0.0, 0.0, 0.0)


def result_from_bytes(content: bytes) -> RoundResult:
    """Parse a RESULT. Raises BadRecord."""
    try:
        raw = json.loads(content)
        result = RoundResult(**raw | {"left_out": tuple(raw["left_out"])})
        bytes.fromhex(result.moments + result.weights + result.previous + result.state)
        if not all(isinstance(n, int) for n in (result.round, result.weights_bytes, result.state_bytes)):
            raise TypeError("round and sizes must be whole numbers")
        return result
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadRecord(f"malformed result record: {error}") from error


def report_from_bytes(content: bytes) -> RoundReport:
    """Parse a REPORT. Raises BadRecord."""
    try:
        raw = json.loads(content)
        return RoundReport(**raw | {"disturbances": tuple(raw["disturbances"])})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadRecord(f"malformed report record: {error}") from error


def extend_chain(job: str, links: tuple[RoundResult, ...], contents: Sequence[bytes]) -> tuple[RoundResult, ...]:
    """Return the verified chain `links`, grown by the results in `contents` that follow it.

    Raises BadRecord; Diverged when a round has two results.
    """
    results: dict[int, RoundResult] = {}
    for result in map(result_from_bytes, contents):
        other = results.setdefault(result.round, result)
        if other != result:
            raise diverged(result.round, other.digest, result.digest)
    return _longest_chain(job, links, results.values())


def salvage_chain(job: str, links: tuple[RoundResult, ...], contents: Sequence[bytes]) -> tuple[RoundResult, ...]:
    """Return the longest chain in spite of malformed and conflicting records; of equally long ones, any."""
    results: list[RoundResult] = []
    for content in contents:
        with suppress(BadRecord):
            results.append(result_from_bytes(content))
    return _longest_chain(job, links, results)


def diverged(number: int, *digests: str) -> Diverged:
    """Return the error for a round with two results; its text does not depend on their order."""
    one, other = sorted(digests)
    return Diverged(f"diverged: round {number} has two results, {one} and {other}")


def _longest_chain(job: str, links: tuple[RoundResult, ...], results: Iterable[RoundResult]) -> tuple[RoundResult, ...]:
    """Return `links` followed by the longest chain of results of this job that continues them."""
    best: dict[str, tuple[int, RoundResult]] = {}  # digest of a result -> length of the chain after it, its first link
    for result in sorted(results, key=lambda r: (-r.round, r.digest)):
        length = 1 + (best[result.digest][0] if result.digest in best else 0)
        if result.job == job and (result.previous not in best or length > best[result.previous][0]):
            best[result.previous] = length, result
    chain = list(links)
    while (following := best.get(chain[-1].digest if chain else "")) and following[1].round == len(chain):
        chain.append(following[1])
    return tuple(chain)
