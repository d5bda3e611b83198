"""Record rules of a secured ring: by whom a record must be signed, by its kind. Replicas check them before they store.

| record | signed by |
| --- | --- |
| `JOB.spec`, and the job's line in the list of jobs | a submitter or an operator |
| `JOB.cancelled`, `JOB.paused`, `JOB.forgotten` | the job's submitter, or an operator |
| other ends, the records of rounds | its driver: the submitter, or a node that may own the key; a copy: any node |
| a publication of private data | the node that has the data |
| that a site is drained | the node that has the data, or an operator |
| the listing of a leaf | the leaf |
| the revocation list | an operator; its content is signed by the authority |
| a training file | a submitter, an operator, or a node that renews its lease |

A job's record lies under its key among those of the job; each of them has a copy of the spec (job_keys.py).
The signature of the job that a submitter has published also stands for the specs that follow from it (origin.py).
Only old weights and states, and masked vectors, are ever deleted, by the job's driver; an operator may also delete
files. A version is the writer's clock, so it lies within the life of the certificate and not in the future: nothing can
be put beyond the reach of later versions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from roundelay.chord.errors import NotAllowed, NotYet
from roundelay.chord.ring import Ring
from roundelay.federation import job_keys, records
from roundelay.federation.effects import AHEAD_MAX_S, NS_PER_S
from roundelay.federation.errors import BadRecord
from roundelay.federation.job_drivers import DriversRecord
from roundelay.federation.leaf_directory import DIRECTORY, leaf_in
from roundelay.federation.origin import origin_of, signed_item, spec_of
from roundelay.federation.site_drain import DRAINED
from roundelay.store.blobs import digest_of
from roundelay.store.items import Item
from roundelay.trust.errors import NotTrusted
from roundelay.trust.identity import NODE, OPERATOR, SUBMITTER, Identity

JOB_RECORD = re.compile(
    r"([0-9a-f]{64})\."
    r"(spec|done|failed|cancelled|paused|replaced|forgotten|personal|(?:result|report|receipts|weights|state|masked)-[0-9]+)"
)
JOB_ID = re.compile(r"[0-9a-f]{64}")
PRIVATE = "pinned."  # begins the name of a publication, which ends with the address of its node
LISTS = (records.DIRECTORY, DIRECTORY)  # names whose keys have the lines of a list, and no file
LISTED = digest_of(records.LISTED)
REVOCATIONS = "revocations"  # the name of the revocation list, and of its key
SUBMITTERS = (SUBMITTER, OPERATOR)
KNOWN = ("weights-", "state-")  # their digests are in the RESULT
DELETABLE = (*KNOWN, "masked-")
FIRST_WEIGHTS = "weights-0"

Verify = Callable[[Item], Identity]  # raises NotTrusted
Named = Callable[[int, str], Iterable[Item]]  # the stored items with this key and name
CheckDriver = Callable[[Identity, DriversRecord], None]  # raises NotAllowed
MayOwn = Callable[[int, int], bool]  # whether a node may be the owner of a key, or may have been lately


class RecordRules:
    """The rules at one process. `now_ns` is its wall clock, `revoked_since` the time of a certificate's revocation."""

    def __init__(
        self,
        ring: Ring,
        verify: Verify,
        now_ns: Callable[[], int],
        revoked_since: Callable[[int], float | None],
        may_own: MayOwn = lambda key, node_id: True,
        check_driver: CheckDriver = lambda signer, written: None,
    ) -> None:
        self._ring = ring
        self._verify = verify
        self._now_ns = now_ns
        self._revoked_since = revoked_since
        self._may_own = may_own
        self._check_driver = check_driver

    def check(self, item: Item, named: Named, is_copy: bool = False) -> None:
        """Raise NotAllowed unless an item may be stored beside what is stored already.

        is_copy: the caller may own the key, and passes on what others have signed: the driver that signed it may have
        left the ring. Raises NotYet for what a submitter writes before the spec of its job has arrived
        here: a replica that has just joined will take it.
        """
        signer, name, key = self._signer(item), item.entry.name, item.entry.key
        if match := JOB_RECORD.fullmatch(name):
            self._check_job_record(item, signer, match[1], match[2], named, is_copy)
        elif key == self._ring.key(records.DIRECTORY) and JOB_ID.fullmatch(name):
            may = signer.role in SUBMITTERS and not item.deleted and item.entry.digest == LISTED
            _require(may, signer, item, "a submitter lists its job")
        elif name.startswith(DRAINED):
            may = signer.role == OPERATOR or self._is_home(signer, item, name.replace(DRAINED, PRIVATE, 1))
            _require(may and not item.deleted, signer, item, "the site's node or an operator drains it")
        elif name.startswith(PRIVATE):
            _require(self._is_home(signer, item, name), signer, item, "the node that has the data publishes it")
        elif key == self._ring.key(DIRECTORY) and leaf_in(name) is not None:
            _require(_is_own_listing(signer, name), signer, item, "a leaf lists itself")
        elif name == REVOCATIONS:
            _require(signer.role == OPERATOR and not item.deleted, signer, item, "an operator publishes it")
        else:
            writers = (OPERATOR,) if item.deleted else (*SUBMITTERS, NODE)
            _require(not _is_reserved(name), signer, item, "no file has the name of a list or of a job")
            _require(key == self._ring.key(name), signer, item, "a file is stored under the hash of its name")
            _require(signer.role in writers, signer, item, f"it must be written by {' or '.join(writers)}")

    def check_content(self, item: Item, content: Callable[[], bytes]) -> None:
        """Raise NotAllowed if a content shows that an item has the signature of another job."""
        if origin_of(item) and item.entry.name.endswith(f".{records.SPEC}"):
            try:
                spec_of(item, content())
            except BadRecord as error:
                raise NotAllowed(str(error)) from error

    def keep_valid(self, items: tuple[Item, ...]) -> tuple[Item, ...]:
        """Return those of a node's answer that the rules allow.

        What a job's submitter has signed needs the spec beside it, except weights and states: their digest is known.
        """

        def named(key: int, name: str) -> Iterable[Item]:
            return (each for each in items if each.entry.name == name and each.entry.key == key)

        return tuple(item for item in items if self._is_valid(item, named))

    # --- helpers

    def _is_valid(self, item: Item, named: Named) -> bool:
        match = JOB_RECORD.fullmatch(item.entry.name)
        try:
            if match and match[2].startswith(KNOWN) and not self.submitters(item.entry.key, match[1], named):
                self._signer(item)
            else:
                self.check(item, named)
        except (NotAllowed, NotYet):
            return False
        return match is None or match[2] not in records.ENDS or bool(self.submitters(item.entry.key, match[1], named))

    def _signer(self, item: Item) -> Identity:
        """Return who has signed an item, at a time when it could. Raises NotAllowed."""
        try:
            signer = self.signer_of(item)
        except NotTrusted as error:
            raise NotAllowed(f"{item.entry.name}: {error}") from error
        moment = item.version / NS_PER_S
        revoked = self._revoked_since(signer.serial)
        in_life = signer.not_before <= moment <= signer.not_after and (revoked is None or moment < revoked)
        _require(in_life, signer, item, "it must be written while the certificate is valid")
        ahead = item.version <= self._now_ns() + int(AHEAD_MAX_S * NS_PER_S)
        _require(ahead, signer, item, "its version lies in the future: set the clocks")
        return signer

    def _is_home(self, signer: Identity, item: Item, name: str) -> bool:
        """Return whether a publication names an address of its signer, and is stored where it is looked for."""
        stem = name.rpartition(":")[0]
        ends = [end for host in signer.hosts for end in (f".{host}", f".[{host}]") if stem.endswith(end)]
        is_own = any(self._ring.key(stem.removesuffix(end)) == item.entry.key for end in ends)
        return signer.role == NODE and is_own and not item.deleted

    def _check_job_record(self, item: Item, signer: Identity, job: str, what: str, named: Named, is_copy: bool) -> None:
        key = item.entry.key
        is_there = what == records.SPEC or key == job_keys.key_of(self._ring, job, what)
        is_there = is_there and job_keys.is_key_of(self._ring, job, key)
        _require(is_there, signer, item, "it is stored under its key among those of its job")
        _require(not item.deleted or what.startswith(DELETABLE), signer, item, "it is never deleted")
        if what == records.SPEC:
            _require(signer.role in SUBMITTERS and item.entry.digest == job, signer, item, "a submitter publishes it")
            others = self._publishers(key, job, named)
            _require(not others or signer.uri in others, signer, item, "another submitter has published it")
            return
        submitters = self.submitters(self._ring.key(job), job, named) or self.submitters(key, job, named)
        is_first = what == FIRST_WEIGHTS and not submitters  # they are stored before their spec
        is_submitter = signer.uri in submitters or (is_first and signer.role in SUBMITTERS)
        if not (submitters or is_first or is_copy) and signer.role == SUBMITTER:
            raise NotYet(f"{item.entry.name}: the spec of its job, which names its submitter, is not stored here")
        if what in (records.CANCELLED, records.PAUSED, records.FORGOTTEN):
            _require(is_submitter or signer.role == OPERATOR, signer, item, "its submitter or an operator writes it")
            return
        is_driver = signer.node_id is not None and (is_copy or self._may_own(key, signer.node_id))
        _require(is_submitter or is_driver, signer, item, "its driver writes it")
        number = job_keys.round_in(what) if "-" in what else None
        deletes = item.deleted and any(
            each.entry == item.entry and not each.deleted for each in named(key, item.entry.name)
        )
        self._check_driver(signer, DriversRecord(job, item.version, number, is_copy, item.deleted, deletes))

    def _publishers(self, key: int, job: str, named: Named) -> set[str]:
        """Return the submitters of a job by any copy of its spec; while they are being written, some are missing."""
        keys = dict.fromkeys((self._ring.key(job), key, *job_keys.all_keys(self._ring, job)))
        return next(filter(None, (self.submitters(each, job, named) for each in keys)), set())

    def submitters(self, key: int, job: str, named: Named) -> set[str]:
        """Return the submitters of a job, as far as its spec is stored here."""
        found = set()
        for spec in named(key, records.record_name(job, records.SPEC)):
            if spec.entry.digest == job:
                found.add(self.signer_of(spec).uri)
        return found

    def signer_of(self, item: Item) -> Identity:
        """Return by whom an item, or the one whose signature stands for it, is signed. Raises NotTrusted."""
        match = JOB_RECORD.fullmatch(item.entry.name)
        is_spec = match is not None and match[2] == records.SPEC
        return self._verify(signed_item(self._ring, item) if is_spec else item)


def signed_text(item: Item) -> bytes:
    """Return what a signature covers: everything but the lease."""
    entry = item.entry
    head = f"roundelay item 1\n{entry.key:x}\n{entry.digest}\n{entry.size_bytes}\n{item.version}\n{item.deleted:d}\n"
    return head.encode() + entry.name.encode()


def _is_reserved(name: str) -> bool:
    """Return whether a file of this name would lie among the records of a job or the lines of a list."""
    return name in LISTS or JOB_ID.fullmatch(name) is not None


def _is_own_listing(signer: Identity, name: str) -> bool:
    leaf = leaf_in(name)
    return leaf is not None and signer.role == NODE and leaf.id == signer.node_id and leaf.host in signer.hosts


def _require(holds: bool, signer: Identity, item: Item, rule: str) -> None:
    if not holds:
        verb = "delete" if item.deleted else "write"
        raise NotAllowed(f"{signer} may not {verb} {item.entry.name}: {rule}")
