"""A site's side of secure aggregation (secure_sum.py): mask its vector, and reveal its shares for one set of sites.

Masks and shares follow from the site's secret, the sum and the sites in it. So a repeated order gives the same bytes,
and an order with other sites gives masks that have nothing in common with the first ones. The secret and what has been
revealed are in memory only: a site that starts anew is another participant, with another key. The others then reveal
their shares once more, for the same sites with their new keys, and only for the vectors of the first time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field

from roundelay.chord.errors import NotFound
from roundelay.federation.effects import AHEAD_MAX_S, NS_PER_S
from roundelay.federation.errors import WorkFailed
from roundelay.federation.requests import Order
from roundelay.federation.secure_sum import (
    SHARE_BYTES,
    Ballot,
    Masking,
    RevealedSet,
    RevealedShares,
    SitePromise,
    pair_places,
)
from roundelay.federation.tasks import MomentsTask, PromiseTask, RevealTask
from roundelay.ml import masks
from roundelay.ml.masks import MOMENTS_WIDTH, UPDATE_WIDTH
from roundelay.trust.errors import NotTrusted
from roundelay.trust.masking_key import SEED_BYTES, MaskingKey, stream
from roundelay.trust.secret_sharing import COEFFICIENT_BYTES, split

MOMENTS_ROUND = 0  # in which features are summed: they are the same in all rounds, so that one sum is enough
SUMS_MAX = 64  # of one job that are remembered; older rounds are then refused for good
MASKINGS_MAX = 16  # of one sum whose vectors are remembered, the latest
JOBS_MAX = 4096  # of which sums are remembered; more are refused
ENDED_MAX = 1 << 16  # jobs that are over, of which only the ids are remembered


@dataclass
class _Sum:
    """What a site remembers of a sum. revealed: the set for which it has last revealed its shares.

    vectors: digests of those that it has masked, by their contexts. vector: that in the revealed sets, if any.
    """

    round: int
    promised: Ballot = (0, "")
    revealed: RevealedSet | None = None
    vectors: dict[bytes, bytes] = field(default_factory=dict)
    vector: bytes = b""

    def mask(self, context: bytes, vector: bytes) -> None:
        """Note which vector is masked."""
        self.vectors.pop(context, None)
        self.vectors[context] = hashlib.sha256(vector).digest()
        for oldest in list(self.vectors)[:-MASKINGS_MAX]:
            del self.vectors[oldest]

    def reveal(self, chosen: RevealedSet, context: bytes) -> None:
        """Note for which set the shares are revealed. Raises NotFound if that would reveal a second sum."""
        vector = self.vectors.get(context, b"")
        if self.revealed is None:
            self.vector = vector
        elif self.revealed != chosen:
            if self.revealed.sites != chosen.sites:
                raise NotFound("the site has revealed its shares for another set of sites, and never does for two")
            if not vector or vector != self.vector:
                raise NotFound("the site has revealed its shares for another vector, as of other noise")
        self.revealed = chosen


@dataclass
class _JobSums:
    """The sums of one job. floor: sums of earlier rounds may have been forgotten, and are refused."""

    floor: int = 0
    sums: dict[str, _Sum] = field(default_factory=dict)

    def has_other_moments(self, this: _Sum) -> bool:
        """Return whether the features of another sum were revealed: the difference could be those of one site."""
        moments = (each for each in self.sums.values() if each.round == MOMENTS_ROUND and each is not this)
        return any(each.revealed is not None for each in moments)

    def make_room(self) -> None:
        """Forget the oldest sum of which nothing was revealed; without one, those of the earliest round, for good."""
        idle = next((each for each, found in self.sums.items() if found.revealed is None), None)
        if idle is not None:
            del self.sums[idle]
            return
        self.floor = 1 + min(each.round for each in self.sums.values())
        self.sums = {each: found for each, found in self.sums.items() if found.round >= self.floor}


class Masker:
    """A site that takes part in secure sums.

    secret: 32 random bytes that nobody else knows. now_ns: the site's clock.
    """

    def __init__(self, secret: bytes, now_ns: Callable[[], int]) -> None:
        self._key = MaskingKey(secret)
        self._now_ns = now_ns
        self._jobs: dict[str, _JobSums] = {}
        self._ended: set[str] = set()  # jobs of which the site takes part in no more sums

    @property
    def key(self) -> str:
        """The site's public key, in hexadecimal."""
        return self._key.public.hex()

    def promise(self, order: Order, task: PromiseTask) -> bytes:
        """Promise to answer no earlier driver of a sum. Return the key, and the set that was revealed, if one was."""
        found = self._sum(order, task.sum_id)
        self._require_latest(found, (task.began, task.driver))
        promise = SitePromise(self.key, (found.revealed,) if found.revealed is not None else ())
        return json.dumps(asdict(promise)).encode()

    def mask(self, order: Order, vector: bytes, address: str) -> bytes:
        """Return the site's vector masked, and the sealed shares of the masks' seeds. Raises WorkFailed, NotFound."""
        masking = order.masking
        assert masking is not None
        me = self._place(masking, address)
        if masking.sites[me].files != tuple(sorted(file.index for file in order.files)):
            raise WorkFailed("the order names other files than its own list of sites")
        if isinstance(order.task, MomentsTask) and order.round != MOMENTS_ROUND:
            raise WorkFailed(f"features are summed in round {MOMENTS_ROUND} only")
        context = masking.context(order.job, order.round, order.sum_id)
        own, pairs = self._seeds(masking, me, context)
        self._sum(order, order.sum_id).mask(context, vector)
        size, width = len(vector), MOMENTS_WIDTH if isinstance(order.task, MomentsTask) else UPDATE_WIDTH
        plus = [own, *(seed for other, seed in pairs.items() if me < other)]
        minus = [seed for other, seed in pairs.items() if me > other]
        masked = masks.add([vector], _streams(plus, size), _streams(minus, size), width)
        return masked + b"".join(self._boxes(masking, [own, *pairs.values()], context))

    def reveal(self, order: Order, task: RevealTask, address: str) -> bytes:
        """Return the shares of the seeds that are left in the sum over a set. Raises WorkFailed, NotFound."""
        chosen, context = task.chosen, task.chosen.masking.context(order.job, order.round, task.sum_id)
        self._place(chosen.masking, address)
        found = self._sum(order, task.sum_id)
        self._require_latest(found, (task.began, task.driver))
        if order.round == MOMENTS_ROUND and self._jobs[order.job].has_other_moments(found):
            raise NotFound("the site has revealed another sum of features in this job, and never does two")
        contents = self._opened(chosen, task.boxes, context)
        found.reveal(chosen, context)
        shares = [_wanted(content, place, chosen) for place, content in zip(chosen.included, contents, strict=True)]
        return json.dumps(asdict(RevealedShares(b"".join(shares).hex()))).encode()

    @property
    def crowded(self) -> list[str]:
        """The jobs of which sums are remembered, the oldest first; none as long as there is room for another."""
        return list(self._jobs) if len(self._jobs) >= JOBS_MAX and len(self._ended) < ENDED_MAX else []

    def end(self, job: str) -> None:
        """Forget the sums of a job that is over; take part in no more of them if one was revealed."""
        if any(each.revealed is not None for each in self._jobs.pop(job, _JobSums()).sums.values()):
            self._ended.add(job)

    # --- helpers

    def _sum(self, order: Order, sum_id: str) -> _Sum:
        """Return what is remembered of a sum. Raises NotFound if it could have been forgotten."""
        if order.job in self._ended:
            raise NotFound("the site takes part in no more secure sums of this job: it is over")
        if order.job not in self._jobs and len(self._jobs) >= JOBS_MAX:
            raise NotFound(
                f"the site takes part in the secure sums of {JOBS_MAX} jobs: wait until one has ended, or restart it"
            )
        known = self._jobs.setdefault(order.job, _JobSums())
        if sum_id not in known.sums:
            if len(known.sums) >= SUMS_MAX:
                known.make_room()
            if order.round < known.floor:
                raise NotFound(f"the site takes part in no more secure sums of round {order.round} of this job")
            known.sums[sum_id] = _Sum(order.round)
        return known.sums[sum_id]

    def _require_latest(self, found: _Sum, ballot: Ballot) -> None:
        if ballot[0] > self._now_ns() + int(AHEAD_MAX_S * NS_PER_S):  # no other driver could begin with it again
            raise NotFound("its driver began in the future: set the clocks")
        if ballot < found.promised:
            raise NotFound("another driver has begun with this sum")
        found.promised = ballot

    def _place(self, masking: Masking, address: str) -> int:
        """Return this site's place. Raises NotFound if another participant is meant."""
        place = masking.places.get(address)
        if place is None or masking.sites[place].key != self.key:
            raise NotFound("the site has started anew since it was asked for its key")
        return place

    def _seeds(self, masking: Masking, me: int, context: bytes) -> tuple[bytes, dict[int, bytes]]:
        """Return the seed of the own mask, and of those shared with each other site, by its place."""
        try:
            pairs = {
                place: self._key.shared_seed(bytes.fromhex(masking.sites[place].key), context)
                for place in pair_places(me, len(masking.sites))
            }
        except NotTrusted as error:
            raise WorkFailed(str(error)) from error
        return self._key.seed(b"mask" + context), pairs

    def _boxes(self, masking: Masking, seeds: Sequence[bytes], context: bytes) -> list[bytes]:
        """Return for each site a box with its share of every seed."""
        size = COEFFICIENT_BYTES * (masking.threshold - 1)
        randomness = stream(self._key.seed(b"shares" + context), size * len(seeds))
        count = len(masking.sites)
        shares = [split(seed, count, randomness[size * at : size * (at + 1)]) for at, seed in enumerate(seeds)]
        contents = [b"".join(each[place] for each in shares) for place in range(count)]
        keys = [bytes.fromhex(site.key) for site in masking.sites]
        return [self._key.seal(key, content, context) for key, content in zip(keys, contents, strict=True)]

    def _opened(self, chosen: RevealedSet, boxes: Sequence[bytes], context: bytes) -> list[bytes]:
        senders = [bytes.fromhex(chosen.masking.sites[place].key) for place in chosen.included]
        try:
            return [self._key.open(sender, box, context) for sender, box in zip(senders, boxes, strict=True)]
        except NotTrusted as error:
            raise NotFound(str(error)) from error


def _streams(seeds: Sequence[bytes], size: int) -> Iterator[bytes]:
    return (stream(seed, size) for seed in seeds)


def _wanted(content: bytes, place: int, chosen: RevealedSet) -> bytes:
    """Return of a site's shares that of its own seed, and those of the seeds that it shares with lost sites."""
    others = pair_places(place, len(chosen.masking.sites))
    shares = [content[at : at + SHARE_BYTES] for at in range(0, len(content), SHARE_BYTES)]
    return shares[0] + b"".join(shares[1 + others.index(lost)] for lost in chosen.lost)


assert SEED_BYTES == 32, "as many bytes as secret_sharing splits"
