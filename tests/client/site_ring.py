"""A ring in one thread whose nodes have private data in folders, and a client of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.client.preparation import prepare
from roundelay.client.requests import TrainRequest
from roundelay.federation.driver import Driver
from roundelay.federation.effects import Clocks
from roundelay.federation.private_data import Publication, directory_name, publish_loop
from roundelay.federation.records import RoundReport, RoundResult
from roundelay.federation.site_gate import SiteGate
from roundelay.federation.site_policy import SitePolicy, SitePolicyInForce
from roundelay.federation.spec import JobSpec
from roundelay.federation.upload import store_and_publish
from roundelay.ml import answers
from roundelay.ml.readers.limits import DEFAULT
from roundelay.ml.trainer_orders import survey_folder
from roundelay.node import private
from roundelay.node.private import PrivateFolder
from roundelay.node.trainer_process import Surveyed
from roundelay.sim.program import InlineTrainer
from roundelay.store.blobs import Content
from roundelay.store.write_path import put
from tests.federation.inline_ring import InlineRing, Member
from tests.federation.test_private_data import first_pause

RING = Ring(bits=16, successors=8, replicas=3)
IDS = (100, 20_000, 41_000, 60_000)
NAME = "wards"


class SiteRing:
    """Each of these folders is the private data of one node, in the order of the nodes' addresses."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.net = InlineRing(IDS[: max(1, len(folders))], RING)
        self.versions = itertools.count(1)
        self.notes: list[str] = []
        self.rounds: list[tuple[RoundResult, RoundReport]] = []
        self.sites: dict[str, PrivateFolder] = {}
        members = sorted(self.net.members.items(), key=lambda item: str(item[0].address))
        for (ref, member), folder in zip(members, folders, strict=False):
            with inline_surveys():
                data = PrivateFolder(folder, NAME, self.notes.append)
                data.scan()
            member.trainer = InlineTrainer(member.worker, partial(data.find, survey=surveyed))
            self.sites[str(ref.address)] = data
            self.net.run(
                first_pause(publish_loop(member.node, NAME, data.kind, data.files, lambda: next(self.versions)))
            )

    def ref(self, site: str) -> NodeRef:
        return next(ref for ref in self.net.members if str(ref.address) == site)

    def member(self, site: str) -> Member:
        return self.net.members[self.ref(site)]

    def publish(self, publication: Publication) -> None:
        """Publish what no node of this ring has."""
        place = directory_name(NAME)
        name, content = f"{place}.{publication.address}", publication.to_bytes()
        self.net.run(put(self.net.entry, RING, RING.key(place), name, content, next(self.versions), 60.0))

    def set_policy(self, site: str, policy: SitePolicy) -> None:
        """Put a site's private files behind a gate."""
        digests = {file.digest for file in self.sites[site].files}
        self.member(site).orders.executor._gate = SiteGate(
            SitePolicyInForce(policy, self.net.clock), digests, None, lambda: 1
        )

    @property
    def connection(self) -> Any:
        """What the client's modules need of a connection."""
        entry = SimpleNamespace(node=self.net.entry, ring=RING)
        note: Callable[[str], None] = self.notes.append
        progress = SimpleNamespace(note=note, bar=lambda name: lambda done, total: None)
        runtime = SimpleNamespace(run=self.net.run, start=lambda name, procedure, on_failure: None)
        ask = lambda make, tries=1: self.net.run(make(entry))  # noqa: E731
        return SimpleNamespace(ask=ask, entry=lambda: entry, runtime=runtime, progress=progress)

    def submit(self, request: TrainRequest) -> JobSpec:
        """Prepare a request, as the client does, and publish its job."""
        with prepare(request, self.connection.progress) as ready, inline_surveys():
            spec, data = ready.find_job(self.connection)
            contents: Mapping[str, Content] = dict(data.contents)
            self.net.run(store_and_publish(self.net.entry, RING, spec, contents, next(self.versions)))
        return spec

    def drive(self, spec: JobSpec) -> bytes:
        """Drive a job to its end; return its model's weights."""
        clocks = Clocks(self.net.clock, lambda: next(self.versions))
        self.rounds = []
        driver = Driver(spec, RING, self.net.entry, "test", clocks, lambda *each: self.rounds.append(each))
        with inline_surveys():
            self.net.run(driver.drive())
        return driver.weights[:]

    def train(self, request: TrainRequest) -> bytes:
        return self.drive(self.submit(request))


def surveyed(folder: Path) -> Surveyed:
    return private._survey(folder)


@contextmanager
def inline_surveys() -> Any:
    """Let folders be surveyed in this process instead of one of its own."""
    plain = private._survey
    private._survey = lambda directory, limits=DEFAULT: answers.survey(survey_folder(directory, limits))
    try:
        yield
    finally:
        private._survey = plain
