"""How a node carries out orders of secure aggregation: its masker answers promises and reveals, and masks results."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from roundelay.chord.effects import Procedure, gather, offload
from roundelay.chord.errors import NotFound
from roundelay.chord.node import ChordNode
from roundelay.federation import jobs
from roundelay.federation.effects import Done
from roundelay.federation.requests import Order
from roundelay.federation.tasks import MomentsTask, PromiseTask, RevealTask, TrainTask
from roundelay.ml.sliced import as_bytes

if TYPE_CHECKING:
    from roundelay.federation.masker import Masker  # needs the extra `secure`

LOOKUPS_MAX = 2 * jobs.UNENDED_MAX  # of the oldest jobs, half of which at least have ended


def answer(masker: Masker | None, node: ChordNode, order: Order) -> Procedure[Done]:
    """Answer the first or the last phase of a secure sum. Raises NotFound, WorkFailed."""
    present, task, address = _present(masker), order.task, str(node.ref.address)
    yield from _make_room(present, node)
    if isinstance(task, PromiseTask):
        result = yield from offload(lambda: present.promise(order, task))
    else:
        assert isinstance(task, RevealTask)
        result = yield from offload(lambda: present.reveal(order, task, address))
    return Done(result, 0.0)


def _make_room(masker: Masker, node: ChordNode) -> Procedure[None]:
    """Have a masker that remembers the sums of many jobs forget those of jobs that are over."""
    known = masker.crowded[:LOOKUPS_MAX]
    found = yield from gather([jobs.look_up(node.ref, node.ring, job) for job in known])
    for job, state in zip(known, found, strict=True):
        if isinstance(state, tuple) and (state[1] or not state[0]):
            masker.end(job)


def masked(masker: Masker | None, node: ChordNode, order: Order, done: Done) -> Procedure[Done]:
    """Return a result as it leaves the site: masked, and its scores with it. Raises NotFound, WorkFailed."""
    present, address = _present(masker), str(node.ref.address)
    result = yield from offload(lambda: present.mask(order, _vector(order, done), address))
    return replace(done, result=result, loss=0.0, accuracy=0.0)


def _vector(order: Order, done: Done) -> bytes:
    """Return a result as the vector that enters the sum; it is in range, or it does not leave. Raises BadRecord."""
    from roundelay.federation.result_check import check_result  # loads numpy, which most nodes do without
    from roundelay.ml import masks

    check_result(replace(order, masking=None), order.files, done.result)
    if isinstance(order.task, MomentsTask):
        return masks.moments_vector(as_bytes(done.result))
    assert isinstance(order.task, TrainTask)
    rows, bits = sum(file.rows for file in order.files), order.task.plan.fraction_bits
    return masks.update_vector(as_bytes(done.result), rows, bits, done.loss, done.accuracy)


def _present(masker: Masker | None) -> Masker:
    if masker is None:
        raise NotFound(
            "takes no part in secure aggregation: it has no private data, or lacks the package `cryptography` "
            "(python3 -m pip install 'roundelay[secure]')"
        )
    return masker
