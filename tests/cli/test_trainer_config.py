"""--trainer-config is read as Flower reads --node-config."""

from __future__ import annotations

import pytest

from roundelay.cli.compute_node import trainer_config


def test_pairs_are_values_as_in_toml() -> None:
    found = trainer_config("""partition-id=0 num-partitions=4 lr=0.5  name="a b" other='c' shuffle=true""")

    assert found == {"partition-id": 0, "num-partitions": 4, "lr": 0.5, "name": "a b", "other": "c", "shuffle": True}
    assert trainer_config("") == {}


@pytest.mark.parametrize("text", ["partition-id", "a=1 b", "a=yes", "a=[1]", "a=", "=1", "a='b"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not KEY=VALUE"):
        trainer_config(text)
