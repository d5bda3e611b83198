"""Small training files that a model can learn, drawn from a seed: the data of simulated jobs."""

from __future__ import annotations

import random

from roundelay.federation.requests import TrainingFile
from roundelay.store.blobs import digest_of

LEVELS = 4  # of a feature, above what its class adds


def learnable_files(
    seed: int, files: int, rows: int, features: int, classes: int
) -> tuple[dict[str, bytes], tuple[TrainingFile, ...]]:
    """Return the contents by digest, and the files: as many as asked for, and one more for validation."""
    rng = random.Random(f"files {seed}")
    contents, found = dict[str, bytes](), list[TrainingFile]()
    for index in range(files + 1):
        labels = [rng.randrange(classes) for _ in range(rows)]
        lines = [[*(rng.randrange(LEVELS) + 3 * label for _ in range(features)), label] for label in labels]
        content = "\n".join(",".join(map(str, line)) for line in lines).encode()
        contents[digest_of(content)] = content
        found.append(TrainingFile(index, f"file-{index:02}", digest_of(content), len(content), rows))
    return contents, tuple(found)
