"""Small training data that a model can learn in a blink."""

from __future__ import annotations

from pathlib import Path

import numpy as np

FILES = 12
ROWS = 30
FEATURES = 4
CLASSES = 3


def write_tiny(folder: Path) -> Path:
    """A folder `letters` of FILES files, and validate_letters.txt in it; returns it."""
    made = folder / "letters"
    made.mkdir()
    rng = np.random.default_rng(5)
    for name in (*(f"part-{number}" for number in range(FILES)), "validate_letters.txt"):
        x = rng.integers(0, 16, (ROWS, FEATURES))  # (n, d)
        y = (x[:, 0] + x[:, 1] > 15).astype(int) + (x[:, 2] > 7)  # (n,)
        rows = np.column_stack([x, y]).tolist()
        (made / name).write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    return made
