"""What a process does with memory that it freed."""

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


ROWS_READ, COLUMNS_READ, FAULTS_OF_MANY = 5_000, 40, 4_000
READER = """
import resource, sys
from pathlib import Path
from roundelay.ml.readers import table
faults = []
for path in map(Path, sys.argv[1:]):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    table.read(path)
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(faults[-1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_a_reader_of_tables_reuses_the_memory_of_each_block(tmp_path: Path) -> None:
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    row = ",".join(["-0.12345678901234567"] * COLUMNS_READ)
    small.write_text("".join(f"{row},{i % 2}\n" for i in range(20)))
    large.write_text("".join(f"{row},{i % 2}\n" for i in range(ROWS_READ)))

    found = subprocess.run([sys.executable, "-c", READER, small, large], cwd=ROOT, stdout=subprocess.PIPE, check=True)

    assert int(found.stdout) < FAULTS_OF_MANY


THREADS, MESSAGE_BYTES = 12, 3 << 20
SERVER = f"""
import sys, threading
from roundelay.ml.malloc import return_freed_memory
if sys.argv[1:] == ["return"]:
    return_freed_memory()

def resident_pages():
    return int(open("/proc/self/statm").read().split()[1])

together = threading.Barrier({THREADS} + 1)

def handle():
    together.wait()
    message, kept = bytearray(b"x") * {MESSAGE_BYTES}, bytearray(2000)
    message = [bytes(100_000) for _ in range({MESSAGE_BYTES} // 100_000)]
    together.wait()
    del message
    together.wait()
    together.wait()

for _ in range({THREADS}):
    threading.Thread(target=handle).start()
before = resident_pages()
for _ in range(3):
    together.wait()
print(resident_pages() - before)
together.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_a_server_returns_the_memory_of_the_messages_that_its_threads_handled() -> None:
    grown = [
        int(subprocess.run([sys.executable, "-c", SERVER, *way], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
        for way in ([], ["return"])
    ]

    assert grown[1] < THREADS * MESSAGE_BYTES // 4096 / 4 < grown[0], grown
