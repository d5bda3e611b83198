"""The client's command lines and what it prints, as far as that needs no ring."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from roundelay.chord.effects import Ask, AskAll, Effect, Procedure, run
from roundelay.chord.errors import Busy, NodeUnreachable, NotYet
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import Candidate, GetMembers, Hello, LeafStatus, Members, SayHello, Status, TrainingStatus
from roundelay.chord.ring import Ring
from roundelay.cli import legacy_arguments, main, screen, status, tables, train
from roundelay.cli.training import request_of
from roundelay.client import report
from roundelay.client.connection import find_member
from roundelay.client.errors import InputNotFound
from roundelay.client.job_input import JobInput
from roundelay.client.lookup import hop_reason, timed
from roundelay.client.model_card import write_card
from roundelay.client.preparation import settings_of
from roundelay.client.progress import SILENT
from roundelay.client.proofs import contents_in
from roundelay.federation.records import RoundReport, RoundResult
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import Settings, option
from roundelay.federation.spec import JobSpec
from roundelay.ml.metrics import measure
from tests.processes import client_here, run_here

RING = Ring()
A, B, C = (NodeRef(number << 158, "127.0.0.1", 8001 + number) for number in range(3))

LETTERS = JobInput({}, (), TrainingFile(0, "v", "0" * 64, 1, 1), features=16)


# --- the seeds' lines


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("./letters validate_letters.txt", "./letters validate_letters.txt"),
        ("127.0.0.1 9091", "letters validate_letters.txt --supernode 127.0.0.1:9091"),
        ("127.0.0.1 9091 --json", "letters validate_letters.txt --supernode 127.0.0.1:9091 --json"),
        ("host 9091 ./data", "./data validate_letters.txt --supernode host:9091"),
        (
            "127.0.0.1 9091 ./letters 3 75 24 0.0001",
            "./letters validate_letters.txt --supernode 127.0.0.1:9091 --rounds 3 --epochs 75 --hidden 24 --eta 0.0001 "
            "--momentum 0.7 --course-trainer",
        ),
        (
            "127.0.0.1 9091 ./letters 3 75 24 0.0001 --seed 4",
            "./letters validate_letters.txt --supernode 127.0.0.1:9091 --rounds 3 --epochs 75 --hidden 24 --eta 0.0001 "
            "--momentum 0.7 --course-trainer --seed 4",
        ),
    ],
)
def test_the_seeds_lines_are_understood(typed: str, meant: str) -> None:
    assert legacy_arguments.translate(typed.split()) == meant.split()


@pytest.mark.parametrize(
    "typed",
    ["letters validate.txt --rounds 3", "--rounds 3", "letters", "a 9091 c d", "127.0.0.1 9091 ./letters 3 75 24"],
)
def test_other_lines_stay_as_they_are(typed: str) -> None:
    assert legacy_arguments.translate(typed.split()) == typed.split()


def test_the_course_line_becomes_settings_of_the_course() -> None:
    arguments = legacy_arguments.translate(["127.0.0.1", "9091", "./letters", "3", "75", "24", "0.0001"])

    chosen = main.parse(train.parser(arguments), arguments)

    assert settings_of(request_of(chosen), LETTERS, SILENT) == Settings(
        rounds=3, epochs=75, hidden=(24,), eta=0.0001, momentum=0.7, optimizer="gd", course=True
    )
    assert (chosen.data, chosen.validation, chosen.supernode) == (
        Path("./letters"),
        Path("validate_letters.txt"),
        Address("127.0.0.1", 9091),
    )


# --- options


def test_every_setting_of_a_job_has_an_option_with_its_default() -> None:
    chosen = main.parse(train.parser([]), ["letters", "validate.txt"])

    settings, defaults = settings_of(request_of(chosen), LETTERS, SILENT), Settings()
    different = {each.name for each in fields(Settings) if getattr(settings, each.name) != getattr(defaults, each.name)}
    assert different <= {"rounds", "patience", "keep", "halvings", "clip", "dropout"}  # they follow from the data


@pytest.mark.parametrize(
    ("given", "setting", "value"),
    [
        ("--rounds 7", "rounds", 7),
        ("--epochs 7", "epochs", 7),
        ("--hidden 7", "hidden", (7,)),
        ("--hidden 512,512", "hidden", (512, 512)),
        ("--eta 0.5", "eta", 0.5),
        ("--batch 7", "batch", 7),
        ("--momentum 0.5", "momentum", 0.5),
        ("--optimizer adam", "optimizer", "adam"),
        ("--seed 7", "seed", 7),
        ("--course-trainer", "course", True),
        ("--quorum 0.5", "quorum", 0.5),
        ("--wait-for 10m", "wait_for", 600.0),
        ("--wait-for 90", "wait_for", 90.0),
        ("--require n:1,n:2", "require", "n:1,n:2"),
        ("--model cnn", "model", "cnn"),
        ("--dropout 0.5", "dropout", 0.5),
        ("--weighting balanced", "weighting", "balanced"),
    ],
)
def test_an_option_sets_its_setting(given: str, setting: str, value: Any) -> None:
    chosen = main.parse(train.parser([]), ["letters", "validate.txt", *given.split()])

    assert getattr(settings_of(request_of(chosen), LETTERS, SILENT), setting) == value


PROGRAMS = {
    "client.py": (None, ()),
    "train": (None, ("train",)),
    "status": (None, ("status",)),
    "lookup": (None, ("lookup",)),
    "predict": (None, ("predict",)),
    "jobs": (None, ("jobs",)),
    "attach": (None, ("attach",)),
    "cancel": (None, ("cancel",)),
    "pause": (None, ("pause",)),
    "resume": (None, ("resume",)),
    "sites": (None, ("sites",)),
    "export": (None, ("export",)),
    "audit": (None, ("audit",)),
    "supernode.py": (main.supernode, ()),
    "compute_node.py": (main.compute_node, ()),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_is_shown_on_standard_output(program: str) -> None:
    program_main, words = PROGRAMS[program]
    for asked in ("--help", "-h"):
        outcome = run_here(program_main, *words, asked) if program_main else client_here(*words, asked)

        assert outcome.code == 0
        assert outcome.err == ""
        assert "usage: " in outcome.out
        assert "example: " in outcome.out


@pytest.mark.parametrize("program", [p for p in PROGRAMS if p != "client.py"])
def test_help_all_shows_what_help_leaves_out(program: str) -> None:
    program_main, words = PROGRAMS[program]
    short, long = (
        run_here(program_main, *words, asked) if program_main else client_here(*words, asked)
        for asked in ("--help", "--help-all")
    )

    assert long.code == 0
    assert len(long.out) > len(short.out)


def test_the_console_script_lists_the_servers_beside_the_subcommands() -> None:
    listed = run_here(main.roundelay, "--help").out

    assert all(f"\n  {word} " in listed for word in (*main.SUBCOMMANDS, "supernode", "node"))


def test_help_shows_about_the_options_that_matter() -> None:
    short, long = (client_here("train", asked).out for asked in ("--help", "--help-all"))

    assert sum(line.startswith("  --") for line in short.splitlines()) <= 16
    for each in fields(Settings):
        assert f"{option(each.name)} " in long


# --- the way in


def feed(procedure: Procedure[Any], answers: Mapping[Any, Any]) -> Any:
    """Run a procedure by hand with these answers; an address without one is silent."""

    def answer_to(ask: Ask) -> Any:
        found = answers.get(ask.to, NodeUnreachable("silent"))
        return found.get(type(ask.request), NodeUnreachable("?")) if isinstance(found, dict) else found

    def perform(effect: Effect) -> Any:
        if isinstance(effect, Ask):
            return answer_to(effect)
        assert isinstance(effect, AskAll)
        return first_good([answer_to(a) for a in effect.asks], effect.need)

    return run(procedure, perform)


def first_good(outcomes: list[Any], need: int | None) -> list[Any]:
    """Stop asking, as a runtime does, when enough good answers are there."""
    if need is None:
        return outcomes
    good = next((i for i, o in enumerate(outcomes) if not isinstance(o, Exception)), len(outcomes))
    return [o if i <= good else NodeUnreachable("not waited for") for i, o in enumerate(outcomes)]


SUPERNODE = Address("127.0.0.1", 9091)


def hello(node: NodeRef, joined: bool = True) -> Hello:
    return Hello(node, RING, joined)


def test_the_way_in_is_a_member_that_the_supernode_knows() -> None:
    answers = {SUPERNODE: {GetMembers: Members(RING, (A, B))}, B.address: hello(B)}

    assert feed(find_member(SUPERNODE, []), answers).node == B


@pytest.mark.parametrize("supernode", [NodeUnreachable("dead"), Busy("full"), {GetMembers: Members(RING, ())}])
def test_without_the_supernode_it_is_any_node_that_is_listed(supernode: Any) -> None:
    answers = {SUPERNODE: supernode, C.address: hello(C)}

    assert feed(find_member(SUPERNODE, [A.address, C.address]), answers).node == C


def test_a_node_that_is_only_about_to_join_is_no_way_in() -> None:
    answers = {A.address: hello(A, joined=False), B.address: NotYet("not admitted"), C.address: hello(C)}

    assert feed(find_member(SUPERNODE, [A.address, B.address, C.address]), answers).node == C


def test_where_nobody_answers_there_is_no_way_in() -> None:
    with pytest.raises(NodeUnreachable, match="none of 2 addresses"):
        feed(find_member(SUPERNODE, [A.address, B.address]), {A.address: hello(A, joined=False)})


# --- what is shown


def test_a_hop_has_its_reason() -> None:
    assert hop_reason(Candidate(A), is_first=True) == "entry node"
    assert hop_reason(Candidate(A, 5), is_first=False) == "finger 5"
    assert hop_reason(Candidate(A), is_first=False) == "successor list"


def test_the_time_of_every_answer_is_noted_and_of_no_silence() -> None:
    def lookup() -> Procedure[str]:
        yield Ask(A, SayHello())
        with suppress(NodeUnreachable):
            yield Ask(B, SayHello())
        yield Ask(C, SayHello())
        return "found"

    times_ms: list[float] = []
    ticks = iter(range(100))
    procedure = timed(lookup(), lambda: float(next(ticks)), times_ms)  # type: ignore[arg-type]  # any procedure will do

    assert feed(procedure, {A.address: None, A: hello(A), C: hello(C)}) == "found"
    assert times_ms == [1000.0, 1000.0]


def test_status_as_json_has_identifiers_in_full_and_each_node_once() -> None:
    shown: dict[str, Any] = status.to_json(
        Status(A, RING, C, (B, C, A, A), (B,) * 159 + (C,), ("a", "b"), 7, TrainingStatus("job", 1, "train", 3))
    )

    assert shown["id"] == "0" * 40
    assert shown["successors"] == [f"{n.id:040x}" for n in (B, C, A)]
    assert shown["fingers"][159] == {"start": f"{1 << 159:040x}", "node": f"{C.id:040x}", "address": "127.0.0.1:8003"}
    assert shown["keys"][0] == {"key": f"{RING.key('a'):040x}", "name": "a"}
    assert shown["training"] == "round 1: training 3 files"
    assert json.loads(json.dumps(shown)) == shown


def test_a_leaf_that_has_moved_is_attached_to_its_new_host_only() -> None:
    leaf = NodeRef(7, "clinic", 1024, 1)
    told = {A: LeafStatus(leaf, 400.0, 2), B: LeafStatus(leaf, 0.2), C: LeafStatus(leaf, 3.0)}
    nodes = [Status(node, RING, node, (node,), (), (), 0, None, (each,)) for node, each in told.items()]

    columns = [list(column.cells) for column in status._leaf_table(nodes, in_full=False).columns]

    assert [[str(cell) for cell in cells] for cells in columns] == [
        [RING.show(7)],
        ["clinic:1024"],
        [f"{RING.show(B.id)}, {RING.show(C.id)}"],
        [""],
        ["0"],
        [""],
    ]


def made_report(rounds: int) -> report.JobReport:
    files = tuple(TrainingFile(i, name, "00" * 32, 1, 1) for i, name in enumerate(("a", "b")))
    spec = JobSpec(Settings(hidden=(1,)), files, files[0], 1, 26)
    placement = {"b": "127.0.0.1:8002", "a": "127.0.0.1:8001"}
    finished = tuple(
        report.Round(
            RoundResult("job", number, "", "", 0, errors=number, rows=8),
            RoundReport("job", number, "client", 1.5, 2.5, 0.75, 0.25, 0.125, placement),
        )
        for number in range(1, rounds + 1)
    )
    return report.JobReport(spec, 2, finished, report.model_from(spec, bytes(4 * (2 * 1 + 2 * 26)), b""), 12.3456)


def test_the_json_line_has_exactly_the_promised_fields() -> None:
    shown: dict[str, Any] = made_report(2).to_json()

    assert set(shown) == {
        "job",
        "name",
        "validation_error",
        "files",
        "nodes",
        "rounds",
        "kept_round",
        "seconds",
        "model_sha256",
        "history",
        "placement",
        "metrics",
        "task",
    }
    assert (shown["validation_error"], shown["files"], shown["nodes"], shown["rounds"]) == (0.25, 2, 2, 2)
    assert shown["kept_round"] == 2
    assert [r["round"] for r in shown["history"]] == [1, 2]
    assert shown["placement"] == {"a": "127.0.0.1:8001", "b": "127.0.0.1:8002"}
    assert len(shown["model_sha256"]) == 64


def test_the_report_says_which_round_is_kept_and_why_the_job_stopped() -> None:
    last = made_report(3)
    best = replace(last, spec=replace(last.spec, settings=Settings(keep="best")))
    stopped = replace(last, spec=replace(last.spec, settings=Settings(keep="best", patience=2)))

    assert last.summary() == "validation error 0.3750 after 3 rounds"
    assert best.summary() == "validation error 0.1250 of round 1, the best, after 3 rounds"
    assert (
        stopped.summary() == "validation error 0.1250 of round 1, the best, after 3 rounds, stopped as no better for 2"
    )
    assert (best.to_json()["kept_round"], best.to_json()["validation_error"]) == (1, 0.125)


def test_the_table_says_which_node_trained_which_files() -> None:
    out = Console(width=100)
    with out.capture() as captured:
        out.print(tables.placement_table(made_report(1)))

    lines = [line for line in captured.get().splitlines() if "127.0.0.1" in line]
    assert [[cell.strip() for cell in line.strip("│").split("│")] for line in lines] == [
        ["127.0.0.1:8001", "1", "a"],
        ["127.0.0.1:8002", "1", "b"],
    ]


def test_a_line_above_a_narrow_table_is_not_folded_to_its_width() -> None:
    line = "440 rows held out at the sites; mean error of the sites 0.1676 [not markup]"
    out = Console(width=100)
    with out.capture() as captured:
        out.print(tables.narrow_table(line, "a", "b"))

    assert captured.get().splitlines()[0].rstrip() == line


def test_a_replay_without_its_files_says_how_those_of_a_table_are_made(tmp_path: Path) -> None:
    spec = made_report(1).spec
    packed = replace(spec, files=tuple(replace(file, name=f"{file.name}.rdl") for file in spec.files))

    with pytest.raises(InputNotFound, match=r"content of a, SHA-256 [0-9a-f]+ .2 others are missing too.$"):
        contents_in(tmp_path, spec)
    with pytest.raises(InputNotFound, match=r"prepare DATA OUT --seed 0  and the job.s other options for data make"):
        contents_in(tmp_path, packed)


def test_private_files_are_listed_without_the_address_of_their_node() -> None:
    made = made_report(1)
    placed = replace(made.rounds[-1].report, placement={"127.0.0.1:8001~a": "127.0.0.1:8001"})
    made = replace(made, rounds=(made.rounds[-1]._replace(report=placed),))

    out = Console(width=100)
    with out.capture() as captured:
        out.print(tables.placement_table(made))

    assert "~" not in captured.get() and captured.get().count("127.0.0.1:8001") == 1


@pytest.mark.parametrize(
    ("model", "line", "hidden"),
    [
        ("mlp", "mlp, sizes 1-3-26, seed 0", "| hidden | (3,) |"),
        ("softmax", "softmax, sizes 1-26, seed 0", ""),
        ("mine:Net", "mine:Net, 1 input, 26 outputs, 54 weights, seed 0", "| hidden, if the model reads it | (3,) |"),
    ],
)
def test_a_card_says_of_a_model_what_is_so(model: str, line: str, hidden: str, tmp_path: Path) -> None:
    made = made_report(1)
    made = replace(made, spec=replace(made.spec, settings=Settings(model=model, hidden=(3,))))

    write_card(tmp_path / "m.npz", made)

    lines = (tmp_path / "m.npz.md").read_text().splitlines()
    assert f"- model: {line}" in lines
    assert [each for each in lines if each.startswith("| hidden")] == [hidden] * bool(hidden)


def test_no_digit_is_cut_in_a_narrow_terminal() -> None:
    probabilities, y = np.full((3, 3), 1 / 3, np.float32), np.array([0, 1, 2])
    metrics = measure(probabilities, y, ("a", "b", "c"))
    for table in (*tables.metrics_tables(metrics), tables.placement_table(made_report(1))):
        out = Console(width=24)
        with out.capture() as captured:
            out.print(table)

        assert "…" not in captured.get()


def test_of_many_classes_those_are_shown_that_the_model_knows_least() -> None:
    classes = 2 * tables.ROWS_SHOWN
    y = np.arange(classes).repeat(2)
    probabilities = np.eye(classes, dtype=np.float32)[np.where(y % 2, 0, y)]
    (table,) = tables.metrics_tables(measure(probabilities, y, tuple(f"class {n}" for n in range(classes))))
    out = Console(width=100)
    with out.capture() as captured:
        out.print(table)

    assert captured.get().count(" class ") == tables.ROWS_SHOWN + 1
    assert "class 3 " in captured.get() and "class 4 " not in captured.get()
    assert f"; of {classes} classes the {tables.ROWS_SHOWN} of the lowest F1, --json has all" in captured.get()


def test_a_card_shows_a_jobs_name_beside_its_id(tmp_path: Path) -> None:
    made = made_report(1)
    named = replace(made, spec=replace(made.spec, settings=Settings(name="baseline")))

    write_card(tmp_path / "a.npz", named)
    write_card(tmp_path / "b.npz", made)

    assert f"- job: `{named.spec.job}` (baseline)\n" in (tmp_path / "a.npz.md").read_text()
    assert f"- job: `{made.spec.job}`\n" in (tmp_path / "b.npz.md").read_text()


def test_bars_are_for_a_terminal_and_for_what_is_to_be_taken_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in screen.FORCED:
        monkeypatch.delenv(name, raising=False)

    assert screen._bars() is None, "a script that watches needs no rich"
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert screen._bars() is not None
    monkeypatch.setenv("TERM", "dumb")
    assert screen._bars() is None, "a terminal that cannot move its cursor gets a line for each round"


def test_history_and_timing_are_a_line_a_round(tmp_path: Path) -> None:
    report.write_history(tmp_path / "h.csv", made_report(2))
    report.write_timing(tmp_path / "t", made_report(2))

    assert (tmp_path / "h.csv").read_text().splitlines() == [
        "round,validation_error,validation_loss,training_loss,training_accuracy,seconds,"
        "slowest_node_seconds,eta_halvings,notice",
        "1,0.125,1.5,2.5,0.75,0.25,0.125,0,",
        "2,0.25,1.5,2.5,0.75,0.25,0.125,0,",
    ]
    assert (tmp_path / "t").read_text() == "job 12.346\nround 1 0.250\nround 2 0.250\n"
