"""The parameters of a simulation: its seed, its size and its faults."""

from __future__ import annotations

import random
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class SimOptions:
    """Parameters of a simulation. The same options give the same journal, byte for byte.

    Messages are requests and answers alike. Faults happen until everything is healed after `faults_s`.
    """

    seed: int = 0
    nodes: int = 24
    successors: int = 8  # length of every successor list
    bits: int = 160
    latency_s: float = 0.02  # mean of one message: half of it fixed, half exponential
    bandwidth_mbit_s: float = 0.0  # of each host's link in each direction; 0: unlimited, and bytes are not counted
    loss: float = 0.02  # fraction of messages that never arrive
    duplication: float = 0.02  # fraction of messages that arrive twice
    reordering: float = 0.02  # fraction of messages that are delayed by up to a second more
    partitions: int = 1  # how often the network splits in two
    partition_s: float = 10.0  # for how long each time
    crashes: int = 6  # how many processes are killed; each is restarted
    restart_s: float = 5.0  # mean time from a crash to the restart
    supernode_crashes: int = 1  # how often the supernode is killed besides
    refusals: float = 0.5  # fraction of crashes after which the host refuses connections; otherwise it is silent
    pauses: int = 3  # how many processes freeze
    pause_s: float = 3.0  # for how long each time
    jobs: int = 0  # federated jobs, with concurrent puts and gets; 0: nodes without store and trainer
    secured: int = 0  # 1: every process has an identity, and signs its records
    faults_s: float = 40.0  # how long faults happen before everything is healed

    def __post_init__(self) -> None:
        for name in ("loss", "duplication", "reordering", "refusals"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a fraction from 0 to 1")
        for name in ("nodes", "successors"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 1 or more")
        for field in fields(self):
            if getattr(self, field.name) < 0:
                raise ValueError(f"{field.name} is {getattr(self, field.name)}, expected 0 or more")

    def flags(self) -> str:
        """Return the options that differ from the defaults, as command-line flags."""
        return " ".join(
            f"--{f.name.replace('_', '-')} {getattr(self, f.name)}"
            for f in fields(self)
            if f.name == "seed" or getattr(self, f.name) != f.default
        )

    @property
    def silence_is_death(self) -> bool:
        """True if only dead nodes do not answer, as Zave's proof assumes."""
        return not (self.loss or self.reordering or self.partitions or self.pauses)


CALM = SimOptions(loss=0.0, duplication=0.0, reordering=0.0, partitions=0, crashes=0, supernode_crashes=0, pauses=0)


def drawn(seed: int, nodes: int = 24) -> SimOptions:
    """Draw options from a seed, so that a soak covers many combinations of faults."""
    rng = random.Random(f"options {seed}")
    return SimOptions(
        seed=seed,
        nodes=nodes,
        successors=rng.choice((3, 4, 8, 8)),
        latency_s=rng.choice((0.001, 0.02, 0.08)),
        loss=rng.choice((0.0, 0.02, 0.05)),
        duplication=rng.choice((0.0, 0.02, 0.05)),
        reordering=rng.choice((0.0, 0.02, 0.05)),
        partitions=rng.choice((0, 1, 1, 2)),
        crashes=rng.randint(0, 8),
        supernode_crashes=rng.choice((0, 1)),
        refusals=rng.choice((0.0, 0.5, 1.0)),
        pauses=rng.randint(0, 4),
        secured=rng.choice((0, 1)),
    )
