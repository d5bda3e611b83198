"""The reuse of freed memory by the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCKS, BLOCK_BYTES = 16, 1 << 19  # what a stack's buffers are like
PROGRAM = f"""
import ctypes, resource, sys
from roundelay.ml.malloc import keep_freed_memory
if sys.argv[1:] == ["keep"]:
    keep_freed_memory()
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [bytearray(b"x") * {BLOCK_BYTES} for _ in range({BLOCKS})]
    del blocks
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults)
"""


def faults_of_the_third_time(*arguments: str) -> int:
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return int(found.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_freed_blocks_are_reused_without_page_faults() -> None:
    pages = BLOCKS * BLOCK_BYTES // 4096

    assert faults_of_the_third_time("keep") < pages / 10
