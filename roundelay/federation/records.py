"""A job's records, under the job's keys on the ring (job_keys.py): spec, results, reports, end.

A RESULT is a pure function of the spec and the results before it, and names its predecessor by digest: a chain
(result_chain.py).

A REPORT beside the chain says which node trained what, how long it took and how well it went. It names its RESULT and
the REPORT before it: a second chain, which is not the same for two drivers.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property

from roundelay.federation import strict_json
from roundelay.federation.settings import HALVINGS_MAX
from roundelay.federation.site_scores import SitesEvaluation, check_scores
from roundelay.federation.spec import Liar, check_liars
from roundelay.federation.strict_json import ADDRESS_CHARACTERS_MAX, in_range, require
from roundelay.ml.errors import printable
from roundelay.ml.task import FILES_MAX, ROUNDS_MAX, ROWS_MAX
from roundelay.store.blobs import digest_of
from roundelay.store.items import CONTENT_BYTES_MAX

DIRECTORY = "jobs"  # the jobs are listed under the key of this name
LISTED = b"listed"  # the content of a job's line there
SPEC, DONE, CANCELLED, FAILED, REPLACED = "spec", "done", "cancelled", "failed", "replaced"
PAUSED = "paused"  # its content says whether the job is, or has been resumed; the latest counts
PAUSE, RESUME = b"paused", b"resumed"
PERSONAL = "personal"  # how well the sites' own models do, once the job has trained
FORGOTTEN = "forgotten"  # names the job that never had some of the files
RESULT_BYTES_MAX = 20 << 20  # the moments of a million features, and every file left out
REPORT_BYTES_MAX = 32 << 20  # the placement of the largest job
REASON_BYTES_MAX = 4096  # of a failure, that are shown
JOB_ID_BYTES = 64  # of the id of the job that replaces another
DISTURBANCES_MAX = 64  # reported per round
DISTURBANCE_CHARACTERS_MAX = 1000
FIT_NUMBERS = 3
Taken = tuple[tuple[int, int], ...]  # a file's index, and the round whose weights its update started from
ENDS = (REPLACED, DONE, FAILED, CANCELLED)  # if several are written, the first of these counts
OF_THE_JOB = (SPEC, *ENDS, PAUSED, PERSONAL, FORGOTTEN)  # the records that are not of a round


def record_name(job: str, what: str) -> str:
    """Return the name of a job's record."""
    return f"{job}.{what}"


def result_name(job: str, number: int) -> str:
    return record_name(job, f"result-{number}")


def report_name(job: str, number: int) -> str:
    return record_name(job, f"report-{number}")


def receipts_name(job: str, number: int) -> str:
    return record_name(job, f"receipts-{number}")


def weights_name(job: str, number: int) -> str:
    return record_name(job, f"weights-{number}")


def masked_name(job: str, number: int) -> str:
    return record_name(job, f"masked-{number}")


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
    loss: float = 0.0  # of training, the exact mean over all rows
    halvings: int = 0  # of the step, up to and with this round (step_size.py)
    receipts: str = ""  # root of the Merkle tree over the files' receipts (receipts.py); none in round 0
    fit: tuple[float, ...] = ()  # of a regression, on the validation file: RMSE, MAE, R2
    taken: Taken = ()  # of a buffered job: the updates that the round took, in the order in which they came

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()

    @cached_property
    def digest(self) -> str:
        return digest_of(self.to_bytes())

    @property
    def error(self) -> float:
        """The validation error: the share of rows predicted wrongly; of a regression, the RMSE."""
        if self.fit:
            return self.fit[0]
        return self.errors / self.rows if self.rows else 1.0

    @property
    def error_text(self) -> str:
        """What people are shown."""
        return f"RMSE {self.fit[0]:.5g}, R2 {self.fit[2]:#.4g}" if self.fit else f"error {self.error:.4f}"


@dataclass(frozen=True)
class PersonalRecord:
    """How well the sites' own models do, made from the model that a job keeps."""

    job: str
    round: int  # whose model that is
    result: str  # digest of that round's RESULT: two drivers may have stored different ones
    evaluation: SitesEvaluation

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()


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
    notices: tuple[str, ...] = ()  # what the training itself did that a user should know
    previous: str = ""  # digest of a REPORT of the round before
    result: str = ""  # digest of the RESULT of this round
    verified: dict[str, str] = field(default_factory=dict)  # file -> address of another node that got the same result
    liars: tuple[Liar, ...] = ()  # found up to this round
    trained_s: dict[str, float] = field(default_factory=dict)  # address -> seconds that its trainer worked
    held_out: SitesEvaluation = SitesEvaluation()  # of jobs that are evaluated at their sites

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()

    @property
    def digest(self) -> str:
        return digest_of(self.to_bytes())


def reason_from_bytes(content: bytes) -> str:
    """Return why a job failed, in the words of its last driver, escaped."""
    return printable(content[:REASON_BYTES_MAX].decode(errors="replace"), REASON_BYTES_MAX)


def successor_from_bytes(content: bytes) -> str:
    """Return the id of the job that replaces another; an empty string if the record cannot be read."""
    try:
        successor = content.decode("ascii")
        strict_json.digest("successor", successor)
    except ValueError:
        return ""
    return successor


def blank_report(job: str, number: int) -> RoundReport:
    """Return a report for a round whose report is lost."""
    return RoundReport(job, number, "", 0.0, 0.0, 0.0, 0.0, 0.0)


def result_from_bytes(content: bytes, job: str = "", number: int | None = None) -> RoundResult:
    """Parse a RESULT, of this round of this job if they are given. Raises BadRecord."""
    result = strict_json.decode(RoundResult, content, "result record", RESULT_BYTES_MAX)
    try:
        _check_result(result)
        require(job in ("", result.job) and number in (None, result.round), "it is of another job or round")
        require(result.to_bytes() == content, "it is not in canonical form")
    except ValueError as error:
        raise strict_json.malformed("result record", str(error)) from error
    return result


def _check_result(result: RoundResult) -> None:
    strict_json.text("job", result.job)
    in_range("round", result.round, 0, ROUNDS_MAX)
    strict_json.digest("previous", result.previous, empty_allowed=True)
    strict_json.digest("weights", result.weights)
    strict_json.digest("state", result.state, empty_allowed=True)
    strict_json.digest("receipts", result.receipts, empty_allowed=True)
    in_range("weights_bytes", result.weights_bytes, 0, CONTENT_BYTES_MAX)
    in_range("state_bytes", result.state_bytes, 0, CONTENT_BYTES_MAX)
    require(bytes.fromhex(result.moments).hex() == result.moments, "moments are not hexadecimal")
    in_range("halvings", result.halvings, 0, HALVINGS_MAX)
    in_range("rows", result.rows, 0, ROWS_MAX)
    in_range("errors", result.errors, 0, result.rows)
    require(len(result.fit) in (0, FIT_NUMBERS), "fit has other numbers than RMSE, MAE and R2")
    require(list(result.left_out) == sorted(set(result.left_out)), "left_out is not in order")
    for index in result.left_out:
        in_range("left_out", index, 0, FILES_MAX)
    require(len({file for file, _ in result.taken}) == len(result.taken), "a file is taken twice")
    for file, base in result.taken:
        in_range("taken", file, 0, FILES_MAX)
        in_range("taken", base, 0, max(0, result.round - 1))


def report_from_bytes(content: bytes, job: str = "", number: int | None = None) -> RoundReport:
    """Parse a REPORT, of this round of this job if they are given. Its texts are escaped. Raises BadRecord."""
    report = strict_json.decode(RoundReport, content, "report record", REPORT_BYTES_MAX)
    try:
        strict_json.text("job", report.job)
        in_range("round", report.round, 0, ROUNDS_MAX)
        in_range("passed_on", report.passed_on, 0, ROWS_MAX)
        strict_json.digest("previous", report.previous, empty_allowed=True)
        strict_json.digest("result", report.result, empty_allowed=True)
        require(job in ("", report.job) and number in (None, report.round), "it is of another job or round")
        spans = (report.seconds, report.slowest_s, report.spread, *report.trained_s.values())
        require(min(spans) >= 0, "seconds or spread are negative")
        addresses = (*report.placement.values(), *report.errors, *report.trained_s, *report.verified.values())
        addresses += tuple(address for tier in report.tiers.values() for address in tier)
        check_liars(report.liars)
        for shown in (report.driver, *report.tiers, *addresses):
            strict_json.text("driver, tier or address", shown, ADDRESS_CHARACTERS_MAX)
        for file in (*report.placement, *report.verified):
            strict_json.name("placement", file)
        check_scores(report.held_out)
    except ValueError as error:
        raise strict_json.malformed("report record", str(error)) from error
    return replace(report, disturbances=_shown(report.disturbances), notices=_shown(report.notices))


def personal_from_bytes(content: bytes, job: str) -> PersonalRecord:
    """Parse the record of a job's models of sites. Raises BadRecord."""
    record = strict_json.decode(PersonalRecord, content, "personal record", REPORT_BYTES_MAX)
    try:
        require(record.job == job, "it is of another job")
        in_range("round", record.round, 0, ROUNDS_MAX)
        strict_json.digest("result", record.result)
        check_scores(record.evaluation)
    except ValueError as error:
        raise strict_json.malformed("personal record", str(error)) from error
    return record


def _shown(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Return lines that people are shown, escaped and bounded."""
    return tuple(printable(each, DISTURBANCE_CHARACTERS_MAX) for each in lines[:DISTURBANCES_MAX])
