"""Large buffers lie in huge pages where the system has them, and hold the same bytes where it has none."""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path

import pytest

from roundelay.store.blobs import MemoryBuffer
from roundelay.store.huge_pages import HUGE_BYTES_MIN

MAPPINGS = Path("/proc/self/smaps")
SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def flags_at(address: int) -> list[str]:
    """Return the kernel's flags of the mapping that holds an address."""
    is_here = False
    for line in MAPPINGS.read_text().splitlines():
        name, _, rest = line.partition(" ")
        if not name.endswith(":"):
            start, end = (int(part, 16) for part in name.split("-"))
            is_here = start <= address < end
        elif is_here and name == "VmFlags:":
            return rest.split()
    raise AssertionError("no mapping holds the address")


@pytest.mark.skipif(not (MAPPINGS.exists() and SETTING.exists()), reason="this system has no huge pages")
def test_a_large_buffer_is_to_lie_in_huge_pages() -> None:
    buffer = MemoryBuffer(8 * HUGE_BYTES_MIN)

    first = ctypes.c_char.from_buffer(buffer.getbuffer())

    assert "hg" in flags_at(ctypes.addressof(first) + HUGE_BYTES_MIN)


@pytest.mark.parametrize("size_bytes", [0, 1, HUGE_BYTES_MIN - 1, HUGE_BYTES_MIN, HUGE_BYTES_MIN + 4097])
@pytest.mark.parametrize("has_huge_pages", [True, False])
def test_a_buffer_of_any_size_holds_what_is_placed(
    size_bytes: int, has_huge_pages: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_huge_pages:
        monkeypatch.delattr(mmap, "MADV_HUGEPAGE", raising=False)
    content = bytes(range(256)) * (size_bytes // 256) + bytes(size_bytes % 256)
    buffer = MemoryBuffer(size_bytes)
    assert buffer.getvalue() == bytes(size_bytes)

    buffer.place(size_bytes // 2, content[size_bytes // 2 :])
    buffer.place(0, content[: size_bytes // 2])

    assert buffer.getvalue() == content
