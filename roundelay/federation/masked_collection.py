"""Collect the masked vectors of a secure sum: along trees where the job's topology has them, and from each site itself.

Only these vectors are large, so only they travel along trees; the short orders of a secure sum go from the driver to
each site. Trees are tried once in a round. The driver itself asks leaves, the sites that a tree has left out, and its
own site, whose vector it may have to store (masked_record.py). It asks all sites itself once a tree was of no use, or a
set of sites is being revealed. Its order is the one that the tree gave, so a site that has answered sends the same
bytes again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from roundelay.chord.effects import Procedure, gather_or_raise, offload
from roundelay.federation.masked_record import MaskedRecord
from roundelay.federation.masked_sum import MaskedSum
from roundelay.federation.partial_result import Files, PartialResult, RoundOutcome
from roundelay.federation.requests import Order, TrainingFile
from roundelay.federation.roster import Roster
from roundelay.federation.rounds import Meanwhile
from roundelay.federation.secure_sum import Masking
from roundelay.federation.site_waits import SiteWaits
from roundelay.federation.site_work import SiteWork
from roundelay.federation.throughput import ThroughputEstimate
from roundelay.store.blobs import Content

# Have files trained, and their sites' masked vectors added along trees, with `meanwhile` beside.
Trees = Callable[[Masking, Files, Meanwhile | None], Procedure[list[PartialResult]]]


class MaskedWork(SiteWork):
    """Has sites compute what leaves them masked: each all of its files, or none."""

    def _run_each(self, home: str, order: Order) -> Procedure[RoundOutcome]:
        return RoundOutcome([], list(order.files))
        yield  # makes this a procedure


class MaskedCollection:
    """The masked vectors of one round of one driver.

    order: the round's, without files or sites. trees: None where the driver asks each site.
    """

    def __init__(
        self,
        roster: Roster,
        estimate: ThroughputEstimate,
        clock: Callable[[], float],
        waits: SiteWaits,
        order: Order,
        weights: Content,
        trees: Trees | None,
    ) -> None:
        self._roster = roster
        self._estimate = estimate
        self._clock = clock
        self._waits = waits
        self._order = order
        self._weights = weights
        self._trees = trees

    def collect(
        self,
        masking: Masking,
        kept: Mapping[int, MaskedRecord],
        files: Files,
        meanwhile: Meanwhile | None,
        driver: str,
        is_begun: bool,
    ) -> Procedure[list[MaskedSum]]:
        """Return the masked vectors, from sites or as stored, perhaps added; run `meanwhile` beside.

        kept: what earlier drivers have stored of their own sites. driver: the name of this one, which is the address of
        its site, if it has one. is_begun: a set of sites is being revealed, which a sum of a tree may not fit.
        Raises WorkFailed, StepTooLarge, JobEnded.
        """
        found = [
            MaskedSum.of(each.content, masking, {place: each.head.seconds})
            for place, each in kept.items()
            if each.content
        ]
        wanted = _missing(files, masking, found)
        trees, self._trees = (None if is_begun else self._trees), None
        if trees is None:
            return found + (yield from self._from_each(masking, wanted, meanwhile))
        grouped = [file for file in wanted if self._may_be_in_tree(file, driver)]
        apart = [file for file in wanted if file not in grouped]
        works = [self._from_trees(trees, masking, tuple(grouped), meanwhile), self._from_each(masking, apart)]
        for sums in (yield from gather_or_raise(works)):
            found += sums
        return found + (yield from self._from_each(masking, _missing(grouped, masking, found)))

    def _may_be_in_tree(self, file: TrainingFile, driver: str) -> bool:
        home = self._roster.home(file)
        node = self._roster.site(home)
        return node is not None and not node.relays and home != driver

    def _from_trees(
        self, trees: Trees, masking: Masking, files: Files, meanwhile: Meanwhile | None
    ) -> Procedure[list[MaskedSum]]:
        parts = yield from trees(masking, files, meanwhile)
        return (yield from _as_sums(parts, masking, is_tree=True))

    def _from_each(
        self, masking: Masking, files: Sequence[TrainingFile], meanwhile: Meanwhile | None = None
    ) -> Procedure[list[MaskedSum]]:
        """Ask each site by itself."""

        def make_order(own: Files, _: bool) -> Order:
            return replace(self._order, files=own, masking=masking)

        work = MaskedWork(self._roster, self._estimate, self._clock, make_order, self._weights, self._waits)
        outcome = yield from work.run(files, meanwhile)
        return (yield from _as_sums(outcome.parts, masking, is_tree=False))


def _as_sums(parts: Sequence[PartialResult], masking: Masking, is_tree: bool) -> Procedure[list[MaskedSum]]:
    """Read masked vectors, which may be in files. Raises Malformed, BadRecord."""
    return offload(lambda: [MaskedSum.of_part(part, masking, is_tree) for part in parts])


def _missing(files: Sequence[TrainingFile], masking: Masking, found: Sequence[MaskedSum]) -> list[TrainingFile]:
    """Return those of these files whose sites are in the masking, and in none of these sums."""
    there = {place for each in found for place in each.places}
    wanted = {index for place, site in enumerate(masking.sites) if place not in there for index in site.files}
    return [file for file in files if file.index in wanted]
