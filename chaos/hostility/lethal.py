"""Cases in which one message ended a process."""

from __future__ import annotations

import math
import time
from dataclasses import replace

from chaos.hostility.case import Attack, Case
from chaos.hostility.golden import FILE, JOB, PLAN, golden_of, golden_of_supernode
from chaos.hostility.mutation import Mutator
from chaos.hostility.raw_wire import send_frames
from chaos.hostility.records import nested_record, store
from roundelay.chord.refs import Address
from roundelay.chord.requests import Admit, Heartbeat
from roundelay.federation.requests import Order
from roundelay.federation.tasks import TrainTask

SETTLE_S = 3.0  # the loops of a node meet what was stored within this


def order_with_nan(attack: Attack) -> str:
    """Send orders with NaN and infinity in every number of their task."""
    node = attack.victim
    frames = []
    for name in ("eta", "momentum", "dropout", "mu"):
        for value in (math.nan, math.inf):
            changed = golden_of(node, Order(JOB, 1, (FILE,), TrainTask(PLAN)))
            setattr(changed.arguments.order.task.train.plan.config, name, value)
            frames.append(changed.frame())
    send_frames(node.address, *frames)
    time.sleep(1.0)
    return ""


def nested_result(attack: Attack) -> str:
    """Store a RESULT, a REPORT and a spec of 200,000 nested lists under the key of a job; list the jobs."""
    for what in ("result-7", "report-1", "spec", "failed"):
        attack.ring.ask_again(lambda entry, what=what: store(entry, attack.spec.job, nested_record(what)))  # type: ignore[misc]
    time.sleep(SETTLE_S)
    return attack.client("jobs")


def admit_of_a_live_node(attack: Attack) -> str:
    """Ask the supernode to admit the address of a live node."""
    node = attack.victim
    send_frames(attack.ring.supernode_address, golden_of(node, Admit(node.address)).frame())
    time.sleep(SETTLE_S)
    return ""


def incarnation_at_its_limit(attack: Attack) -> str:
    """Report a live node with the highest incarnation there is; then admit a newcomer at its address."""
    node = attack.victim
    supernode = attack.ring.supernode_address
    send_frames(supernode, golden_of(node, Heartbeat(replace(node, incarnation=2**63 - 1))).frame())
    time.sleep(SETTLE_S)
    send_frames(supernode, golden_of(node, Heartbeat(node)).frame())
    return ""


def bit_flips_in_report(attack: Attack) -> str:
    """Flip bits in the heartbeats of live nodes."""
    nodes, mutator = attack.nodes, Mutator(attack.rng)
    typical = [golden_of(node, Heartbeat(node)).frame() for node in nodes]
    frames = [mutator.change_bytes(attack.rng.choice(typical)) for _ in attack.times(1000)]
    for frame in frames:
        send_frames(attack.ring.supernode_address, frame, timeout_s=0.2)
    time.sleep(SETTLE_S)
    return ""


def changed_admissions(attack: Attack) -> str:
    """Ask for the admission of hosts that do not exist, have control characters in their names, or are very long."""
    frames = []
    mutator = Mutator(attack.rng)
    for _ in attack.times(100):
        changed = attack.rng.choice(golden_of_supernode()).copied()
        mutator.change_struct(changed.arguments)
        frames.append(changed.frame())
    send_frames(attack.ring.supernode_address, *frames, golden_of(attack.victim, Admit(Address("\x1b", 1))).frame())
    return ""


CASES: tuple[Case, ...] = (
    order_with_nan,
    nested_result,
    admit_of_a_live_node,
    incarnation_at_its_limit,
    bit_flips_in_report,
    changed_admissions,
)
