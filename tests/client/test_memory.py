"""A job that is too large is refused before it starts, and a large one says what memory it needs."""

from __future__ import annotations

import pytest

from roundelay.client.memory import MemoryEstimate, estimate_memory
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from roundelay.ml.design import Design
from roundelay.ml.errors import BadTask
from roundelay.ml.task import FILES_MAX, RECEIPT_BYTES
from roundelay.store.items import CONTENT_BYTES_MAX


def estimated(*hidden: int) -> MemoryEstimate:
    files = [TrainingFile(i, f"f{i}", "0" * 64, 1000, 50) for i in range(5)]
    return estimate_memory(JobSpec(Settings(hidden=hidden), tuple(files[:4]), files[4], 16, 26))


def test_a_model_whose_sum_the_ring_would_not_store_is_refused_with_the_limit_and_the_option() -> None:
    with pytest.raises(BadTask, match=r"144,528,026 weights, and at most 134,217,728 can be added up: .*--hidden"):
        Design((16, 12_000, 12_000, 26))

    assert CONTENT_BYTES_MAX >= 8 * 134_217_728 + RECEIPT_BYTES * FILES_MAX


def test_the_memory_of_each_process_grows_with_the_model_and_is_said_of_a_large_one() -> None:
    small, large = estimated(256), estimated(3000, 3000)

    assert not small.is_large
    assert large.is_large
    assert str(large) == (
        "the job needs about 336 MB in each trainer, 74 MB in each node and 249 MB where it is driven"
    )
