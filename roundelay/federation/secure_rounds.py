"""The driver's side of secure aggregation (secure_sum.py): one sum over the sites, of which no part is ever seen.

Every site is asked at once in each of the three phases; the vectors of the second may come along trees
(masked_collection.py). A site that does not answer, or takes too long, is left out of the sum; with fewer than
`threshold` sites the round reveals nothing, and is tried again later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from roundelay.chord.effects import Procedure, offload
from roundelay.federation.errors import BadRecord, CannotDrive
from roundelay.federation.masked_collection import MaskedCollection, Trees
from roundelay.federation.masked_record import MaskedRecord, read_masked, write_masked
from roundelay.federation.masked_sum import MaskedSum
from roundelay.federation.partial_result import Files, PartialResult, RoundOutcome
from roundelay.federation.requests import Order, Progress
from roundelay.federation.roster import Roster
from roundelay.federation.rounds import Meanwhile
from roundelay.federation.secure_sum import (
    Ballot,
    MaskedSite,
    Masking,
    RevealedSet,
    SitePromise,
    promise_from_bytes,
    shares_from_bytes,
)
from roundelay.federation.short_orders import ShortOrders
from roundelay.federation.site_waits import SiteWaits
from roundelay.federation.spec import JobSpec
from roundelay.federation.summed_sites import Kept, begun_set, is_sound, require_chosen_by_driver
from roundelay.federation.tasks import PromiseTask, RevealTask
from roundelay.federation.throughput import ThroughputEstimate
from roundelay.store.blobs import Content


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
        weights: Content,
        ballot: Callable[[], Ballot],
        trees: Trees | None = None,
    ) -> None:
        """order: the round's, without files or sites. ballot: called each time that the sites are asked anew.

        trees: along which masked vectors are added; None: each site sends its own to the driver.
        """
        self.why = ""  # no sum was revealed
        self._spec = spec
        self._roster = roster
        self._waits = waits
        self._order = order
        self._collection = MaskedCollection(roster, estimate, clock, waits, order, weights, trees)
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
        masked = yield from self._collection.collect(
            masking, kept, files, meanwhile, self._ballot[1], is_begun=chosen is not None
        )
        chosen = self._complete_set(masking, chosen, masked, files, may_leave_out)
        if chosen is None:
            return []
        masked = [each for each in masked if each.places <= set(chosen.included)]
        shares = yield from self._revealed(chosen, kept, masked)
        if len(shares) < masking.threshold:
            self.why = self._counted(len(shares), "have revealed their shares")
            return []
        try:
            return [(yield from self._unmasked(chosen, masked, shares, files))]
        except BadRecord as error:
            roots = [each.root for each in masked if each.root]
            if not roots:
                raise
            self.why = f"the masks do not cancel in the sum that came along a tree from {', '.join(roots)} ({error})"
            self._roster.record_disturbance(f"{self.why}: each site is asked itself")
            return []

    def _complete_set(
        self,
        masking: Masking,
        chosen: RevealedSet | None,
        masked: Sequence[MaskedSum],
        files: Files,
        may_leave_out: Callable[[Files], bool],
    ) -> RevealedSet | None:
        """Return the sites to sum over, `chosen` if it is given; None, and say why, if some have sent no vectors."""
        places = {place for each in masked for place in each.places}
        arrived = {index for place in places for index in masking.sites[place].files}
        missing = tuple(file for file in files if file.index not in arrived)
        if chosen is None and len(places) >= masking.threshold and (not missing or may_leave_out(missing)):
            chosen = RevealedSet(masking, tuple(sorted(places)))
        if chosen is not None and places >= set(chosen.included):
            return chosen
        self.why = self._counted(len(places), "have sent their vectors")
        if chosen is not None:
            self.why += ", but not all those of the sum that an earlier driver began to reveal"
            self._unfinished.add(chosen)
        return None

    def _revealed(
        self, chosen: RevealedSet, kept: Kept, masked: Sequence[MaskedSum]
    ) -> Procedure[dict[int, list[bytes]]]:
        """Return the shares that sites have revealed for a set, by their sites' places.

        The driver's own site is asked first, and what it has sent is stored before another site reveals anything: if
        this process is killed after that, another driver can complete the set, which binds the other sites.
        """
        places, (began, driver) = chosen.masking.places, self._ballot
        orders, sealed = {}, {sender: boxes for each in masked for sender, boxes in each.boxes.items()}
        for site, place in places.items():
            boxes = tuple(sealed[sender][place] for sender in chosen.included)
            orders[site] = replace(self._short, task=RevealTask(self._order.sum_id, began, driver, chosen, boxes))
        found = {place: each.shares for place, each in kept.items() if each.shares}
        if (own := places.get(driver)) is not None and own not in kept:
            found |= yield from self._shares({driver: orders.pop(driver)}, chosen, 1)
            yield from self._keep(chosen, own, masked, found.get(own, []))
        rest = {site: order for site, order in orders.items() if places[site] not in found}
        return found | (yield from self._shares(rest, chosen, chosen.masking.threshold - len(found)))

    def _keep(self, chosen: RevealedSet, own: int, masked: Sequence[MaskedSum], shares: list[bytes]) -> Procedure[None]:
        """Store what the driver's own site has sent. Raises ChordError."""
        sent = ((each.content, each.seconds[own]) for each in masked if each.places == {own})
        content, seconds = next(sent, (b"", 0.0))
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
        self, chosen: RevealedSet, masked: Sequence[MaskedSum], shares: Mapping[int, list[bytes]], files: Files
    ) -> Procedure[PartialResult]:
        """Return the sum as a round's part. Raises BadRecord."""
        from roundelay.federation.unmasking import unmasked  # needs the extra `secure`

        sites = [chosen.masking.sites[place] for place in chosen.included]
        trained_by = {index: site.address for site in sites for index in site.files}
        summed = tuple(file for file in files if file.index in trained_by)
        vectors = [each.vector for each in masked]
        result, scores = yield from offload(lambda: unmasked(self._order, summed, chosen, vectors, shares))
        addresses = [site.address for site in chosen.masking.sites]
        seconds = {addresses[place]: seconds for each in masked for place, seconds in each.seconds.items()}
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
