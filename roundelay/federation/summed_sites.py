"""Which sites a secure sum is taken over: those that an earlier driver began to reveal, if it can still be completed.

What sites promise and what drivers have stored comes from others: a set counts only if a driver of this job could have
chosen it. Otherwise a site could have the job take its own update for the sum over all files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

from roundelay.federation.errors import BadRecord
from roundelay.federation.masked_record import MaskedRecord
from roundelay.federation.requests import Order
from roundelay.federation.result_check import check_result
from roundelay.federation.secure_sum import MaskedSite, Masking, RevealedSet, SitePromise
from roundelay.federation.spec import JobSpec

Kept = Mapping[int, MaskedRecord]  # by the place of its site, which was a driver


def begun_set(
    promises: Mapping[str, SitePromise], kept: Mapping[RevealedSet, Kept], unfinished: Collection[RevealedSet]
) -> RevealedSet | None:
    """Return the set that an earlier driver began to reveal, if it can still be; None: a new one may be chosen.

    If it cannot, the same sites with the keys that they have now can take its place. promises: by address. kept: what
    earlier drivers have stored of their own parts. unfinished: sets whose vectors cannot be had any more.
    """
    bound = [chosen for chosen, _ in Counter(each for p in promises.values() for each in p.revealed).most_common()]
    renewed = [_with_keys_of(promises, chosen) for chosen in bound]
    for chosen in (*bound, *filter(None, renewed)):
        if chosen not in unfinished and _is_possible(chosen, promises, kept.get(chosen, {})):
            return chosen
    return None


def _with_keys_of(promises: Mapping[str, SitePromise], chosen: RevealedSet) -> RevealedSet | None:
    """Return a set of the same sites, between which masks are shared anew; None if one of them has not answered."""
    if not all(address in promises for address, _ in chosen.sites):
        return None
    sites = tuple(MaskedSite(address, promises[address].key, files) for address, files in chosen.sites)
    return RevealedSet(Masking(chosen.masking.threshold, sites), tuple(range(len(sites))))


def _is_possible(chosen: RevealedSet, promises: Mapping[str, SitePromise], kept: Kept) -> bool:
    """Return whether no vector of a set is lost with the key of its site, and enough sites can reveal it."""
    places, sites = chosen.masking.places, chosen.masking.sites
    same = {places[site]: p for site, p in promises.items() if site in places and p.key == sites[places[site]].key}
    others = {places[site] for site in promises if site in places} - same.keys()
    stored = {place for place, each in kept.items() if each.content}
    able = {place for place, p in same.items() if all(each.sites == chosen.sites for each in p.revealed)}
    able |= {place for place, each in kept.items() if each.shares}
    return not others & set(chosen.included) - stored and len(able) >= chosen.masking.threshold


def require_chosen_by_driver(spec: JobSpec, site: str, masking: Masking) -> None:
    """Raise BadRecord unless a driver of this job could have asked a site to reveal a sum of this masking."""
    sites = {each.address: each.files for each in masking.sites}
    if (
        masking.threshold != spec.sum_threshold
        or site not in sites
        or not sites.keys() <= set(spec.sites)
        or any(files != spec.files_of(each) for each, files in sites.items())
    ):
        raise BadRecord("its promise names a set of sites that no driver of this job has chosen")


def is_sound(spec: JobSpec, order: Order, record: MaskedRecord) -> bool:
    """Return whether a driver of this job could have stored this of its site. order: the round's, without files."""
    masking = record.head.chosen.masking
    own = tuple(file for file in spec.files if file.index in masking.sites[record.place].files)
    try:
        require_chosen_by_driver(spec, record.head.site, masking)
        if record.content:
            check_result(replace(order, files=own, masking=masking), own, record.content)
    except BadRecord:
        return False
    return True
