"""Jobs whose sites make models of their own, on a ring in one thread: results, failover, export at a site."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from roundelay.cli.tables import sites_table
from roundelay.client import personal
from roundelay.client.errors import ClientError, RequestRefused
from roundelay.client.model_card import write_card
from roundelay.client.report import JobReport, Round, measure_at_sites, measure_model, model_from
from roundelay.client.requests import TrainRequest
from roundelay.federation import jobs, records, server_step, site_scores, trained_round
from roundelay.federation.errors import BadRecord, BadSpec
from roundelay.federation.partial_result import PartialResult
from roundelay.federation.replay import NOBODY
from roundelay.federation.requests import Order, Progress
from roundelay.federation.settings import Settings
from roundelay.federation.snapshot import JobSnapshot, read_snapshot
from roundelay.federation.spec import JobSpec
from roundelay.federation.tasks import PersonalTask, TrainTask
from roundelay.ml.data import Floats, Samples
from roundelay.ml.errors import MLError
from roundelay.ml.metrics import Metrics
from roundelay.ml.models.catalogue import learner
from roundelay.ml.personal import last_layer
from roundelay.ml.readers import site
from roundelay.ml.readers.limits import Limits
from roundelay.ml.readers.reading import reading_from_json
from roundelay.ml.sliced import Bytes, Sliced
from roundelay.ml.task import TrainerTask
from roundelay.ml.worker import Worker
from roundelay.store.packing import SUM_BYTES
from tests.client.site_ring import NAME, RING, SiteRing, inline_surveys

ROWS, CLASSES = 60, 6
SETTINGS = {"rounds": 2, "epochs": 2, "hidden": (12,), "hide_below": 1, "personal_epochs": 8}
METHODS = ("head", "ditto", "fine-tune")


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Four sites with two files each; a site has only two or three of the classes."""
    rng, made = np.random.default_rng(3), []
    centres = rng.normal(size=(CLASSES, 8)) * 1.2
    for number in range(4):
        made.append(tmp_path / f"site{number}")
        made[-1].mkdir()
        for part in range(2):
            y = (rng.integers(0, 2, ROWS) + number) % CLASSES
            x = centres[y] + rng.normal(size=(ROWS, 8))
            lines = [",".join([*(f"{v:.3f}" for v in row), "abcdef"[k]]) for row, k in zip(x, y, strict=True)]
            header = ",".join([*(f"x{n}" for n in range(8)), "kind"])
            (made[-1] / f"{number}-{part}.csv").write_text("\n".join([header, *lines]) + "\n")
    return made


def submit(ring: SiteRing, method: str, **settings: Any) -> JobSpec:
    chosen = {**SETTINGS, "personal": method, **settings}
    return ring.submit(TrainRequest(None, None, chosen, private=NAME))


def snapshot_of(ring: SiteRing, spec: JobSpec) -> JobSnapshot:
    return ring.net.run(read_snapshot(ring.net.entry, RING, spec.job, with_reports=True))


def report_of(ring: SiteRing, spec: JobSpec, weights: bytes) -> JobReport:
    snapshot = snapshot_of(ring, spec)
    rounds = tuple(Round(*each) for each in ring.rounds)
    model = model_from(spec, weights, bytes.fromhex(snapshot.results[0].moments))
    metrics = measure_at_sites(spec, rounds[-1])
    return JobReport(spec, 4, rounds, model, metrics=metrics, personal=snapshot.personal)


@pytest.mark.parametrize(
    ("method", "arithmetic_name"), [*((method, "native") for method in METHODS), ("head", "portable")]
)
def test_results_of_the_sites_own_models_stand_beside_the_shared_ones(
    method: str, arithmetic_name: str, folders: list[Path], tmp_path: Path
) -> None:
    ring = SiteRing(folders)
    spec = submit(ring, method, arithmetic=arithmetic_name)
    report = report_of(ring, spec, ring.drive(spec))

    own = report.own_models
    assert own is not None and [each.site for each in own.sites] == list(ring.sites)
    assert own.mean_error is not None and own.mean_error < 0.35
    shown: Any = report.to_json()["personal"]
    assert (shown["method"], len(shown["sites"]), shown["mean_error"]) == (method, 4, own.mean_error)
    write_card(tmp_path / "m.npz", report)
    card = (tmp_path / "m.npz.md").read_text()
    assert ("## Sites, their own models" in card) == (method != "head")
    assert (f"own models ({method})" in sites_table(report).line) == (method != "head")


@pytest.mark.parametrize("method", METHODS)
def test_a_site_that_knows_nothing_of_earlier_rounds_makes_the_same_model(method: str, folders: list[Path]) -> None:
    """Its own model follows from the job, the model that is kept and its files: we make what the node evaluates."""
    ring = SiteRing(folders)
    made = {site: models_made_by(ring.member(site).worker) for site in ring.sites}
    spec = submit(ring, method)
    shared = report_of(ring, spec, ring.drive(spec))
    snapshot, scores = snapshot_of(ring, spec), shared.own_models
    assert scores is not None
    for folder, score in zip(folders, scores.sites, strict=True):
        own = personal.make_site_model(snapshot, shared.model, str(folder))

        assert own.weights.tobytes() == made[score.site][-1]
        found = measure_model(own, held_out(spec, folder, score.site))
        assert isinstance(found, Metrics)
        assert 1 - found.accuracy == pytest.approx(score.error)
        assert own.sha256 != shared.model.sha256


def models_made_by(worker: Worker) -> list[bytes]:
    """Return a list to which each model is added that a node's trainer makes for its site."""
    made, plain = list[bytes](), worker.personal_model

    def make(task: TrainerTask, weights: Sliced | Bytes) -> Floats:
        made.append((own := plain(task, weights)).tobytes())
        return own

    worker.personal_model = make  # type: ignore[method-assign]
    return made


def held_out(spec: JobSpec, folder: Path, home: str) -> Samples:
    """The rows that a site holds out, as its trainer reads them."""
    names = [
        (f.name.removeprefix(f"{home}~"), f.index) for f, its in zip(spec.files, spec.homes, strict=True) if its == home
    ]
    read = [site.read_part(folder, name, index, reading_from_json(spec.reading)).held_out for name, index in names]
    parts = [each for each in read if each is not None]
    return Samples(np.concatenate([each.x for each in parts]), np.concatenate([each.y for each in parts]))


def test_what_was_measured_of_another_model_than_the_job_keeps_is_ignored(folders: list[Path]) -> None:
    """Two drivers may have stored different rounds: noise, for one, is drawn by each."""
    ring = SiteRing(folders)
    spec = submit(ring, "fine-tune")
    ring.drive(spec)
    right = snapshot_of(ring, spec)
    assert right.personal is not None and right.personal.result == right.kept.digest
    other = replace(right.personal, result="ab" * 32, evaluation=site_scores.SitesEvaluation(1))

    ring.net.run(jobs.put_record(ring.net.entry, RING, spec.job, "personal", other.to_bytes(), next(ring.versions)))

    assert snapshot_of(ring, spec).personal == right.personal
    known = replace(right, personal=other)
    assert ring.net.run(read_snapshot(ring.net.entry, RING, spec.job, known)).personal == right.personal


@pytest.mark.parametrize(("rule", "topology"), [("fedavg", "star"), ("fedadam", "tree"), ("median", "star")])
def test_the_last_layer_never_leaves_its_site(rule: str, topology: str, folders: list[Path]) -> None:
    ring = SiteRing(folders)
    spec = submit(ring, "head", rule=rule, topology=topology)
    updates: list[bytes] = []
    for member in ring.net.members.values():
        plain = member.trainer.carry_out

        def watch(effect: Any, plain: Any = plain) -> Any:
            done = plain(effect)
            if isinstance(effect.order.task, TrainTask):
                size = effect.order.vector_bytes
                updates.extend(done.result[at : at + size] for at in range(0, effect.order.sums_bytes, size))
            return done

        member.trainer = cast(Any, SimpleNamespace(carry_out=watch))

    weights = np.frombuffer(ring.drive(spec), "<f4")

    place, first = last_layer(learner(spec.design)), np.frombuffer(trained_round.first_weights(spec), "<f4")
    assert (weights[place] == first[place]).all() and not (weights[: place.start] == first[: place.start]).all()
    assert len(updates) == (8 if rule == "median" else 4) * spec.settings.rounds
    assert not any(any(each[SUM_BYTES * place.start : SUM_BYTES * place.stop]) for each in updates)


def test_what_a_site_adds_to_its_last_layer_as_noise_does_not_reach_the_model(folders: list[Path]) -> None:
    spec = submit(SiteRing(folders), "head")
    base = trained_round.first_weights(spec)
    noise = np.ones(len(base) // 4, "<i8").tobytes()
    part = PartialResult(NOBODY, spec.files, Progress("done"), noise)

    weights = np.frombuffer(server_step.step(spec, base, [part], b"")[0], "<f4")

    place, first = last_layer(learner(spec.design)), np.frombuffer(base, "<f4")
    assert (weights[place] == first[place]).all() and (weights[: place.start] != first[: place.start]).any()


@contextmanager
def killed_before(ring: SiteRing, kind: type) -> Iterator[None]:
    """End the driver when a site is given an order of this kind."""

    def before(node: Any, request: Any) -> None:
        if isinstance(request, Order) and isinstance(request.task, kind):
            raise KeyboardInterrupt

    ring.net.before_answer = before
    with pytest.raises(KeyboardInterrupt):
        yield
    ring.net.before_answer = lambda node, request: None


def test_a_driver_that_takes_over_has_the_sites_make_the_same_models(folders: list[Path]) -> None:
    one, other = SiteRing(folders), SiteRing(folders)
    spec = submit(one, "ditto")
    weights = one.drive(spec)
    same = replace(submit(other, "ditto"), nonce=spec.nonce)
    assert same == spec
    other.net.run(_publish(other, spec))

    with killed_before(other, PersonalTask):
        other.drive(spec)
    assert snapshot_of(other, spec).personal is None and not snapshot_of(other, spec).end
    other.drive(spec)

    found, expected = snapshot_of(other, spec), snapshot_of(one, spec)
    assert found.personal == expected.personal is not None
    assert (found.results, found.end) == (expected.results, records.DONE)
    assert weights


def _publish(ring: SiteRing, spec: JobSpec) -> Any:
    return jobs.publish(ring.net.entry, RING, spec, next(ring.versions))


def test_a_site_whose_files_have_changed_is_absent_and_no_model_of_a_part_is_shown(folders: list[Path]) -> None:
    ring = SiteRing(folders)
    spec = submit(ring, "fine-tune")
    changed = iter([folders[2] / "2-1.csv"])

    def before(node: Any, request: Any) -> None:
        if isinstance(request, Order) and isinstance(request.task, PersonalTask):
            for file in changed:
                file.write_text(file.read_text() + "1,1,1,1,1,1,1,1,c\n")

    ring.net.before_answer = before
    ring.drive(spec)

    record = snapshot_of(ring, spec).personal
    assert record is not None and record.evaluation.absent == (list(ring.sites)[2],)
    assert len(record.evaluation.sites) == 3


def test_only_who_has_a_sites_files_can_make_its_model(folders: list[Path], tmp_path: Path) -> None:
    ring = SiteRing(folders)
    spec = submit(ring, "fine-tune")
    shared, snapshot = report_of(ring, spec, ring.drive(spec)).model, snapshot_of(ring, spec)
    homes = list(ring.sites)

    def refused(where: str, complaint: str) -> None:
        with pytest.raises(RequestRefused, match=complaint):
            personal.make_site_model(snapshot, shared, where)

    stranger = tmp_path / "stranger"
    stranger.mkdir()
    (stranger / "9.csv").write_text((folders[0] / "0-0.csv").read_text())
    refused(
        str(stranger), f"is not the private data of any site of job {spec.job[:8]}: of {homes[0]}, 0-0.csv, 0-1.csv"
    )
    refused(f"{homes[1]}={folders[0]}", f"not the private data of {homes[1]}: 1-0.csv, 1-1.csv are missing there")
    refused(f"10.9.9.9:1={folders[0]}", f"10.9.9.9:1 is not a site of job .* its sites are {homes[0]}")
    with (folders[3] / "3-0.csv").open("a") as file:
        file.write("1,1,1,1,1,1,1,1,a\n")
    refused(f"{homes[3]}={folders[3]}", "3-0.csv is missing there, or changed")
    plain = replace(snapshot, spec=replace(spec, settings=replace(spec.settings, personal="none", personal_epochs=10)))
    with pytest.raises(RequestRefused, match="have no models of their own: start one with --personal"):
        personal.make_site_model(plain, shared, str(folders[0]))


def test_a_folder_may_have_an_equals_sign_in_its_name() -> None:
    assert personal._divided("10.0.0.7:8001=/data/run=3") == ("10.0.0.7:8001", Path("/data/run=3"))
    for where in ("/data/run=3", "run=3", "/data/at:80=3"):
        assert personal._divided(where) == ("", Path(where))


def test_the_limits_of_readers_hold_for_a_sites_data(folders: list[Path]) -> None:
    for file in [each for folder in folders for each in folder.iterdir()]:
        file.write_bytes(gzip.compress(file.read_bytes()))  # a plain table is read in blocks, and has no limit
    ring = SiteRing(folders)
    spec = submit(ring, "fine-tune")
    shared, snapshot = report_of(ring, spec, ring.drive(spec)).model, snapshot_of(ring, spec)

    with pytest.raises(MLError, match="raise --max-file-bytes"):
        personal.make_site_model(snapshot, shared, str(folders[0]), Limits(10))
    assert personal.make_site_model(snapshot, shared, str(folders[0]), Limits(1 << 20)).sha256


def test_equal_files_of_two_sites_are_told_apart_by_the_address(folders: list[Path]) -> None:
    for file in folders[0].iterdir():
        (folders[1] / file.name).write_text(file.read_text())
    for name in ("1-0.csv", "1-1.csv"):
        (folders[1] / name).unlink()
    ring = SiteRing(folders)
    spec = submit(ring, "fine-tune")
    shared, snapshot = report_of(ring, spec, ring.drive(spec)).model, snapshot_of(ring, spec)

    with pytest.raises(RequestRefused, match="has the files of several sites: say ADDRESS="):
        personal.make_site_model(snapshot, shared, str(folders[0]))
    made = [personal.make_site_model(snapshot, shared, f"{home}={folders[0]}") for home in list(ring.sites)[:2]]
    assert made[0].sha256 != made[1].sha256  # other seeds, other rows held out


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"personal_epochs": 3}, "--personal-epochs is for --personal head or ditto or fine-tune, not for none"),
        ({"personal": "head", "ditto_lambda": 1.0}, "--ditto-lambda is for --personal ditto, not for head"),
        ({"personal": "head", "model": "softmax"}, "head is for mlp and cnn: softmax cannot keep one layer"),
        ({"personal": "head", "model": "torchzoo:cnn"}, "head is for mlp and cnn: torchzoo:cnn cannot keep one layer"),
        ({"personal": "head", "rule": "qfedavg"}, "head cannot be combined with --rule qfedavg, which compares losses"),
        ({"personal": "ditto", "model": "torchzoo:cnn"}, "ditto trains mlp, softmax and cnn, not torchzoo:cnn"),
        ({"personal": "ditto", "course": True, "optimizer": "gd"}, "cannot be combined with --course-trainer"),
        ({"personal": "all"}, "--personal is all, expected one of none, head, ditto, fine-tune"),
    ],
)
def test_settings_without_an_effect_or_a_meaning_are_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BadSpec, match=complaint):
        Settings(**settings)


@pytest.mark.parametrize(
    ("settings", "given", "complaint"),
    [
        ({"personal": "head"}, {"evaluate": "both"}, "--personal head needs --evaluate sites"),
        ({"personal": "ditto"}, {"evaluate": "client"}, "--personal ditto needs --evaluate sites or both"),
        ({"personal": "ditto", "topology": "gossip"}, {}, "another topology than gossip"),
        (
            {"personal": "ditto", "dp_noise": 1.0, "dp_clip": 1.0, "halvings": 0},
            {},
            "--dp-noise cannot be combined with --evaluate",
        ),
        ({"personal": "ditto", "verify": 1.0}, {}, "--verify"),
    ],
)
def test_jobs_whose_sites_cannot_make_models_are_refused_at_the_start(
    settings: dict[str, Any], given: dict[str, Any], complaint: str, folders: list[Path]
) -> None:
    ring = SiteRing(folders)
    validation = folders[0] / "0-0.csv" if given.get("evaluate") in ("both", "client") else None
    with pytest.raises((BadSpec, ClientError), match=complaint):
        ring.submit(TrainRequest(None, validation, {**SETTINGS, **settings}, private=NAME, **given))


def test_placed_files_have_no_site(folders: list[Path]) -> None:
    with pytest.raises(
        (BadSpec, ClientError), match="--personal ditto needs --private: a site's own model is made where"
    ):
        SiteRing([]).submit(TrainRequest(folders[0], folders[0] / "0-1.csv", {**SETTINGS, "personal": "ditto"}))


def test_a_malformed_record_of_own_models_counts_as_absent() -> None:
    record = records.PersonalRecord("ab" * 32, 2, "cd" * 32, site_scores.SitesEvaluation(3, 5, absent=("a:1",)))

    assert records.personal_from_bytes(record.to_bytes(), record.job) == record
    for content, job in ((record.to_bytes(), "cd" * 32), (b"{}", record.job)):
        with pytest.raises(BadRecord, match="malformed personal record"):
            records.personal_from_bytes(content, job)


@pytest.fixture(autouse=True)
def surveys_here() -> Iterator[None]:
    with inline_surveys():
        yield
