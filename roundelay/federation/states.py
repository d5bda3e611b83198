"""State tables of an order and of a job. Tests check them against the code; docs/states.md is drawn from them."""

from __future__ import annotations

from roundelay.chord.states import Transition

ORDER_TRANSITIONS = (
    Transition("unknown", "accept: the node's own work", "queued"),
    Transition("unknown", "accept: to be passed on", "running"),
    Transition("queued", "first in the queue", "running"),
    Transition("running", "result written", "done"),
    Transition("running", "FederationError: it would fail anywhere", "failed"),
    Transition("running", "ChordError: an input is missing here", "unable"),
    Transition("running", "OtherBits: this machine computes different bits", "unfit"),
    Transition("running", "StepTooLarge: training left the range of numbers", "unstable"),
    Transition("failed", "accept: the same order again", "queued"),
    Transition("unable", "accept: the same order again", "queued"),
    Transition("unable", "accept: passed on again", "running"),
    Transition("unfit", "accept: the same order again", "queued"),
    Transition("unstable", "accept: the same order again", "queued"),
)
"""An order, as the node that carries it out reports it (`Progress.state`)."""

JOB_TRANSITIONS = (
    Transition("waiting", "RESULT of round 0", "running"),
    Transition("waiting", "cancel", "cancelled"),
    Transition("waiting", "a failure that no retry can fix", "failed"),
    Transition("running", "RESULT of the last round, then DONE", "done"),
    Transition("running", "cancel", "cancelled"),
    Transition("running", "a failure that no retry can fix", "failed"),
    Transition("running", "nodes have lied in rounds that are stored", "replaced"),
    Transition("waiting", "pause", "paused"),
    Transition("running", "pause, after the round that is trained", "paused"),
    Transition("paused", "resume before the first RESULT", "waiting"),
    Transition("paused", "resume", "running"),
    Transition("paused", "cancel", "cancelled"),
    Transition("paused", "a failure that no retry can fix", "failed"),
    Transition("paused", "it was in its last round: DONE", "done"),
    Transition("paused", "nodes have lied in rounds that are stored", "replaced"),
    Transition("cancelled", "FAILED from a driver unaware of it", "failed"),
    Transition("cancelled", "DONE from a driver unaware of it", "done"),
    Transition("failed", "DONE from another driver", "done"),
    Transition("cancelled", "REPLACED from a driver unaware of it", "replaced"),
    Transition("failed", "REPLACED from another driver", "replaced"),
    Transition("done", "REPLACED from another driver", "replaced"),
)
"""A job, as its records show it (`JobSnapshot.state`). Of several ends, the first of `records.ENDS` counts."""

UNENDED_STATES = ("waiting", "running", "paused")
JOB_STATES = (*UNENDED_STATES, "done", "failed", "cancelled", "replaced")
FINAL_STATES = ("done", "failed", "unable", "unfit", "unstable")  # of an order
RETRIABLE_STATES = FINAL_STATES[1:]  # the same order is then carried out again
ORDER_STATES = ("queued", "running", *FINAL_STATES)
