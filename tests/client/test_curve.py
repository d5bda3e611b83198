"""--curve: the learning curve as a picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from roundelay.client import report
from roundelay.federation.records import RoundReport, RoundResult
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from tests.processes import client_here


def two_rounds() -> report.JobReport:
    files = (TrainingFile(0, "a", "00" * 32, 10, 8),)
    spec = JobSpec(Settings(hidden=(1,)), files, files[0], 1, 26)
    finished = tuple(
        report.Round(
            RoundResult("job", number, "", "", 0, errors=4 - number, rows=8),
            RoundReport("job", number, "client", 1.5, 2.5, 0.75, 0.25, 0.125),
        )
        for number in (1, 2)
    )
    return report.JobReport(spec, 1, finished, report.model_from(spec, bytes(4 * (2 * 1 + 2 * 26)), b""))


def test_the_curve_is_a_picture_of_every_round(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib draws the curve: the extra plots")
    from matplotlib import image

    report.write_curve(tmp_path / "curve.png", two_rounds())

    pixels = image.imread(tmp_path / "curve.png")  # (h, w, 4)
    assert pixels.shape == (600, 900, 4)
    for red, green, blue in ((0x1F, 0x77, 0xB4), (0xFF, 0x7F, 0x0E)):  # validation, training
        assert (abs(pixels[..., :3] * 255 - (red, green, blue)).max(axis=-1) < 2).sum() > 100


def test_without_matplotlib_nothing_is_trained_and_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roundelay.cli.train.find_spec", lambda name: None)

    outcome = client_here("train", str(tmp_path), "--local", "1", "--curve", str(tmp_path / "curve.png"))

    assert outcome.code == 69
    assert outcome.err == "--curve needs matplotlib: python3 -m pip install '.[plots]'\n"
