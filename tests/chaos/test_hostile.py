"""A short form of `python -m chaos hostile`: nothing ends, nothing grows, and the honest job has the right hash.

The slowest good call is not asserted: the machine may be busy.
"""

from __future__ import annotations

import pytest

from chaos import hostile
from chaos.hostility import lethal, memory
from chaos.hostility.case import GROWTH_MAX_MB

SEED = 1
MINUTES = 0.05
SHARE = 0.08  # of the messages of each case
CASES = (
    lethal.order_with_nan,
    memory.pushes_for_unknown_jobs,
    memory.staged_pieces,
    memory.bitmaps_of_16_million,
    memory.endless_content,
)


@pytest.mark.parametrize("seed", [SEED])
def test_nothing_that_a_stranger_says_hurts_a_ring(seed: int) -> None:
    outcome = hostile.run(seed, MINUTES, {case.__name__: case for case in CASES}, share=SHARE)

    replay = f"replay with: python -m chaos hostile --seed {seed} --minutes {MINUTES} --share {SHARE}"
    assert not outcome.processes_lost and not outcome.tracebacks, replay
    assert not [why for case in outcome.cases for why in case.why if not why.startswith("a good call")], replay
    assert all(mb <= GROWTH_MAX_MB for mb in outcome.growth_mb.values()), (outcome.growth_mb, replay)
    assert outcome.jobs_right > 0 and not outcome.jobs_wrong, (outcome.jobs_wrong, replay)
    assert outcome.messages > 0 < outcome.records and outcome.lies > 0
