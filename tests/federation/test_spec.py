"""A job's spec: every setting has a range, every refusal names it, and the id covers everything."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, fields, replace
from typing import Any

import pytest

from roundelay.federation.errors import BadRecord, BadSpec
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import Settings, option
from roundelay.federation.spec import FORMAT, JobSpec, Liar, spec_from_bytes
from roundelay.federation.spec_conflicts import WHOLE_MAX
from tests.formats_folder import FORMATS

FILES = (TrainingFile(0, "a", "aa" * 32, 10, 2), TrainingFile(1, "b", "bb" * 32, 20, 3))
SPEC = JobSpec(Settings(), FILES, TrainingFile(2, "v", "cc" * 32, 5, 1), 16, 26)
SETTINGS = {f.name: f for f in fields(Settings)}


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("rounds", 1, 10_000),
        ("epochs", 1, 10_000),
        ("eta", 1e-12, 100.0),
        ("batch", 1, 65_536),
        ("momentum", 0.0, 1.0),
        ("seed", 0, 2**63 - 1),
        ("hidden", (1,), (16_384,) * 8),
    ],
)
def test_both_ends_of_a_range_are_allowed(name: str, least: Any, most: Any) -> None:
    for value in (least, most):
        assert getattr(Settings(**{name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rounds", 0),
        ("rounds", 10_001),
        ("rounds", 2.5),
        ("rounds", "3"),
        ("rounds", True),
        ("rounds", None),
        ("epochs", 0),
        ("epochs", -1),
        ("epochs", 10_001),
        ("eta", 0.0),
        ("eta", -0.1),
        ("eta", 100.5),
        ("eta", math.nan),
        ("eta", math.inf),
        ("eta", "0.1"),
        ("batch", 0),
        ("batch", 65_537),
        ("momentum", -0.1),
        ("momentum", 1.1),
        ("momentum", math.nan),
        ("seed", -1),
        ("seed", 2**63),
        ("hidden", ()),
        ("hidden", (0,)),
        ("hidden", (256, 0)),
        ("hidden", (16_385,)),
        ("hidden", (8,) * 9),
        ("hidden", (2.5,)),
        ("hidden", 256),
        ("optimizer", "adamw"),
        ("optimizer", ""),
        ("optimizer", 1),
        ("course", 1),
        ("course", "yes"),
    ],
)
def test_a_value_out_of_range_is_refused_with_the_options_name(name: str, value: Any) -> None:
    with pytest.raises(BadSpec, match=f"{option(name)} "):
        Settings(**{name: value})


def test_a_refusal_says_which_values_are_allowed() -> None:
    with pytest.raises(BadSpec, match="--rounds is 0, expected 1 to 10000"):
        Settings(rounds=0)
    with pytest.raises(BadSpec, match="expected one of sgd, adam, gd"):
        Settings(optimizer="lbfgs")


def test_a_whole_number_will_do_for_a_number() -> None:
    assert Settings(eta=1).eta == 1


@pytest.mark.parametrize(
    "settings", [{"optimizer": "sgd"}, {"optimizer": "adam"}, {"optimizer": "gd", "hidden": (24, 24)}]
)
def test_the_course_trainer_is_full_batch_with_one_hidden_layer(settings: dict[str, Any]) -> None:
    with pytest.raises(BadSpec, match="course-trainer"):
        Settings(course=True, **settings)


def test_every_setting_has_a_description() -> None:
    assert all(each.metadata["about"] for each in SETTINGS.values())


OTHERS: dict[str, Any] = {
    "settings": Settings(seed=1),
    "files": FILES[:1],
    "validation": FILES[0],
    "features": 15,
    "classes": 25,
    "initial": "dd" * 32,
    "nonce": "another",
    "detached": True,
    "fingerprint": "ee" * 32,
    "shape": (1, 4, 4),
    "labels": tuple(map(str, range(26))),
    "class_rows": (1,) * 26,
    "pinned": "wards",
    "homes": ("n:1", "n:1"),
    "raw": True,
    "encoding": "{}",
    "evaluate": "both",
    "reading": '{"side": 6}',
    "replaces": "ff" * 32,
    "inherited": 3,
    "excluded": (Liar("n:1", 2),),
    "single": True,
    "forgets": "ff" * 32,
    "format": FORMAT + 1,
}


@pytest.mark.parametrize("name", [f.name for f in fields(JobSpec)])
def test_the_id_changes_with_every_field_of_the_spec(name: str) -> None:
    base = replace(SPEC, pinned="others", homes=("n:1", "n:2")) if name in ("pinned", "homes", "evaluate") else SPEC
    if name == "single":
        base = replace(SPEC, settings=Settings(rule="mine:rule"))

    assert replace(base, **{name: OTHERS[name]}).job != base.job


RULE_OF = {"fairness": "qfedavg", "malicious": "trimmed-mean", "norm_limit": "norm-clipping", "trusted": "fltrust"}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_id_changes_with_every_setting(name: str) -> None:
    other: dict[str, Any] = {
        "rounds": 7,
        "epochs": 7,
        "hidden": (7,),
        "eta": 0.7,
        "batch": 7,
        "momentum": 0.7,
        "optimizer": "adam",
        "loss": "mine:Loss",
        "seed": 7,
        "name": "baseline",
        "course": True,
        "arithmetic": "portable",
        "quorum": 0.5,
        "wait_for": 7.0,
        "hide_below": 7,
        "require": "n:1",
        "priority": 2.0,
        "patience": 4,
        "clip": 4.0,
        "halvings": 4,
        "keep": "best",
        "keep_weights": "all",
        "model": "cnn",
        "dropout": 0.5,
        "weighting": "balanced",
        "placement": "random",
        "topology": "tree",
        "tiers": "a,b",
        "exchanges": 3,
        "buffer": 1,
        "max_staleness": 3,
        "fraction": 0.5,
        "rule": "fedprox",
        "mu": 0.5,
        "server_eta": 0.5,
        "server_momentum": 0.5,
        "verify": 0.5,
        "fairness": 0.5,
        "malicious": 0.1,
        "norm_limit": 0.5,
        "trusted": FILES[1].name,
        "secure_aggregation": True,
        "secure_threshold": 4,
        "dp_noise": 0.5,
        "dp_clip": 0.5,
        "dp_delta": 0.01,
        "dp_epsilon": 1e5,
        "dp_where": "local",
        "dp_accountant": "rdp",
        "standardise": "validation",
        "personal": "fine-tune",
        "compress": "int8",
        "personal_epochs": 3,
        "ditto_lambda": 0.5,
    }
    extras: dict[str, dict[str, Any]] = {"course": {"optimizer": "gd"}, "mu": {"rule": "fedprox"}}
    extra = extras.get(name, {})
    if name in ("tiers", "exchanges"):
        extra = {"topology": "tree" if name == "tiers" else "gossip"}
    if name in ("buffer", "max_staleness"):
        extra = {"topology": "buffered"}
    if name.startswith("server_"):
        extra = {"rule": "fedavgm"}
    if name in RULE_OF:
        extra = {"rule": RULE_OF[name]} | ({"trusted": FILES[0].name} if name == "trusted" else {})
    if name.startswith("dp_"):
        extra = {"dp_noise": 1.0, "dp_clip": 1.0}
    base = replace(SPEC, settings=Settings(**extra))
    if name in ("wait_for", "require", "standardise"):
        base = replace(base, pinned="wards", homes=("n:1", "n:2"))
    if name.startswith("personal") or name == "ditto_lambda":
        extra = {"personal": "ditto"}
        base = replace(SPEC, validation=None, evaluate="sites", pinned="wards", homes=("n:1", "n:2"))
        base = replace(base, settings=Settings(**extra))
    if name.startswith("secure_"):
        extra = {"secure_aggregation": True} if name == "secure_threshold" else {}
        files = tuple(replace(SPEC.files[0], index=at) for at in range(4))
        base = replace(SPEC, files=files, pinned="wards", homes=("n:1", "n:2", "n:3", "n:4"))

    assert replace(base, settings=Settings(**extra | {name: other[name]})).job != base.job


@pytest.mark.parametrize("name", [f.name for f in fields(TrainingFile)])
def test_the_id_changes_with_every_field_of_a_file(name: str) -> None:
    other: dict[str, Any] = {"index": 5, "name": "c", "digest": "ee" * 32, "size_bytes": 11, "rows": 9}

    assert replace(SPEC, files=(replace(FILES[0], **{name: other[name]}), FILES[1])).job != SPEC.job


def test_equal_specs_are_one_job_and_its_id_is_whole() -> None:
    assert replace(SPEC).job == SPEC.job
    assert len(SPEC.job) == 64


def test_a_spec_survives_being_written_and_read() -> None:
    spec = replace(
        SPEC,
        settings=Settings(hidden=(5, 6), eta=0.25, verify=0.5),
        initial="dd" * 32,
        nonce="n",
        detached=True,
        fingerprint="ee" * 32,
        replaces="ff" * 32,
        inherited=3,
        excluded=(Liar("n:1", 2),),
    )

    assert spec_from_bytes(spec.to_bytes()) == spec


def test_sizes_and_rows_follow_from_the_spec() -> None:
    spec = replace(SPEC, settings=Settings(hidden=(5, 6)))

    assert spec.sizes == (16, 5, 6, 26)
    assert spec.rows == 5


def broken(**changes: Any) -> bytes:
    return json.dumps(asdict(SPEC) | changes, sort_keys=True).encode()


def file(**changes: Any) -> dict[str, Any]:
    return asdict(FILES[0]) | changes


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"7",
        b"\xff",
        b"[" * 100_000,
        broken(more=1),
        broken(settings={}),
        broken(settings=None),
        broken(settings=asdict(Settings()) | {"more": 1}),
        broken(settings=asdict(Settings()) | {"rounds": "many"}),
        broken(settings=asdict(Settings()) | {"rounds": 2.5}),
        broken(settings=asdict(Settings()) | {"hidden": 5}),
        broken(settings=asdict(Settings()) | {"hidden": ["5"]}),
        broken(files=None),
        broken(files=[]),
        broken(files=[7]),
        broken(files=[file(index=1)]),
        broken(files=[file(rows=0)]),
        broken(files=[file(rows="2")]),
        broken(files=[file(size_bytes=None)]),
        broken(files=[file(name="../etc/passwd")]),
        broken(files=[file(name="a\0")]),
        broken(files=[file(name=7)]),
        broken(files=[file(digest="aa")]),
        broken(files=[file(digest="zz" * 32)]),
        broken(files=[file(more=1)]),
        broken(validation=None),
        broken(validation=file(name="a/b")),
        broken(features="16"),
        broken(classes=None),
        broken(initial="no digest"),
        broken(initial="aa"),
        broken(nonce=5),
        broken(detached="yes"),
    ],
)
def test_a_malformed_spec_is_a_bad_record(content: bytes) -> None:
    with pytest.raises(BadRecord):
        spec_from_bytes(content)


IMAGES = {"features": 16, "shape": [1, 4, 4]}
BALANCED = asdict(Settings(weighting="balanced"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (broken(shape=[1, 4, 5], settings=asdict(Settings(model="cnn"))), "16"),
        (broken(labels=[*"abc"]), "3 labels"),
        (broken(labels=[1] * 26), "labels"),
        (broken(labels=["\x07"] * 26), "labels"),
        (broken(class_rows=[5]), "1 counts"),
        (broken(class_rows=[-1] * 26), "class_rows"),
        (broken(class_rows=["1"] * 26), "class_rows"),
        (broken(settings=BALANCED), "weighting"),
        (broken(settings=BALANCED, class_rows=[0] * 26), "weighting"),
        (broken(raw="yes"), "raw"),
        (broken(detached="yes"), "detached"),
        (broken(nonce=5), "nonce"),
        (broken(pinned=["wards"], homes=["n:1", "n:2"]), "pinned"),
        (broken(homes=["n:1"]), "1 homes for 2 files"),
        (broken(pinned="wards", homes=["n:1"]), "1 homes for 2 files"),
        (broken(initial="aa"), "aa"),
        (broken(fingerprint="bb"), "bb"),
        (broken(features="16"), "features"),
        (broken(classes=None), "classes"),
        (broken(files=[]), "files"),
        (broken(files=[file(index=1)]), "files"),
        (broken(files=[file(rows=0)]), "rows of a"),
        (broken(files=[file(digest="aa")]), "a 'aa' is not a digest"),
    ],
)
def test_a_refused_spec_says_what_is_wrong(content: bytes, reason: str) -> None:
    with pytest.raises(BadRecord, match=reason):
        spec_from_bytes(content)


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": [chr(97 + i) for i in range(26)]},
        {"class_rows": [0] * 25 + [5]},
        {"class_rows": [0] * 25 + [5], "settings": BALANCED},
        {"settings": asdict(Settings(model="cnn")), **IMAGES},
        {"pinned": "wards", "homes": ["n:1", "n:2"], "raw": True},
        {"files": [file(rows=1)]},
    ],
)
def test_a_valid_spec_is_accepted(changes: dict[str, Any]) -> None:
    assert spec_from_bytes(broken(**changes)).features == 16


@pytest.mark.parametrize("changes", [{"secure_aggregation": True}, {"compress": "topk"}])
def test_a_model_that_is_masked_or_rounded_must_fit_into_memory(changes: dict[str, Any]) -> None:
    settings = Settings(hidden=(6000, 6000))
    assert replace(SPEC, settings=settings).design.connections > WHOLE_MAX

    with pytest.raises(BadSpec, match=f"{option(next(iter(changes)))}.* is for models of up to 33,554,432 weights"):
        replace(SPEC, settings=replace(settings, **changes))


@pytest.mark.parametrize("settings", [{"placement": "random"}, {"weighting": "balanced"}])
def test_private_data_can_neither_be_placed_nor_weighted(settings: dict[str, Any]) -> None:
    with pytest.raises(BadSpec, match=f"--{next(iter(settings))}"):
        replace(SPEC, settings=Settings(**settings), pinned="wards", homes=("n:1", "n:2"))


def test_every_class_counts_the_same_where_classes_are_balanced() -> None:
    spec = replace(SPEC, classes=4, class_rows=(2, 0, 6, 4), settings=Settings(weighting="balanced"))

    assert spec.class_weights == (2.0, 0.0, 12 / 18, 1.0)
    assert replace(spec, settings=Settings()).class_weights == ()


def test_a_softmax_has_no_hidden_layer() -> None:
    assert replace(SPEC, settings=Settings(model="softmax", hidden=(5,))).sizes == (16, 26)


@pytest.mark.parametrize(
    ("changes", "repro"),
    [
        ({}, "bits"),
        ({"settings": Settings(quorum=0.9)}, "recorded"),
        ({"settings": Settings(topology="gossip")}, "recorded"),
        ({"settings": Settings(topology="tree")}, "bits"),
        ({"pinned": "wards", "homes": ("n:1", "n:2")}, "recorded"),
    ],
)
def test_only_a_job_that_promises_bits_asks_nodes_for_its_fingerprint(changes: dict[str, Any], repro: str) -> None:
    spec = replace(SPEC, fingerprint="ee" * 32, **changes)

    assert (spec.repro, spec.bits) == (repro, "ee" * 32 if repro == "bits" else "")


def test_a_spec_of_each_format_is_kept_for_these_tests() -> None:
    assert {path.name for path in FORMATS.glob("spec-*")} == {f"spec-{number}.json" for number in range(1, FORMAT + 1)}


@pytest.mark.parametrize("number", range(1, FORMAT))
def test_the_job_of_an_earlier_release_is_refused_by_name(number: int) -> None:
    with pytest.raises(BadRecord, match=f"it has format {number}, and this release reads format {FORMAT}: use the rel"):
        spec_from_bytes((FORMATS / f"spec-{number}.json").read_bytes())


def test_what_a_spec_of_this_format_said_still_means_the_same() -> None:
    kept = json.loads((FORMATS / f"spec-{FORMAT}.json").read_text())
    now = json.loads(SPEC.to_bytes())

    settings = kept.pop("settings")
    assert kept.items() <= now.items(), "a field has another meaning: raise FORMAT"
    assert settings.keys() <= now["settings"].keys(), "a setting has gone: raise FORMAT"
