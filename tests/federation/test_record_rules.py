"""The record rules: who may sign which record, tried for every kind of record and every kind of signer."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

import pytest

from roundelay.chord.errors import NotAllowed, NotYet
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef, vacant
from roundelay.chord.ring import Ring
from roundelay.federation import jobs, records
from roundelay.federation.effects import AHEAD_MAX_S
from roundelay.federation.errors import JobEnded
from roundelay.federation.job_drivers import DriversRecord, JobDrivers
from roundelay.federation.job_keys import KEYS_MAX, ROUNDS_PER_KEY
from roundelay.federation.origin import original, require_follows, signed_item, with_signature_of
from roundelay.federation.record_guard import RecordGuard
from roundelay.federation.record_rules import RecordRules
from roundelay.federation.spec import JobSpec, Liar
from roundelay.federation.successor import successor_of
from roundelay.store.blobs import digest_of
from roundelay.store.items import Entry, Item
from roundelay.trust.errors import NotTrusted
from roundelay.trust.identity import Identity
from tests.federation.test_driver import SETTINGS, make_spec

RING = Ring()
JOB = "ab" * 32
KEY = RING.key(JOB)
NOW_NS = 1_000_000_000_000
DIGEST = "cd" * 32
OWNER, STRANGER_ID = RING.key("owner"), RING.key("stranger")


def identity(role: str, name: str, node_id: int | None = None) -> Identity:
    return Identity("00" * 8, role, name, node_id, ("127.0.0.1",), 1, 0.0, 1e9)


ALICE, MALLORY = identity("submitter", "alice"), identity("submitter", "mallory")
OPERATOR, VIEWER = identity("operator", "olga"), identity("viewer", "vera")
DRIVER, OTHER_NODE = identity("node", "owner", OWNER), identity("node", "stranger", STRANGER_ID)
SIGNERS = {each.name: each for each in (ALICE, MALLORY, OPERATOR, VIEWER, DRIVER, OTHER_NODE)}


def item(name: str, signer: Identity, key: int = KEY, digest: str = DIGEST, **changes: object) -> Item:
    made = Item(Entry(key, name, digest, 1), NOW_NS, signature=signer.name.encode())
    return replace(made, **changes)  # type: ignore[arg-type]


def line(job: str, signer: Identity) -> Item:
    """Return the line of a job in the list of jobs."""
    return item(job, signer, RING.key(records.DIRECTORY), digest_of(records.LISTED))


def verify(signed: Item) -> Identity:
    signer = SIGNERS.get(signed.signature.decode(errors="replace"))
    if signer is None:
        raise NotTrusted("a record without a signature")
    return signer


LISTING = f"leaf.{OWNER:040x}.5.1024.127.0.0.1"  # of DRIVER, as a leaf
SPEC = item(f"{JOB}.spec", ALICE, digest=JOB)


def stored(*items: Item) -> object:
    def named(key: int, name: str) -> Iterable[Item]:
        return [each for each in items if (each.entry.key, each.entry.name) == (key, name)]

    return named


def rules(**options: object) -> RecordRules:
    may_own = lambda key, node_id: node_id == OWNER  # noqa: E731
    return RecordRules(RING, verify, lambda: NOW_NS, lambda _: None, may_own, **options)  # type: ignore[arg-type]


def is_allowed(made: Item, *beside: Item) -> bool:
    try:
        rules().check(made, stored(*beside))  # type: ignore[arg-type]
    except (NotAllowed, NotYet):
        return False
    return True


DELETED = ("weights-1", "state-1", "masked-1")

# By record: the signers that may write it, beside alice's spec.
ALLOWED = {
    "spec": {"alice"},
    **{key: {"alice", "olga"} for key in ("cancelled", "forgotten")},
    **{key: {"alice", "owner"} for key in ("done", "failed", "replaced", "personal")},
    **{key: {"alice", "owner"} for key in ("result-1", "report-1", "receipts-1", *DELETED)},
}


@pytest.mark.parametrize(("what", "name"), list(itertools.product(ALLOWED, SIGNERS)))
def test_a_jobs_record_is_written_only_by_whom_its_kind_allows(what: str, name: str) -> None:
    made = item(f"{JOB}.{what}", SIGNERS[name], digest=JOB if what == "spec" else DIGEST)

    assert is_allowed(made, SPEC) == (name in ALLOWED[what])


@pytest.mark.parametrize("name", SIGNERS)
@pytest.mark.parametrize("what", ALLOWED)
def test_only_old_weights_states_and_masked_vectors_are_deleted_and_only_by_the_driver(what: str, name: str) -> None:
    deletion = item(f"{JOB}.{what}", SIGNERS[name], digest=JOB if what == "spec" else DIGEST, deleted=True)

    assert is_allowed(deletion, SPEC) == (what in DELETED and name in ALLOWED[what])


def test_a_spec_is_published_by_a_submitter_under_the_digest_that_is_its_name() -> None:
    assert is_allowed(SPEC)
    assert not is_allowed(item(f"{JOB}.spec", ALICE))
    assert not is_allowed(item(f"{JOB}.spec", DRIVER, digest=JOB))
    assert not is_allowed(item(f"{JOB}.spec", MALLORY, digest=JOB), SPEC), "its signer would be its submitter"


@pytest.mark.parametrize("what", ["result", "report", "receipts", "weights", "state", "masked"])
def test_a_record_of_a_later_round_lies_under_its_key_and_is_judged_by_the_spec_beside_it(what: str) -> None:
    later, copy = KEY + 1, item(f"{JOB}.spec", ALICE, KEY + 1, JOB)
    name = f"{JOB}.{what}-{ROUNDS_PER_KEY}"

    assert is_allowed(copy) and is_allowed(item(name, ALICE, later), copy)
    assert is_allowed(item(name, DRIVER, later), copy) and not is_allowed(item(name, MALLORY, later), copy)
    assert not is_allowed(item(name, ALICE, later)), "a submitter needs its spec"
    for elsewhere in (KEY, KEY + 2, RING.key("elsewhere")):
        assert not is_allowed(item(name, ALICE, elsewhere), copy, SPEC)
    assert rules().keep_valid((copy, item(name, ALICE, later))) == (copy, item(name, ALICE, later))


def test_a_copy_of_a_spec_lies_under_a_key_of_its_job_and_is_its_submitters() -> None:
    last = KEY + KEYS_MAX - 1

    assert is_allowed(item(f"{JOB}.spec", ALICE, last, JOB), SPEC)
    assert not is_allowed(item(f"{JOB}.spec", ALICE, last + 1, JOB), SPEC)
    assert not is_allowed(item(f"{JOB}.spec", MALLORY, last, JOB), SPEC)
    assert not is_allowed(item(f"{JOB}.spec", MALLORY, last, JOB), item(f"{JOB}.spec", ALICE, last, JOB))


def test_a_copy_of_a_spec_under_any_key_names_the_submitter_while_the_others_are_being_written() -> None:
    """The copy of the last key is written first, so it shows to others what the job is before it exists."""
    copy = item(f"{JOB}.spec", ALICE, KEY + 3, JOB)

    for key in (KEY, KEY + 1, KEY + KEYS_MAX - 1):
        assert not is_allowed(item(f"{JOB}.spec", MALLORY, key, JOB), copy)
        assert is_allowed(item(f"{JOB}.spec", ALICE, key, JOB), copy)


# --- successors, for which the signature of the job that was submitted stands

ORIGIN_SPEC = make_spec(replace(SETTINGS, verify=0.5))  # only a verified job is ever replaced
ORIGIN = item(
    f"{ORIGIN_SPEC.job}.spec",
    ALICE,
    entry=Entry(RING.key(ORIGIN_SPEC.job), f"{ORIGIN_SPEC.job}.spec", ORIGIN_SPEC.job, len(ORIGIN_SPEC.to_bytes())),
)
SUCCESSOR = successor_of(ORIGIN_SPEC, 3, [Liar("liar:1", 5)])


def published(spec: JobSpec, origin: Item = ORIGIN) -> Item:
    """Return a spec as a driver publishes it that may not sign it."""
    return with_signature_of(origin, jobs.job_record(RING, spec.job, "spec", spec.to_bytes(), NOW_NS + 1).item)


def check_content(made: Item, content: bytes) -> None:
    rules().check_content(made, lambda: content)


def test_whoever_publishes_a_successor_the_submitter_stays_its_submitter() -> None:
    spec, key = published(SUCCESSOR), RING.key(SUCCESSOR.job)
    cancelled = f"{SUCCESSOR.job}.cancelled"

    assert signed_item(RING, spec) == ORIGIN, "this is what the signature must be of"
    assert is_allowed(spec)
    assert is_allowed(item(cancelled, ALICE, key), spec)
    assert not is_allowed(item(cancelled, MALLORY, key), spec)
    assert rules().keep_valid((spec, item(f"{SUCCESSOR.job}.done", DRIVER, key)))[1:]
    assert rules().submitters(key, SUCCESSOR.job, stored(spec)) == {ALICE.uri}  # type: ignore[arg-type]


def test_a_successor_of_a_successor_follows_from_the_first_job_too() -> None:
    second = successor_of(SUCCESSOR, 2, [*SUCCESSOR.excluded, Liar("other:1", 7)])

    assert original(second) == ORIGIN_SPEC
    check_content(published(second), second.to_bytes())
    assert published(second, published(SUCCESSOR)) == published(second), "the job before it has that signature"


@pytest.mark.parametrize(
    "spec",
    [
        replace(SUCCESSOR, nonce="mine"),
        replace(SUCCESSOR, settings=replace(SUCCESSOR.settings, rounds=1000)),
        replace(SUCCESSOR, files=SUCCESSOR.files[:-1]),
        ORIGIN_SPEC,
    ],
    ids=["nonce", "settings", "files", "itself"],
)
def test_a_job_that_does_not_follow_from_the_one_that_was_signed_is_refused(spec: JobSpec) -> None:
    check_content(published(SUCCESSOR), SUCCESSOR.to_bytes())
    with pytest.raises(NotAllowed, match="does not follow"):
        check_content(published(spec), spec.to_bytes())


def test_a_client_follows_only_a_job_that_follows_from_its_own() -> None:
    second = successor_of(SUCCESSOR, 2, [*SUCCESSOR.excluded, Liar("other:1", 7)])

    require_follows(SUCCESSOR, ORIGIN_SPEC)
    require_follows(second, SUCCESSOR)
    with pytest.raises(JobEnded, match="does not follow from it"):
        require_follows(replace(second, nonce="mine"), SUCCESSOR)


def test_the_signature_of_a_spec_stands_for_no_other_record() -> None:
    borrowed = with_signature_of(ORIGIN, item(f"{SUCCESSOR.job}.done", DRIVER, RING.key(SUCCESSOR.job)))
    by_viewer = replace(ORIGIN, signature=VIEWER.name.encode())

    assert not is_allowed(borrowed, published(SUCCESSOR))
    assert not is_allowed(with_signature_of(ORIGIN, item("a.txt", DRIVER, RING.key("a.txt"))))
    assert not is_allowed(with_signature_of(ORIGIN, line(SUCCESSOR.job, DRIVER))), "nodes could fill the list of jobs"
    assert not is_allowed(published(SUCCESSOR, by_viewer)), "its signer must have been allowed to submit a job"


def test_the_first_weights_arrive_before_their_spec() -> None:
    assert is_allowed(item(f"{JOB}.weights-0", ALICE))


@pytest.mark.parametrize(
    ("made", "allowed"),
    [
        (line(JOB, ALICE), True),
        (line(JOB, DRIVER), False),
        (replace(line(JOB, ALICE), deleted=True), False),
        (item(JOB, ALICE, RING.key("jobs")), False),
        *(
            (item(name, signer, RING.key(name)), False)
            for name in ("jobs", "leaves", JOB)
            for signer in (ALICE, DRIVER)
        ),
        (item("pinned.wards.127.0.0.1:8001", DRIVER, RING.key("pinned.wards")), True),
        (item("pinned.wards.10.0.0.1:8001", DRIVER, RING.key("pinned.wards")), False),
        (item("pinned.wards.127.0.0.1:8001", ALICE, RING.key("pinned.wards")), False),
        (item(LISTING, DRIVER, RING.key("leaves")), True),
        (item(LISTING, DRIVER, RING.key("leaves"), deleted=True), True),
        (item(LISTING, OTHER_NODE, RING.key("leaves")), False),
        (item(LISTING.replace("127.0.0.1", "10.0.0.1"), DRIVER, RING.key("leaves")), False),
        (item(LISTING, DRIVER, RING.key("letters")), False),
        (item("revocations", OPERATOR, RING.key("revocations")), True),
        (item("revocations", ALICE, RING.key("revocations")), False),
        (item("a.txt", ALICE, RING.key("a.txt")), True),
        (item("a.txt", DRIVER, RING.key("a.txt")), True),
        (item("a.txt", VIEWER, RING.key("a.txt")), False),
        (item("a.txt", ALICE, KEY), False),
        (item("a.txt", ALICE, RING.key("a.txt"), deleted=True), False),
        (item("a.txt", OPERATOR, RING.key("a.txt"), deleted=True), True),
        (item(f"{JOB}.result-1", DRIVER, RING.key("elsewhere")), False),
        (item(f"{JOB}.junk", DRIVER), False),
    ],
)
def test_every_other_record_has_its_writers_too(made: Item, allowed: bool) -> None:
    assert is_allowed(made) == allowed


@pytest.mark.parametrize("version", [2**63 - 1, NOW_NS + int((AHEAD_MAX_S + 1) * 1e9), -1])
def test_a_version_outside_the_certificates_life_or_in_the_future_is_refused(version: int) -> None:
    assert not is_allowed(item(f"{JOB}.result-1", DRIVER, version=version), SPEC)


def test_an_unsigned_record_is_refused() -> None:
    assert not is_allowed(item("a.txt", ALICE, RING.key("a.txt"), signature=b""))


def test_what_was_written_before_a_revocation_stays_valid() -> None:
    revoked = RecordRules(RING, verify, lambda: NOW_NS, lambda _: NOW_NS / 1e9)
    before = item("a.txt", ALICE, RING.key("a.txt"), version=NOW_NS - 1)

    revoked.check(before, stored())  # type: ignore[arg-type]
    with pytest.raises(NotAllowed, match="while the certificate is valid"):
        revoked.check(replace(before, version=NOW_NS), stored())  # type: ignore[arg-type]


def test_a_reader_drops_forged_records_and_ends_without_their_spec() -> None:
    honest, forged = item(f"{JOB}.result-1", DRIVER), item(f"{JOB}.cancelled", MALLORY)
    end = item(f"{JOB}.done", DRIVER)

    assert rules().keep_valid((SPEC, honest, forged, end)) == (SPEC, honest, end)
    assert rules().keep_valid((forged, end)) == ()


def test_a_node_without_the_spec_takes_nothing_from_a_submitter_but_the_first_weights() -> None:
    forged = item(f"{JOB}.result-1", MALLORY)

    with pytest.raises(NotYet, match="spec of its job"):
        rules().check(forged, stored())  # type: ignore[arg-type]
    with pytest.raises(NotAllowed):
        rules().check(forged, stored(), is_copy=True)  # type: ignore[arg-type]
    assert rules().keep_valid((forged, line(JOB, ALICE))) == (line(JOB, ALICE),)


# --- drivers


def drivers(now: list[float]) -> JobDrivers:
    may_drive = lambda _, driver: driver.node_id == OWNER  # noqa: E731
    return JobDrivers(5.0, lambda: now[0], lambda: int(now[0] * 1e9), lambda _: {ALICE.uri}, may_drive)


def result(number: int, version: float = 0.0, **about: bool) -> DriversRecord:
    """Return a RESULT that was written at a time."""
    return DriversRecord(JOB, int(version * 1e9), number, **about)


def takes(made: JobDrivers, signer: Identity, written: DriversRecord) -> bool:
    try:
        made.check(signer, written)
    except NotAllowed:
        return False
    return True


def test_while_a_driver_is_alive_no_node_takes_its_job() -> None:
    now = [0.0]
    made = drivers(now)
    made.claim(JOB, ALICE)

    with pytest.raises(NotAllowed, match="submitter alice does"):
        made.claim(JOB, DRIVER)
    with pytest.raises(NotAllowed, match="submitter alice does"):
        made.check(DRIVER, result(1))
    now[0] += 6
    made.claim(JOB, DRIVER)
    made.claim(JOB, ALICE)


def test_while_a_driver_is_alive_earlier_records_are_copied_and_none_of_its_own_rounds() -> None:
    """The versions of OTHER_NODE, which has driven the job before, are as early as it likes."""
    now = [10.0]
    made = drivers(now)
    made.claim(JOB, DRIVER)

    assert takes(made, OTHER_NODE, result(7, is_copy=True)), "the new driver has not written a round yet"
    assert takes(made, DRIVER, result(5, 11.0)), "it begins with this round"
    assert takes(made, OTHER_NODE, result(4, is_copy=True))
    assert not takes(made, OTHER_NODE, result(4)), "by a caller that has no reason to have it"
    assert not any(takes(made, OTHER_NODE, result(number, is_copy=True)) for number in (5, 6, 7))
    now[0] += 6
    assert takes(made, OTHER_NODE, result(7, is_copy=True)), "the driver is dead"


def test_while_a_driver_is_alive_no_copy_ends_its_job_or_deletes_what_is_here() -> None:
    made = drivers([10.0])
    made.claim(JOB, DRIVER)
    made.check(DRIVER, result(5, 11.0))

    assert not takes(made, OTHER_NODE, DriversRecord(JOB, 0, is_copy=True)), "an end"
    assert not takes(made, OTHER_NODE, result(4, is_copy=True, is_deletion=True, deletes=True))
    assert takes(made, OTHER_NODE, result(4, is_copy=True, is_deletion=True)), "of what is not here"


def test_a_drivers_term_does_not_begin_with_what_it_wrote_in_an_earlier_one_or_deletes() -> None:
    made = drivers([10.0])
    made.claim(JOB, DRIVER)
    made.check(DRIVER, result(1, 9.0, is_copy=True))
    made.check(DRIVER, result(2, 12.0, is_deletion=True))
    made.check(DRIVER, result(8, 12.0))

    assert takes(made, OTHER_NODE, result(7, is_copy=True))
    assert not takes(made, OTHER_NODE, result(8, is_copy=True))


def test_a_term_goes_on_while_its_lease_is_renewed_and_another_begins_once_it_has_run_out() -> None:
    now = [10.0]
    made = drivers(now)
    made.claim(JOB, DRIVER)
    made.check(DRIVER, result(5, 11.0))
    now[0] += 4
    made.claim(JOB, DRIVER)
    now[0] += 4
    assert not takes(made, OTHER_NODE, result(5, is_copy=True))
    now[0] += 6
    made.claim(JOB, DRIVER)
    assert takes(made, OTHER_NODE, result(5, is_copy=True))


def test_a_record_that_arrives_in_another_thread_while_the_lease_is_renewed_counts() -> None:
    arriving = list[DriversRecord]()

    def submitters_of(_: str) -> set[str]:  # called in the middle of a claim
        while arriving:
            made.check(DRIVER, arriving.pop())
        return {ALICE.uri}

    made = JobDrivers(5.0, lambda: 10.0, lambda: 10_000_000_000, submitters_of, lambda *_: True)
    made.claim(JOB, DRIVER)
    arriving.append(result(5, 11.0))
    made.claim(JOB, DRIVER)

    assert takes(made, OTHER_NODE, result(4, is_copy=True))
    assert not takes(made, OTHER_NODE, result(5, is_copy=True))


def test_a_stranger_cannot_claim_a_job() -> None:
    made = drivers([0.0])

    with pytest.raises(NotAllowed, match="it is the job of another submitter"):
        made.claim(JOB, MALLORY)
    with pytest.raises(NotAllowed, match="another node owns its key"):
        made.claim(JOB, OTHER_NODE)


# --- a node's guard


def guard(node: ChordNode, *beside: Item) -> RecordGuard:
    return RecordGuard(node, DRIVER, verify, lambda _: None, stored(*beside), 5.0, lambda: 0.0, lambda: NOW_NS)  # type: ignore[arg-type]


def ref(node_id: int) -> NodeRef:
    return NodeRef(node_id, "127.0.0.1", node_id % 1000 + 1)


def test_in_a_small_ring_only_members_may_own_a_key() -> None:
    node = ChordNode(ref(100), Ring(successors=4))
    node.predecessor, node.successors = ref(80), (ref(200), ref(80), ref(100), vacant(0))

    assert guard(node).may_own(70, 80)
    assert guard(node).may_own(90, 200), "it was the owner until this node joined"
    assert not guard(node).may_own(70, 75), "a kit whose node is not in the ring"


def test_in_a_large_ring_an_owner_lies_between_the_key_and_this_node() -> None:
    node = ChordNode(ref(100), Ring(successors=4))
    node.predecessor, node.successors = ref(90), (ref(200), ref(300), ref(400), ref(500))

    assert guard(node).may_own(70, 75)
    assert not guard(node).may_own(70, 60)
    assert guard(node).may_own(70, 300)
    assert not guard(node).may_own(70, 600)


def copies(made: RecordGuard, copy: Item, caller: int | None, *beside: Item) -> bool:
    try:
        made.check(copy, stored(*beside), caller)  # type: ignore[arg-type]
    except NotAllowed:
        return False
    return True


def test_a_node_that_may_own_a_key_passes_on_what_a_former_member_has_signed() -> None:
    """OTHER_NODE has driven the job, and has left; it may not own the key any more."""
    owner = RING.key(JOB) + 5
    node = ChordNode(ref(owner + 2), Ring(successors=4))
    node.predecessor, node.successors = ref(owner + 1), tuple(ref(owner + step) for step in (3, 4, 5, 6))
    made = guard(node, SPEC)
    old = item(f"{JOB}.result-1", OTHER_NODE)
    by = {"the owner": owner, "a replica": owner + 1, "itself": owner + 2, "a successor": owner + 5}
    not_by = {"a submitter": None, "a node before the key": KEY - 1, "a node behind": owner + 6}

    assert [name for name, caller in by.items() if not copies(made, old, caller, SPEC)] == []
    assert [name for name, caller in not_by.items() if copies(made, old, caller, SPEC)] == []


@pytest.mark.parametrize("what", ["cancelled", "forgotten", "spec"])
def test_no_copy_has_a_signer_whose_role_may_not_sign_it(what: str) -> None:
    node = ChordNode(ref(KEY + 5), Ring(successors=4))
    made = guard(node, SPEC)

    assert not copies(made, item(f"{JOB}.{what}", DRIVER, digest=JOB if what == "spec" else DIGEST), node.ref.id, SPEC)
    assert not copies(made, item(f"{JOB}.result-1", MALLORY), node.ref.id, SPEC)
    assert not copies(made, item(f"{JOB}.result-1", VIEWER), node.ref.id, SPEC)


def test_the_guard_tells_a_deletion_of_what_is_here_from_one_of_what_is_not() -> None:
    node = ChordNode(ref(KEY + 5), Ring(successors=4))
    node.joined = True
    made, here = guard(node, SPEC), item(f"{JOB}.weights-1", OTHER_NODE, version=NOW_NS - 1)
    deletion = item(f"{JOB}.weights-1", OTHER_NODE, deleted=True)
    made.claim(JOB, ALICE)

    assert copies(made, deletion, node.ref.id, SPEC)
    assert not copies(made, deletion, node.ref.id, SPEC, here)
    assert not copies(made, item(f"{JOB}.done", OTHER_NODE), node.ref.id, SPEC)
    assert not copies(made, item(f"{JOB}.result-1", OTHER_NODE), None, SPEC)
