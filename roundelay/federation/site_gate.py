"""The gate before a site's private data: orders must follow from a published job and lie within the site's policy."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Set
from dataclasses import replace

from roundelay.chord.effects import Procedure, offload
from roundelay.chord.errors import NotFound
from roundelay.chord.node import ChordNode
from roundelay.federation import jobs, records
from roundelay.federation.effects import Done
from roundelay.federation.errors import WorkFailed
from roundelay.federation.origin import spec_of
from roundelay.federation.private_data import signed_keys
from roundelay.federation.requests import Order
from roundelay.federation.secure_sum import Masking
from roundelay.federation.site_policy import SitePolicyInForce
from roundelay.federation.spec import JobSpec
from roundelay.federation.tasks import (
    CompareTask,
    DescribeTask,
    EvaluateTask,
    HistogramTask,
    MixTask,
    MomentsTask,
    PromiseTask,
    RevealTask,
    SiteTask,
    TrainTask,
)
from roundelay.ml.sliced import as_bytes
from roundelay.store.items import Item
from roundelay.store.packing import SUM_BYTES
from roundelay.store.read_path import fetch, find
from roundelay.trust.identity import Identity


class SiteGate:
    """The gate of one node.

    digests: of its private files. signer_of: who has signed a record; None in a ring without certificates. secret_seed:
    returns a new seed of noise that nobody else knows.
    """

    def __init__(
        self,
        policy: SitePolicyInForce,
        digests: Set[str],
        signer_of: Callable[[Item], Identity] | None,
        secret_seed: Callable[[], int],
    ) -> None:
        self._policy = policy
        self._digests = digests
        self._signer_of = signer_of
        self._secret_seed = secret_seed

    def concerns(self, order: Order) -> bool:
        """Return whether an order names a private file, or is a phase of a secure sum."""
        is_phase = isinstance(order.task, PromiseTask | RevealTask)
        return is_phase or any(file.digest in self._digests for file in order.files)

    def admit(self, node: ChordNode, order: Order) -> Procedure[None]:
        """Raise WorkFailed, NotFound unless the order follows from a published job, and the policy allows it.

        A description precedes its job: who asks is unknown, so the policy only says whether it is given to anybody.
        """
        if isinstance(order.task, DescribeTask | CompareTask):
            self._policy.admit(order, None)
            return
        names = [records.record_name(order.job, each) for each in (records.SPEC, *records.ENDS)]
        items, nodes = yield from find(node.ref, node.ring, node.ring.key(order.job), tuple(names))
        specs = [item for item in items if item.entry.name == names[0] and item.entry.digest == order.job]
        if not specs:
            raise _refused("no such job is published")
        if isinstance(order.task, PromiseTask | RevealTask) and (end := jobs.end_among(order.job, items)):
            raise NotFound(f"job {order.job[:8]} is {end}: the site takes part in no more sums of it")
        content = yield from fetch(nodes, specs[0].entry.digest, specs[0].entry.size_bytes)
        spec = yield from offload(lambda: _checked_spec(order, specs[0], content))
        if order.masking is not None and self._signer_of is not None:
            yield from self._check_keys(node, spec, order.masking)
        submitter = self._signer_of(specs[0]) if self._signer_of is not None else None
        self._policy.admit(order, submitter)

    def withheld(self, order: Order) -> Done | None:
        """Return the answer of a site that evaluates nothing; None if the order is to be carried out.

        Its job goes on, and the site goes on to train: so these are counts of no rows, and not a refusal.
        """
        is_withheld = isinstance(order.task, SiteTask) and not self._policy.policy.evaluation
        return _no_counts() if is_withheld else None

    def _check_keys(self, node: ChordNode, spec: JobSpec, masking: Masking) -> Procedure[None]:
        """Raise NotFound unless each site has published and signed the key that the order gives for it.

        Otherwise a driver could take part in place of all other sites, and learn this one's update.
        """
        assert self._signer_of is not None
        keys = yield from signed_keys(node.ref, node.ring, spec.pinned, self._signer_of)
        for site in masking.sites:
            if keys.get(site.address) != site.key:
                raise NotFound(f"the key of {site.address} is not the one that this site has signed")

    def protect(self, order: Order, done: Done) -> Procedure[Done]:
        """Return the result of an order as it may leave: clipped, and with noise; no counts of few rows."""
        policy, task = self._policy.policy, order.task
        if isinstance(task, SiteTask) and _rows_of(as_bytes(done.result)) < policy.held_out_rows:
            return _no_counts()
        if isinstance(task, HistogramTask):
            rows, least = [file.rows for file in order.files], policy.held_out_rows
            return replace(done, result=(yield from offload(lambda: _coarsened(as_bytes(done.result), rows, least))))
        if not isinstance(task, TrainTask) or not policy.clip:
            return done
        from roundelay.ml.privacy import protect  # loads numpy, which most nodes do without

        bits, size = task.plan.fraction_bits, order.parameters * SUM_BYTES
        vectors = [file.rows for file in order.files] if order.is_single else [sum(file.rows for file in order.files)]
        seeds = [self._secret_seed() for _ in vectors]

        def protected() -> bytes:
            kept = []
            for at, (rows, seed) in enumerate(zip(vectors, seeds, strict=True)):
                whole = done.result[at * order.vector_bytes : (at + 1) * order.vector_bytes]
                kept.append(protect(whole[:size], rows, bits, policy.clip, policy.noise, seed) + whole[size:])
            receipts = [hashlib.sha256(vector).digest() for vector in kept] if order.has_receipts else []
            return b"".join([*kept, *receipts])

        return replace(done, result=(yield from offload(protected)))


def _rows_of(result: bytes) -> int:
    from roundelay.ml import counts  # loads numpy, which most nodes do without

    return counts.from_bytes(result)[0].rows


def _coarsened(result: bytes, rows: list[int], least: int) -> bytes:
    from roundelay.ml import cells  # loads numpy, which most nodes do without

    files = cells.from_bytes(result, rows)
    return cells.to_bytes([[cells.coarsened(each, least) for each in columns] for columns in files])


def _no_counts() -> Done:
    from roundelay.ml import counts  # loads numpy, which most nodes do without

    return Done(counts.Counts().to_bytes(), 0.0)


def _checked_spec(order: Order, item: Item, content: bytes) -> JobSpec:
    """Return the spec of an order's job, from which the order follows. Raises WorkFailed, BadRecord."""
    spec = spec_of(item, content)
    _check_order(order, spec)
    return spec


def _check_order(order: Order, spec: JobSpec) -> None:
    """Raise WorkFailed if an order is not one that a driver of this job would give."""
    if not 0 <= order.round <= spec.settings.rounds:
        raise _refused("its job's spec has fewer rounds")
    is_phase, masking = isinstance(order.task, PromiseTask | RevealTask), order.masking
    if isinstance(order.task, RevealTask):
        masking = order.task.chosen.masking
    if not (not order.files if is_phase else _is_planned(order, spec)):
        raise _refused("its job's spec does not ask for this")
    is_summed = spec.settings.secure_aggregation and (is_phase or isinstance(order.task, MomentsTask | TrainTask))
    if is_summed != (is_phase or masking is not None):
        raise _refused("its job's spec says whether it is masked")
    if masking is not None and not (
        masking.threshold == spec.sum_threshold and masking.places.keys() <= set(spec.sites)
    ):
        raise _refused("its job's spec has other sites")


def _is_planned(order: Order, spec: JobSpec) -> bool:
    """Return whether a job's spec asks for a task on files."""
    from roundelay.federation.round_tasks import plan  # loads numpy, which most nodes do without

    task = order.task
    plans = [plan(spec, halvings) for halvings in range(spec.settings.halvings + 1)]
    is_planned = isinstance(task, MixTask) or (
        isinstance(task, MomentsTask | HistogramTask | TrainTask | EvaluateTask | SiteTask) and task.plan in plans
    )
    if isinstance(task, MomentsTask):  # they are the same in every round
        is_planned = is_planned and order.round == 0 and not spec.tells_no_sums
    if isinstance(task, TrainTask):  # single updates and receipts tell of a file by itself
        is_single = spec.needs == "each"
        is_planned = is_planned and task.updates == spec.updates and task.receipts <= (spec.has_receipts or is_single)
    return is_planned and set(order.files) <= set(spec.all_files)


def _refused(why: str) -> WorkFailed:
    """Return the error for an order that does not follow from a published job."""
    return WorkFailed(f"the policy of the site refuses the order (submitters): {why}")
