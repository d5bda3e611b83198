"""Jobs with secure aggregation over six private sites, on a ring in one thread."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from roundelay.chord.effects import Request
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.federation import jobs, leaf_directory
from roundelay.federation.masker import Masker
from roundelay.federation.private_data import Publication, files_of
from roundelay.federation.requests import Collect, Order, Progress, TrainingFile
from roundelay.federation.secure_sum import MaskedSite, Masking
from roundelay.federation.spec import JobSpec
from roundelay.federation.tasks import RevealTask
from roundelay.store.blobs import digest_of
from roundelay.store.write_path import put_records
from tests.federation.inline_ring import InlineRing, Member
from tests.federation.test_driver import CONTENTS, IDS, RING, SETTINGS, VALIDATION, Job
from tests.federation.test_private_data import published

SITES, THRESHOLD = 6, 4
ADDRESSES = sorted(f"node-{i}:1" for i in IDS[:SITES])


class SecureJob(Job):
    """One or two private files on each of six nodes; a seventh holds only records.

    secure: without, the same job sums what everybody can see. `revealed`: by site and sum, the sets for which it has
    revealed its shares. leaves: the places of sites that only dial out.
    """

    def __init__(self, secure: bool = True, leaves: Collection[int] = (), **settings: Any) -> None:
        names = sorted(CONTENTS)
        private = {address: names[at::SITES] for at, address in enumerate(ADDRESSES)}
        publications = tuple(
            Publication(address, "letters", tuple(map(published, its))) for address, its in private.items()
        )
        files, homes = files_of(publications)
        held_out = TrainingFile(len(files), "validation", digest_of(VALIDATION), len(VALIDATION), 60)
        chosen = replace(SETTINGS, secure_aggregation=secure, **settings)
        spec = JobSpec(chosen, files, held_out, 4, 5, pinned="wards", homes=homes)
        outside = [identifier for identifier in IDS if f"node-{identifier}:1" in {ADDRESSES[at] for at in leaves}]
        super().__init__(
            [each for each in IDS if each not in outside],
            replace(spec, settings=SETTINGS, files=(), homes=(), pinned=""),
            {},
        )
        self.spec = spec
        for identifier in outside:
            self.attach(NodeRef(identifier, f"node-{identifier}", 1))
        self.is_driver = True  # who makes the requests
        self.revealed: dict[tuple[str, str], set[Any]] = {}
        self.net.run(jobs.publish(self.net.entry, RING, spec, next(self.versions)))
        for ref, member in self.net.members.items():
            for name in private.get(str(ref.address), ()):
                member.worker.add_file(digest_of(CONTENTS[name]), name, CONTENTS[name], 4, 5)
                member.trainer._files.add(digest_of(CONTENTS[name]))
                self.restart(ref)
        self.net.before_answer = self.watch
        self.net._work_off = self.work_off  # type: ignore[method-assign]

    def attach(self, leaf: NodeRef) -> None:
        """Add a leaf: it is listed, and no member of the ring."""
        member = self.net.members[leaf] = Member(ChordNode(leaf, RING))
        listing = leaf_directory._record(member.node, next(self.versions))
        self.net.run(put_records(self.net.entry, RING, (listing,)))

    def restart(self, ref: NodeRef, life: int = 1) -> None:
        """Give a site a new secret, as a new process has."""
        self.net.members[ref].orders.executor._masker = Masker(
            digest_of(f"{ref} {life}".encode()).encode()[:32], lambda: 0
        )

    def start_again(self, ref: NodeRef) -> None:
        """Put a new process in the place of a node's: it has its private files, but no records and no orders."""
        old = self.net.members[ref]
        new = self.net.members[ref] = Member(old.node)
        new.worker, new.trainer = old.worker, old.trainer
        self.restart(ref, life=2)

    def site(self, place: int) -> NodeRef:
        return next(ref for ref in self.net.members if str(ref.address) == ADDRESSES[place])

    def away(self, places: Collection[int]) -> None:
        self.net.dead |= {self.site(place) for place in places}

    def work_off(self, member: Member) -> None:
        """What waits in a node's queue; `is_driver` tells who asks meanwhile."""
        was, self.is_driver = self.is_driver, False
        InlineRing._work_off(self.net, member)
        self.is_driver = was

    def watch(self, node: NodeRef, request: Request[Any]) -> None:
        """Note what a site that has answered has revealed."""
        if isinstance(request, Collect):
            self.note_revealed(node)

    def note_revealed(self, node: NodeRef) -> None:
        member = self.net.members[node]
        self.net._work_off(member)
        for ticket, order in member.orders._orders.items():
            if isinstance(order.task, RevealTask) and member.orders.progress(ticket).state == "done":
                self.revealed.setdefault((str(node), order.task.sum_id), set()).add(order.task.chosen)


def promised_key(net: InlineRing, ref: NodeRef, order: Order) -> str:
    """The key in a site's answer to a promise."""
    progress = carried_out(net, ref, order)
    return str(json.loads(progress.content)["key"])


def carried_out(net: InlineRing, ref: NodeRef, order: Order) -> Progress:
    """The end of an order that a node is given."""
    member = net.members[ref]
    ticket = member.orders.accept(order)
    net._work_off(member)
    return member.orders.progress(ticket)


def masking_of(job: SecureJob, members: Any) -> Masking:
    by_home = {a: tuple(f.index for f in job.spec.files if job.spec.homes[f.index] == a) for a in ADDRESSES}
    sites = []
    for place in members:
        masker = job.net.members[job.site(place)].orders.executor._masker
        assert masker is not None
        sites.append(MaskedSite(ADDRESSES[place], masker.key, by_home[ADDRESSES[place]]))
    return Masking(THRESHOLD, tuple(sites))
