"""SCAFFOLD: against the algorithm of its paper, on a ring, and beside FedAvg where files differ."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.scaffold_check import largest_difference
from roundelay.chord.refs import NodeRef
from roundelay.federation import replay, round_tasks, server_step, trained_round
from roundelay.federation.errors import BadRecord, BadSpec, WorkFailed
from roundelay.federation.partial_result import PartialResult
from roundelay.federation.replay import NOBODY
from roundelay.federation.requests import Collect, Order, Progress, TrainingFile, trainer_task
from roundelay.federation.result_check import check_result
from roundelay.federation.settings import Settings
from roundelay.federation.site_policy import SitePolicy
from roundelay.federation.spec import JobSpec
from roundelay.federation.trained_round import TrainedRound
from roundelay.ml.data import Samples
from roundelay.ml.readers import packed
from roundelay.ml.worker import Worker
from roundelay.store.blobs import digest_of
from roundelay.store.items import Parcel, Put
from tests.federation.test_driver import CONTENTS, IDS, SETTINGS, Job, make_spec
from tests.federation.test_missing_files import job_without
from tests.federation.test_private_data import PinnedJob
from tests.federation.test_rules import alone_model, chosen

SCAFFOLD = chosen("scaffold")


def test_ten_rounds_equal_the_algorithm_of_the_paper_which_keeps_a_variate_for_each_file() -> None:
    assert largest_difference(rounds=10, seed=1) < 1e-6


@pytest.mark.parametrize(
    "changes",
    [{"topology": "tree"}, {"verify": 1.0}, {"placement": "round-robin"}, {"fraction": 0.5}, {"hidden": (4096,)}],
    ids=str,
)
def test_on_a_ring_it_gives_the_bits_it_gives_alone(changes: dict[str, Any]) -> None:
    settings = replace(SCAFFOLD, rounds=3, **changes)

    assert Job(IDS[:4], make_spec(settings)).drive() == alone_model(settings)


def test_private_files_give_the_bits_of_the_same_files_placed() -> None:
    job, worker = PinnedJob(rule="scaffold"), Worker()
    moments = replay.moments(job.spec, {digest_of(content): content for content in CONTENTS.values()}, worker)
    *_, alone = replay.rounds(job.spec, moments, worker)

    assert job.drive() == alone


def test_the_files_of_a_node_that_is_lost_in_a_later_round_are_trained_by_others_with_the_same_bits() -> None:
    job = Job(IDS[:4], make_spec(SCAFFOLD))

    def lose_one(node: NodeRef, request: object) -> None:
        if isinstance(request, Collect) and len(job.rounds) == 2 and not job.net.dead and node != job.net.entry:
            job.net.dead.add(node)

    job.net.before_answer = lose_one

    assert job.drive() == alone_model(SCAFFOLD)
    assert job.net.dead


def test_a_file_that_is_away_has_no_part_in_the_mean_gradient_of_the_next_round() -> None:
    spec, worker = make_spec(replace(SCAFFOLD, quorum=0.5)), Worker()
    moments = replay.moments(spec, {digest_of(content): content for content in CONTENTS.values()}, worker)
    job = job_without(spec, spec.files[2])
    job.drive()
    assert [result.left_out for result, _ in job.rounds] == [(), (2,), (2,), (2,)]

    trained = TrainedRound(0, trained_round.first_weights(spec))
    for result, _ in job.rounds:
        files = [file for file in spec.files if file.index not in result.left_out]
        task = trainer_task(round_tasks.training_task(spec, moments), result.round, files)
        update = worker.train(task, trained_round.start_of(spec, trained))
        part = PartialResult(NOBODY, tuple(files), Progress("done"), update.sum)
        trained = TrainedRound(result.round, *server_step.step(spec, trained.weights, [part], trained.state))
        assert digest_of(trained.weights) == result.weights


def test_a_round_that_diverges_is_repeated_with_half_the_step_from_the_same_variates() -> None:
    settings = replace(SCAFFOLD, eta=60.0, momentum=0.0, halvings=12)
    job = Job(IDS[:4], make_spec(settings))

    assert job.drive() == alone_model(settings)
    assert job.look().results[-1].halvings


def test_the_weights_of_later_rounds_are_sent_to_their_copies_as_trainers_have_them_in_another_content() -> None:
    job, parcels = Job(IDS, make_spec(SCAFFOLD)), list[Parcel]()

    def note(node: object, request: object) -> None:
        if isinstance(request, Put):
            parcels.extend(each for each in request.parcels if not each.item.deleted)

    job.net.before_answer = note
    job.drive()

    stored = [each for each in parcels if re.search(r"\.(weights|state)-[1-9]", each.item.entry.name)]
    assert stored and all(each.content for each in stored)


def test_a_gradient_out_of_range_is_refused_like_an_update() -> None:
    spec = make_spec(SCAFFOLD)
    weights = trained_round.first_weights(spec)
    order = Order(spec.job, 1, spec.files, round_tasks.training_task(spec, b""), digest_of(weights), len(weights))
    vector = np.zeros(order.vector_bytes // 8, "<i8")
    check_result(order, spec.files, vector.tobytes())

    vector[-1] = 1 << 61
    for wrong in (vector.tobytes(), vector[: len(vector) // 2].tobytes()):
        with pytest.raises(BadRecord, match="not the result of an honest trainer"):
            check_result(order, spec.files, wrong)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": "adam"}, "corrects the steps of --optimizer sgd and gd in mlp, softmax and cnn, no others"),
        ({"model": "torchzoo:cnn"}, "corrects the steps of --optimizer sgd and gd in mlp, softmax and cnn, no others"),
        ({"topology": "gossip"}, "gossip cannot be combined with --rule scaffold"),
        ({"topology": "buffered"}, "buffered cannot be combined with --rule scaffold: its updates are not plain sums"),
        ({"compress": "int8"}, "int8 cannot be combined with --rule scaffold, which needs more than a sum"),
        ({"personal": "head"}, "head cannot be combined with --rule scaffold, which corrects steps by gradients"),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_what_it_cannot_be_combined_with_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadSpec, match=message):
        Settings(rule="scaffold", **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"secure_aggregation": True}, "--secure-aggregation cannot be combined with --rule scaffold"),
        ({"dp_noise": 1.0, "dp_clip": 1.0}, "--dp-noise cannot be combined with --rule scaffold"),
    ],
)
def test_what_hides_updates_does_not_hide_gradients(changes: dict[str, Any], message: str) -> None:
    spec = make_spec(SETTINGS)
    with pytest.raises(BadSpec, match=message):
        replace(
            spec, settings=replace(SCAFFOLD, **changes), pinned="wards", homes=("n:1", "n:2", "n:3") * 3, nonce="job"
        )


def test_a_model_whose_doubled_sum_no_content_holds_is_refused_at_the_start() -> None:
    with pytest.raises(BadSpec, match=r"--rule scaffold sums gradients behind the updates: .* smaller --hidden"):
        make_spec(replace(SCAFFOLD, hidden=(9000, 9000)))


@pytest.mark.parametrize(("policy", "rule"), [({}, "clip"), ({"clip": 0.0}, "steps")])
def test_a_site_that_clips_or_asks_for_several_steps_gives_no_gradient(policy: dict[str, Any], rule: str) -> None:
    spec = make_spec(replace(SCAFFOLD, epochs=100))
    order = Order(spec.job, 1, spec.files, round_tasks.training_task(spec, b""), "aa" * 32, 40)
    loose = {"file_rows": 1, "batch_rows": 1} | policy

    with pytest.raises(WorkFailed, match=rf"refuses the order \({rule}\): its job also asks for the gradient"):
        SitePolicy(**loose).check(order, None)
    SitePolicy(**{**loose, "clip": 0.0, "steps": 1}).check(order, None)


# --- files that differ


def skewed_job(rule: str, seed: int) -> tuple[JobSpec, dict[str, bytes]]:
    """Return a job on six files, of two classes each, and their contents."""
    rng, contents = np.random.default_rng(seed), list[bytes]()
    centres = rng.normal(0, 1, (12, 10))
    for first in range(0, 12, 2):
        y = rng.integers(first, first + 2, 200)
        contents.append(packed.pack(Samples((centres[y] + rng.normal(0, 1, (200, 10))).astype(np.float32), y), 12))
    y = rng.integers(12, size=1000)
    contents.append(packed.pack(Samples((centres[y] + rng.normal(0, 1, (1000, 10))).astype(np.float32), y), 12))
    files = tuple(
        TrainingFile(at, f"file-{at}", digest_of(raw), len(raw), 200 if at < 6 else 1000)
        for at, raw in enumerate(contents)
    )
    settings = Settings(rule=rule, model="softmax", rounds=12, epochs=10, eta=0.02, momentum=0.0, seed=seed)
    return JobSpec(settings, files[:-1], files[-1], 10, 12), {digest_of(raw): raw for raw in contents}


def last_error(rule: str, seed: int) -> float:
    *_, last = replay.chain(*skewed_job(rule, seed), Worker())
    return last.result.errors / last.result.rows


@pytest.mark.parametrize("seed", range(4))
def test_where_files_have_different_classes_its_error_is_below_that_of_fedavg(seed: int) -> None:
    assert last_error("scaffold", seed) < last_error("fedavg", seed)
