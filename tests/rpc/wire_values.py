"""Any value that may travel, made by Hypothesis from the types of the dataclasses' fields.

A new field of a new meaning has no strategy: the tests say so, and it gets one here.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any

from hypothesis import strategies as st

from roundelay.chord.effects import Request
from roundelay.chord.refs import Address, NodeRef, vacant
from roundelay.chord.requests import Candidate, Hop, Neighbourhood
from roundelay.chord.ring import Ring
from roundelay.federation.listed_job import LISTED_STATES, ListedJob
from roundelay.federation.requests import Order, Share, TrainingFile
from roundelay.federation.secure_sum import MaskedSite, Masking, RevealedSet
from roundelay.federation.settings import PRIORITY_MAX, PRIORITY_MIN
from roundelay.federation.states import ORDER_STATES
from roundelay.federation.tasks import (
    CompareTask,
    DescribeTask,
    EvaluateTask,
    HeldOutTask,
    HistogramTask,
    MixTask,
    MomentsTask,
    PersonalTask,
    PromiseTask,
    RevealTask,
    TrainTask,
)
from roundelay.ml.choices import ETA_MIN, UPDATES, Updates
from roundelay.ml.design import Design
from roundelay.ml.errors import BadTask
from roundelay.ml.task import check_updates
from roundelay.ml.training_plan import PersonalPlan, TrainConfig, TrainingPlan
from roundelay.store.items import Item, Parcel, Put
from roundelay.trust.identity import Identity
from tests.hypothesis_profiles import examples

I32, I64 = (1 << 31) - 1, (1 << 63) - 1

EFFORT = examples(20)

names = st.text("aZ09 ._-~\u00e9\u4e2d\U0001f600", min_size=1, max_size=9).filter(lambda name: name not in (".", ".."))
texts = st.text("aZ09 ./\\\"'\u00e9\u4e2d\U0001f600", max_size=9)
hosts = st.text("aZ09.:-[]\u00e9", min_size=1, max_size=9)
identifiers = st.integers(0, (1 << 160) - 1)
digests = st.integers(0, (1 << 256) - 1).map(lambda number: number.to_bytes(32).hex())
sizes = st.integers(0, 256 << 20)
long_numbers = st.integers(0, I64)
clocks = st.integers(0, 1 << 60)  # nanoseconds, before now
whole_numbers = st.integers(0, I32)
milliseconds = st.integers(0, 10**9).map(lambda ms: ms / 1000)
doubles = st.floats(allow_nan=False, allow_infinity=False)
nodes = st.builds(NodeRef, identifiers, hosts, st.integers(1, 65535), clocks)
placeholders = st.builds(vacant, identifiers)
node_lists = st.lists(nodes | placeholders, min_size=1, max_size=3).map(tuple)
rings = st.integers(1, 40).flatmap(
    lambda successors: st.builds(Ring, st.integers(3, 160), st.just(successors), st.integers(1, successors + 1))
)


personal_plans = st.builds(PersonalPlan, st.just("fine-tune"), st.integers(1, 1_000_000)) | st.builds(
    PersonalPlan, st.just("ditto"), st.integers(1, 1_000_000), st.floats(0.0, 1e3)
)


def plans_of(features: int, classes: int) -> st.SearchStrategy[TrainingPlan]:
    """Plans for models with these numbers of features and classes."""
    weights = st.lists(st.floats(0.0, 1e6), min_size=classes, max_size=classes).map(tuple)
    config = st.builds(
        TrainConfig,
        optimizer=st.sampled_from(["sgd", "adam", "gd", "package.module:Optimizer"]),
        epochs=st.integers(1, 1_000_000),
        eta=st.floats(ETA_MIN, 1e6) | st.integers(1, 9),
        batch=st.integers(1, 65_536),
        momentum=st.floats(0.0, 1.0),
        dropout=st.floats(0.0, 0.95),
        class_weights=st.just(()) | weights,
        mu=st.floats(0.0, 1e3),
        clip=st.floats(0.0, 1e3),
        update_clip=st.just(0.0) | st.floats(0.0, 10.0),
        update_noise=st.floats(0.0, 10.0),
    )
    sizes = st.lists(st.integers(1, 50), max_size=3).map(lambda hidden: (features, *hidden, classes))
    designs = st.builds(Design, sizes, st.sampled_from(["mlp", "package.module:Model"]))
    designs |= st.just(Design((features, classes), "cnn", (1, 1, features), arithmetic="portable"))
    designs |= st.just(Design((features, classes), "softmax", loss="package.module:Loss"))
    if classes == 1:
        designs = st.just(Design((features, 1), task="regression"))
        config = st.builds(TrainConfig)
    fingerprints, own = st.just("") | digests, st.just(PersonalPlan()) | personal_plans
    return st.builds(TrainingPlan, designs, config, st.integers(0, 40), fingerprints, st.text(max_size=30), own)


plans = st.tuples(st.integers(1, 20), st.integers(1, 9)).flatmap(lambda sizes: plans_of(*sizes))


def tasks_with_moments(kind: type[Any], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def task(plan: TrainingPlan) -> st.SearchStrategy[Any]:
        size = 8 * plan.design.summed
        return st.builds(kind, st.just(plan), st.just(b"") | st.binary(min_size=size, max_size=size), **fields)

    return plans.flatmap(task)


def can_return(task: HeldOutTask, updates: Updates) -> bool:
    """Return whether updates of the task's plan may be returned in this form."""
    try:
        check_updates(task.plan, updates)
    except BadTask:
        return False
    return True


def as_train_task(task: HeldOutTask, seed: int, receipts: bool, updates: Updates) -> TrainTask:
    """Return a task to train; updates that cannot have this form are summed."""
    return TrainTask(task.plan, task.moments, seed, receipts, updates if can_return(task, updates) else "sum")


def rounded(task: TrainTask, units: bytes) -> TrainTask:
    """Return a task whose updates are rounded, where they can be."""
    can_be = task.updates == "sum" and not task.plan.config.update_clip
    return dataclasses.replace(task, units=units if can_be else b"")


train_tasks = st.builds(
    rounded,
    st.builds(
        as_train_task, tasks_with_moments(HeldOutTask), st.integers(0, I64), st.booleans(), st.sampled_from(UPDATES)
    ),
    st.lists(st.integers(0, 127), max_size=5).map(bytes),
)
personal_tasks = st.builds(
    lambda held_out, own, seed: PersonalTask(dataclasses.replace(held_out.plan, personal=own), held_out.moments, seed),
    tasks_with_moments(HeldOutTask),
    personal_plans,
    st.integers(0, I64),
)

comparisons = st.builds(
    CompareTask, st.text(max_size=30), st.integers(1, 3).flatmap(lambda n: st.binary(min_size=8 * n, max_size=8 * n))
)

tasks_of_many_files = (
    st.builds(MomentsTask, plans)
    | train_tasks.map(lambda task: dataclasses.replace(task, receipts=False, updates="sum"))
    | tasks_with_moments(HeldOutTask)
    | personal_tasks
    | st.builds(DescribeTask, st.text(max_size=30))
    | comparisons
    | st.builds(HistogramTask, plans)
    | st.builds(MixTask, st.integers(0, 1000))
)
masked_files = st.frozensets(st.integers(0, (1 << 17) - 1), max_size=5).map(sorted).map(tuple)
masked_sites = st.lists(st.builds(MaskedSite, names, digests, masked_files), min_size=1, max_size=5)


def masking_of(sites: list[MaskedSite]) -> st.SearchStrategy[Masking]:
    known = tuple(sorted({site.address: site for site in sites}.values(), key=lambda site: site.address))
    return st.builds(Masking, st.integers(len(known) // 2 + 1, len(known)), st.just(known))


maskings = masked_sites.flatmap(masking_of)
of_sums = {"sum_id": digests, "began": st.integers(0, I64), "driver": names}
promises = st.builds(PromiseTask, **of_sums)
reveals = maskings.flatmap(
    lambda masking: st.builds(
        RevealTask,
        **of_sums,
        chosen=st.just(RevealedSet(masking, tuple(range(masking.threshold)))),
        boxes=st.just((b"box",) * masking.threshold),
    )
)
files = st.builds(TrainingFile, st.integers(0, (1 << 17) - 1), names, digests, sizes, st.integers(1, 1 << 12))

BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    TrainingPlan: plans,
    TrainTask: train_tasks,
    EvaluateTask: tasks_with_moments(EvaluateTask),
    HeldOutTask: tasks_with_moments(HeldOutTask),
    PersonalTask: personal_tasks,
    DescribeTask: st.builds(DescribeTask, st.text(max_size=30)),
    CompareTask: comparisons,
    HistogramTask: st.builds(HistogramTask, plans),
    MixTask: st.builds(MixTask, st.integers(0, 1000)),
    NodeRef: nodes,
    Ring: rings,
    Address: st.builds(Address, hosts, st.integers(1, 65535)),
    Neighbourhood: st.builds(Neighbourhood, nodes | placeholders, node_lists),
    Hop: st.builds(Hop, st.just(True), node_lists)
    | st.builds(
        Hop,
        st.just(False),
        st.just(()),
        st.lists(st.builds(Candidate, nodes, st.none() | st.integers(0, 159)), max_size=3).map(tuple),
    ),
    Share: st.builds(Share, nodes, st.frozensets(st.integers(0, (1 << 17) - 1), max_size=5).map(sorted).map(tuple)),
    bool: st.booleans(),
    bytes: st.binary(max_size=200),
    type(None): st.none(),
    Masking: maskings,
    PromiseTask: promises,
    RevealTask: reveals,
    Identity: st.none(),  # a server fills it in; it is never sent
}
BY_FIELD: dict[tuple[str, type], st.SearchStrategy[Any]] = {
    ("key", int): identifiers,
    ("start", int): identifiers,
    ("end", int): identifiers,
    ("digest", int): st.integers(0, (1 << 56) - 1),
    ("digest", str): digests,
    ("result", str): st.just("") | digests,
    ("weights", str): st.just("") | digests,
    ("base", str): st.just("") | digests,
    ("name", str): names,
    ("names", str): names,
    ("size_bytes", int): sizes,
    ("stored_bytes", int): sizes,
    ("received_bytes", int): sizes,
    ("weights_bytes", int): sizes,
    ("offset", int): sizes,
    ("length", int): whole_numbers,
    ("version", int): clocks,
    ("count", int): whole_numbers,
    ("limit", int): identifiers,
    ("attempt", int): long_numbers,
    ("number", int): whole_numbers,
    ("index", int): whole_numbers,
    ("round", int): whole_numbers,
    ("rows", int): st.integers(1, I64),
    ("lease_s", float): milliseconds,
    ("wait_s", float): milliseconds.filter(lambda s: s * 1000 <= I32),
    ("seconds", float): st.integers(100, 3_600_000).map(lambda ms: ms / 1000),
    ("loss", float): doubles,
    ("accuracy", float): st.floats(0.0, 1.0),
    ("priority", float): st.floats(PRIORITY_MIN, PRIORITY_MAX),
    ("node_id", int): st.none(),
    ("job", str): texts,
    ("ticket", str): texts,
    ("state", str): st.sampled_from(ORDER_STATES),
    ("message", str): texts,
    ("file", str): st.just("") | names,
    ("files", int): whole_numbers,
    ("epoch", int): whole_numbers,
    ("taken", str): texts,
    ("wanted", str): texts,
    ("silent_s", float): milliseconds,
    ("orders", int): whole_numbers,
    ("rounds", int): long_numbers,
    ("validation_error", float): doubles,
    ("driver", str): texts,
    ("reason", str): texts,
    ("forgets", str): st.just("") | digests,
    ("pinned", str): texts,
    ("malformed", str): texts,
    ("liars", str): texts,
    ("settings", str): texts,
    ("started_ns", int): clocks,
}


def values(hint: Any, field: str = "") -> st.SearchStrategy[Any]:
    """Return a strategy for a type; the field's name decides which ints, floats and strings are valid."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([values(each, field) for each in arguments])
    if origin is tuple:
        return st.lists(values(arguments[0], field), max_size=3).map(tuple)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin is not None:  # Sequence[Entry]
        return st.lists(values(arguments[0], field), max_size=3).map(tuple)
    if hint in BY_TYPE:
        return BY_TYPE[hint]
    if hint is Order:  # one to evaluate has exactly one file
        few, many = st.tuples(files), st.lists(files, max_size=3).map(tuple)
        alone = _built(Order, task=BY_TYPE[EvaluateTask], files=few, shares=st.just(()), masking=st.none())
        shared = st.lists(st.builds(Share, nodes, st.integers(0, (1 << 17) - 1).map(lambda i: (i,))), max_size=3)
        full = st.lists(files, min_size=3, max_size=3).map(tuple)
        return (
            alone
            | _built(Order, task=tasks_of_many_files, files=many, shares=st.just(()), masking=st.none())
            | _built(Order, task=tasks_of_many_files, files=full, shares=shared.map(tuple), masking=st.none())
            | _built(
                Order,
                task=train_tasks,
                files=many,
                attempt=st.just(0),
                shares=st.just(()),
                masking=st.none(),
                weights_bytes=st.integers(0, 1 << 10),
            )
            | _built(Order, task=promises | reveals, files=st.just(()), shares=st.just(()), masking=st.none())
            | _built(Order, task=st.builds(MomentsTask, plans), files=many, shares=st.just(()), masking=maskings)
        )
    if hint is ListedJob:
        return _built(ListedJob, state=st.sampled_from(LISTED_STATES), sites=st.lists(hosts, max_size=3).map(tuple))
    if hint is Parcel:
        return _built(Parcel, content=st.just(b"")) | st.builds(_with_content, values(Item), st.binary(max_size=200))
    if hint is Put:
        return _built(Put, parcels=st.lists(values(Parcel), min_size=1, max_size=3).map(tuple), caller=st.none())
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _built(hint)
    if (field, hint) in BY_FIELD:
        return BY_FIELD[field, hint]
    if isinstance(hint, type) and issubclass(hint, Request):
        return st.builds(hint)
    raise AssertionError(f"no strategy for {field!r} of type {hint}: give it one in BY_FIELD")


def _with_content(item: Item, content: bytes) -> Parcel:
    return Parcel(dataclasses.replace(item, entry=dataclasses.replace(item.entry, size_bytes=len(content))), content)


def _built(kind: type[Any], **chosen: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for a dataclass, with these strategies for some of its fields."""
    hints = typing.get_type_hints(kind)
    others = {f.name: values(hints[f.name], f.name) for f in dataclasses.fields(kind) if f.name not in chosen}
    return st.builds(kind, **others, **chosen)


def answer_of(request: type[Request[Any]]) -> Any:
    """Return the type of the answer that the request declares: the R of Request[R]."""
    base = next(b for b in vars(request)["__orig_bases__"] if typing.get_origin(b) is Request)
    return typing.get_args(base)[0]
