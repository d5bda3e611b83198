"""A listing of the latest jobs, in two round trips: which jobs are listed, and what their nodes say of each.

A job that replaces another is not listed: three more round trips find it, and what its nodes say of it.

It is for people: it asks the responsible nodes among given members instead of looking them up, and takes their word for
what the records say (`job_lister`), as most of them give it. `snapshot` reads the records and verifies a whole job.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from roundelay.chord.effects import CALL_TIMEOUT_S, Procedure, Request, ask_all, gather
from roundelay.chord.errors import ChordError, NotFound, NotYet
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours
from roundelay.chord.ring import Ring
from roundelay.federation import records
from roundelay.federation.jobs import follow, ids_among
from roundelay.federation.listed_job import DIVERGED, TWO_RESULTS, UNREADABLE, ListedJob
from roundelay.federation.requests import ListJob
from roundelay.federation.states import UNENDED_STATES
from roundelay.store.items import Find
from roundelay.store.read_path import holders_among, latest_items

WARMED_MAX = 64  # members to which connections are opened beside the first question


def list_latest(members: Sequence[NodeRef], ring: Ring, count: int) -> Procedure[list[ListedJob]]:
    """Return the latest `count` jobs, the oldest first, each before those that replace it.

    Raises NotYet: a responsible node did not answer.
    """
    listed = yield from _ask(members, ring, (yield from _find_ids(members, ring))[-count:])
    replaced = [each.job for each in listed if each.state == records.REPLACED]
    outcomes = yield from gather([follow(members[0], ring, job, members) for job in replaced])
    lineages = {each[0]: each for each in outcomes if isinstance(each, tuple)}
    successors = yield from _ask(members, ring, [job for lineage in lineages.values() for job in lineage[1:]])
    by_job = {each.job: each for each in (*successors, *listed)}
    ordered = [job for each in listed for job in lineages.get(each.job, (each.job,))]
    return [by_job[job] for job in dict.fromkeys(ordered)]


def _ask(members: Sequence[NodeRef], ring: Ring, jobs: Sequence[str]) -> Procedure[list[ListedJob]]:
    """Return what the nodes of each job say of it."""
    holders = {job: holders_among(members, ring, ring.key(job)) for job in jobs}
    asks = [(node, ListJob(job)) for job in jobs for node in holders[job]]
    answers = iter((yield from ask_all(asks, deadline_s=CALL_TIMEOUT_S)))
    return [_agreed(job, [next(answers) for _ in holders[job]]) for job in jobs]


def _find_ids(members: Sequence[NodeRef], ring: Ring) -> Procedure[list[str]]:
    """Return the ids of the listed jobs, and open connections, which the next round trip uses. Raises NotYet."""
    directory = holders_among(members, ring, ring.key(records.DIRECTORY))
    others = [node for node in members if node not in directory][:WARMED_MAX]
    asks: list[tuple[NodeRef, Request[object]]] = [
        *((node, Find(ring.key(records.DIRECTORY))) for node in directory),
        *((node, GetNeighbours()) for node in others),
    ]
    answers = (yield from ask_all(asks, deadline_s=CALL_TIMEOUT_S))[: len(directory)]
    items = latest_items([item for answer in answers if isinstance(answer, tuple) for item in answer])
    if not items and any(isinstance(answer, ChordError) for answer in answers):
        raise NotYet("the nodes that list the jobs do not answer")
    return ids_among(items)


def _agreed(job: str, answers: Sequence[ListedJob | ChordError]) -> ListedJob:
    """Return what most of a job's nodes say of it; of equally many, what is furthest.

    Why a job waits is known to the node that drives it alone.
    """
    said = [answer for answer in answers if isinstance(answer, ListedJob) and answer.job == job]
    if not said:
        silent = [each for each in answers if isinstance(each, ChordError) and not isinstance(each, NotFound)]
        why = f"the nodes that may have its records do not answer: {silent[0]}" if silent else ""
        return ListedJob(job, UNREADABLE, reason=why or "its records were not found")
    count = Counter(map(_without_reason, said))
    most = min(count, key=lambda each: (-count[each], each.state not in records.ENDS, -each.round, each.result))
    if not most.may_fork and len({each.result for each in said if each.round == most.round} - {""}) > 1:
        return replace(most, state=DIVERGED, reason=TWO_RESULTS)
    return next((each for each in said if each.reason and _without_reason(each) == most), most)


def _without_reason(said: ListedJob) -> ListedJob:
    """Return what a node says of a job, without why it waits."""
    return replace(said, reason="") if said.state in UNENDED_STATES else said
