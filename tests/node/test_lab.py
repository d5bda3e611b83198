"""Tests of the lab, a local ring for failure experiments."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from roundelay.node.errors import LocalRingFailed
from roundelay.node.lab import Lab
from roundelay.node.options import journal_of
from roundelay.testing.waiting import until


@pytest.fixture
def lab() -> Iterator[Lab]:
    made = Lab()
    try:
        made.start(1)
        yield made
    finally:
        made.stop()


def test_a_killed_supernode_restarts_at_its_address_with_its_journal(lab: Lab) -> None:
    before, nodes = lab.supernode, lab.nodes
    with pytest.raises(LocalRingFailed, match="running"):
        lab.start_supernode()

    lab.kill_supernode()

    with pytest.raises(LocalRingFailed, match="no node can join"):
        lab.add()
    with pytest.raises(LocalRingFailed, match="dead already"):
        lab.kill_supernode()

    lab.start_supernode()

    assert lab.supernode == before
    journal = journal_of(lab.node_list.parent, before.port)
    assert f'"port": {nodes[0].port}' in journal.read_text().splitlines()[0]
    assert lab.add() in lab.nodes
    until(lambda: len(journal.read_text().splitlines()) == 2, "the newcomer is admitted, and in the journal")
