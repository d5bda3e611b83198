"""The driver's side of secure aggregation (secure_sum.py): one sum over the sites, of which no part is ever seen.

Every site is asked at once in each of the three phases. A site that does not answer, or takes too long, is left out of
the sum; with fewer than `threshold` sites the round reveals nothing, and is tried again later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from roundelay.chord.effects import Procedure
from roundelay.federation.effects import offload
from roundelay.federation.errors import BadRecord, CannotDrive
from roundelay.federation.masked_record import MaskedRecord, read_masked, write_masked
from roundelay.federation.requests import Order, Progress
from roundelay.federation.roster import Roster
from roundelay.federation.rounds import Files, Meanwhile, PartialResult, RoundOutcome
from roundelay.federation.secure_sum import (
    Ballot,
    MaskedSite,
    Masking,
    RevealedSet,
    SitePromise,
    promise_from_bytes,
    shares_from_bytes,
    split_masked,
)
from roundelay.federation.short_orders import ShortOrders
from roundelay.federation.site_waits import SiteWaits
from roundelay.federation.site_work import SiteWork
from roundelay.federation.spec import JobSpec
from roundelay.federation.summed_sites import Kept, begun_set, is_sound, require_chosen_by_driver
from roundelay.federation.tasks import PromiseTask, RevealTask
from roundelay.federation.throughput import ThroughputEstimate


@dataclass(frozen=True)
class _Masked:
    """The masked vector of a site, with the boxes of its shares."""

    content: bytes  # both of them, as the site has sent them
    vector: bytes
    boxes: list[bytes]
    seconds: float

    @classmethod
    def of(cls, content: bytes, masking: Masking, seconds: float) -> _Masked:
        return cls(content, *split_masked(content, masking), seconds)


class MaskedWork(SiteWork):
    """Has sites compute what leaves them masked: each all of its files, or none."""

    def _run_each(self, home: str, order: Order) -> Procedure[RoundOutcome]:
        return RoundOutcome([], list(order.files))
        yield  # makes this a procedure


class SecureRound:
    """One round of one driver."""

    def __init__(
        self,
        spec: JobSpec,
        roster: Roster,
        estimate: ThroughputEstimate,
        clock: Callable[[], float],
        waits: SiteWaits,
        order: Order,
        weights: bytes,
        ballot: Callable[[], Ballot],
    ) -> None:
        """order: the round's, without files or sites. ballot: called each time that the sites are asked anew."""
        self.why = ""  # no sum was revealed
        self._spec = spec
        self._roster = roster
        self._estimate = estimate
        self._clock = clock
        self._waits = waits
        self._order = order
        self._weights = weights
        self._next_ballot = ballot
        self._ballot: Ballot = (0, "")
        self._short_orders = ShortOrders(spec, roster, waits, clock)
        self._unfinished: set[RevealedSet] = set()  # sets whose vectors cannot be had any more

    def run(
        self, files: Files, meanwhile: Meanwhile | None, may_leave_out: Callable[[Files], bool]
    ) -> Procedure[RoundOutcome]:
        """Return the sum over the sites' files; no parts, and `why`, if too few sites could be summed.

        may_leave_out: whether the round may end without these files. Raises WorkFailed, StepTooLarge, JobEnded.
        """
        self._ballot = self._next_ballot()
        promises = yield from self._promises()
        kept = yield from self._kept(promises)
        chosen = begun_set(promises, kept, self._unfinished)
        masking = chosen.masking if chosen is not None else self._masking(promises)
        parts: list[PartialResult] = []
        if masking is not None:
            own = kept.get(chosen, {}) if chosen is not None else {}
            parts = yield from self._sum(masking, chosen, own, files, meanwhile, may_leave_out)
        elif meanwhile is not None:
            yield from meanwhile(frozenset())
        if not parts:
            self.why += ": no sum over fewer is revealed"
        summed = {file.index for part in parts for file in part.files}
        return RoundOutcome(parts, [file for file in files if file.index not in summed])

    # --- the phases

    def _promises(self) -> Procedure[dict[str, SitePromise]]:
        """Ask every site for its key. Return the answers of those that have answered, by address."""
        began, driver = self._ballot
        order = replace(self._short, task=PromiseTask(self._order.sum_id, began, driver))
        found: dict[str, SitePromise] = {}
        orders = dict.fromkeys(self._spec.sites, order)
        for site, content in (yield from self._short_orders.carry_out(orders, len(orders))).items():
            try:
                promise = promise_from_bytes(content)
                for chosen in promise.revealed:
                    require_chosen_by_driver(self._spec, site, chosen.masking)
                found[site] = promise
            except BadRecord as error:
                self._exclude(site, error)
            else:
                self._waits.end(site)
        return found

    def _sum(
        self,
        masking: Masking,
        chosen: RevealedSet | None,
        kept: Kept,
        files: Files,
        meanwhile: Meanwhile | None,
        may_leave_out: Callable[[Files], bool],
    ) -> Procedure[list[PartialResult]]:
        """Have sites compute; reveal the sum over those that have, or over `chosen`, if it is given.

        kept: what earlier drivers have stored of their own parts of `chosen`.
        """
        masked = yield from self._masked(masking, kept, files, meanwhile)
        arrived = {index for place in masked for index in masking.sites[place].files}
        missing = tuple(file for file in files if file.index not in arrived)
        if chosen is None and len(masked) >= masking.threshold and (not missing or may_leave_out(missing)):
            chosen = RevealedSet(masking, tuple(sorted(masked)))
        if chosen is None or not masked.keys() >= set(chosen.included):
            self.why = self._counted(len(masked), "have sent their vectors")
            if chosen is not None:
                self.why += ", but not all those of the sum that an earlier driver began to reveal"
                self._unfinished.add(chosen)
            return []
        shares = yield from self._revealed(chosen, kept, masked)
        if len(shares) < masking.threshold:
            self.why = self._counted(len(shares), "have revealed their shares")
            return []
        return [(yield from self._unmasked(chosen, masked, shares, files))]

    def _masked(
        self, masking: Masking, kept: Kept, files: Files, meanwhile: Meanwhile | None
    ) -> Procedure[dict[int, _Masked]]:
        """Return the masked vectors by their sites' places, from sites or as stored; run `meanwhile` beside."""
        found = {
            place: _Masked.of(each.content, masking, each.head.seconds) for place, each in kept.items() if each.content
        }

        def make_order(own: Files, _: bool) -> Order:
            return replace(self._order, files=own, masking=masking)

        work = MaskedWork(self._roster, self._estimate, self._clock, make_order, self._weights, self._waits)
        wanted = {index for place, site in enumerate(masking.sites) if place not in found for index in site.files}
        outcome = yield from work.run([file for file in files if file.index in wanted], meanwhile)
        for part in outcome.parts:
            place = masking.places[str(part.node.address)]
            found[place] = _Masked.of(part.result, masking, part.progress.seconds)
        return found

    def _revealed(
        self, chosen: RevealedSet, kept: Kept, masked: Mapping[int, _Masked]
    ) -> Procedure[dict[int, list[bytes]]]:
        """Return the shares that sites have revealed for a set, by their sites' places.

        The driver's own site is asked first, and what it has sent is stored before another site reveals anything: if
        this process is killed after that, another driver can complete the set, which binds the other sites.
        """
        places, (began, driver) = chosen.masking.places, self._ballot
        orders = {}
        for site, place in places.items():
            boxes = tuple(masked[sender].boxes[place] for sender in chosen.included)
            orders[site] = replace(self._short, task=RevealTask(self._order.sum_id, began, driver, chosen, boxes))
        found = {place: each.shares for place, each in kept.items() if each.shares}
        if (own := places.get(driver)) is not None and own not in kept:
            found |= yield from self._shares({driver: orders.pop(driver)}, chosen, 1)
            yield from self._keep(chosen, own, masked.get(own), found.get(own, []))
        rest = {site: order for site, order in orders.items() if places[site] not in found}
        return found | (yield from self._shares(rest, chosen, chosen.masking.threshold - len(found)))

    def _keep(self, chosen: RevealedSet, own: int, masked: _Masked | None, shares: list[bytes]) -> Procedure[None]:
        """Store what the driver's own site has sent. Raises ChordError."""
        content, seconds = (masked.content, masked.seconds) if masked and own in chosen.included else (b"", 0.0)
        site = chosen.masking.sites[own].address
        record = MaskedRecord.of(self._order.sum_id, chosen, site, content, seconds, shares)
        yield from write_masked(self._roster, self._spec.job, self._order.round, record, self._ballot[0])

    def _shares(
        self, orders: Mapping[str, Order], chosen: RevealedSet, enough: int
    ) -> Procedure[dict[int, list[bytes]]]:
        """Have sites reveal their shares. Stop waiting once `enough` of them have answered."""
        found, places = dict[int, list[bytes]](), chosen.masking.places
        for site, content in (yield from self._short_orders.carry_out(orders, enough)).items():
            try:
                found[places[site]] = shares_from_bytes(content, chosen)
            except BadRecord as error:
                self._exclude(site, error)
        return found

    def _unmasked(
        self, chosen: RevealedSet, masked: Mapping[int, _Masked], shares: Mapping[int, list[bytes]], files: Files
    ) -> Procedure[PartialResult]:
        """Return the sum as a round's part. Raises BadRecord."""
        from roundelay.federation.unmasking import unmasked  # needs the extra `secure`

        sites = [chosen.masking.sites[place] for place in chosen.included]
        trained_by = {index: site.address for site in sites for index in site.files}
        summed = tuple(file for file in files if file.index in trained_by)
        vectors = [masked[place].vector for place in chosen.included]
        result, scores = yield from offload(lambda: unmasked(self._order, summed, chosen, vectors, shares))
        seconds = {site.address: masked[place].seconds for place, site in zip(chosen.included, sites, strict=True)}
        progress = Progress("done", seconds=max(seconds.values()), loss=scores.loss, accuracy=scores.accuracy)
        return PartialResult(self._roster.nodes[0], summed, progress, result, trained_by, seconds_by=seconds)

    # --- helpers

    @property
    def _short(self) -> Order:
        """The order of a phase without training."""
        return replace(self._order, weights="", weights_bytes=0)

    def _masking(self, promises: Mapping[str, SitePromise]) -> Masking | None:
        """Return a masking between the sites that have told their keys and are bound to no set; None if too few."""
        free = {site: promise.key for site, promise in sorted(promises.items()) if not promise.revealed}
        is_waiting = any(self._is_waited_for(site) for site in self._spec.sites if site not in promises)
        if len(free) < self._spec.sum_threshold or is_waiting:
            self.why = self._counted(len(free), "have answered")
            return None
        sites = (MaskedSite(site, key, self._spec.files_of(site)) for site, key in free.items())
        return Masking(self._spec.sum_threshold, tuple(sites))

    def _is_waited_for(self, site: str) -> bool:
        """Return whether a round waits for a site that has not promised.

        It waits for an excluded site only if the job requires that site.
        """
        node = self._roster.site(site)
        is_excluded = node is not None and self._roster.is_excluded(node)
        return self._waits.is_required(site) if is_excluded else not self._waits.is_over(site)

    def _kept(self, promises: Mapping[str, SitePromise]) -> Procedure[dict[RevealedSet, dict[int, MaskedRecord]]]:
        """Return what earlier drivers have stored of their own parts of this sum; nothing before a site is bound."""
        found: dict[RevealedSet, dict[int, MaskedRecord]] = {}
        if any(promise.revealed for promise in promises.values()):
            for each in (yield from read_masked(self._roster, self._spec.job, self._order.round)):
                if each.head.sum_id == self._order.sum_id and is_sound(self._spec, self._order, each):
                    found.setdefault(each.head.chosen, {})[each.place] = each
        return found

    def _counted(self, sites: int, what: str) -> str:
        return f"{sites} of {len(self._spec.sites)} sites {what}, {self._spec.sum_threshold} are needed"

    def _exclude(self, site: str, error: BadRecord) -> None:
        if (node := self._roster.site(site)) is not None:
            self._roster.exclude(node)
        self._roster.record_disturbance(f"{site} is excluded: {error}")


def require_cryptography() -> None:
    """Raise CannotDrive if this process cannot take masks off."""
    try:
        import roundelay.federation.unmasking  # noqa: F401 - needs the extra `secure`
    except ImportError as error:
        message = "--secure-aggregation needs `cryptography` here: python3 -m pip install 'roundelay[secure]'"
        raise CannotDrive(message) from error
