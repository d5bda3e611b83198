"""Tests of the runtime: procedures step under the lock and wait without it, and nothing waits for ever."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from roundelay.chord.effects import Ask, AskAll, Effect, Gather, Procedure, Request, Sleep, SleepUntil
from roundelay.chord.errors import Busy, JoinRefused, NodeUnreachable
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import Nudge
from roundelay.cli.exits import Interrupted
from roundelay.node.runtime import ASKERS_MAX, Runtime, Stopped
from roundelay.rpc.peers import Peers

PATIENCE_S = 20.0  # nothing that works comes near it
FOREVER_S = 3600.0
ME, OTHER = NodeRef(1, "me", 1), NodeRef(2, "other", 1)


class Net(Peers):
    """A stand-in for Peers that answers by node, or waits until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[NodeRef | Address, Any] = {}
        self.released = threading.Event()
        self.asked: list[Ask] = []
        self.lines: list[int] = []  # the numbers of requests that went in line

    def ask(self, ask: Ask) -> Any:
        self.asked.append(ask)
        answer = self.answers[ask.to]
        if answer is WAITS:
            self.released.wait(PATIENCE_S)
            return "late"
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def ask_in_line(self, asks: Sequence[Ask]) -> list[Any]:
        self.lines.append(len(asks))
        return [f"{asks[0].to.host} {number}" for number in range(len(asks))]

    def close(self) -> None:
        return


WAITS = object()


@dataclass(frozen=True)
class Look(Effect):
    """An effect that only these tests perform."""


@pytest.fixture
def net() -> Net:
    return Net()


@pytest.fixture
def runtime(net: Net) -> Iterator[Runtime]:
    made = Runtime(net)
    yield made
    net.released.set()
    made.stop(PATIENCE_S)


def is_free(runtime: Runtime) -> bool:
    """Return whether another thread can take the lock now."""

    def take() -> bool:
        got = runtime.lock.acquire(blocking=False)
        if got:
            runtime.lock.release()
        return got

    with ThreadPoolExecutor(1) as another:
        return another.submit(take).result(PATIENCE_S)


def nodes(count: int) -> list[NodeRef]:
    return [NodeRef(number, f"node-{number}", 1) for number in range(count)]


def asks(to: list[NodeRef]) -> list[Ask]:
    return [Ask(node, Nudge()) for node in to]


def returning(value: Any) -> Procedure[Any]:
    return value
    yield


def raising(error: Exception) -> Procedure[Any]:
    raise error
    yield


# --- steps and waits


def test_a_procedure_holds_the_lock_during_steps_and_not_during_waits(runtime: Runtime) -> None:
    free: list[tuple[str, bool]] = []
    runtime.perform_with(Look, lambda _: free.append(("waits", is_free(runtime))))

    def procedure() -> Procedure[None]:
        free.append(("steps", is_free(runtime)))
        yield Look()
        free.append(("steps", is_free(runtime)))

    runtime.run(procedure())

    assert free == [("steps", False), ("waits", True), ("steps", False)]


def test_a_result_is_returned_and_an_error_raised(runtime: Runtime) -> None:
    assert runtime.run(returning(7)) == 7
    with pytest.raises(ZeroDivisionError):
        runtime.run(raising(ZeroDivisionError()))


def test_a_procedure_receives_an_answer_as_a_value_and_an_error_as_an_exception(runtime: Runtime, net: Net) -> None:
    net.answers = {ME: "yes", OTHER: Busy("full")}

    def procedure() -> Procedure[list[Any]]:
        heard = [(yield Ask(ME, Nudge()))]
        try:
            yield Ask(OTHER, Nudge())
        except Busy as error:
            heard.append(str(error))
        return heard

    assert runtime.run(procedure()) == ["yes", "full"]


def test_a_request_to_the_own_node_does_not_use_the_network(runtime: Runtime, net: Net) -> None:
    heard: list[Request[Any]] = []

    def answer(request: Request[Any]) -> str:
        heard.append(request)
        return "from me"

    runtime.be(ME, answer)

    def procedure() -> Procedure[Any]:
        return (yield Ask(ME, Nudge()))

    assert runtime.run(procedure()) == "from me"
    assert len(heard) == 1
    assert not net.asked


def test_every_step_wakes_who_waits_for_what_it_has_changed(runtime: Runtime) -> None:
    seen = threading.Event()
    state: list[int] = []

    def watch() -> None:
        with runtime.lock:
            if runtime.lock.wait_until(lambda: bool(state), PATIENCE_S):
                seen.set()

    def procedure() -> Procedure[None]:
        state.append(1)
        yield Sleep(0.0)

    watcher = threading.Thread(target=watch)
    watcher.start()
    runtime.run(procedure())
    watcher.join(PATIENCE_S)

    assert seen.is_set()


# --- AskAll


def test_ask_all_returns_answers_in_order_and_errors_as_values(runtime: Runtime, net: Net) -> None:
    crowd = nodes(2 * ASKERS_MAX)
    net.answers = {node: Busy(str(node.id)) if node.id % 3 == 0 else node.id for node in crowd}

    answers = runtime.run(one(AskAll(asks(crowd))))

    assert [str(a) for a in answers] == [str(node.id) for node in crowd]
    assert all(isinstance(a, Busy) == (node.id % 3 == 0) for a, node in zip(answers, crowd, strict=True))


def one(effect: Any) -> Procedure[Any]:
    return (yield effect)


def test_a_signal_that_ends_the_program_is_no_answer(runtime: Runtime, net: Net) -> None:
    crowd = nodes(1)
    net.answers = {crowd[0]: Interrupted(signal.SIGTERM)}

    with pytest.raises(Interrupted):
        runtime.run(one(AskAll(asks(crowd))))


def test_small_requests_to_one_node_go_in_line_and_their_answers_stay_in_order(runtime: Runtime, net: Net) -> None:
    third = NodeRef(3, "third", 1)
    net.answers = {third: "of the third"}
    asks = [Ask(OTHER, Nudge()), Ask(third, Nudge()), Ask(OTHER, Nudge()), Ask(OTHER, Nudge())]

    def everybody() -> Procedure[Any]:
        return (yield AskAll(asks))

    assert runtime.run(everybody()) == ["other 0", "of the third", "other 1", "other 2"]
    assert net.lines == [3]


def test_ask_all_returns_after_the_needed_number_of_good_answers(runtime: Runtime, net: Net) -> None:
    silent, refusing, good, also_good = nodes(4)
    net.answers = {silent: WAITS, refusing: Busy("no"), good: "yes", also_good: "yes"}

    answers = runtime.run(one(AskAll(asks([silent, refusing, good, also_good]), need=2, deadline_s=FOREVER_S)))

    assert isinstance(answers[0], NodeUnreachable)
    assert answers[2:] == ["yes", "yes"]


def test_errors_do_not_count_towards_the_needed_answers(runtime: Runtime, net: Net) -> None:
    first, second, third = nodes(3)
    net.answers = {first: Busy("no"), second: Busy("no"), third: "yes"}

    assert runtime.run(one(AskAll(asks([first, second, third]), need=1)))[2] == "yes"


def test_a_node_that_misses_the_deadline_is_unreachable(runtime: Runtime, net: Net) -> None:
    silent, good = nodes(2)
    net.answers = {silent: WAITS, good: "yes"}

    answers = runtime.run(one(AskAll(asks([silent, good]), deadline_s=0.1)))

    assert isinstance(answers[0], NodeUnreachable)
    assert answers[1] == "yes"


def test_ask_all_of_one_request_returns_its_error_as_a_value(runtime: Runtime, net: Net) -> None:
    net.answers = {OTHER: Busy("no")}

    assert isinstance(runtime.run(one(AskAll(asks([OTHER]))))[0], Busy)
    assert runtime.run(one(AskAll([]))) == []


# --- Gather


def test_gather_returns_results_in_order_and_errors_as_values(runtime: Runtime) -> None:
    broken = ValueError("broken")
    procedures = [returning(n) if n != 3 else raising(broken) for n in range(40)]

    assert runtime.run(one(Gather(procedures, 4))) == [n if n != 3 else broken for n in range(40)]


def test_gather_runs_at_most_its_limit_of_procedures_at_once(runtime: Runtime) -> None:
    lock, running, most = threading.Lock(), [0], [0]

    def look(_: Look) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        threading.Event().wait(0.002)
        with lock:
            running[0] -= 1

    runtime.perform_with(Look, look)
    runtime.run(one(Gather([one(Look()) for _ in range(12)], 3)))

    assert most[0] <= 3


def test_gather_runs_its_procedures_concurrently(runtime: Runtime) -> None:
    all_are_in = threading.Barrier(4, timeout=PATIENCE_S)
    runtime.perform_with(Look, lambda _: all_are_in.wait())

    assert len(set(runtime.run(one(Gather([one(Look()) for _ in range(4)], 4))))) == 4


def test_nested_gathers_do_not_wait_for_a_free_thread(runtime: Runtime) -> None:
    def tree(depth: int) -> Procedure[int]:
        if not depth:
            return 1
        return sum((yield Gather([tree(depth - 1) for _ in range(2)], 1)))

    assert runtime.run(tree(5)) == 32


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let SIGINT interrupt this process, also where a shell has started it in the background, with SIGINT ignored."""
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, inherited)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_gather_does_not_wait_for_its_procedures(runtime: Runtime, net: Net) -> None:
    net.answers = {OTHER: WAITS}
    begun: list[int] = []

    def side(number: int) -> Procedure[Any]:
        begun.append(number)
        yield Look()
        yield Ask(OTHER, Nudge())

    main = threading.main_thread().ident
    assert main is not None
    runtime.perform_with(Look, lambda _: signal.pthread_kill(main, signal.SIGINT))

    with pytest.raises(KeyboardInterrupt):
        runtime.run(one(Gather([side(number) for number in range(3)], 1)))

    assert not net.released.is_set()
    net.released.set()
    for side_thread in [thread for thread in threading.enumerate() if thread.name == "side"]:
        side_thread.join(PATIENCE_S)
    assert begun == [0]  # no procedure starts once nothing waits for it


# --- stopping


def closing(effect: Any, closed: threading.Event, begun: threading.Event) -> Procedure[None]:
    try:
        begun.set()
        yield effect
    finally:
        closed.set()


@pytest.mark.parametrize(
    "effect",
    [
        Sleep(FOREVER_S),
        SleepUntil(lambda: False, FOREVER_S),
        Gather([one(Sleep(FOREVER_S)), one(SleepUntil(lambda: False, FOREVER_S))], 2),
    ],
    ids=["sleep", "nap", "together"],
)
def test_stopping_ends_every_wait_and_closes_the_procedure(effect: Any, runtime: Runtime) -> None:
    closed, begun = threading.Event(), threading.Event()
    failures: list[Exception] = []
    runtime.start("one", closing(effect, closed, begun), failures.append)
    assert begun.wait(PATIENCE_S)

    runtime.stop(PATIENCE_S)

    assert closed.wait(PATIENCE_S)
    assert not failures


def test_a_stopped_runtime_runs_nothing(runtime: Runtime) -> None:
    runtime.stop(PATIENCE_S)
    closed = threading.Event()

    with pytest.raises(Stopped):
        runtime.run(returning(1))
    with pytest.raises(Stopped):
        runtime.run(closing(Sleep(0), closed, threading.Event()))


def test_a_performer_that_raises_stopped_closes_its_procedure(runtime: Runtime) -> None:
    def give_up(_: Look) -> None:
        raise Stopped

    closed = threading.Event()
    runtime.perform_with(Look, give_up)

    with pytest.raises(Stopped):
        runtime.run(closing(Look(), closed, threading.Event()))

    assert closed.is_set()


def test_a_thread_that_fails_reports_its_error(runtime: Runtime) -> None:
    failed: list[Exception] = []
    told = threading.Event()

    def tell(error: Exception) -> None:
        failed.append(error)
        told.set()

    runtime.start("one", raising(ValueError("for good")), tell)

    assert told.wait(PATIENCE_S)
    assert str(failed[0]) == "for good"


def test_a_loop_that_fails_is_started_again_and_its_error_logged_once_and_escaped(
    runtime: Runtime, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roundelay.node.runtime.RESTART_MIN_S", 0.0)
    monkeypatch.setattr("roundelay.node.runtime.RESTART_MAX_S", 0.0)
    attempts, goes_on = count(1), threading.Event()

    def loop() -> Procedure[None]:
        yield Sleep(0.0)
        if next(attempts) <= 3:
            raise ValueError("a record \x1b[2J")
        goes_on.set()
        yield Sleep(FOREVER_S)

    runtime.keep("loop", loop)

    assert goes_on.wait(PATIENCE_S)
    assert not runtime.stopping.is_set()
    [record] = [r for r in caplog.records if r.levelname == "ERROR"]
    text = record.getMessage()
    assert "'loop' starts again" in text
    assert "Traceback" in text
    assert "\x1b" not in text


def test_a_loop_that_fails_fatally_stops_the_process_and_gives_the_reason(runtime: Runtime) -> None:
    runtime.keep("loop", lambda: raising(JoinRefused("a later incarnation")), fatal=(JoinRefused,))

    assert runtime.stopping.wait(PATIENCE_S)
    assert isinstance(runtime.failure, JoinRefused)


def test_stopping_does_not_wait_for_an_answer_that_never_comes(runtime: Runtime, net: Net) -> None:
    net.answers = {OTHER: WAITS}
    runtime.start("one", one(Ask(OTHER, Nudge())), lambda _: None)

    runtime.stop(0.05)

    assert not net.released.is_set()


def test_sleep_until_ends_as_soon_as_its_condition_is_true(runtime: Runtime) -> None:
    agenda: list[int] = []
    woken = threading.Event()

    def sleeper() -> Procedure[None]:
        yield SleepUntil(lambda: bool(agenda), FOREVER_S)
        woken.set()

    def waker() -> Procedure[None]:
        agenda.append(1)
        yield Sleep(0.0)

    runtime.start("sleeper", sleeper(), lambda _: None)
    runtime.run(waker())

    assert woken.wait(PATIENCE_S)


def test_sleep_until_ends_by_itself_at_its_timeout(runtime: Runtime) -> None:
    assert runtime.run(one(SleepUntil(lambda: False, 0.01))) is None
