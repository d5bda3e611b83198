"""What has happened between two sights."""

from __future__ import annotations

from dataclasses import replace

from roundelay.dashboard.events import changes
from roundelay.dashboard.model import RingState
from tests.dashboard.sights import job, picture


def lines(before: RingState, after: RingState) -> list[tuple[str, str]]:
    return [(event.kind, event.text) for event in changes(before, after)]


def silenced(seen: RingState, place: int) -> RingState:
    nodes = list(seen.nodes)
    nodes[place] = replace(nodes[place], answers=False)
    return replace(seen, nodes=tuple(nodes))


def test_nothing_new_is_no_event() -> None:
    seen = picture(0, 128, jobs=(job(3),))

    assert changes(seen, seen) == []


def test_a_whole_ring_is_one_line() -> None:
    assert lines(picture(), picture(0, 64, 128, 192)) == [("joined", "a ring of 4 nodes")]


def test_a_joiner_is_named_with_whom_it_takes_keys_from() -> None:
    ((kind, text),) = lines(picture(0, 128), picture(0, 64, 128))

    assert (kind, text) == ("joined", "64 (127.0.0.1:8064) has joined, in front of 128 (127.0.0.1:8128)")


def test_who_goes_in_good_order_has_left_and_who_fell_silent_is_gone() -> None:
    whole, rest = picture(0, 64, 128), picture(0, 128)
    fate = "; 128 (127.0.0.1:8128) owns its keys now"

    assert lines(whole, rest) == [("left", f"64 (127.0.0.1:8064) has left{fate}")]
    assert lines(whole, silenced(whole, 1)) == [("silent", "64 (127.0.0.1:8064) does not answer")]
    assert lines(silenced(whole, 1), rest) == [("gone", f"64 (127.0.0.1:8064) is gone{fate}")]
    assert lines(silenced(whole, 1), whole) == [("back", "64 (127.0.0.1:8064) answers again")]


def test_a_takeover_and_what_was_healed_are_told_once() -> None:
    before, after = picture(0, jobs=(job(3),)), picture(0, jobs=(job(3),))
    taken = replace(job(4).reports[4], driver="127.0.0.1:8000", disturbances=("127.0.0.1:8064 was lost",))
    after = replace(after, jobs=(replace(job(4), reports={**job(3).reports, 4: taken}),))
    name = after.jobs[0].job[:8]

    assert lines(before, after) == [
        ("takeover", f"job {name}, round 4: 127.0.0.1:8000 takes over from client"),
        ("healed", f"job {name}, round 4: 127.0.0.1:8064 was lost"),
    ]


def test_the_end_of_a_job_is_told_with_its_error() -> None:
    ((kind, text),) = lines(picture(0, jobs=(job(10),)), picture(0, jobs=(job(10, "done"),)))

    assert kind == "ended"
    assert text.endswith("is done, validation error 0.2000")


def test_jobs_that_had_ended_before_we_came_are_no_news() -> None:
    assert lines(picture(0), picture(0, jobs=(job(10, "done"),))) == []


def test_the_supernode_may_go_and_come_back() -> None:
    here = picture(0)
    away = replace(here, supernode_answers=False)

    assert [kind for kind, _ in lines(here, away) + lines(away, here)] == ["supernode", "supernode"]
