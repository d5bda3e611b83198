"""Private data: only its home trains a file, absent homes are reported, and no row is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn, cast

import numpy as np
import pytest

from roundelay.chord.effects import Procedure, Sleep
from roundelay.chord.errors import NotFound
from roundelay.chord.requests import GetNeighbours
from roundelay.federation import jobs, round_tasks, trained_round
from roundelay.federation.effects import Compute, Done
from roundelay.federation.errors import BadRecord, BadSpec, WorkFailed
from roundelay.federation.private_data import (
    CLIENT,
    PrivateFile,
    Publication,
    _read,
    files_of,
    find_publications,
    publish_loop,
)
from roundelay.federation.requests import Order, TrainingFile
from roundelay.federation.site_gate import SiteGate
from roundelay.federation.site_policy import SitePolicy, SitePolicyInForce
from roundelay.federation.spec import JobSpec, spec_from_bytes
from roundelay.federation.tasks import MomentsTask, TrainTask
from roundelay.federation.trainer_client import TrainerClient
from roundelay.ml.errors import ClientFault, TrainerFault, private
from roundelay.ml.exact_moments import feature_sums
from roundelay.ml.frames import Frame, Header
from roundelay.ml.readers.letters import parse
from roundelay.ml.sliced import Sliced
from roundelay.ml.validate import Validator
from roundelay.store.blobs import digest_of
from roundelay.store.items import Put, Read, Write
from tests.federation.inline_ring import InlineRing
from tests.federation.test_driver import CONTENTS, IDS, RING, SETTINGS, VALIDATION, Job, make_spec

ADDRESSES = [f"node-{i}:1" for i in IDS[:4]]


def published(name: str) -> PrivateFile:
    """What a node publishes of one of the files."""
    content = CONTENTS[name]
    return PrivateFile(name, digest_of(content), len(content), content.count(b"\n"))


class PinnedJob(Job):
    """Two private files on each of four nodes."""

    def __init__(self, **settings: object) -> None:
        names = sorted(CONTENTS)[:8]
        private = {address: names[2 * i : 2 * i + 2] for i, address in enumerate(ADDRESSES)}
        publications = tuple(
            Publication(address, "letters", tuple(map(published, its))) for address, its in private.items()
        )
        files, homes = files_of(publications)
        held_out = TrainingFile(len(files), "validation", digest_of(VALIDATION), len(VALIDATION), 60)
        spec = JobSpec(replace(SETTINGS, **settings), files, held_out, 4, 5, pinned="wards", homes=homes)  # type: ignore[arg-type]
        super().__init__(IDS[:4], replace(spec, settings=SETTINGS, files=(), homes=(), pinned=""), {})
        self.spec = spec
        self.net.run(jobs.publish(self.net.entry, RING, spec, next(self.versions)))
        for ref, member in self.net.members.items():
            for name in private[str(ref.address)]:
                digest = digest_of(CONTENTS[name])
                member.worker.add_file(digest, name, CONTENTS[name], 4, 5)
                member.trainer._files.add(digest)
        self.requests: list[object] = []
        self.net.before_answer = lambda node, request: self.requests.append(request)


def test_only_its_home_trains_a_file_and_no_content_travels() -> None:
    job = PinnedJob()
    job.drive()

    for _, report in job.rounds:
        assert report.placement == {f.name: f.name.split("~")[0] for f in job.spec.files}
    private = {f.digest for f in job.spec.files}
    assert not [r for r in job.requests if isinstance(r, Write | Read) and r.digest in private]
    puts = [r for r in job.requests if isinstance(r, Put)]
    assert not private.intersection(parcel.item.entry.digest for put in puts for parcel in put.parcels)


@pytest.mark.parametrize("topology", ["star", "tree"])
def test_a_node_that_is_away_is_named_and_takes_part_again_when_it_is_back(topology: str) -> None:
    job = PinnedJob(topology=topology, rounds=6)
    away = next(ref for ref in job.net.members if str(ref.address) == ADDRESSES[2])

    def come_and_go(node: object, request: object) -> None:
        if isinstance(request, Order) and request.round == 2:
            job.net.dead.add(away)
        if isinstance(request, GetNeighbours | Order) and len(job.rounds) == 3:
            job.net.dead.discard(away)

    job.net.before_answer = come_and_go
    job.drive()

    assert f"{away.address} is away: its 2 private files left out" in job.rounds[1][1].disturbances
    left_out = tuple(f.index for f in job.spec.files if f.name.startswith(f"{away.address}~"))
    assert [result.left_out for result, _ in job.rounds][:2] == [(), left_out]
    assert job.rounds[-1][0].left_out == ()


@pytest.mark.parametrize("compress", ["int8", "lossless"])
def test_a_site_that_clips_refuses_rounded_updates_before_it_trains(compress: str) -> None:
    job = PinnedJob(compress=compress)
    policy = SitePolicy(file_rows=1, batch_rows=1, steps=1, noise=0.0)
    gates, trained = [], list[Order]()
    for member in job.net.members.values():
        digests = {file.digest for file in job.spec.files}
        gates.append(SitePolicyInForce(policy, job.net.clock))
        member.orders.executor._gate = SiteGate(gates[-1], digests, None, lambda: 1)
        plain = member.trainer.carry_out

        def watch(effect: Compute, plain: Any = plain) -> Done:
            trained.extend([effect.order] if isinstance(effect.order.task, TrainTask) else [])
            return cast(Done, plain(effect))

        member.trainer.carry_out = watch  # type: ignore[method-assign]

    if compress == "lossless":
        job.drive()
        assert len(trained) == len(job.net.members) * job.spec.settings.rounds
        return
    with pytest.raises(WorkFailed, match=r"refuses the order \(clip\): its job rounds updates \(--compress"):
        job.drive()
    assert not trained and not any(gate._trained for gate in gates)


def test_sites_that_give_no_sums_away_train_where_the_validation_file_standardises() -> None:
    plain, job = PinnedJob(), PinnedJob(standardise="validation")
    policy = SitePolicy(file_rows=1, batch_rows=1, steps=1, clip=0.0, noise=0.0, sums=False)
    for each in (plain, job):
        for member in each.net.members.values():
            digests = {file.digest for file in each.spec.files}
            member.orders.executor._gate = SiteGate(SitePolicyInForce(policy, each.net.clock), digests, None, lambda: 1)

    job.drive()

    held_out = Validator(job.spec.design, "validation", VALIDATION)
    assert job.look().results[0].moments == held_out.moments().hex()
    assert not [r for r in job.requests if isinstance(r, Order) and isinstance(r.task, MomentsTask)]
    with pytest.raises(WorkFailed, match=r"\(sums\)"):
        plain.drive()


def test_only_a_job_on_private_data_with_a_validation_file_is_standardised_by_it() -> None:
    job, settings = PinnedJob(), replace(SETTINGS, standardise="validation")

    with pytest.raises(BadSpec, match="is for private data"):
        make_spec(settings)
    with pytest.raises(BadSpec, match="needs a validation file"):
        replace(job.spec, settings=settings, validation=None, evaluate="sites")
    with pytest.raises(BadSpec, match=r"is for private data .* whose inputs are standardised"):
        replace(job.spec, settings=replace(settings, course=True, optimizer="gd", halvings=0))


@pytest.mark.parametrize(("standardise", "number"), [("validation", 0), ("training", 1)])
def test_a_site_tells_sums_of_features_only_in_round_0_of_a_job_that_needs_them(standardise: str, number: int) -> None:
    job = PinnedJob(standardise=standardise)
    ref, member = next(iter(job.net.members.items()))
    its = tuple(file for file in job.spec.files if job.spec.homes[file.index] == str(ref.address))
    gate = SiteGate(SitePolicyInForce(SitePolicy(file_rows=1), job.net.clock), {its[0].digest}, None, lambda: 1)

    with pytest.raises(WorkFailed, match="its job's spec does not ask for this"):
        job.net.run(gate.admit(member.node, Order(job.spec.job, number, its, round_tasks.moments_task(job.spec))))


def test_equal_jobs_on_private_data_give_equal_models_in_star_and_tree() -> None:
    assert PinnedJob().drive() == PinnedJob(topology="tree").drive()


def test_private_files_are_described_by_exact_sums_and_nothing_is_trained() -> None:
    job = PinnedJob()

    sums, _ = job.net.run(job.driver().survey_features(with_values=False))

    read = np.concatenate([parse("f", CONTENTS[name]).x for name in sorted(CONTENTS)[:8]])  # (n, d)
    assert sums == feature_sums(read)
    assert not [r for r in job.requests if isinstance(r, Order) and isinstance(r.task, TrainTask)]
    private = {f.digest for f in job.spec.files}
    assert not [r for r in job.requests if isinstance(r, Write | Read) and r.digest in private]


def test_flower_clients_train_without_moments_and_validation_is_raw() -> None:
    job = PinnedJob()
    publications = tuple(
        Publication(address, CLIENT, (PrivateFile("client", f"{at:064x}", 2, 10),))
        for at, address in enumerate(ADDRESSES, 1)
    )
    files, homes = files_of(publications)
    job.spec = replace(job.spec, files=files, homes=homes, raw=True)
    job.net.run(jobs.publish(job.net.entry, RING, job.spec, next(job.versions)))
    trained = []

    class Client:
        rows = 10

        def train(self, model: Any, base: Any, config: Any, number: int, seed: int, on_epoch: Any) -> Any:
            trained.append(number)
            return base + 0.25

    for ref, member in job.net.members.items():
        digest = files[homes.index(str(ref.address))].digest
        member.worker.add_client(digest, Client())  # type: ignore[arg-type]
        member.trainer._files.add(digest)

    weights = job.drive()

    first = np.frombuffer(trained_round.first_weights(job.spec), "<f4")
    assert np.allclose(np.frombuffer(weights, "<f4"), first + 0.75)
    assert sorted(trained) == [1] * 4 + [2] * 4 + [3] * 4
    assert job.look().results[0].moments == ""
    assert spec_from_bytes(job.spec.to_bytes()) == job.spec


@pytest.mark.parametrize("topology", ["star", "tree"])
def test_a_training_that_fails_at_every_home_fails_the_job_by_its_reason(topology: str) -> None:
    job = PinnedJob(topology=topology)
    for member in job.net.members.values():
        member.worker.train = fail  # type: ignore[method-assign,assignment]

    with pytest.raises(WorkFailed, match=r"node-\d+:1: no lr in the config"):
        job.drive()


@pytest.mark.parametrize("place", ["missing", "add", "train"])
def test_an_error_while_private_data_are_read_tells_others_no_value(place: str) -> None:
    def ask(header: Header, payload: Sequence[Sliced], order: Order) -> Frame:
        if header["do"] == place:
            raise TrainerFault(f"ValueError: {private('dose 1789')}")
        return Frame({"missing": header.get("digests")}, bytearray())

    spec = make_spec()
    order = Order("j", 1, spec.files[:1], round_tasks.training_task(spec, b""))
    found = {"do": "add", "name": "a", "path": "/wards"}
    with pytest.raises(WorkFailed, match=r"^ValueError: \.\.\.$") as raised:
        TrainerClient(ask, lambda digest: dict(found)).carry_out(Compute(order, {}))

    assert str(raised.value.__cause__) == "ValueError: dose 1789"  # for the log of the site


def fail(*_: object) -> NoReturn:
    raise ClientFault("no lr in the config")


@pytest.mark.parametrize("topology", ["star", "tree"])
def test_a_home_that_lacks_the_model_is_named_with_its_reason(topology: str) -> None:
    job = PinnedJob(topology=topology)
    without_model = next(member for ref, member in job.net.members.items() if str(ref.address) == ADDRESSES[2])
    plain = without_model.compute

    def compute(effect: Compute) -> Done:
        if effect.order.round == 2:
            raise NotFound("model mine:Linear is not allowed here")
        return plain(effect)

    without_model.compute = compute  # type: ignore[method-assign]
    job.drive()

    line = f"{ADDRESSES[2]}: model mine:Linear is not allowed here: its 2 private files left out"
    assert line in job.rounds[1][1].disturbances


def test_private_files_are_placed_at_their_home_only() -> None:
    spec = make_spec()
    with pytest.raises(BadSpec, match="--private cannot be combined with --placement random"):
        replace(spec, settings=replace(SETTINGS, placement="random"), pinned="wards", homes=("n:1",) * len(spec.files))
    with pytest.raises(BadSpec, match="homes"):
        replace(spec, pinned="wards")


# --- publications


def test_a_publication_is_found_and_has_no_rows() -> None:
    net = InlineRing(IDS[:4], RING)
    files = tuple(map(published, sorted(CONTENTS)[:2]))
    versions = iter(range(1, 9))
    for member in net.members.values():
        publishing = publish_loop(member.node, "wards", "letters", files, lambda: next(versions))
        net.run(first_pause(publishing))

    found = net.run(find_publications(net.entry, RING, "wards"))

    assert [p.address for p in found] == sorted(ADDRESSES)
    assert found[0].files == files
    assert files[0].rows == CONTENTS[sorted(CONTENTS)[0]].count(b"\n")
    row = CONTENTS[sorted(CONTENTS)[1]].split(b"\n")[0]
    assert row not in found[0].to_bytes()
    assert net.run(find_publications(net.entry, RING, "war")) == ()


def first_pause(procedure: Procedure[Any]) -> Procedure[None]:
    """Run an endless procedure up to its first sleep."""

    outcome = None
    while True:
        effect = procedure.send(outcome)
        if isinstance(effect, Sleep) and effect.seconds > 1:
            return
        outcome = yield effect


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"address": "n:1", "kind": "csv", "files": [{"name": "a"}]}',
        b'{"address": "n:1", "kind": "csv", "files": [], "models": 7}',
    ],
)
def test_a_malformed_publication_is_refused(content: bytes) -> None:
    with pytest.raises(BadRecord):
        _read(content)
