"""What a person at a terminal sees of a ring and its jobs: short ids, narrow tables, verdicts, what to do next."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

import roundelay
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import Status, TrainingStatus
from roundelay.chord.ring import Ring
from roundelay.cli import jobs, status
from roundelay.client.comparison import ComparedJob, Comparison
from roundelay.client.job_summary import JobSummary
from roundelay.federation.errors import BadSpec
from roundelay.federation.settings import Settings
from tests.end_to_end.small_job import write_tiny
from tests.processes import Outcome, client_here

Run = Callable[..., Outcome]
SETTINGS: dict[str, Any] = {"rounds": 12, "epochs": 1, "hidden": (4,)}


@pytest.fixture(scope="module")
def ring() -> Iterator[roundelay.Ring]:
    with roundelay.local_ring(2) as made:
        yield made


@pytest.fixture(scope="module")
def run(ring: roundelay.Ring) -> Run:
    address = ring.connection.address

    def run(*arguments: object) -> Outcome:
        return client_here(*arguments, "--supernode", address.supernode, "--nodes", address.nodes)

    return run


@pytest.fixture(scope="module")
def job(ring: roundelay.Ring, tmp_path_factory: pytest.TempPathFactory) -> str:
    data = write_tiny(tmp_path_factory.mktemp("data"))
    done = ring.train(data, validation="validate_letters.txt", **SETTINGS)
    done.result()
    return done.id


def lines_of(table: Table, width: int = 80) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(table)
    return out.getvalue().splitlines()


def test_a_job_is_named_by_its_first_digits_or_as_the_last_one(job: str, run: Run, tmp_path: Path) -> None:
    for name in (job[:4], job[:12].upper(), "last", job):
        assert job in run("export", name, "--out", tmp_path / "model.npz").out
    missing = "0000" if not job.startswith("0000") else "1111"
    assert run("export", missing, "--out", tmp_path / "model.npz").code == 66
    assert job[:8] in run("jobs").out


@pytest.mark.parametrize("name", ["last", "LAST", "dead", "2024", "a b", "x" * 65, "-x", "a/b", "é"])
def test_a_name_that_could_mean_another_job_is_refused(name: str) -> None:
    with pytest.raises(BadSpec, match=r"--name is .*, expected 1 to 64 letters"):
        Settings(name=name)


def test_an_exported_model_has_its_card(job: str, run: Run, tmp_path: Path) -> None:
    assert run("export", "last", "--out", tmp_path / "model.npz").code == 0
    assert f"`{job}`" in (tmp_path / "model.npz.md").read_text()


def test_attaching_to_a_finished_job_shows_its_metrics_and_its_own_seconds(
    job: str, run: Run, ring: roundelay.Ring
) -> None:
    shown = run("attach", job[:8])

    seconds = sum(row["seconds"] for row in ring.job(job).history())
    assert "accuracy" in shown.out
    assert f"after 12 rounds, {seconds:.1f} s" in shown.out


def test_an_audit_ends_with_a_verdict_and_lists_everything_on_request(job: str, run: Run) -> None:
    short, long = run("audit", "last", "--retrain", 1), run("audit", "last", "--all")

    assert short.code == 0
    assert "records and 1 repeated round hold" in short.out
    assert len(short.out.splitlines()) == 1
    listed = [line.split()[0] for line in long.out.splitlines() if "result-" in line]
    assert listed == [f"result-{number}" for number in range(13)]


def test_a_key_is_looked_up_as_status_shows_identifiers(run: Run, ring: roundelay.Ring) -> None:
    node = ring.status()[0].node
    first, whole = ring.status()[0].ring.show(node.id), ring.status()[0].ring.digits(node.id)

    assert f"key {whole}" in run("lookup", "--key", first, "--digits").out
    assert run("lookup", "--key", whole, "--json").json["owner"]["address"] == str(node.address)
    assert run("lookup", "--key", "xyz").code == 64
    assert run("lookup", "name", "--key", first).code == 64
    assert run("lookup").code == 64


def test_the_table_of_nodes_fits_80_columns_while_a_job_runs() -> None:
    circle = Ring()
    refs = [NodeRef(number << 150, f"192.168.100.{number}", 10000 + number) for number in range(9)]
    training = TrainingStatus("ab" * 32, 126, "train", 11, "a-file", 3, 0.5, 1.25)
    nodes = [
        Status(ref, circle, refs[0], tuple(refs), (ref,) * 160, ("name",) * 136, 123_456_789, training) for ref in refs
    ]

    shown = lines_of(status._ring_table(nodes, dict.fromkeys(refs, 0.1234), in_full=False))

    assert len(shown) <= len(nodes) + 4, "one line for each node"
    for ref in refs:
        assert any(str(ref.address) in line and " 126 " in f"{line} " for line in shown), "no cell is cut"


def test_the_table_of_jobs_fits_80_columns_and_shows_where_ids_differ() -> None:
    found = [
        replace(summary(f"{'ab' * 5}{end}", rounds="1234", seed=end), driver="192.168.100.100:65535", round=1234)
        for end in "12"
    ]
    shown = lines_of(jobs.table(found, NOW))

    assert [line.split()[0] for line in shown if "running" in line] == ["ababababab1", "ababababab2"]
    assert sum(" 192.168.100.100:65535" in line for line in shown) == 2, "no cell is cut"


NOW = 1_700_000_000.0


def summary(job: str, **settings: str) -> JobSummary:
    """Return a running job that was published two minutes before NOW."""
    rounds = int(settings.get("rounds", "50"))
    started = {"started": int(NOW) - 120, "files": 16, "settings": settings}
    return JobSummary(f"{job:0<64}", "running", 3, rounds, 0.1234, "", "", **started)  # type: ignore[arg-type]


def test_the_table_of_jobs_shows_age_and_model_and_only_the_settings_that_differ() -> None:
    common = {"epochs": "2", "hidden": "64", "rounds": "30"}
    found = [summary("aa", **common, eta="0.05"), summary("bb", **common), summary("cc", **common, rule="fedprox")]
    unreadable = JobSummary("dd" * 32, "unreadable", 0, 0, None, "", "its records were not found")

    _, headings, _, first, second, third, last = lines_of(jobs.table([*found, unreadable], NOW))

    assert headings.rstrip().endswith("settings that differ")
    assert " ".join(first.split()) == "aa000000 running 2 min 3/30 0.1234 mlp 64 eta 0.05, rule fedavg"
    assert second.rstrip().endswith("eta 0.2, rule fedavg") and third.rstrip().endswith("eta 0.2, rule fedprox")
    assert "unreadable" in last and "driven" not in last


def test_names_have_a_column_if_a_job_has_one() -> None:
    found = [replace(summary("aa"), name="baseline"), summary("bb")]

    *_, headings, _, first, second = lines_of(jobs.table(found, NOW))

    assert headings.split()[:3] == ["job", "name", "state"]
    assert first.split()[:3] == ["aa000000", "baseline", "running"] and second.split()[:2] == ["bb000000", "running"]


def test_one_job_is_shown_with_the_settings_that_were_chosen() -> None:
    shown = lines_of(jobs.table([summary("aa", epochs="2", seed="7", hidden="8,8")], NOW))

    assert " ".join(shown[-1].split()) == "aa000000 running 2 min 3/50 0.1234 mlp 8,8 epochs 2, seed 7"


def test_compared_jobs_show_what_differs_and_their_errors_at_some_rounds() -> None:
    errors = {number: 1 / number for number in range(1, 101)}
    one = ComparedJob("aa" * 32, "done", 100, 100, 0.01, 9.0, errors)
    waiting = ComparedJob("bb" * 32, "waiting", 100, None, None, 0.0, {})
    found = Comparison((one, waiting), {"server_eta": ("0.1", "0.0"), "require": ("", "site:1" * 99)})

    differences, by_round = map(lines_of, jobs.comparison_tables(found))

    rows = [line.split() for line in differences]
    assert ["server-eta", "0.1", "0.0"] in rows and not any("site:1" * 20 in line for line in differences)
    assert ["lowest", "error", "0.0100", "-"] in rows and ["in", "round", "100", "-"] in rows
    assert [line.split()[0] for line in by_round[3:]] == [str(1 + 9 * place) for place in range(12)]


def test_two_jobs_are_compared_by_name(job: str, run: Run, ring: roundelay.Ring, tmp_path: Path) -> None:
    other = ring.train(write_tiny(tmp_path), validation="validate_letters.txt", **{**SETTINGS, "rounds": 2, "seed": 5})
    other.result()

    found = run("jobs", "--compare", job[:8], "last", "--json").json

    assert found["differences"] == {"rounds": ["12", "2"], "seed": ["0", "5"]}
    assert [each["job"] for each in found["jobs"]] == [job, other.id]
    assert [len(each["errors"]) for each in found["jobs"]] == [12, 2]
    assert "seed" in run("jobs", "--compare", job[:8], "last").out
    for same in (("last",), ("last", "last"), (other.id[:8], "last")):
        refused = run("jobs", "--compare", *same)
        assert refused.code == 64 and "--compare takes 2 to 6 different jobs, not 1" in refused.err
    listed = run("jobs", "--json").json["jobs"][-1]
    assert {"rounds": "2", "epochs": "1", "hidden": "4", "seed": "5"}.items() <= listed["settings"].items()
    assert listed["started"] > 0 and listed["files"] == len(ring.job(job).spec.files)


def test_a_starting_supernode_is_not_replaced_by_another_rings_list(tmp_path: Path) -> None:
    shown = client_here("status", "--supernode", "127.0.0.1:1")

    assert shown.code == 69
    assert "the supernode at 127.0.0.1:1 does not answer; enter the ring through one of its nodes" in shown.err


def test_a_job_is_named_by_the_name_that_its_user_gave(
    job: str, run: Run, ring: roundelay.Ring, tmp_path: Path
) -> None:
    data, settings = write_tiny(tmp_path), {**SETTINGS, "rounds": 2}
    named = ring.train(data, validation="validate_letters.txt", name="base.line-2", **settings)
    report = named.result()

    assert named.id in run("export", "base.line-2", "--out", tmp_path / "model.npz").out
    assert run("jobs", "--json").json["jobs"][-1]["name"] == ring.job("base.line-2").name == "base.line-2"
    assert "base.line-2" in run("jobs").out
    unnamed = ring.train(data, validation="validate_letters.txt", **settings)
    assert unnamed.result().model.sha256 == report.model.sha256, "a name changes no model"
    assert run("export", "baseline", "--out", tmp_path / "model.npz").code == 66
    again = ring.train(data, validation="validate_letters.txt", name="base.line-2", **settings)
    again.result()
    refused = run("export", "base.line-2", "--out", tmp_path / "model.npz")
    assert refused.code == 64
    assert f"2 jobs have the name base.line-2: {named.id[:12]}, {again.id[:12]}" in refused.err
