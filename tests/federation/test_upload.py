"""Upload and publication through the members of one crawl, on a whole ring in one thread."""

from __future__ import annotations

import pytest

from roundelay.chord.effects import Procedure
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import NextHop
from roundelay.chord.ring import Ring
from roundelay.federation import jobs
from roundelay.federation.errors import TooManyJobs
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import Settings
from roundelay.federation.snapshot import read_snapshot
from roundelay.federation.spec import JobSpec
from roundelay.federation.upload import store_and_publish, upload_files
from roundelay.store.blobs import digest_of
from roundelay.store.items import Find, Put
from roundelay.store.read_path import get, holders_among
from roundelay.store.write_path import put
from tests.federation.inline_ring import InlineRing, settled

RING = Ring(bits=16, successors=8, replicas=3)
IDS = (100, 9_000, 20_000, 33_000, 41_000, 52_000)
CONTENTS = [f"{number},{number},0\n".encode() for number in range(9)]
FILES = tuple(TrainingFile(i, f"file-{i}", digest_of(c), len(c), 1) for i, c in enumerate(CONTENTS))
SPEC = JobSpec(Settings(rounds=1), FILES[:-1], FILES[-1], 2, 3)
BY_DIGEST = {digest_of(c): c for c in CONTENTS}


@pytest.fixture
def net() -> InlineRing:
    return InlineRing(IDS, RING)


def publication(net: InlineRing, spec: JobSpec = SPEC) -> Procedure[tuple[NodeRef, ...]]:
    return store_and_publish(net.entry, RING, spec, BY_DIGEST, 1)


def copies(net: InlineRing, key: int, name: str) -> set[NodeRef]:
    """Return the nodes that have an item with a name."""
    found = {ref: net.members[ref].handlers[Find](Find(key, (name,))) for ref in net.members if ref not in net.dead}
    return {ref for ref, items in found.items() if items}


def heal(net: InlineRing) -> None:
    """Give the live nodes the neighbours that they find in time."""
    live = [ref for ref in net.members if ref not in net.dead]
    for ref in live:
        node, healed = net.members[ref].node, settled(ref, live, RING)
        node.predecessor = healed.predecessor
        node.set_successors(healed.successors[0], healed.successors[1:])
        node.set_fingers(healed.fingers)


def test_a_job_is_stored_and_published_without_lookups(net: InlineRing) -> None:
    lookups: list[NodeRef] = []
    net.before_answer = lambda node, request: lookups.append(node) if isinstance(request, NextHop) else None

    members = net.run(publication(net))

    assert not lookups and [node.id for node in members] == sorted(IDS)
    for file in FILES:
        assert copies(net, RING.key(file.name), file.name) == set(holders_among(members, RING, RING.key(file.name))[:3])
        assert net.run(get(net.entry, RING, RING.key(file.name), file.name, file.digest)) == BY_DIGEST[file.digest]
    assert net.run(jobs.list_jobs(net.entry, RING)) == [SPEC.job]
    assert net.run(read_snapshot(net.entry, RING, SPEC.job)).spec == SPEC


def test_files_for_which_a_node_is_wrongly_taken_for_the_owner_are_looked_up(net: InlineRing) -> None:
    members = tuple(net.members)
    stale = members[:2] + members[3:]  # 20,000 has joined after the crawl
    lookups: list[NodeRef] = []
    net.before_answer = lambda node, request: lookups.append(node) if isinstance(request, NextHop) else None

    holders = net.run(upload_files(net.entry, RING, FILES, BY_DIGEST, 1, lambda _: None, stale))

    assert lookups
    for file in FILES:
        assert holders[file.index][0] == holders_among(members, RING, RING.key(file.name))[0]


@pytest.mark.parametrize("puts", range(1, 40, 3))
def test_a_publication_survives_a_node_that_dies_at_any_put(net: InlineRing, puts: int) -> None:
    left = [puts]

    def die(node: NodeRef, request: object) -> None:
        left[0] -= isinstance(request, Put)
        if left[0] == 0 and node != net.entry:
            left[0] = -1
            net.dead.add(node)

    net.before_answer = die

    try:
        net.run(publication(net))
    except ChordError:  # the client repeats it, until the ring has healed
        heal(net)
        net.run(publication(net))

    assert len(net.dead) <= 1
    for file in FILES:
        assert len(copies(net, RING.key(file.name), file.name)) >= RING.replicas - len(net.dead)
    assert net.run(read_snapshot(net.entry, RING, SPEC.job)).spec == SPEC
    assert net.run(jobs.list_jobs(net.entry, RING)) == [SPEC.job]


def test_a_client_that_dies_during_its_upload_lists_no_job_and_can_be_repeated(net: InlineRing) -> None:
    left = [6]

    def cut(node: NodeRef, request: object) -> None:
        left[0] -= isinstance(request, Put)
        if left[0] < 0:
            raise KeyboardInterrupt

    net.before_answer = cut
    with pytest.raises(KeyboardInterrupt):
        net.run(publication(net))
    net.before_answer = lambda node, request: None
    assert net.run(jobs.list_jobs(net.entry, RING)) == []

    net.run(publication(net))

    assert net.run(jobs.list_jobs(net.entry, RING)) == [SPEC.job]


def test_known_members_do_not_hide_jobs_that_wait(net: InlineRing) -> None:
    for number in range(jobs.UNENDED_MAX):
        spec = JobSpec(Settings(rounds=1), FILES[:-1], FILES[-1], 2, 3, nonce=str(number))
        net.run(jobs.publish(net.entry, RING, spec, 1 + number))

    with pytest.raises(TooManyJobs, match="32 jobs are running or waiting"):
        net.run(publication(net))


def test_a_listed_job_without_a_spec_keeps_nobody_waiting(net: InlineRing) -> None:
    net.run(publication(net))
    net.run(put(net.entry, RING, RING.key("jobs"), "ab" * 32, b"listed", 0))

    assert net.run(jobs.list_jobs(net.entry, RING)) == ["ab" * 32, SPEC.job]
    assert net.run(jobs.jobs_ahead(net.entry, RING, "")) == [SPEC.job]


def test_members_that_have_all_gone_are_looked_up_anew(net: InlineRing) -> None:
    gone = tuple(NodeRef(ref.id, ref.host, ref.port + 1) for ref in net.members)

    net.run(jobs.publish(net.entry, RING, SPEC, 1, gone))

    assert net.run(jobs.jobs_ahead(net.entry, RING, "", gone)) == [SPEC.job]
