"""Tests of injected network partitions: which nodes still reach each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from roundelay.chord.errors import NodeUnreachable
from roundelay.chord.refs import Address
from roundelay.node import partition_fault
from roundelay.node.partition_fault import PartitionFault

A, B, C, OTHER = (Address("127.0.0.1", port) for port in (1, 2, 3, 4))


def reaches(network: PartitionFault, start: Address, end: Address) -> bool:
    try:
        network.require_reachable(start, end)
    except NodeUnreachable:
        return False
    return True


def test_without_a_file_every_node_reaches_every_other(tmp_path: Path) -> None:
    assert reaches(PartitionFault(), A, B)
    assert reaches(PartitionFault(tmp_path / "cut"), A, B)


def test_a_partition_drops_requests_in_both_directions(tmp_path: Path) -> None:
    network = PartitionFault(tmp_path / "cut")

    partition_fault.write(tmp_path / "cut", [[A, B], [C]])

    assert reaches(network, A, B)
    assert not reaches(network, A, C)
    assert not reaches(network, C, B)


def test_a_node_on_no_side_reaches_every_other(tmp_path: Path) -> None:
    network = PartitionFault(tmp_path / "cut")

    partition_fault.write(tmp_path / "cut", [[A], [B]])

    assert reaches(network, OTHER, A)
    assert reaches(network, B, OTHER)


@pytest.mark.parametrize("sides", [[], [[A, B, C]]])
def test_a_partition_heals_when_the_file_says_so(sides: list[list[Address]], tmp_path: Path) -> None:
    network = PartitionFault(tmp_path / "cut")
    partition_fault.write(tmp_path / "cut", [[A], [B]])
    assert not reaches(network, A, B)

    partition_fault.write(tmp_path / "cut", sides)

    assert reaches(network, A, B)
