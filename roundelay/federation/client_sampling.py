"""Which files take part in a round: all, or a part that the job's seed draws. A pure function of the spec."""

from __future__ import annotations

import hashlib
import math

from roundelay.federation.requests import TrainingFile
from roundelay.federation.spec import JobSpec


def sampled_files(spec: JobSpec, number: int) -> tuple[TrainingFile, ...]:
    """The files of a round, in their order. Round 0 looks at all of them: the moments are everybody's.

    McMahan et al. 2017 draw a fraction C of the clients: here of the files, one at least.
    """
    fraction = spec.settings.fraction
    if number == 0 or fraction >= 1.0:
        return spec.files
    count = max(1, math.ceil(round(fraction * len(spec.files), 9)))  # 0.3 of 10 is 3, whatever a float makes of it
    drawn = sorted(spec.files, key=lambda file: _draw(spec.settings.seed, number, file))[:count]
    return tuple(sorted(drawn, key=lambda file: file.index))


def _draw(seed: int, number: int, file: TrainingFile) -> bytes:
    return hashlib.sha256(f"takes part {seed}:{number}:{file.index}".encode()).digest()
