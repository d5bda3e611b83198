"""Verification: nodes repeat orders of others, so that a wrong result is found, and its node named.

Training is a pure function, so two honest nodes return equal integers. A share of a round's orders is drawn from a
digest of all the round's results, when every node has returned its own (verification_draws.py): none could know before
whether it would be repeated, or by whom. Unequal results are settled by more nodes, until AGREEING_MIN agree; a node
with another result is a liar, whether by intent or by accident. Golle and Mironov, Uncheatable distributed
computations, CT-RSA 2001, compare this with other ways; that a result must be committed to before it is challenged is
due to Fiat and Shamir 1986.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from roundelay.chord.effects import Procedure, Sleep, gather_or_raise, offload
from roundelay.chord.errors import ChordError, NodeUnreachable
from roundelay.chord.refs import NodeRef
from roundelay.federation import receipts, result_sums
from roundelay.federation.contributions import Contributions
from roundelay.federation.errors import BadRecord, StepTooLarge, WorkFailed
from roundelay.federation.partial_result import Files, PartialResult
from roundelay.federation.records import RoundReport
from roundelay.federation.requests import Order, Progress, names
from roundelay.federation.retry import refresh_members
from roundelay.federation.roster import Roster
from roundelay.federation.rounds import RoundWork
from roundelay.federation.spec import JobSpec, Liar
from roundelay.federation.tasks import Task, TrainTask
from roundelay.federation.verification_draws import Draws, challenge, draw

AGREEING_MIN = 3  # nodes that must agree against another, where the ring has as many: a pair of liars accuses nobody
PAIR = 2  # nodes that agree where nobody contradicts
WAIT_S = 1.0  # for more nodes
WAIT_MAX_S = 3600.0
NAMES_SHOWN = 3


@dataclass(frozen=True)
class Claim:
    """What a node says that an order gives. Honest nodes make equal claims."""

    state: str  # done, failed, unstable
    result: str = ""  # digest of the sum, and of the receipts behind it
    loss: float = 0.0

    @classmethod
    def of(cls, answer: Progress) -> Claim:
        """Return the claim in an answer. Messages may differ between honest nodes."""
        return cls("done", answer.result, answer.loss) if answer.state == "done" else cls(answer.state)


@dataclass(frozen=True)
class Verdict:
    """An order's true result: the nodes that have it, in the order in which they were asked, and their answers."""

    agreeing: Mapping[NodeRef, Progress]
    liars: tuple[NodeRef, ...] = ()


class Verifier:
    """Verifies one driver's rounds.

    report_waiting: called with the files that too few nodes can repeat; raises once the job has ended.
    """

    def __init__(
        self, spec: JobSpec, roster: Roster, report_waiting: Callable[[Files], None], clock: Callable[[], float]
    ) -> None:
        self.liars: dict[str, Liar] = {}  # by address
        self.confirmed: dict[int, str] = {}  # of the current round: file -> address of the node that repeated it
        self.contributions = Contributions()  # to the rounds before the current one
        self._job = spec.job
        self._draws = Draws(spec.job, spec.settings.verify)
        self._roster = roster
        self._report_waiting = report_waiting
        self._clock = clock
        self._round = 0
        self._challenge = ""
        for liar in spec.excluded:
            self.exclude(liar)

    def exclude(self, liar: Liar) -> None:
        """Give a node no more work for this job."""
        self.liars.setdefault(liar.address, liar)
        self._roster.exclude_address(liar.address)

    def add(self, report: RoundReport) -> None:
        """Take over what the report of an earlier round says: who has trained and verified what, and who has lied."""
        self.contributions.add(report)
        self._draws.add(report)
        for liar in report.liars:
            self.exclude(liar)

    def begin_round(self, number: int) -> None:
        """Begin a round, or one more attempt at it."""
        self._round, self._challenge, self.confirmed = number, "", {}

    def verify(
        self, work: RoundWork, task: Task, weights: str, parts: list[PartialResult], everything: bool = False
    ) -> Procedure[tuple[list[PartialResult], Files]]:
        """Verify a round's results. Return those that stand, and the files that must be trained again.

        weights: the digest of those before the round. everything: verify all orders, not a share of them.
        Raises StepTooLarge, WorkFailed.
        """
        if not self._challenge:
            self._challenge = yield from offload(
                lambda: challenge(self._job, self._round, weights, _all_results(task, parts))
            )
        unverified = [part for part in parts if part.files[0].index not in self.confirmed]
        drawn = [part for part in unverified if everything or self._is_drawn(part)]
        verified = yield from gather_or_raise([self._verify(work, part) for part in drawn], max(1, len(drawn)))
        true = dict(zip(map(id, drawn), verified, strict=True))
        found = [true.get(id(part), part) for part in parts]
        suspects = [part for part in found if self._is_suspect(part)]
        again = sorted((file for part in suspects for file in part.files), key=lambda file: file.index)
        for file in again:
            self.confirmed.pop(file.index, None)
        return [part for part in found if part not in suspects], tuple(again)

    def doubt(self, work: RoundWork, node: NodeRef, order: Order, answer: Progress) -> Procedure[None]:
        """Have other nodes try what a node says fails. Raises StepTooLarge, WorkFailed if it does; else excludes it."""
        verdict = yield from self._settle(work, node, order.files, answer)
        self._convict(verdict, order.files)
        if node in verdict.agreeing:
            raise failure(node, answer)

    def _is_drawn(self, part: PartialResult) -> bool:
        return self._draws.is_drawn(self._challenge, part.files, str(part.node.address))

    def _is_suspect(self, part: PartialResult) -> bool:
        """Return whether no honest node, as far as is known, has had a part in this result."""
        confirming = self.confirmed.get(part.files[0].index)
        return str(part.node.address) in self.liars and (confirming is None or confirming in self.liars)

    def _verify(self, work: RoundWork, part: PartialResult) -> Procedure[PartialResult]:
        """Return the true result of a part's order. Raises StepTooLarge, WorkFailed."""
        verdict = yield from self._settle(work, part.node, part.files, part.progress)
        self._convict(verdict, part.files)
        confirming = [node for node in verdict.agreeing if node != part.node]
        self.confirmed |= {file.index: str(confirming[-1].address) for file in part.files}
        if part.node in verdict.agreeing:
            return part
        for node, answer in verdict.agreeing.items():
            if answer.state != "done":
                raise failure(node, answer)
            try:
                return (yield from work.take(node, part.files, answer))
            except (ChordError, BadRecord) as error:
                self._roster.mark_lost(node, str(error))
        raise NodeUnreachable(f"none of {len(verdict.agreeing)} nodes can be asked for its result again")

    def _settle(self, work: RoundWork, node: NodeRef, files: Files, answer: Progress) -> Procedure[Verdict]:
        """Ask other nodes for the same order until enough of them agree. A wait ends when one of them answers.

        Raises NodeUnreachable after WAIT_MAX_S without an answer.
        """
        answers, asked = {node: answer}, {node}
        waiting_since = float("inf")
        while self._clock() - waiting_since < WAIT_MAX_S:
            candidates = self._candidates(files, asked)
            verdict = decide(answers, is_last=not candidates)
            if verdict is not None:
                return verdict
            if candidates:
                asked.add(candidates[0])
                other = yield from work.ask_again(candidates[0], files)
                if other is not None:
                    answers[candidates[0]] = other
                    waiting_since = float("inf")
                continue
            waiting_since = min(waiting_since, self._clock())
            self._report_waiting(files)
            yield Sleep(WAIT_S)
            self._roster.forgive()
            yield from refresh_members(self._roster)
            asked = set(answers)
        raise NodeUnreachable(f"too few nodes have repeated the order for {names(files, NAMES_SHOWN)}")

    def _candidates(self, files: Files, asked: set[NodeRef]) -> list[NodeRef]:
        """Return the nodes that may be asked next: those with copies first, both in an order that is drawn."""
        holders = self._roster.holders(files[0])
        able = [node for node in self._roster.eligible(files) if node not in asked]
        return sorted(able, key=lambda node: (node not in holders, draw(f"{self._challenge} {node.address}", files)))

    def _convict(self, verdict: Verdict, files: Files) -> None:
        agreeing = ", ".join(str(node.address) for node in list(verdict.agreeing)[:NAMES_SHOWN])
        what = f"{names(files, NAMES_SHOWN)}: {agreeing} agree on another result; it gets no more work"
        for node in verdict.liars:
            self.exclude(Liar(str(node.address), self._round))
            self._roster.record_disturbance(f"{node.address} lied about {what}")


def _all_results(task: Task, parts: list[PartialResult]) -> Iterable[bytes]:
    """Return what stands for all results of a round, whoever trained which file: their sum, or their receipts."""
    if isinstance(task, TrainTask) and task.is_single:
        return [receipts.to_bytes(receipts.merged(part.receipts for part in parts))]
    return result_sums.pieces_of_sum(task, [part.result for part in parts])


def decide(answers: Mapping[NodeRef, Progress], is_last: bool) -> Verdict | None:
    """Return the verdict on these answers to one order; None if more nodes must be asked.

    is_last: there is no other node to ask. Then the larger number decides.
    """
    votes = Counter(Claim.of(answer) for answer in answers.values()).most_common()
    winner, count = votes[0]
    is_clear = len(votes) == 1 or votes[1][1] < count
    needed = PAIR if len(votes) == 1 or is_last else AGREEING_MIN
    if count < needed or not is_clear:
        return None
    agreeing = {node: answer for node, answer in answers.items() if Claim.of(answer) == winner}
    return Verdict(agreeing, tuple(node for node in answers if node not in agreeing))


def failure(node: NodeRef, answer: Progress) -> StepTooLarge | WorkFailed:
    """Return the error that an answer stands for which is not `done`."""
    if answer.state == "unstable":
        return StepTooLarge(answer.message)
    return WorkFailed(f"{node.address}: {answer.message}")
