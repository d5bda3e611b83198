"""Converts the sites and the tasks of secure aggregation to wire structs and back."""

from __future__ import annotations

from roundelay.federation.secure_sum import MaskedSite, Masking, RevealedSet
from roundelay.federation.settings import SUMMED_SITES_MAX
from roundelay.federation.strict_json import ADDRESS_CHARACTERS_MAX
from roundelay.federation.tasks import PromiseTask, RevealTask
from roundelay.rpc import fields
from roundelay.rpc.fields import bits_of, digest_from_wire, digest_to_wire, places_in
from roundelay.rpc.gen import ttypes as wire


def masking_to_wire(masking: Masking) -> wire.Masking:
    sites = [wire.MaskedSite(s.address, digest_to_wire(s.key), bits_of(s.files)) for s in masking.sites]
    return wire.Masking(masking.threshold, sites)


def masking_from_wire(raw: wire.Masking) -> Masking:
    fields.at_most("masking.sites", len(raw.sites), SUMMED_SITES_MAX)
    return Masking(raw.threshold, tuple([_site(site) for site in raw.sites]))


def promise_to_wire(task: PromiseTask) -> wire.PromiseTask:
    return wire.PromiseTask(digest_to_wire(task.sum_id), task.began, task.driver)


def promise_from_wire(raw: wire.PromiseTask) -> PromiseTask:
    return PromiseTask(*_sum_and_driver(raw))


def reveal_to_wire(task: RevealTask) -> wire.RevealTask:
    chosen = task.chosen
    return wire.RevealTask(
        digest_to_wire(task.sum_id),
        task.began,
        task.driver,
        masking_to_wire(chosen.masking),
        bits_of(chosen.included),
        list(task.boxes),
    )


def reveal_from_wire(raw: wire.RevealTask) -> RevealTask:
    fields.at_most("reveal.boxes", len(raw.boxes), SUMMED_SITES_MAX)
    chosen = RevealedSet(masking_from_wire(raw.masking), places_in("reveal.included", raw.included))
    return RevealTask(*_sum_and_driver(raw), chosen, tuple(raw.boxes))


def _sum_and_driver(raw: wire.PromiseTask | wire.RevealTask) -> tuple[str, int, str]:
    return digest_from_wire(raw.sum_id), fields.count("began", raw.began), _text("driver", raw.driver)


def _site(raw: wire.MaskedSite) -> MaskedSite:
    files = places_in("masking.files", raw.files)
    return MaskedSite(_text("masking.address", raw.address), digest_from_wire(raw.key), files)


def _text(field: str, text: str) -> str:
    return fields.text(field, text, ADDRESS_CHARACTERS_MAX)
