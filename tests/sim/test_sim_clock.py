"""Virtual time and its events."""

from __future__ import annotations

from roundelay.sim.clock import Clock


def test_events_run_in_the_order_of_their_times_and_then_of_their_creation() -> None:
    clock, happened = Clock(), list[str]()
    for time_s, name in ((2.0, "c"), (1.0, "a"), (1.0, "b")):
        clock.at(time_s, lambda name=name: happened.append(name))  # type: ignore[misc]

    clock.run(10.0)

    assert happened == ["a", "b", "c"]
    assert clock.now == 10.0


def test_a_cancelled_event_does_not_run() -> None:
    clock, happened = Clock(), list[str]()
    event = clock.after(1.0, lambda: happened.append("late"))

    event.cancel()
    clock.run(2.0)

    assert happened == []


def test_an_event_in_the_past_runs_next_and_time_does_not_go_back() -> None:
    clock, times = Clock(), list[float]()

    def look_back() -> None:
        clock.at(1.0, lambda: times.append(clock.now))

    clock.at(5.0, look_back)

    clock.run(6.0)

    assert times == [5.0]


def test_no_event_after_the_end_runs() -> None:
    clock, happened = Clock(), list[str]()
    clock.after(3.0, lambda: happened.append("beyond"))

    clock.run(2.0)

    assert happened == []
    assert len(clock) == 1
