"""Rounded updates: the same bits in any grouping and after any failure, small deltas, and what refuses them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from roundelay.chord.effects import Ask, AskAll
from roundelay.chord.errors import Malformed, NotFound
from roundelay.chord.refs import NodeRef
from roundelay.federation import compression, replay
from roundelay.federation.errors import BadSpec
from roundelay.federation.requests import Collect, Order
from roundelay.federation.roster import Roster
from roundelay.federation.settings import Settings
from roundelay.federation.trained_round import TrainedRound, delta_between, first_weights
from roundelay.ml.rounding import BLOCK, exponents, rounded
from roundelay.ml.worker import Worker
from roundelay.store.blobs import digest_of
from roundelay.store.delta import BASE_BYTES_MAX, apply_delta, apply_timeout_s, delta_bytes
from roundelay.store.items import CHUNK_BYTES, Read, WriteDelta
from roundelay.store.packing import SUM_BYTES, pack, unpack
from roundelay.store.store import Store
from roundelay.store.transfer import transfer_timeout_s
from tests.federation.test_driver import CONTENTS, EXPECTED, IDS, RING, SETTINGS, VALIDATION, Job, make_spec

ROUNDED = ("int8", "int4", "topk")
KNOWN = {digest_of(content): content for content in (*CONTENTS.values(), VALIDATION)}


def last_weights(settings: Settings) -> bytes:
    """Return the last weights of the same job without a ring."""
    *_, last = replay.chain(make_spec(settings), KNOWN, Worker())
    return last.weights


@pytest.mark.parametrize("compress", ROUNDED)
def test_rounded_updates_give_the_same_model_for_any_grouping_of_the_files(compress: str) -> None:
    settings = replace(SETTINGS, compress=compress)
    expected = last_weights(settings)

    assert expected != EXPECTED
    assert {Job(IDS[:count], make_spec(settings)).drive() for count in (1, len(IDS))} == {expected}


@pytest.mark.parametrize("changes", [{"topology": "tree"}, {"rule": "fedadam"}, {"fraction": 0.5}, {"verify": 0.5}])
def test_rounded_updates_agree_with_topologies_and_rules_that_need_only_sums(changes: dict[str, object]) -> None:
    settings = replace(SETTINGS, compress="int4", **changes)  # type: ignore[arg-type]
    alone = replace(settings, topology="star", verify=0.0)  # which have no part in the bits

    assert Job(IDS, make_spec(settings)).drive() == last_weights(alone)


def test_lossless_packs_to_every_node_and_gives_the_same_model_as_none() -> None:
    job = Job(IDS, make_spec(replace(SETTINGS, compress="lossless", hidden=(100,))))
    sent, polls = list[Order](), list[Collect]()

    def watch(node: object, request: object) -> None:
        if isinstance(request, Order) and request.content:
            sent.append(request)
        if isinstance(request, Collect):
            polls.append(request)

    job.net.before_answer = watch

    assert job.drive() == last_weights(replace(SETTINGS, hidden=(100,)))
    assert sent and all(len(order.content) < order.weights_bytes for order in sent)
    assert {poll.packed for poll in polls} == {True}


def test_a_roster_that_packs_does_so_for_members_and_leaves_as_they_come() -> None:
    node, member, leaf = (NodeRef(place, f"n{place}", 1) for place in (1, 2, 3))
    roster = Roster(RING, node, packs=True)
    found = [roster.far]
    roster.update_members((node, member))
    found.append(roster.far)
    roster.update_leaves([leaf])
    found.append(roster.far)

    assert [{each.id for each in far} for far in found] == [{1}, {1, 2}, {1, 2, 3}]
    assert roster.far is roster.far, "it is built once for each change"


@pytest.mark.parametrize(("kind", "count"), [(Order, 9), (Collect, 17)])
def test_a_node_that_dies_with_rounded_updates_changes_nothing(kind: type[Order] | type[Collect], count: int) -> None:
    settings = replace(SETTINGS, compress="topk")
    job = Job(IDS, make_spec(settings))
    job.net.kill_at(kind, 1)
    before = job.net.before_answer
    asked = [0]

    def after_some(node: object, request: object) -> None:
        asked[0] += isinstance(request, kind)
        if asked[0] >= count:
            before(node, request)  # type: ignore[arg-type]

    job.net.before_answer = after_some

    assert job.drive() == last_weights(settings)
    assert job.net.dead


def test_the_next_driver_goes_on_with_the_same_units() -> None:
    settings = replace(SETTINGS, compress="int4")
    job = Job(IDS, make_spec(settings))
    stopped = replace(settings, rounds=2)
    rounds = list(replay.chain(make_spec(stopped), KNOWN, Worker()))

    driver = job.driver()
    stored = job.rounds

    def cut_off(node: object, request: object) -> None:
        if len(stored) == 2:
            raise ConnectionError

    job.net.before_answer = cut_off
    with pytest.raises(ConnectionError):
        job.net.run(driver.drive())
    job.net.before_answer = lambda node, request: None

    assert digest_of(rounds[2].weights) == stored[1][0].weights
    assert job.drive() == last_weights(settings)


def test_trainers_are_sent_deltas_and_one_without_the_base_is_sent_the_weights() -> None:
    job = Job(IDS, make_spec(replace(SETTINGS, compress="int8", rounds=4)))
    sent: list[tuple[int, bool, int]] = []
    forgotten: list[object] = []

    def watch(node: object, request: object) -> None:
        if isinstance(request, Order) and request.weights:
            sent.append((request.round, bool(request.base), len(request.content)))
            if request.round == 3 and not forgotten:
                forgotten.append(node)
                raise NotFound("restarted")

    job.net.before_answer = watch
    job.drive()

    kinds = {number: [has_base for each, has_base, _ in sent if each == number] for number in (1, 2, 3, 4)}
    assert not any(kinds[1]) and all(kinds[2]) and all(kinds[4])
    assert kinds[3].count(False) == 1


def test_a_driver_waits_while_nodes_make_the_weights_from_a_delta() -> None:
    """Unpacking takes time by the size of the weights, of which a delta may be a thousandth."""
    job, waits_s = Job(IDS, make_spec(replace(SETTINGS, compress="topk", hidden=(300,)))), list[float]()
    perform = job.net._perform

    def watch(effect: object) -> object:
        if isinstance(effect, AskAll) and any(isinstance(a.request, Order) and a.request.base for a in effect.asks):
            waits_s.append(effect.deadline_s - transfer_timeout_s(sum(map(_content_bytes, effect.asks))))
        return perform(effect)

    job.net._perform = watch  # type: ignore[method-assign]
    job.drive()

    assert waits_s and min(waits_s) == pytest.approx(apply_timeout_s(len(first_weights(job.spec))))


def _content_bytes(ask: Ask) -> int:
    return len(ask.request.content) if isinstance(ask.request, Order) else 0


def test_a_delta_gives_the_same_bytes_or_is_refused() -> None:
    spec = make_spec(replace(SETTINGS, compress="int8"))
    base = first_weights(spec)
    stepped, powers = compression.rounded_step(
        spec, 1, np.frombuffer(base, "<f4"), np.frombuffer(base, "<f4") * np.float32(1.01)
    )
    weights = stepped.tobytes()
    state = compression.RoundedState(bytes(len(powers)), powers)
    delta = compression.delta_of(base, weights, state)

    assert len(delta) == delta_bytes(len(base)) and apply_delta(base, delta) == weights
    store = Store(lambda: 0.0)
    with pytest.raises(Malformed, match="at most"):
        store.write_delta(WriteDelta(digest_of(weights), BASE_BYTES_MAX + 4, digest_of(base), delta))
    with pytest.raises(NotFound):
        store.write_delta(WriteDelta(digest_of(weights), len(weights), digest_of(base), delta))
    store.stage(digest_of(base), base)
    assert store.write_delta(WriteDelta(digest_of(weights), len(weights), digest_of(base), delta)).stored
    assert delta_between(spec, base, TrainedRound(1, weights, state.to_bytes())) is not None
    assert compression.delta_of(base, first_weights(make_spec(replace(SETTINGS, seed=9))), state) == b""


def test_rounding_has_no_bias_and_follows_from_the_seed() -> None:
    values, powers = np.full(200_000, 0.3), np.full(200_000, 2)

    found = rounded(values, powers, 7)

    assert set(found.tolist()) == {0, 1}
    assert abs(4 * found.mean() - 0.3) < 0.01
    assert (found == rounded(values, powers, 7)).all() and (found != rounded(values, powers, 8)).any()
    assert (rounded(np.array([-3.0, 8.0]), np.array([0, 1]), 1) == (-3, 4)).all()
    assert exponents(b"\xff\x01", BLOCK + 1).tolist() == [-1] * BLOCK + [1]


@pytest.mark.parametrize("power", [45, 48, 50, 51])
def test_rounding_of_large_values_has_no_bias(power: int) -> None:
    for value in (2.0**power + 0.5, -(2.0**power) - 0.5):
        found = rounded(np.full(50_000, value), np.zeros(50_000, np.int64), 7) - int(np.floor(value))

        assert set(found.tolist()) == {0, 1}
        assert abs(found.mean() - 0.5) < 0.01


def test_few_entries_take_few_bytes() -> None:
    sums = np.zeros(100_000, np.int64)
    places = np.random.default_rng(3).choice(100_000, 3000, replace=False)
    sums[places] = np.random.default_rng(4).choice([-2, -1, 1, 2], 3000)
    packed = pack(sums.tobytes(), SUM_BYTES)

    assert len(packed) < 1.2 * 3000 and unpack(packed, sums.nbytes) == sums.tobytes()


@pytest.mark.parametrize(
    "changes",
    [
        {"topology": "gossip"},
        {"topology": "buffered"},
        {"rule": "median"},
        {"rule": "fednova"},
        {"dp_noise": 1.0, "dp_clip": 1.0},
        {"secure_aggregation": True},
        {"course": True, "optimizer": "gd"},
    ],
)
def test_what_has_no_use_for_rounded_updates_is_refused_by_name(changes: dict[str, object]) -> None:
    with pytest.raises(BadSpec, match="--compress int8 cannot be combined with"):
        replace(SETTINGS, compress="int8", **changes)  # type: ignore[arg-type]


def test_a_sum_of_more_than_a_message_comes_with_its_poll_when_it_is_small_packed() -> None:
    settings = replace(SETTINGS, compress="topk", rounds=1, epochs=1, hidden=(1000, 130))
    files = {name: CONTENTS[name] for name in ("file-0", "file-1")}
    job = Job(IDS[:2], make_spec(settings, files), files)
    read: list[str] = []
    job.net.before_answer = lambda node, request: read.append(request.digest) if isinstance(request, Read) else None
    job.drive()

    done = [each for member in job.net.members.values() for each in member.orders.known.values() if each.size_bytes]
    large = [each for each in done if each.size_bytes > CHUNK_BYTES]
    assert large and all(0 < len(each.content) < CHUNK_BYTES for each in large)
    assert not {each.result for each in large} & set(read)
