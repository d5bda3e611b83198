"""Client sampling: the fraction of the files that takes part in a round, drawn from the job's seed.

McMahan, Moore, Ramage, Hampson and Agüera y Arcas, Communication-efficient learning of deep networks from decentralized
data, AISTATS 2017: a fraction C of the clients; here of the files, at least one.
"""

from __future__ import annotations

import hashlib

from roundelay.federation.requests import TrainingFile
from roundelay.federation.spec import JobSpec

DRAW_BITS = 256  # of a draw


def sampled_files(spec: JobSpec, number: int) -> tuple[TrainingFile, ...]:
    """Return the files of a round, in their order. Round 0 takes all, because moments are over all files."""
    if number == 0 or spec.settings.fraction >= 1.0:
        return spec.files
    if spec.settings.dp_noise:  # independently, as the accountant assumes (Poisson sampling); it may be none
        limit = spec.settings.fraction * 2.0**DRAW_BITS
        return tuple(f for f in spec.files if int.from_bytes(_draw(spec.settings.seed, number, f)) < limit)
    drawn = sorted(spec.files, key=lambda file: _draw(spec.settings.seed, number, file))[: spec.files_a_round]
    return tuple(sorted(drawn, key=lambda file: file.index))


def _draw(seed: int, number: int, file: TrainingFile) -> bytes:
    return hashlib.sha256(f"takes part {seed}:{number}:{file.index}".encode()).digest()
