"""Converts a node's training status, which a status and an order's progress have in common."""

from __future__ import annotations

from typing import cast, get_args

from roundelay.chord.errors import Malformed
from roundelay.chord.requests import Activity, TrainingStatus
from roundelay.rpc import fields
from roundelay.rpc.gen import ttypes as wire

_ACTIVITIES = ("", *get_args(Activity))  # in the order of the contract's enumeration, which counts from 1


def training_to_wire(training: TrainingStatus) -> wire.TrainingStatus:
    return wire.TrainingStatus(
        training.job,
        training.round,
        _ACTIVITIES.index(training.activity),
        training.files,
        training.file or None,
        training.epoch or None,
        training.accuracy or None,
        training.loss or None,
    )


def training_from_wire(raw: wire.TrainingStatus) -> TrainingStatus:
    if not 0 < raw.activity < len(_ACTIVITIES):
        raise Malformed(f"training.activity: {raw.activity} is unknown")
    return TrainingStatus(
        fields.text("training.job", raw.job),
        fields.count("training.round", raw.round),
        cast(Activity, _ACTIVITIES[raw.activity]),
        fields.count("training.files", raw.files),
        fields.name(raw.file) if raw.file else "",
        fields.count("training.epoch", raw.epoch),
        fields.fraction("training.accuracy", raw.accuracy),
        fields.finite("training.loss", raw.loss),
    )
