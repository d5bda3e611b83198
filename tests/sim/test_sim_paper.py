"""The quick experiments meet their limits; how results are checked, printed and plotted."""

from __future__ import annotations

import gc
import json
import signal
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from roundelay.cli import simulate
from roundelay.cli.main import client
from roundelay.sim import paper
from roundelay.sim.figures import OURS_ALONE, Band, Check, ExperimentResult, FigureRow, FigureTable, as_markdown, show
from roundelay.sim.plot import Plot, PlotSeries, svg
from roundelay.sim.sampler import INTERVAL_S
from tests.processes import client_here


@pytest.mark.parametrize("name", paper.EXPERIMENTS)
def test_every_quick_experiment_meets_its_limits(name: str) -> None:
    result = paper.EXPERIMENTS[name](1, True)

    assert result.experiment == name
    assert all(table.rows for table in result.tables)
    assert not result.broken, [str(check) for check in result.broken]


def _result(value: float) -> ExperimentResult:
    rows = (FigureRow(("mean", value, None), (Check("mean", value, Band(1.0, 2.0)),)),)
    plot = Plot("demo", "Demo", "x", "y", (PlotSeries("a & b", ((1.0, value), (2.0, 2.0)), ((1.0, 0.5, 2.5),)),))
    table = FigureTable("Demo", OURS_ALONE, ("what", "ours", "paper"), rows, ("A note.",))
    return ExperimentResult("demo", "One row.", (table,), (plot,))


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paper, "EXPERIMENTS", {"demo": lambda seed, quick: _result(9.0 if seed == 13 else 1.5)})
    monkeypatch.setattr(simulate, "WORDS", ("demo", "paper"))


def test_a_met_limit_exits_0_and_json_is_one_line(demo: None, capsys: pytest.CaptureFixture[str]) -> None:
    code = client(["simulate", "demo", "--json"])

    out = capsys.readouterr().out
    assert code == 0
    assert out.count("\n") == 1
    said = json.loads(out)
    assert said["holds"] is True
    assert said["tables"][0]["rows"][0]["ours"] == 1.5


def test_a_missed_limit_exits_1_and_is_named(demo: None, capsys: pytest.CaptureFixture[str]) -> None:
    code = client(["simulate", "demo", "--seed", "13"])

    captured = capsys.readouterr()
    assert code == 1
    assert "BROKEN" in captured.out
    assert "mean 9 in 1 to 2" in captured.err


def test_the_paper_is_written_with_its_plots(demo: None, tmp_path: Path) -> None:
    assert client(["simulate", "paper", "--out", str(tmp_path)]) == 0

    document = (tmp_path / "chord.md").read_text()
    assert "python3 client.py simulate paper --seed 1" in document
    assert "(chord-demo.svg)" in document
    ElementTree.fromstring((tmp_path / "chord-demo.svg").read_text())


def test_the_document_names_the_functions_that_take_the_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def experiment(seed: int, quick: bool) -> ExperimentResult:
        end_s = time.process_time() + 20 * INTERVAL_S
        while time.process_time() < end_s:
            pass
        return _result(1.5)

    monkeypatch.setattr(paper, "EXPERIMENTS", {"demo": experiment})
    runs = list(paper.run_all(1, True))
    paper.write(tmp_path, runs, "demo")

    profile = (tmp_path / "chord.md").read_text().partition("## profile")[2]
    assert "| demo | `tests.sim.test_sim_paper." in profile
    assert ".experiment` " in profile
    assert "| all | " in profile


def test_an_experiment_leaves_the_garbage_collector_and_the_timer_as_they_were(demo: None) -> None:
    before = gc.get_threshold(), signal.getsignal(signal.SIGPROF)

    paper.measure("demo", 1, True)

    assert (gc.get_threshold(), signal.getsignal(signal.SIGPROF)) == before
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_a_wrong_command_exits_64() -> None:
    outcome = client_here("simulate", "nonsense")

    assert outcome.code == 64
    assert "--help" in outcome.err


def test_invalid_scenario_options_exit_64() -> None:
    outcome = client_here("simulate", "scenario", "--loss", 2)

    assert outcome.code == 64
    assert "loss is 2.0" in outcome.err


def test_a_table_is_aligned_and_shows_its_limits() -> None:
    text = as_markdown(_result(1.5))

    assert "| what | ours | paper | must hold" in text
    assert "| mean | 1.5  | -     | mean 1.5 in 1 to 2: holds |" in text
    assert "- A note." in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.5, "0.5"), (3, "3"), (1e-6, "1.00e-06"), (0.0, "0"), (12345.678, "1.235e+04"), ("x", "x")],
)
def test_numbers_have_four_significant_digits(value: float | str | None, text: str) -> None:
    assert show(value) == text


@pytest.mark.parametrize(
    ("band", "text"),
    [(Band(high=2.0), "at most 2"), (Band(low=1.0), "at least 1"), (Band(0, 0), "0"), (Band(1.0, 2.0), "1 to 2")],
)
def test_a_range_is_shown_in_words(band: Band, text: str) -> None:
    assert str(band) == text


def test_a_range_includes_its_ends() -> None:
    assert Band(1.0, 2.0).holds(1.0)
    assert Band(1.0, 2.0).holds(2.0)
    assert not Band(1.0, 2.0).holds(2.0001)


def test_a_plot_draws_every_point_interval_and_name() -> None:
    figure = svg(_result(1.5).plots[0])

    tree = ElementTree.fromstring(figure)
    tags = [element.tag.rpartition("}")[2] for element in tree.iter()]
    assert tags.count("circle") == 2
    assert tags.count("polyline") == 1
    assert "a &amp; b" in figure
