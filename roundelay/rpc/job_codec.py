"""Converts orders, tasks, progress and pushes to wire structs and back; what violates the contract is Malformed."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from roundelay.chord.errors import Malformed
from roundelay.federation.requests import Order, Progress, Push, Share, TrainingFile
from roundelay.federation.settings import PRIORITY, PRIORITY_MAX, PRIORITY_MIN
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
    Task,
    TrainTask,
)
from roundelay.ml.choices import TASK_LOSS, Updates
from roundelay.ml.design import LAYERS_MAX, Design
from roundelay.ml.errors import BadTask, printable
from roundelay.ml.task import FILES_MAX, ROWS_MAX
from roundelay.ml.training_plan import READING_CHARACTERS_MAX, PersonalPlan, TrainConfig, TrainingPlan
from roundelay.rpc import fields
from roundelay.rpc.fields import (
    BITMAP_BYTES_MAX,
    bits_of,
    digest_from_wire,
    digest_to_wire,
    id_from_wire,
    id_to_wire,
    places_in,
)
from roundelay.rpc.gen import ttypes as wire
from roundelay.rpc.progress_codec import training_from_wire, training_to_wire
from roundelay.rpc.ring_codec import member_from_wire, node_to_wire
from roundelay.rpc.secure_codec import (
    masking_from_wire,
    masking_to_wire,
    promise_from_wire,
    promise_to_wire,
    reveal_from_wire,
    reveal_to_wire,
)
from roundelay.rpc.store_codec import content
from roundelay.store.items import CONTENT_BYTES_MAX, FILE_BYTES_MAX

SHARES_MAX = 1 << 16  # one for each node

_UPDATES_TO_WIRE: dict[Updates, int] = {
    "sum": wire.Updates.SUM,
    "normalised-sum": wire.Updates.NORMALISED_SUM,
    "sum-with-gradient": wire.Updates.SUM_WITH_GRADIENT,
    "each": wire.Updates.EACH,
    "each-with-loss": wire.Updates.EACH_WITH_LOSS,
}
_UPDATES_FROM_WIRE = {form: name for name, form in _UPDATES_TO_WIRE.items()}


def order_to_wire(order: Order) -> wire.Order:
    files = [wire.TrainingFile(f.index, f.name, digest_to_wire(f.digest), f.size_bytes, f.rows) for f in order.files]
    weights = digest_to_wire(order.weights) or None
    shares = [share_to_wire(s) for s in order.shares]
    return wire.Order(
        order.job,
        order.round,
        files,
        task_to_wire(order.task),
        weights,
        order.weights_bytes or None,
        order.may_refuse or None,
        shares or None,
        id_to_wire(order.limit) if shares or order.limit else None,
        order.attempt or None,
        priority=order.priority if order.priority != PRIORITY else None,
        masking=masking_to_wire(order.masking) if order.masking is not None else None,
        base=digest_to_wire(order.base) if order.base else None,
    )


def order_from_wire(raw: wire.Order, weights_along: bytes = b"") -> Order:
    fields.at_most("order.files", len(raw.files), FILES_MAX)
    files = tuple([_training_file(f) for f in raw.files])
    weights = digest_from_wire(raw.weights) if raw.weights else ""
    return Order(
        fields.text("order.job", raw.job),
        fields.count("order.round", raw.round),
        files,
        task_from_wire(raw.task),
        weights,
        fields.in_range("order.weights_size", raw.weights_size or 0, 0, CONTENT_BYTES_MAX),
        bool(raw.may_refuse),
        _shares(raw.shares or (), len(files)),
        id_from_wire(raw.limit) if raw.limit else 0,
        fields.count("order.attempt", raw.attempt),
        masking_from_wire(raw.masking) if raw.masking is not None else None,
        content("order", weights_along),
        digest_from_wire(raw.base) if raw.base else "",
        PRIORITY if raw.priority is None else fields.within("order.priority", raw.priority, PRIORITY_MIN, PRIORITY_MAX),
    )


def _shares(raw: Sequence[wire.Share], files: int) -> tuple[Share, ...]:
    """Return the shares, which divide the order's files; their bits are counted before they become numbers."""
    fields.at_most("order.shares", len(raw), SHARES_MAX)
    fields.at_most("order.shares", sum(int.from_bytes(share.files).bit_count() for share in raw), files)
    return tuple([share_from_wire(share) for share in raw])


def task_to_wire(task: Task) -> wire.Task:
    match task:
        case MomentsTask(plan):
            return wire.Task(moments=wire.MomentsTask(plan_to_wire(plan)))
        case TrainTask(plan, moments, seed, receipts, updates, units):
            form = _UPDATES_TO_WIRE[updates] if updates != "sum" else None
            return wire.Task(
                train=wire.TrainTask(plan_to_wire(plan), moments, seed, receipts or None, form, units or None)
            )
        case EvaluateTask(plan, moments):
            return wire.Task(evaluate=wire.EvaluateTask(plan_to_wire(plan), moments))
        case HeldOutTask(plan, moments):
            return wire.Task(held_out=wire.HeldOutTask(plan_to_wire(plan), moments))
        case PersonalTask(plan, moments, seed):
            return wire.Task(personal=wire.PersonalTask(plan_to_wire(plan), moments, seed))
        case DescribeTask(reading):
            return wire.Task(describe=wire.DescribeTask(reading.encode()))
        case CompareTask(reading, rows):
            return wire.Task(compare=wire.CompareTask(reading.encode(), rows))
        case HistogramTask(plan):
            return wire.Task(histogram=wire.HistogramTask(plan_to_wire(plan)))
        case MixTask(exchanges):
            return wire.Task(mix=wire.MixTask(exchanges))
        case PromiseTask():
            return wire.Task(promise=promise_to_wire(task))
        case RevealTask():
            return wire.Task(reveal=reveal_to_wire(task))


def task_from_wire(raw: wire.Task) -> Task:
    """Return the task. Raises Malformed, which names the field that is out of range."""
    try:
        if raw.moments is not None:
            return MomentsTask(plan_from_wire(raw.moments.plan))
        if raw.train is not None:
            train = raw.train
            return TrainTask(
                plan_from_wire(train.plan),
                train.moments,
                train.seed,
                bool(train.receipts),
                _updates_from_wire(train.updates),
                train.units or b"",
            )
        if raw.evaluate is not None:
            return EvaluateTask(plan_from_wire(raw.evaluate.plan), raw.evaluate.moments)
        if raw.mix is not None:
            return MixTask(raw.mix.exchanges)
        if raw.held_out is not None:
            return HeldOutTask(plan_from_wire(raw.held_out.plan), raw.held_out.moments)
        if raw.personal is not None:
            own = raw.personal
            return PersonalTask(plan_from_wire(own.plan), own.moments, own.seed)
        if raw.describe is not None:
            return DescribeTask(_reading(raw.describe.reading))
        if raw.compare is not None:
            return CompareTask(_reading(raw.compare.reading), raw.compare.rows)
        if raw.histogram is not None:
            return HistogramTask(plan_from_wire(raw.histogram.plan))
        if raw.promise is not None:
            return promise_from_wire(raw.promise)
        if raw.reveal is not None:
            return reveal_from_wire(raw.reveal)
    except BadTask as error:
        raise Malformed(f"order.task: {error}") from error
    raise Malformed("order.task: none of its members is set")


def _updates_from_wire(form: int | None) -> Updates:
    found = _UPDATES_FROM_WIRE.get(wire.Updates.SUM if form is None else form)
    if found is None:
        raise Malformed(f"order.task: updates {form}, expected one of {', '.join(map(str, _UPDATES_FROM_WIRE))}")
    return found


def plan_to_wire(plan: TrainingPlan) -> wire.TrainingPlan:
    design, config, own = plan.design, plan.config, plan.personal
    return wire.TrainingPlan(
        wire.Design(
            list(design.sizes),
            design.model,
            list(design.shape),
            design.course,
            design.arithmetic,
            design.task,
            None if design.loss == TASK_LOSS else design.loss,
        ),
        wire.TrainConfig(
            config.optimizer,
            config.epochs,
            config.eta,
            config.batch,
            config.momentum,
            config.dropout,
            struct.pack(f"<{len(config.class_weights)}d", *config.class_weights),
            config.mu,
            config.clip,
            config.update_clip or None,
            config.update_noise or None,
        ),
        plan.fraction_bits,
        digest_to_wire(plan.fingerprint) or None,
        plan.reading.encode() or None,
        None if own.method == "none" else wire.PersonalPlan(own.method, own.epochs, own.pull),
    )


def plan_from_wire(raw: wire.TrainingPlan) -> TrainingPlan:
    """Return the plan. Raises Malformed, which names the field that is out of range."""
    fields.at_most("design.sizes", len(raw.design.sizes), LAYERS_MAX)
    if len(raw.config.class_weights) % 8:
        raise Malformed(f"config.class_weights: {len(raw.config.class_weights)} bytes, expected 8 for each class")
    try:
        return _plan(raw)
    except BadTask as error:
        raise Malformed(f"order.task: {error}") from error


def _plan(raw: wire.TrainingPlan) -> TrainingPlan:
    design, config, own = raw.design, raw.config, raw.personal
    return TrainingPlan(
        Design(
            tuple(design.sizes),
            design.model,
            tuple(design.shape),
            design.course,
            design.arithmetic,
            design.task,
            design.loss or TASK_LOSS,
        ),
        TrainConfig(
            config.optimizer,
            config.epochs,
            config.eta,
            config.batch,
            config.momentum,
            config.dropout,
            struct.unpack(f"<{len(config.class_weights) // 8}d", config.class_weights),
            config.mu,
            config.clip,
            config.update_clip or 0.0,
            config.update_noise or 0.0,
        ),
        raw.fraction_bits,
        digest_from_wire(raw.fingerprint) if raw.fingerprint else "",
        _reading(raw.reading) if raw.reading else "",
        PersonalPlan() if own is None else PersonalPlan(own.method, own.epochs, own.pull),
    )


def _reading(raw: bytes) -> str:
    """Return how private files are read, as text. Its meaning is checked by the trainer that reads them."""
    fields.at_most("reading", len(raw), 4 * READING_CHARACTERS_MAX)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise Malformed("reading: not UTF-8") from error


def push_to_wire(push: Push) -> wire.Push:
    return wire.Push(
        push.job,
        push.round,
        push.attempt,
        push.number,
        node_to_wire(push.sender),
        digest_to_wire(push.digest),
        push.size_bytes,
    )


def push_from_wire(raw: wire.Push) -> Push:
    return Push(
        fields.text("push.job", raw.job),
        fields.count("push.round", raw.round),
        fields.count("push.attempt", raw.attempt),
        fields.count("push.number", raw.number),
        member_from_wire(raw.sender),
        digest_from_wire(raw.digest),
        fields.in_range("push.size", raw.size, 0, CONTENT_BYTES_MAX),
    )


def share_to_wire(share: Share) -> wire.Share:
    return wire.Share(node_to_wire(share.node), bits_of(share.files))


def share_from_wire(raw: wire.Share) -> Share:
    return Share(member_from_wire(raw.node), places_in("share.files", raw.files))


def _training_file(raw: wire.TrainingFile) -> TrainingFile:
    return TrainingFile(
        fields.in_range("file.index", raw.index, 0, 8 * BITMAP_BYTES_MAX - 1),
        fields.name(raw.name),
        digest_from_wire(raw.digest),
        fields.in_range("file.size", raw.size, 0, FILE_BYTES_MAX),
        fields.in_range("file.rows", raw.rows, 1, ROWS_MAX),
    )


def progress_to_wire(progress: Progress) -> wire.Progress:
    result = digest_to_wire(progress.result) if progress.result else None
    return wire.Progress(
        progress.state,
        fields.message(progress.message),
        result,
        progress.size_bytes,
        progress.seconds,
        progress.loss,
        progress.accuracy,
        training_to_wire(progress.training) if progress.training else None,
        progress.content or None,
    )


def progress_from_wire(raw: wire.Progress) -> Progress:
    if raw.state not in ORDER_STATES:
        raise Malformed(f"progress.state: {printable(raw.state, 20)!r}, expected one of {', '.join(ORDER_STATES)}")
    return Progress(
        raw.state,
        fields.message(raw.message),
        digest_from_wire(raw.result) if raw.result else "",
        fields.in_range("progress.size", raw.size or 0, 0, CONTENT_BYTES_MAX),
        fields.seconds("progress.seconds", raw.seconds),
        fields.finite("progress.loss", raw.loss),
        fields.fraction("progress.accuracy", raw.accuracy),
        training_from_wire(raw.training) if raw.training else None,
        content("progress", raw.content),
    )
