"""Client sampling: the fraction of the files that takes part in a round, drawn from the job's seed.

McMahan, Moore, Ramage, Hampson and Agüera y Arcas, Communication-efficient learning of deep networks from decentralized
data, AISTATS 2017: a fraction C of the clients; here of the files, at least one.
"""

from __future__ import annotations

import hashlib
import math

from roundelay.federation.requests import TrainingFile
from roundelay.federation.spec import JobSpec


def sampled_files(spec: JobSpec, number: int) -> tuple[TrainingFile, ...]:
    """Return the files of a round, in their order. Round 0 takes all, because moments are over all files."""
    fraction = spec.settings.fraction
    if number == 0 or fraction >= 1.0:
        return spec.files
    count = max(1, math.ceil(round(fraction * len(spec.files), 9)))  # 0.3 of 10 is 3, in spite of rounding
    drawn = sorted(spec.files, key=lambda file: _draw(spec.settings.seed, number, file))[:count]
    return tuple(sorted(drawn, key=lambda file: file.index))


def _draw(seed: int, number: int, file: TrainingFile) -> bytes:
    return hashlib.sha256(f"takes part {seed}:{number}:{file.index}".encode()).digest()
