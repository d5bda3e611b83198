"""Failpoints: their names, how they are set, and that they are inert otherwise."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from roundelay.chord.effects import Ask
from roundelay.chord.errors import NodeUnreachable, PeerFault, StoreFull
from roundelay.chord.refs import Address
from roundelay.chord.requests import GetMembers
from roundelay.federation.requests import Collect
from roundelay.node import failpoints
from roundelay.node.disk import Disk
from roundelay.node.failpoints import BadFailpoints, Failpoints, InjectedFault, parse
from roundelay.node.runtime import Runtime
from roundelay.rpc.peers import Peers
from roundelay.store.blobs import digest_of
from roundelay.store.items import Entry, Item

ROOT = Path(__file__).resolve().parent.parent.parent
REQUESTS = (
    "NextHop",
    "GetNeighbours",
    "Notify",
    "Nudge",
    "Leaving",
    "GetStatus",
    "SayHello",
    "Put",
    "Write",
    "Read",
    "Find",
    "GetRangeDigest",
    "ListRange",
    "ListSpecs",
    "Release",
    "CollectGarbage",
    "Order",
    "Collect",
    "ListJob",
    "DriverHeartbeat",
    "Admit",
    "Heartbeat",
    "Retire",
    "GetMembers",
)
OTHERS = ("train", "trainer.missing", "trainer.add", "trainer.moments", "trainer.train", "disk.write")


def points(text: str, **more: Any) -> Failpoints:
    return Failpoints(parse(text), rng=random.Random(7), **more)


def test_these_are_all_of_them() -> None:
    places = {f"{side}.{request}" for side in ("handle", "ask") for request in REQUESTS} | set(OTHERS)
    expected = {f"{place}.{end}" for place in places for end in ("before", "after")} | {"trainer.epoch"}

    assert expected <= set(failpoints.NAMES)
    assert {n.split(".")[0] for n in failpoints.NAMES} == {"handle", "ask", "train", "trainer", "disk"}


@pytest.mark.parametrize("name", failpoints.NAMES)
def test_each_failpoint_is_inert_unless_it_is_set(name: str) -> None:
    place, _, end = name.rpartition(".")
    done: list[str] = []

    for faults in (Failpoints(), points("disk.write.before=error" if place != "disk.write" else "train=error")):
        if end in ("before", "after"):
            faults.around(place, None, lambda: done.append("done"), lambda: done.append("dead"))
        else:
            faults.hit(name, None, lambda: done.append("dead"))

    assert "dead" not in done


def test_an_empty_environment_sets_no_failpoint() -> None:
    assert parse("") == parse(" ; ") == ()


@pytest.mark.parametrize("name", failpoints.NAMES)
def test_each_can_end_its_victim(name: str) -> None:
    dead: list[str] = []

    points(f"{name}=exit").hit(name, None, lambda: dead.append(name))

    assert dead == [name]


def test_before_and_after_lie_on_either_side() -> None:
    seen: list[str] = []
    faults = points("handle.Put.before=exit;handle.Put.after=exit")

    faults.around("handle.Put", None, lambda: seen.append("put"), lambda: seen.append("dead"))

    assert seen == ["dead", "put", "dead"]


def test_a_name_without_an_end_is_before() -> None:
    assert parse("train=exit")[0].name == "train.before"


@pytest.mark.parametrize(("text", "hits"), [("exit@3", [3]), ("exit", [1, 2, 3, 4])])
def test_it_acts_at_every_hit_or_at_the_one_that_is_named(text: str, hits: list[int]) -> None:
    faults, dead = points(f"train={text}"), list[int]()

    for hit in range(1, 5):
        faults.hit("train.before", None, partial(dead.append, hit))

    assert dead == hits


def test_a_text_chooses_among_requests() -> None:
    faults, dead = points("ask.Collect~cafe=exit"), list[str]()

    for ticket in ("beef", "cafe"):
        faults.hit("ask.Collect.before", Collect(ticket), partial(dead.append, ticket))

    assert dead == ["cafe"]


def test_a_chance_is_a_chance() -> None:
    faults, dead = points("train=25%exit"), []

    for _ in range(1000):
        faults.hit("train.before", None, lambda: dead.append(1))

    assert 180 < len(dead) < 320


def test_sleep_waits_as_long_as_it_says() -> None:
    slept: list[float] = []

    points("train=sleep:2.5", sleep=slept.append).hit("train.before", None)

    assert slept == [2.5]


@pytest.mark.parametrize(
    ("text", "name", "error"),
    [
        ("ask.Put=drop", "ask.Put.before", NodeUnreachable),
        ("ask.Put=error", "ask.Put.before", PeerFault),
        ("handle.Put=error", "handle.Put.before", InjectedFault),
        ("trainer.epoch=error", "trainer.epoch", OSError),
        ("disk.write=error", "disk.write.before", sqlite3.OperationalError),
    ],
)
def test_each_place_fails_as_it_can_fail(text: str, name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        points(text).hit(name, None)


def test_a_dropped_answer_is_silence() -> None:
    slept: list[float] = []

    points("handle.Put.after=drop", sleep=slept.append).hit("handle.Put.after", None)

    assert slept == [failpoints.SILENCE_S]


def test_an_armed_exit_ends_one_of_the_processes_that_share_the_folder(tmp_path: Path) -> None:
    dead: list[int] = []
    processes = [points("train=exit;ask.Put~spec=exit", armed=tmp_path) for _ in range(3)]

    def pass_all() -> None:
        for number, process in enumerate(processes):
            process.hit("train.before", None, partial(dead.append, number))

    pass_all()
    (tmp_path / "ask.Put.before~spec").touch()
    pass_all()
    assert dead == []
    (tmp_path / "train.before").touch()
    pass_all()

    assert dead == [0]
    assert [file.name for file in tmp_path.iterdir()] == ["ask.Put.before~spec"]


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "handle.Nobody=exit",
        "train",
        "train=",
        "train=explode",
        "train=sleep",
        "train=sleep:x",
        "train=exit:3",
        "train=exit@0",
        "train=exit@x",
        "train=200%exit",
        "train=drop",
        "trainer.epoch.before=exit",
    ],
)
def test_an_unknown_failpoint_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadFailpoints, match="ROUNDELAY_FAILPOINTS"):
        parse(text)


@pytest.mark.parametrize("script", ["supernode.py", "compute_node.py", "client.py"])
def test_a_wrong_one_ends_the_program_with_one_line_and_64(script: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / script), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {failpoints.VARIABLE: "train=explode"},
    )

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (64, "", 1)
    assert "train=explode" in done.stderr


def test_exit_is_a_kill_that_nothing_can_catch() -> None:
    code = (
        "from roundelay.node.failpoints import *\n"
        "try: Failpoints(parse('train=exit')).hit('train.before', None)\n"
        "finally: print('x')"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=60)

    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"")


def test_a_question_passes_its_place() -> None:
    runtime = Runtime(Peers(), points("ask.GetMembers=drop"))

    with pytest.raises(NodeUnreachable, match=r"failpoint ask\.GetMembers\.before"):
        runtime.run(_ask())
    runtime.stop(1.0)


def _ask() -> Any:
    return (yield Ask(Address("127.0.0.1", 9), GetMembers()))


def test_a_write_that_fails_is_refused_and_leaves_nothing_behind(tmp_path: Path) -> None:
    item = Item(Entry(1, "x", digest_of(b""), 0), 1, deleted=True)
    (point,) = wanted = parse("disk.write.before=error@1000")
    disk = Disk(tmp_path / "store.sqlite", faults=Failpoints(wanted))
    disk.open()
    point.nth = point.hits + 1  # the next write

    with pytest.raises(StoreFull):
        disk.record(item)
    assert disk.items() == []
    disk.record(item)

    assert [kept.entry for kept in disk.items()] == [item.entry]
    disk.close()
