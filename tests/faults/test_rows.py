"""Rows of the fault suite's report that no other test has: each forms a ring, disturbs it and says what held."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.scenario import Scenario
from chaos.scenarios.byzantine import forged_record
from chaos.scenarios.pauses import trainer_dies_of_a_file


@pytest.mark.parametrize("scenario", [forged_record, trainer_dies_of_a_file], ids=lambda scenario: scenario.__name__)
def test_a_row_of_the_report_holds(scenario: Scenario, tmp_path: Path) -> None:
    found = scenario(tmp_path)

    assert found.held, found
